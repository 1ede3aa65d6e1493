/**
 * Which tier answers which part of a range, and what each part must return. Pure.
 *
 *   from ──minutes──┤ hour edge ──hours──┤ day edge ──days──┤ ──hours──┤ ──minutes── to
 *
 * Days below the day mark come from facts_day, hours below the hour mark from facts_hour, all else from facts_minute.
 * Keeps: segments cover [from, to) exactly once. Rows older than a mark stand in both tiers, and a posting older than
 * the mark goes to both in one transaction; so a mark that was read before the facts is exact, however far it has moved
 * since, and a lower mark only costs rows.
 */
import { HOUR_MS, MINUTE_MS } from "../core/limits.ts";
import { GROUPS_MAX } from "./limits.ts";
import { keyOrder, type OrderTerm, type ReportQuery } from "./query.ts";
import type { Granularity, Range } from "./windows.ts";

export type Tier = "minute" | "hour" | "day";

/** Windows [from, to) of one tier, by number. */
export type Segment = { readonly tier: Tier; readonly from: number; readonly to: number };

/** First hour and first day that are not rolled, for every advertiser that the query may read. */
export type Marks = { readonly hour: number; readonly day: number };

export const NOTHING_ROLLED: Marks = { hour: 0, day: 0 };

const MINUTES_PER_HOUR = 60;
const MINUTES_PER_DAY = 1_440;

export const TIER_MS: Readonly<Record<Tier, number>> = {
  minute: MINUTE_MS,
  hour: HOUR_MS,
  day: MINUTES_PER_DAY * MINUTE_MS,
};

/** Tiers whose windows no window of the granularity cuts, coarsest first. */
const TIERS: Readonly<Record<Granularity, readonly Tier[]>> = {
  minute: ["minute"],
  hour: ["hour", "minute"],
  day: ["day", "hour", "minute"],
  week: ["day", "hour", "minute"],
  month: ["day", "hour", "minute"],
  all: ["day", "hour", "minute"],
};

/** The segments of a range, ascending. At most seven. */
export function planSegments(range: Range, granularity: Granularity, marks: Marks): Segment[] {
  const minutes = { from: range.fromMs / MINUTE_MS, to: range.toMs / MINUTE_MS };
  return carve(minutes, TIERS[granularity], marks);
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

/** What each segment returns: its groups in an order, cut at a limit. */
export type Page = { readonly order: readonly OrderTerm[]; readonly limit: number; readonly isExact: boolean };

/**
 * How far the database may cut. In an order by key fields a group among the first n of the whole is among the first n
 * of each segment that has it, so cutting every segment is exact; so is cutting the only segment. Otherwise a group
 * may be small in each segment and large in sum: all groups are read, up to a limit.
 */
export function planPage(query: ReportQuery, segments: readonly Segment[]): Page {
  const isByKey = query.order.every((term) => term.by.kind !== "metric");
  if (isByKey || segments.length === 1) return { order: query.order, limit: query.limit + 1, isExact: true };
  return { order: keyOrder(query.granularity, query.dimensions.length), limit: GROUPS_MAX + 1, isExact: false };
}
