/**
 * Granularities: how a report cuts time, in a time zone. A window is named by the UTC minute at which it starts.
 *
 *   edges   e0 ≤ from < e1 < … < en−1 < to ≤ en        n windows [e0, e1) … [en−1, en) that touch the range
 *
 *   minute             every minute        hour    60 minutes from each local full hour        all   the whole range
 *   day, week, month   from local midnight to local midnight; weeks start on Monday (ISO 8601)
 *
 * Keeps: windows tile. A day on which the clocks change has 23 or 25 hours (or 23½ …). Only a change of the offset by
 * part of an hour cuts an hour short, where the local full hours move. SQL computes the same numbers
 * (src/report/read/segments-sql.ts; a test compares both).
 */
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../core/limits.ts";
import { assertNever } from "../../core/result.ts";
import { localDate, startOf, stretchesIn, type Zone } from "./zone.ts";

export const GRANULARITIES = ["minute", "hour", "day", "week", "month", "all"] as const;
export type Granularity = (typeof GRANULARITIES)[number];

/** A stretch of time [fromMs, toMs), at whole minutes. */
export type Range = { readonly fromMs: number; readonly toMs: number };

/** What cuts a range into windows. */
export type Cut = { readonly granularity: Granularity; readonly zone: Zone };

export const GRANULARITY_ALIASES: Readonly<Record<string, Granularity>> = {
  "1m": "minute",
  "1h": "hour",
  "1d": "day",
  "1w": "week",
  "1mo": "month",
};
export const GRANULARITY_NAMES: readonly string[] = [...GRANULARITIES, ...Object.keys(GRANULARITY_ALIASES)];

const HOUR = HOUR_MS / MINUTE_MS;
const DAY = DAY_MS / MINUTE_MS;
/** 1970-01-01 was a Thursday: the Monday of its week lies three days before. */
const MONDAY_OFFSET = 3 * DAY;

/** Minutes [from, to) in which local full hours lie `phase` minutes before those of UTC, modulo an hour. */
export type Phase = { readonly from: number; readonly to: number; readonly phase: number };

/** The granularity that a word names, or null. */
export function toGranularity(word: string): Granularity | null {
  const alias = Object.hasOwn(GRANULARITY_ALIASES, word) ? GRANULARITY_ALIASES[word] : undefined;
  return alias ?? GRANULARITIES.find((candidate) => candidate === word) ?? null;
}

/** The edges of the windows that touch the range, in minutes: one more than there are windows. O(windows). */
export function windowEdges({ fromMs, toMs }: Range, { granularity, zone }: Cut): number[] {
  const [from, to] = [fromMs / MINUTE_MS, toMs / MINUTE_MS];
  switch (granularity) {
    case "all":
      return [from, to];
    case "minute":
      return steps(from, to, { size: 1, offset: 0 });
    case "hour":
      return hourEdges(from, to, zone);
    case "day":
      return zone.isUtc ? steps(from, to, { size: DAY, offset: 0 }) : localEdges(from, to, { granularity, zone });
    case "week":
      return zone.isUtc
        ? steps(from, to, { size: 7 * DAY, offset: MONDAY_OFFSET })
        : localEdges(from, to, { granularity, zone });
    case "month":
      return localEdges(from, to, { granularity, zone });
    default:
      return assertNever(granularity);
  }
}

/** At least how many windows touch the range: a bound that needs no calendar, to refuse before anything is built. */
export function windowsAtLeast({ fromMs, toMs }: Range, granularity: Granularity): number {
  const longest = {
    minute: 1,
    hour: HOUR,
    day: 26 * HOUR,
    week: 8 * DAY,
    month: 32 * DAY,
    all: Number.POSITIVE_INFINITY,
  };
  return Math.max(1, Math.floor((toMs - fromMs) / MINUTE_MS / longest[granularity]));
}

/** Whether a window at an edge of the range reaches beyond it, so that it holds less than its name says. */
export function hasPartialWindow(range: Range, edges: readonly number[]): boolean {
  return edges[0] !== range.fromMs / MINUTE_MS || edges.at(-1) !== range.toMs / MINUTE_MS;
}

/** The phases that touch [from, to), ascending; zones whose offsets are whole hours have one, of 0. */
export function phasesIn(from: number, to: number, zone: Zone): Phase[] {
  const phases: Phase[] = [];
  for (const stretch of stretchesIn(from, to, zone)) {
    const phase = ((stretch.offset % HOUR) + HOUR) % HOUR;
    const last = phases.at(-1);
    if (last?.phase === phase) phases[phases.length - 1] = { ...last, to: stretch.to };
    else phases.push({ from: stretch.from, to: stretch.to, phase });
  }
  return phases;
}

function steps(from: number, to: number, { size, offset }: { size: number; offset: number }): number[] {
  const first = Math.floor((from + offset) / size) * size - offset;
  return Array.from({ length: Math.ceil((to - first) / size) + 1 }, (_, index) => first + index * size);
}

function hourEdges(from: number, to: number, zone: Zone): number[] {
  return phasesIn(from, to, zone).flatMap((phase, index, all) => {
    const isLast = index === all.length - 1;
    const full = steps(Math.max(from, phase.from), Math.min(to, phase.to), { size: HOUR, offset: phase.phase });
    // The first hour starts where the phase does, and the last ends where it does.
    const edges = full.map((edge) => Math.min(Math.max(edge, phase.from), phase.to));
    return isLast ? edges : edges.slice(0, -1);
  });
}

/** Days, weeks and months of the calendar: each edge is the start of a local date. */
function localEdges(from: number, to: number, { granularity, zone }: Cut): number[] {
  const day = localDate(from, zone);
  let date = day;
  if (granularity === "week") date = day.subtract({ days: day.dayOfWeek - 1 });
  if (granularity === "month") date = day.with({ day: 1 });
  const step = { day: { days: 1 }, week: { weeks: 1 }, month: { months: 1 } }[granularity as "day" | "week" | "month"];
  const edges = [startOf(date, zone)];
  while ((edges.at(-1) ?? 0) < to) {
    date = date.add(step);
    const edge = startOf(date, zone);
    // A day that the zone skipped starts where the next one does.
    if (edge !== edges.at(-1)) edges.push(edge);
  }
  // Where clocks go back over midnight, `from` may read as the day before the one that holds it.
  while ((edges[1] ?? to) <= from) edges.shift();
  return edges;
}
