/**
 * The range of a report: checked, at whole minutes, and the range before it.
 *
 * Keeps: [from, to) is half-open at whole minutes, since facts are counted by minute. A `to` in the last second of its
 * minute (23:59:59, 23:59:59.999) is how many write the end of a day, and ends with that minute; any other instant
 * within a minute is refused, since it names no range that could be answered. The previous range ends where the range
 * starts and is as long: as many windows where the range is whole days, weeks or months, as many days where it is whole
 * days without windows of them, else as many minutes. The range a year before has the same dates and times of day.
 */
import { DAY_MS, MINUTE_MS, SECOND_MS } from "../../core/limits.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { MINUTE_RANGE_MAX_DAYS, RANGE_MAX_DAYS } from "../limits.ts";
import type { ReportProblem } from "../problems.ts";
import { instantOf, type Moment } from "./instants.ts";
import { type Cut, hasPartialWindow, phasesIn, type Range, windowEdges } from "./windows.ts";
import { localDate, startOf, yearBefore, type Zone } from "./zone.ts";

export type Warning = { readonly code: string; readonly detail: string };

type Moments = { readonly from: Moment; readonly to: Moment };

/** The range that two moments name in a zone. */
export function rangeOf(moments: Moments, zone: Zone): Result<Range, ReportProblem> {
  const from = edgeOf(moments.from, "from", zone);
  if (!from.ok) return from;
  const to = edgeOf(moments.to, "to", zone);
  if (!to.ok) return to;
  const range = { fromMs: from.value, toMs: to.value };
  if (range.fromMs > range.toMs) {
    return err({ reason: "reversed_range", detail: "to lies before from: exchange them.", field: "to" });
  }
  if (range.fromMs === range.toMs) {
    const detail = "from and to are the same minute: set to at least a minute later.";
    return err({ reason: "empty_range", detail, field: "to" });
  }
  if (range.toMs - range.fromMs > RANGE_MAX_DAYS * DAY_MS) {
    return err({ reason: "range_too_long", detail: `A report spans ${RANGE_MAX_DAYS} days at most: ask for fewer.` });
  }
  return ok(range);
}

/** The whole minute that an edge of a range names. */
function edgeOf(moment: Moment, edge: "from" | "to", zone: Zone): Result<number, ReportProblem> {
  const instantMs = instantOf(moment, edge, zone);
  const pastMs = instantMs % MINUTE_MS;
  if (pastMs === 0) return ok(instantMs);
  if (edge === "to" && pastMs >= MINUTE_MS - SECOND_MS) return ok(instantMs - pastMs + MINUTE_MS);
  const detail =
    "Reports count by minute: from is the first instant of one (12:00:00), to the first that is left out (13:00:00) " +
    "or the last second that counts (12:59:59).";
  return err({ reason: "instant_within_minute", detail, field: edge });
}

/** A table that only minutes can answer spans fewer days than others. */
export function checkMinutes(range: Range, { granularity, zone }: Cut): Result<null, ReportProblem> {
  const isLong = range.toMs - range.fromMs > MINUTE_RANGE_MAX_DAYS * DAY_MS;
  if (!isLong) return ok(null);
  if (granularity === "minute") {
    const detail = `By minute a table spans ${MINUTE_RANGE_MAX_DAYS} days at most; ask by hour, or for fewer days.`;
    return err({ reason: "range_too_long", detail, field: "granularity" });
  }
  const phases = phasesIn(range.fromMs / MINUTE_MS, range.toMs / MINUTE_MS, zone);
  if (granularity === "hour" && phases.some(({ phase }) => phase !== 0)) {
    const detail =
      `The full hours of ${zone.name} are not those of UTC, so by hour a table spans ${MINUTE_RANGE_MAX_DAYS} days ` +
      "at most; ask by day, or for fewer days.";
    return err({ reason: "range_too_long", detail, field: "granularity" });
  }
  return ok(null);
}

/** What the caller should know about how the range was taken. */
export function warningsOf(range: Range, cut: Cut): Warning[] {
  const warnings: Warning[] = [];
  if (cut.granularity !== "all" && hasPartialWindow(range, edgesAt(range, cut))) {
    const detail = `The first or the last ${cut.granularity} holds only the part of it that lies in the range.`;
    warnings.push({ code: "partial_window", detail });
  }
  return warnings;
}

/** The edges of the first and the last window alone: long ranges by minute need no list of all. */
function edgesAt({ fromMs, toMs }: Range, cut: Cut): number[] {
  const first = windowEdges({ fromMs, toMs: fromMs + MINUTE_MS }, cut);
  const last = windowEdges({ fromMs: toMs - MINUTE_MS, toMs }, cut);
  return [...first.slice(0, 1), ...last.slice(-1)];
}

/** The range of equal length that ends where this one starts. */
export function previousRange(range: Range, cut: Cut): Range {
  const { granularity, zone } = cut;
  const [from, to] = [range.fromMs / MINUTE_MS, range.toMs / MINUTE_MS];
  const first = localDate(from, zone);
  const back = (date: typeof first) => ({ fromMs: Math.max(0, startOf(date, zone)) * MINUTE_MS, toMs: range.fromMs });
  const isCalendar = granularity === "day" || granularity === "week" || granularity === "month";
  if (isCalendar) {
    const edges = windowEdges(range, cut);
    const count = edges.length - 1;
    if (!hasPartialWindow(range, edges)) return back(first.subtract({ [`${granularity}s`]: count }));
  }
  const end = localDate(to, zone);
  const areMidnights = startOf(first, zone) === from && startOf(end, zone) === to;
  if (areMidnights) {
    return back(first.subtract({ days: first.until(end, { largestUnit: "days" }).days }));
  }
  return { fromMs: Math.max(0, 2 * range.fromMs - range.toMs), toMs: range.fromMs };
}

/**
 * The range of the same dates a year before. Whole days stay whole days: one that ends with the 28 February before a
 * 29th ends with that date, and 29 February alone becomes the 28th.
 */
export function rangeYearBefore({ fromMs, toMs }: Range, zone: Zone): Range {
  const from = Math.max(0, yearBefore(fromMs / MINUTE_MS, zone));
  const to = yearBeforeEnd(toMs / MINUTE_MS, zone);
  const length = (toMs - fromMs) / MINUTE_MS;
  return { fromMs: from * MINUTE_MS, toMs: (to > from ? to : from + length) * MINUTE_MS };
}

/** An end that is a midnight is that of the day before it. */
function yearBeforeEnd(minute: number, zone: Zone): number {
  const end = localDate(minute, zone);
  if (startOf(end, zone) !== minute) return yearBefore(minute, zone);
  const last = startOf(end.subtract({ days: 1 }), zone);
  return startOf(localDate(yearBefore(last, zone), zone).add({ days: 1 }), zone);
}
