/**
 * Where each read of a plan finds its rows, decided once: statements, weights and slices take it from the read. Pure.
 *
 *   any stretch                             its rows, and beside them what is open of its minutes
 *   minutes that may have been moved        the tier's rows, and those of objects
 *   rows, or their cells                    cells where a dimension is named that only cells have
 *   hours of windows of a zone, before      hour_sums, where one dimension is named beside the advertiser, or none
 *   the mark of their sums, of 93 days
 *   days before the mark of sums            day_sums, where they answer:
 *     everybody,      by country or filtered by it             by country              value is the country
 *     everybody,      by country, filtered by device           by country and device   value is both
 *     one publisher,  by country or filtered by it             its sums by country
 *
 * Keeps: the same answer as facts of days and hours, or not the sums at all. A query that names one advertiser has no
 * sums of days, and one that names more dimensions than there are sums by, or what stands on rows, has none. One
 * publisher is that of the scope, or the only one that a filter includes.
 * Relies on: the marks were read before the facts; of all buckets, where no advertiser is listed.
 */

import type { ReadScope } from "../../access/read-scope.ts";
import { DIMENSIONS, type Dimension } from "../../core/fields.ts";
import { MINUTE_MS } from "../../core/limits.ts";
import { SUMS_OF_ALL, SUMS_OF_PUBLISHER } from "../../facts/day-sums-sql.ts";
import { firstHourSumsRead } from "../../facts/hour-sums-days.ts";
import { HOUR_SUMS_BY, HOURS_PER_DAY, type HourSumsBy } from "../../facts/hour-sums-sql.ts";
import { isRowDimension } from "../query/fields.ts";
import type { ReportQuery } from "../query/query.ts";
import { type Piece, type Read, type ReadSource, readTierOf, type Segment, type Stretch, TIER_MS } from "./plan.ts";

/** Whose question it is. */
export type Asked = { readonly query: ReportQuery; readonly scope: ReadScope };

/** By what hours are summed, and from which day on such sums are read (facts/hour-sums-days.ts). */
export type HourSumsFrom = { readonly by: HourSumsBy; readonly from: number };
/** The same with the first day that is not in the sums, of all buckets that may be read. */
export type HourSumsMark = HourSumsFrom & { readonly mark: number };

/**
 * Up to where days are summed for all buckets that may be read, and hours by what the query names, and from which
 * minute on none was ever moved.
 */
type SourceMarks = {
  readonly summed: number;
  readonly hourSums: HourSumsMark | null;
  readonly cold: { readonly mark: number };
};

/**
 * The stretches with their sources. What is open comes first: its
 * users are looked for before those of facts, where they may be by then.
 */
export function withSources(all: readonly Stretch[], asked: Asked, marks: SourceMarks): Read[] {
  const { summed, cold } = marks;
  const kind = needsCells(asked.query, asked.scope) ? "cells" : "rows";
  const sums = sumsFor(asked);
  const placeOf = (stretch: Stretch) => {
    const isOld = readTierOf(stretch) === "minute" && segmentsIn(stretch).some(({ from }) => from < cold.mark);
    return isOld ? "partly_cold" : "tier";
  };
  const { stretches, fromHours } = splitHours(all, asked, marks);
  const ofFacts = stretches.map((stretch): Read => {
    const isSummed = readTierOf(stretch) === "day" && segmentsIn(stretch).every(({ to }) => to <= summed);
    return { ...stretch, source: isSummed && sums !== null ? sums : { kind, place: placeOf(stretch) } };
  });
  const reads = [...fromHours, ...ofFacts];
  const open = [true, false].flatMap((isBesideSums) => {
    const beside = reads.filter(({ source }) => (source.kind === "day_sums") === isBesideSums);
    return inMinutes(beside).map((minutes): Read => ({ ...minutes, source: { kind, place: "open", isBesideSums } }));
  });
  return [...open, ...reads];
}

/** The part of the stretches that sums of hours answer, and the rest. */
function splitHours(
  all: readonly Stretch[],
  asked: Asked,
  { hourSums }: SourceMarks,
): { readonly stretches: readonly Stretch[]; readonly fromHours: readonly Read[] } {
  const by = hourSumsBy(asked);
  if (by === null || hourSums?.by !== by) return { stretches: all, fromHours: [] };
  const days = { from: hourSums.from * HOURS_PER_DAY, to: hourSums.mark * HOURS_PER_DAY };
  const summed: Piece[] = [];
  const stretches = all.flatMap((stretch): readonly Stretch[] => {
    if (stretch.kind !== "pieces" || stretch.tier !== "hour") return [stretch];
    const pieces = stretch.pieces.flatMap((piece) => {
      const within = { ...piece, from: Math.max(piece.from, days.from), to: Math.min(piece.to, days.to) };
      if (within.from >= within.to) return [piece];
      summed.push(...byDay(within));
      const rest = [
        { ...piece, to: within.from },
        { ...piece, from: within.to },
      ];
      return rest.filter(({ from, to }) => from < to);
    });
    return pieces.length === 0 ? [] : [{ ...stretch, pieces }];
  });
  if (summed.length === 0) return { stretches: all, fromHours: [] };
  const read: Read = { kind: "pieces", tier: "hour", pieces: summed, source: { kind: "hour_sums", by } };
  return { stretches, fromHours: [read] };
}

/** A piece of hours, cut at the ends of UTC days. */
function byDay(piece: Piece): Piece[] {
  const pieces: Piece[] = [];
  for (let { from } = piece; from < piece.to; ) {
    const to = Math.min(piece.to, (Math.floor(from / HOURS_PER_DAY) + 1) * HOURS_PER_DAY);
    pieces.push({ ...piece, from, to });
    from = to;
  }
  return pieces;
}

/** The same windows by minute; neighbours are one stretch. */
function inMinutes(stretches: readonly Stretch[]): Stretch[] {
  const pieces = stretches.flatMap((stretch) => (stretch.kind === "pieces" ? stretch.pieces.map(byMinute) : []));
  const spans: Extract<Stretch, { kind: "span" }>[] = [];
  for (const stretch of stretches) {
    if (stretch.kind !== "span") continue;
    const { segment, phase } = { ...stretch, segment: byMinute(stretch.segment) };
    const last = spans.at(-1);
    if (last === undefined || last.segment.to !== segment.from || last.phase !== phase)
      spans.push({ kind: "span", segment, phase });
    else spans[spans.length - 1] = { ...last, segment: { ...last.segment, to: segment.to } };
  }
  return pieces.length === 0 ? spans : [...spans, { kind: "pieces", tier: "minute", pieces: joined(pieces) }];
}

/** Pieces of one window that follow each other are one. */
function joined(pieces: readonly Piece[]): Piece[] {
  const all: Piece[] = [];
  for (const piece of pieces.toSorted((left, right) => left.from - right.from)) {
    const last = all.at(-1);
    if (last?.window === piece.window && last.to === piece.from) all[all.length - 1] = { ...last, to: piece.to };
    else all.push(piece);
  }
  return all;
}

function byMinute<S extends Segment>(segment: S): S {
  const minutes = TIER_MS[segment.tier] / MINUTE_MS;
  return { ...segment, tier: "minute", from: segment.from * minutes, to: segment.to * minutes };
}

function segmentsIn(stretch: Stretch): readonly { readonly from: number; readonly to: number }[] {
  return stretch.kind === "span" ? [stretch.segment] : stretch.pieces;
}

/** Whether a query names a dimension that only cells have. */
export function needsCells({ dimensions, filters }: ReportQuery, { publisherId }: ReadScope): boolean {
  return publisherId !== null || [...dimensions, ...filters].some(({ dimension }) => !isRowDimension(dimension));
}

/** By what an advertiser's hours must be summed to answer a query, or null. */
export function hourSumsBy({ query: { dimensions, filters, metrics }, scope }: Asked): HourSumsBy | null {
  if (metrics.includes("reasons") || metrics.includes("unique_users")) return null;
  const named = new Set<string>([...dimensions, ...filters].map(({ dimension }) => dimension));
  if (scope.publisherId !== null) named.add("publisher_id");
  // Whose rows they are is in their key, and the currency goes by whose they are.
  for (const ofRow of ["advertiser_id", "currency"]) named.delete(ofRow);
  const [by = "", another] = named;
  return another === undefined ? (HOUR_SUMS_BY.find((known) => known === by) ?? null) : null;
}

/** The sums of hours that answer a query at an instant, or null. */
export function hourSumsFor(asked: Asked & { readonly nowMs: number }): HourSumsFrom | null {
  const by = hourSumsBy(asked);
  return by === null ? null : { by, from: firstHourSumsRead(asked.nowMs) };
}

/** The sums that answer a query, of days that have them, or null. */
function sumsFor({ query, scope }: Asked): ReadSource | null {
  if (!canBeSummed(query, scope)) return null;
  const publisherId = scope.publisherId ?? onlyPublisher(query);
  const named = new Set<string>([...query.dimensions, ...query.filters].map(({ dimension }) => dimension));
  if (publisherId !== null) named.delete("publisher_id");
  // Who pays in what is known of advertisers: their sums, each with its currency.
  if (named.delete("currency")) named.add("advertiser_id");
  const by = DIMENSIONS.filter((dimension): dimension is Dimension => named.has(dimension));
  const kinds = publisherId === null ? SUMS_OF_ALL : SUMS_OF_PUBLISHER;
  return kinds.includes(by.join(",")) ? { kind: "day_sums", by, publisherId } : null;
}

/** Whether it is about all advertisers, or about what is left without some, and asks for nothing but sums. */
function canBeSummed({ filters, metrics }: ReportQuery, scope: ReadScope): boolean {
  // '' stands for all publishers in the table, and is nobody's scope.
  if (scope.advertiserId !== null || scope.publisherId === "") return false;
  if (metrics.includes("reasons") || metrics.includes("unique_users")) return false;
  return filters.every(({ dimension, include }) => dimension !== "advertiser_id" || include.length === 0);
}

/** The publisher that a filter leaves; traffic without one has no sums of its own. */
function onlyPublisher({ filters }: ReportQuery): string | null {
  const [publisherId, another] = filters.find(({ dimension }) => dimension === "publisher_id")?.include ?? [];
  return publisherId === undefined || publisherId === "" || another !== undefined ? null : publisherId;
}
