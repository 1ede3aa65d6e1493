/**
 * Groups as series: for each combination of the dimensions one point per window of the range, zero where nothing was
 * counted.
 *
 *   {"deviceType":"mobile","points":[{"time":"2026-04-20T12:00:00Z","clicks":3}, …]}
 *
 * Keeps: every series has the same windows, gapless and ascending, from the window of `from` to that of `to`; the sum
 * of its points is the sum of its groups. Without dimensions there is exactly one series, also when it is all zero.
 */
import { err, ok, type Result } from "../core/result.ts";
import { isoSecond } from "../core/time.ts";
import { toCamelCase } from "./fields.ts";
import { dimensionsKey, type Group, type Reading } from "./groups.ts";
import { POINTS_MAX } from "./limits.ts";
import type { ReportProblem } from "./problems.ts";
import { type ReportQuery, tooManyPoints } from "./query.ts";
import { windowStartMs, windowsIn } from "./windows.ts";

export type Series = { readonly dimensions: readonly string[]; readonly points: readonly Point[] };
export type Point = { readonly time: string; readonly sums: readonly number[] };

/** The zero-filled series of a reading, by dimension values ascending; refuses `too_many_points`. */
export function fillSeries({ groups, isCut }: Reading, query: ReportQuery): Result<Series[], ReportProblem> {
  if (isCut) return err(tooManyPoints(POINTS_MAX + 1));
  const windows = windowsIn(query.range, query.granularity);
  const times = Array.from({ length: windows.count }, (_, index) =>
    isoSecond(windowStartMs(windows.first + index, query.granularity, query.range)),
  );
  const bySeries = new Map<string, Group[]>();
  if (query.dimensions.length === 0) bySeries.set("", []);
  for (const group of groups) {
    const key = dimensionsKey(group.dimensions);
    const series = bySeries.get(key);
    if (series === undefined) bySeries.set(key, [group]);
    else series.push(group);
  }
  const points = bySeries.size * windows.count;
  if (points > POINTS_MAX) return err(tooManyPoints(points));
  const zeros = query.metrics.map(() => 0);
  const filled = [...bySeries].map(([key, members]): Series => {
    const sums = new Map(members.map((group) => [group.window - windows.first, group.sums]));
    return {
      dimensions: key === "" ? query.dimensions.map(() => "") : (members[0]?.dimensions ?? []),
      points: times.map((time, index) => ({ time, sums: sums.get(index) ?? zeros })),
    };
  });
  return ok(filled.sort((left, right) => (dimensionsKey(left.dimensions) < dimensionsKey(right.dimensions) ? -1 : 1)));
}

/** The series as JSON objects. */
export function toSeriesJson(series: readonly Series[], { dimensions, metrics }: ReportQuery): unknown[] {
  const metricNames = metrics.map(toCamelCase);
  return series.map((one) => ({
    ...Object.fromEntries(dimensions.map(({ name }, index) => [toCamelCase(name), one.dimensions[index] ?? ""])),
    points: one.points.map(({ time, sums }) => ({
      time,
      ...Object.fromEntries(metricNames.map((name, index) => [name, sums[index] ?? 0])),
    })),
  }));
}

/** Names of a point's values as a row of CSV, and the rows, series by series. */
export function toSeriesRows(
  series: readonly Series[],
  { dimensions, metrics }: ReportQuery,
): { readonly names: string[]; readonly rows: (string | number)[][] } {
  return {
    names: ["time", ...dimensions.map(({ name }) => name), ...metrics],
    rows: series.flatMap((one) => one.points.map(({ time, sums }) => [time, ...one.dimensions, ...sums])),
  };
}
