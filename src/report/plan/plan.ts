/**
 * Which tier answers which part of a range, and what each statement must return. Pure.
 *
 *   from ──minutes──┤ hour edge ──hours──┤ day edge ──days──┤ ──hours──┤ ──minutes── to
 *
 * Days below the day mark come from facts_day, hours below the hour mark from facts_hour, all else from facts_minute.
 * A window of a zone is such a stretch itself: a week in Kolkata is half an hour of minutes, hours, days, hours, and
 * half an hour of minutes. Those of one tier are read by one statement, as a list of pieces.
 * Keeps: reads cover [from, to) exactly once, and none reaches over an edge of a window. Rows older than a mark stand
 * in both tiers, and a posting older than the mark goes to both in one transaction; so a mark that was read before the
 * facts is exact, however far it has moved since, and a lower mark only costs rows.
 */
import type { Dimension as StoredDimension } from "../../core/fields.ts";
import { HOUR_MS, MINUTE_MS } from "../../core/limits.ts";
import type { HourSumsBy } from "../../facts/hour-sums-sql.ts";
import { GROUPS_MAX } from "../limits.ts";
import { isSumMetric } from "../query/metrics.ts";
import { keyOrder, type OrderTerm, type ReportQuery } from "../query/query.ts";
import { type Cut, type Granularity, type Phase, phasesIn, type Range, windowEdges } from "../query/windows.ts";

export type Tier = "minute" | "hour" | "day";

/** Windows [from, to) of one tier, by number. */
export type Segment = { readonly tier: Tier; readonly from: number; readonly to: number };

/** A segment that belongs to one window, which starts at a minute. */
export type Piece = Segment & { readonly window: number };

/** Windows of one tier: a segment whose windows SQL computes, or pieces with their windows. */
export type Stretch =
  | { readonly kind: "span"; readonly segment: Segment; readonly phase: Phase | null }
  | { readonly kind: "pieces"; readonly tier: Tier; readonly pieces: readonly Piece[] };

/**
 * Where the rows of a stretch are found, whole or by their cells: in the tier's table, partly in objects beside it
 * (src/report/read/cold-minutes.ts), or open, which is not posted yet (src/facts/open-sql.ts); or in the days summed
 * over advertisers by one dimension, by a pair of them, or by none; or in an advertiser's sums of hours.
 */
export type ReadSource =
  | { readonly kind: "rows" | "cells"; readonly place: "tier" | "partly_cold" }
  /** Beside sums of days, or beside rows: it is of one moment with those. */
  | { readonly kind: "rows" | "cells"; readonly place: "open"; readonly isBesideSums: boolean }
  | { readonly kind: "day_sums"; readonly by: readonly StoredDimension[]; readonly publisherId: string | null }
  /** Pieces of hours, none of which reaches over an end of a UTC day. */
  | { readonly kind: "hour_sums"; readonly by: HourSumsBy };

/**
 * What one statement reads: a stretch, where its rows are found, and with `keys` some rows of a single window. Sources
 * are decided by src/report/plan/sources.ts; statements only write them down.
 */
export type Read = Stretch & { readonly source: ReadSource; readonly keys?: KeySpan };

export function isOpen({ source }: Pick<Read, "source">): boolean {
  return "place" in source && source.place === "open";
}

/** Whether objects may hold further rows of a read. */
export function isPartlyCold({ source }: Partial<Pick<Read, "source">>): boolean {
  return source !== undefined && "place" in source && source.place === "partly_cold";
}

/** Rows of a table within a window, by the rest of its key: behind one key, up to another. */
export type KeySpan = { readonly after: RowKey | null; readonly upTo: RowKey | null };
export type RowKey = readonly (string | number)[];

/** First hour and first day that are not rolled, for every advertiser that the query may read. */
export type Marks = { readonly hour: number; readonly day: number };

const MINUTES_PER_HOUR = 60;
const MINUTES_PER_DAY = 1_440;

export const TIER_MS: Readonly<Record<Tier, number>> = {
  minute: MINUTE_MS,
  hour: HOUR_MS,
  day: MINUTES_PER_DAY * MINUTE_MS,
};

const FINEST: readonly Tier[] = ["minute"];
const BY_HOUR: readonly Tier[] = ["hour", "minute"];
const BY_DAY: readonly Tier[] = ["day", "hour", "minute"];

/** Tiers whose windows no window of the granularity cuts in UTC, coarsest first. */
const TIERS: Readonly<Record<Granularity, readonly Tier[]>> = {
  minute: FINEST,
  hour: BY_HOUR,
  day: BY_DAY,
  week: BY_DAY,
  month: BY_DAY,
  all: BY_DAY,
};

/** The reads of a range. In UTC at most seven; in a zone at most one for each tier, or seven for each phase. */
export function planReads(range: Range, cut: Cut, marks: Marks): Stretch[] {
  const [from, to] = [range.fromMs / MINUTE_MS, range.toMs / MINUTE_MS];
  const { granularity, zone } = cut;
  if (granularity === "hour") {
    return phasesIn(from, to, zone).flatMap((phase) => {
      const stretch = { from: Math.max(from, phase.from), to: Math.min(to, phase.to) };
      const isOurs = phase.phase === 0;
      const segments = carve(stretch, isOurs ? BY_HOUR : FINEST, marks);
      // The first hour of a phase begins where it does; all others are those of UTC.
      const isCut = phase.from + MINUTES_PER_HOUR > from;
      return segments.map((segment) => ({ kind: "span", segment, phase: isOurs && !isCut ? null : phase }));
    });
  }
  if (zone.isUtc || granularity === "minute" || granularity === "all") {
    const segments = carve({ from, to }, TIERS[granularity], marks);
    return segments.map((segment) => ({ kind: "span", segment, phase: null }));
  }
  const pieces = planPieces({ from, to }, windowEdges(range, cut), marks);
  return BY_DAY.map(
    (tier): Stretch => ({ kind: "pieces", tier, pieces: pieces.filter((piece) => piece.tier === tier) }),
  ).filter((read) => read.kind === "pieces" && read.pieces.length > 0);
}

/** Each window's part of the range, carved on its own. */
function planPieces({ from, to }: { from: number; to: number }, edges: readonly number[], marks: Marks): Piece[] {
  return edges.slice(0, -1).flatMap((window, index) => {
    const stretch = { from: Math.max(from, window), to: Math.min(to, edges[index + 1] ?? to) };
    return carve(stretch, BY_DAY, marks).map((segment) => ({ ...segment, window }));
  });
}

export function readTierOf(read: Stretch): Tier {
  return read.kind === "span" ? read.segment.tier : read.tier;
}

/** What the reads cover, ascending, neighbours of one tier joined. */
export function segmentsOf(reads: readonly Stretch[]): Segment[] {
  const segments = reads.flatMap((read): readonly Segment[] => (read.kind === "span" ? [read.segment] : read.pieces));
  const ascending = segments.toSorted(
    (left, right) => left.from * TIER_MS[left.tier] - right.from * TIER_MS[right.tier],
  );
  const joined: Segment[] = [];
  for (const { tier, from, to } of ascending) {
    const last = joined.at(-1);
    if (last?.tier === tier && last.to === from) joined[joined.length - 1] = { ...last, to };
    else joined.push({ tier, from, to });
  }
  return joined;
}

/** Takes the windows of the first tier out of a stretch of minutes and leaves both edges to the finer tiers. */
function carve({ from, to }: { from: number; to: number }, tiers: readonly Tier[], marks: Marks): Segment[] {
  const [tier = "minute", ...finer] = tiers;
  if (from >= to) return [];
  if (tier === "minute") return [{ tier, from, to }];
  const size = tier === "day" ? MINUTES_PER_DAY : MINUTES_PER_HOUR;
  const first = Math.ceil(from / size);
  const end = Math.min(Math.floor(to / size), marks[tier]);
  if (first >= end) return carve({ from, to }, finer, marks);
  return [
    ...carve({ from, to: first * size }, finer, marks),
    { tier, from: first, to: end },
    ...carve({ from: end * size, to }, finer, marks),
  ];
}

/** What each statement returns: its groups in an order, cut at a limit. */
export type Page = { readonly order: readonly OrderTerm[]; readonly limit: number; readonly isExact: boolean };

/** The first term of a page in the order of time, which may end the reading; null for any other page. */
export function timeOrderOf({ isExact, order }: Page): OrderTerm | null {
  const [first] = order;
  return isExact && first?.by.kind === "window" ? first : null;
}

/** Every group, for whoever needs them all. */
export function wholePage(query: Pick<ReportQuery, "granularity" | "dimensions">): Page {
  return { order: keyOrder(query.granularity, query.dimensions.length), limit: GROUPS_MAX + 1, isExact: false };
}

/**
 * How far the database may cut. In an order by key fields a group among the first n of the whole is among the first n
 * of each statement that has it, so cutting every statement is exact; so is cutting the only one by a sum that it has
 * (what is open is in it, read/segments-sql.ts), which is cut as late as may be, since its further pages are made of
 * the same reading. Otherwise a group may be small in each segment, or in each database, and large in sum: all groups
 * are read, up to a limit. `reads` are those of all databases, but for what is open.
 */
export function planPage(query: ReportQuery, reads: readonly (Stretch & Partial<Pick<Read, "source">>)[]): Page {
  if (isOrderedByKey(query)) return { order: query.order, limit: query.limit + 1, isExact: true };
  const ordering = query.order.flatMap(({ by }) => (by.kind === "metric" ? [query.metrics[by.index]] : []));
  const hasOnlySums = !query.metrics.some((metric) => metric === "reasons" || metric === "unique_users");
  const isOwnOrder = ordering.every((metric) => metric !== undefined && isSumMetric(metric));
  const [only, another] = reads;
  const isWhole = another === undefined && only !== undefined && !isPartlyCold(only);
  if (isWhole && hasOnlySums && isOwnOrder) {
    return { order: query.order, limit: GROUPS_MAX + 1, isExact: true };
  }
  return wholePage(query);
}

/** The page of a query that is read in slices, each of which may hold a part of any group. */
export function slicedPage(query: ReportQuery, page: Page): Page {
  return page.isExact && !isOrderedByKey(query) ? wholePage(query) : page;
}

export function isOrderedByKey({ order }: Pick<ReportQuery, "order">): boolean {
  return order.every((term) => term.by.kind !== "metric");
}
