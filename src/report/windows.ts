/**
 * Granularities: how a report cuts time. A window is its number, consecutive within a granularity, in UTC.
 *
 *   minute, hour, day  number since 1970-01-01T00:00Z      week  ISO, from Monday; 0 starts on Monday 1969-12-29
 *   month              year × 12 + month (0–11)            all   one window, the whole range
 *
 * Keeps: `windowOf(windowStartMs(n)) = n`, and SQL computes the same numbers (src/report/segments-sql.ts; a test
 * compares both). Other time zones will be further cuts here: nothing else knows what a day is.
 */
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../core/limits.ts";
import { assertNever } from "../core/result.ts";
import { dayOf, hourOf, minuteOf } from "../core/time.ts";

export const GRANULARITIES = ["minute", "hour", "day", "week", "month", "all"] as const;
export type Granularity = (typeof GRANULARITIES)[number];

/** A stretch of time [fromMs, toMs), at whole minutes. */
export type Range = { readonly fromMs: number; readonly toMs: number };

export const GRANULARITY_ALIASES: Readonly<Record<string, Granularity>> = {
  "1m": "minute",
  "1h": "hour",
  "1d": "day",
  "1w": "week",
  "1mo": "month",
};
export const GRANULARITY_NAMES: readonly string[] = [...GRANULARITIES, ...Object.keys(GRANULARITY_ALIASES)];

/** 1970-01-01 was a Thursday: the Monday of its week lies three days before. */
const MONDAY_OFFSET_DAYS = 3;

/** The granularity that a word names, or null. */
export function toGranularity(word: string): Granularity | null {
  const alias = Object.hasOwn(GRANULARITY_ALIASES, word) ? GRANULARITY_ALIASES[word] : undefined;
  return alias ?? GRANULARITIES.find((candidate) => candidate === word) ?? null;
}

/** The number of the window that holds the instant. */
export function windowOf(instantMs: number, granularity: Granularity): number {
  switch (granularity) {
    case "minute":
      return minuteOf(instantMs);
    case "hour":
      return hourOf(instantMs);
    case "day":
      return dayOf(instantMs);
    case "week":
      return Math.floor((dayOf(instantMs) + MONDAY_OFFSET_DAYS) / 7);
    case "month": {
      const date = new Date(instantMs);
      return date.getUTCFullYear() * 12 + date.getUTCMonth();
    }
    case "all":
      return 0;
    default:
      return assertNever(granularity);
  }
}

/** The instant at which a window starts; that of `all` is the start of the range. */
export function windowStartMs(window: number, granularity: Granularity, range: Range): number {
  switch (granularity) {
    case "minute":
      return window * MINUTE_MS;
    case "hour":
      return window * HOUR_MS;
    case "day":
      return window * DAY_MS;
    case "week":
      return (window * 7 - MONDAY_OFFSET_DAYS) * DAY_MS;
    case "month":
      return Date.UTC(Math.floor(window / 12), window % 12);
    case "all":
      return range.fromMs;
    default:
      return assertNever(granularity);
  }
}

/** First window that touches the range, and how many do. */
export function windowsIn(range: Range, granularity: Granularity): { readonly first: number; readonly count: number } {
  const first = windowOf(range.fromMs, granularity);
  return { first, count: windowOf(range.toMs - 1, granularity) - first + 1 };
}

/** Whether a window at an edge of the range reaches beyond it, so that it holds less than its name says. */
export function hasPartialWindow(range: Range, granularity: Granularity): boolean {
  if (granularity === "all") return false;
  const isEdge = (instantMs: number) =>
    windowStartMs(windowOf(instantMs, granularity), granularity, range) === instantMs;
  return !isEdge(range.fromMs) || !isEdge(range.toMs);
}
