/**
 * Groups as series: for each combination of the dimensions one point per window of the range, zero where nothing was
 * counted.
 *
 *   {"deviceType":"mobile","points":[{"minute":"2026-04-20T12:00:00Z","clicks":3,"previous":{"clicks":2}}, …]}
 *
 * A point names its window by the word of the granularity and has the state of its day, week or month, as a row does.
 * A point's `previous` is what the window in its place had in the range before, where that is asked. Keeps: every
 * series has the same windows, gapless and ascending, from the window of `from` to that of `to`; the sum of its points
 * is the sum of its groups. Without dimensions there is exactly one series, also when it is all zero.
 */

import { toCamelCase } from "../../core/fields.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { POINTS_MAX } from "../limits.ts";
import type { ReportProblem } from "../problems.ts";
import { keyFields, keyValues, type Names } from "../query/names.ts";
import { type ReportQuery, tooManyPoints } from "../query/query.ts";
import { windowEdges } from "../query/windows.ts";
import { instantSpeller } from "../query/zone.ts";
import type { Reading } from "../read/executor.ts";
import { type Counted, dimensionsKey, type Group, groupKey, nothingCounted } from "../read/groups.ts";
import type { CsvValue } from "./csv.ts";
import type { StateOfWindow } from "./day-states.ts";
import { csvTime, metricsReader, pairColumns, previousByPlace, stateCells, stateColumn, stateMember } from "./table.ts";

export type Series = { readonly dimensions: readonly string[]; readonly points: readonly Point[] };
export type Point = {
  readonly window: number;
  readonly time: string;
  readonly counted: Counted;
  readonly previous: Counted | null;
};

/** The zero-filled series of a reading, by dimension values ascending; refuses `too_many_points`. */
export function fillSeries(
  { groups, isCut, previous }: Pick<Reading, "groups" | "isCut" | "previous">,
  query: ReportQuery,
): Result<Series[], ReportProblem> {
  if (isCut) return err(tooManyPoints(query.limit + 1, query.limit));
  const edges = windowEdges(query.range, query);
  const spell = instantSpeller({ from: edges[0] ?? 0, to: edges.at(-1) ?? 0 }, query.zone);
  const windows = edges.slice(0, -1).map((window) => ({ window, time: spell(window) }));
  const bySeries = new Map<string, Group[]>();
  if (query.dimensions.length === 0) bySeries.set("", []);
  for (const group of groups) {
    const key = dimensionsKey(group.dimensions);
    const series = bySeries.get(key);
    if (series === undefined) bySeries.set(key, [group]);
    else series.push(group);
  }
  const points = bySeries.size * windows.length;
  if (points > POINTS_MAX) return err(tooManyPoints(points));
  const nothing = nothingCounted(query.metrics);
  const before = previousByPlace(previous?.groups ?? [], query);
  const filled = [...bySeries].map(([key, members]): Series => {
    const counted = new Map(members.map((group) => [group.window, group]));
    const earlier = (place: number) => before.get(groupKey(place, members[0]?.dimensions ?? [])) ?? nothing;
    const points = windows.map(({ window, time }, place) => ({
      window,
      time,
      counted: counted.get(window) ?? nothing,
      previous: previous === null ? null : earlier(place),
    }));
    return { dimensions: key === "" ? query.dimensions.map(() => "") : (members[0]?.dimensions ?? []), points };
  });
  return ok(filled.sort((left, right) => (dimensionsKey(left.dimensions) < dimensionsKey(right.dimensions) ? -1 : 1)));
}

/** Turns series into JSON objects, one by one. */
export function seriesWriter(
  query: ReportQuery,
  named: Names,
  stateOf: StateOfWindow,
): (series: Series) => Record<string, unknown> {
  const { granularity, metrics } = query;
  const read = metricsReader(metrics);
  const fields = keyFields(query).map(toCamelCase);
  const values = keyValues(query, named);
  const keysOf = ({ dimensions }: Series) => {
    const keys = values(dimensions);
    return Object.fromEntries(fields.map((name, index) => [name, keys[index] ?? null]));
  };
  return (one) => ({
    ...keysOf(one),
    points: one.points.map(({ window, time, counted, previous }) => ({
      ...(granularity === "all" ? {} : { [granularity]: time }),
      ...read(counted),
      ...stateMember(stateOf(window)),
      ...(previous === null ? {} : { previous: read(previous) }),
    })),
  });
}

/** Names of a point's values as a row of CSV, and the rows, series by series. */
export function toSeriesRows(
  series: readonly Series[],
  query: ReportQuery,
  named: Names,
  stateOf: StateOfWindow,
): { readonly names: string[]; readonly rows: CsvValue[][] } {
  const values = keyValues(query, named);
  const columns = pairColumns(query);
  const timeOf = ({ time }: Point) => (query.granularity === "all" ? [] : [csvTime(time, query)]);
  return {
    names: [
      ...(query.granularity === "all" ? [] : [query.granularity]),
      ...keyFields(query),
      ...columns.names,
      ...stateColumn(query),
    ],
    rows: series.flatMap((one) =>
      one.points.map((point) => [
        ...timeOf(point),
        ...values(one.dimensions),
        ...columns.toCells(point),
        ...stateCells(stateOf(point.window)),
      ]),
    ),
  };
}
