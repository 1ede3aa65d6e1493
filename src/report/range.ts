/**
 * The range of a report: checked, at whole minutes, and the range before it.
 *
 * Keeps: [from, to) is half-open at whole minutes: facts are counted by minute, so both edges are floored to theirs
 * (with a warning), and consecutive ranges still tile. The previous range ends where the range starts and is as long:
 * as many windows where the range is whole days, weeks or months, as many days where it is whole days without windows
 * of them, else as many minutes.
 */
import { DAY_MS, MINUTE_MS } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import { instantOf, type Moment } from "./instants.ts";
import { MINUTE_RANGE_MAX_DAYS, RANGE_MAX_DAYS } from "./limits.ts";
import type { ReportProblem } from "./problems.ts";
import { type Cut, hasPartialWindow, phasesIn, type Range, windowEdges } from "./windows.ts";
import { localDate, startOf, type Zone } from "./zone.ts";

export type Warning = { readonly code: string; readonly detail: string };

type Moments = { readonly from: Moment; readonly to: Moment };

/** The range that two moments name in a zone. */
export function rangeOf(moments: Moments, zone: Zone): Result<Range, ReportProblem> {
  const from = instantOf(moments.from, "from", zone);
  const to = instantOf(moments.to, "to", zone);
  if (from > to)
    return err({ reason: "reversed_range", detail: "to lies before from: exchange them.", parameter: "to" });
  const range = { fromMs: floorToMinute(from), toMs: floorToMinute(to) };
  if (range.fromMs === range.toMs) {
    return err({
      reason: "empty_range",
      detail: "from and to lie in the same minute: set to at least a minute later.",
      parameter: "to",
    });
  }
  if (range.toMs - range.fromMs > RANGE_MAX_DAYS * DAY_MS) {
    return err({ reason: "range_too_long", detail: `A report spans ${RANGE_MAX_DAYS} days at most: ask for fewer.` });
  }
  return ok(range);
}

/** A table that only minutes can answer spans fewer days than others. */
export function checkMinutes(range: Range, { granularity, zone }: Cut): Result<null, ReportProblem> {
  const isLong = range.toMs - range.fromMs > MINUTE_RANGE_MAX_DAYS * DAY_MS;
  if (!isLong) return ok(null);
  if (granularity === "minute") {
    const detail = `By minute a table spans ${MINUTE_RANGE_MAX_DAYS} days at most; ask by hour, or for fewer days.`;
    return err({ reason: "range_too_long", detail, parameter: "granularity" });
  }
  const phases = phasesIn(range.fromMs / MINUTE_MS, range.toMs / MINUTE_MS, zone);
  if (granularity === "hour" && phases.some(({ phase }) => phase !== 0)) {
    const detail =
      `The full hours of ${zone.name} are not those of UTC, so by hour a table spans ${MINUTE_RANGE_MAX_DAYS} days ` +
      "at most; ask by day, or for fewer days.";
    return err({ reason: "range_too_long", detail, parameter: "granularity" });
  }
  return ok(null);
}

/** What the caller should know about how the range was taken. */
export function warningsOf(moments: Moments, range: Range, cut: Cut): Warning[] {
  const warnings: Warning[] = [];
  const isFloored = (moment: Moment) =>
    moment.kind === "instant" && moment.instantMs !== floorToMinute(moment.instantMs);
  if (isFloored(moments.from) || isFloored(moments.to)) {
    warnings.push({ code: "range_floored", detail: "from and to are floored to their minute." });
  }
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
  if (areMidnights && granularity !== "minute" && granularity !== "hour") {
    return back(first.subtract({ days: first.until(end, { largestUnit: "days" }).days }));
  }
  return { fromMs: Math.max(0, 2 * range.fromMs - range.toMs), toMs: range.fromMs };
}

function floorToMinute(instantMs: number): number {
  return Math.floor(instantMs / MINUTE_MS) * MINUTE_MS;
}
