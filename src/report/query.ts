/**
 * Typed parameters → a report query: defaults, limits and everything that concerns more than one parameter. Pure.
 *
 *   table   rows by (window of granularity, dimensions)        series   zero-filled points by dimensions
 *
 * Keeps: a query holds only allow-listed names and plain values. Its range is half-open at whole minutes: facts are
 * counted by minute, so both edges are floored to theirs (with a warning), and consecutive ranges still tile.
 */
import { DAY_MS, MINUTE_MS } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import { DIMENSIONS, type Dimension, type Metric, type NamedDimension, toDimension, toMetric } from "./fields.ts";
import { DIMENSIONS_PER_QUERY_MAX, MINUTE_RANGE_MAX_DAYS, POINTS_MAX, RANGE_MAX_DAYS, ROWS_DEFAULT } from "./limits.ts";
import { suggestName } from "./nearest-name.ts";
import {
  type FilterWord,
  type OrderWord,
  parseParameters,
  type SeriesParameters,
  seriesParameters,
  type TableParameters,
  tableParameters,
} from "./params.ts";
import type { ReportProblem } from "./problems.ts";
import { type Granularity, hasPartialWindow, type Range, windowsIn } from "./windows.ts";

export type Warning = { readonly code: string; readonly detail: string };

/** Values of one dimension: any of `include` (when it has any), none of `exclude`. */
export type Filter = {
  readonly dimension: Dimension;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
};

/** A field of the answer to order by: the window, a dimension or a metric. */
export type OrderField =
  | { readonly kind: "window" }
  | { readonly kind: "dimension"; readonly index: number }
  | { readonly kind: "metric"; readonly index: number };
export type OrderTerm = { readonly by: OrderField; readonly isDescending: boolean };

export type ReportQuery = {
  readonly range: Range;
  readonly granularity: Granularity;
  readonly dimensions: readonly NamedDimension[];
  readonly filters: readonly Filter[];
  readonly metrics: readonly Metric[];
  /** Total: ends with every key field, so that no two rows tie. */
  readonly order: readonly OrderTerm[];
  readonly limit: number;
  readonly format: "json" | "csv" | undefined;
  readonly warnings: readonly Warning[];
};

/** The table that a query string asks for. */
export function parseTableQuery(search: URLSearchParams): Result<ReportQuery, ReportProblem> {
  const parsed = parseParameters(search, tableParameters);
  if (!parsed.ok) return parsed;
  const parameters = parsed.value;
  const granularity = granularityOf(parameters);
  if (!granularity.ok) return granularity;
  const dimensions = (parameters.group_by ?? []).flatMap((word) => (word.kind === "dimension" ? [word.named] : []));
  const query = toQuery(parameters, { granularity: granularity.value, dimensions, limit: parameters.limit });
  if (!query.ok) return query;
  const { fromMs, toMs } = query.value.range;
  if (granularity.value === "minute" && toMs - fromMs > MINUTE_RANGE_MAX_DAYS * DAY_MS) {
    return err({ reason: "range_too_long", detail: `By minute a table spans ${MINUTE_RANGE_MAX_DAYS} days at most.` });
  }
  const order = orderOf(parameters.order ?? [], query.value);
  return order.ok ? ok({ ...query.value, order: order.value }) : order;
}

/** The series that a query string asks for; by day unless it says otherwise. */
export function parseSeriesQuery(search: URLSearchParams): Result<ReportQuery, ReportProblem> {
  const parsed = parseParameters(search, seriesParameters);
  if (!parsed.ok) return parsed;
  const granularity = parsed.value.granularity ?? "day";
  const dimensions = parsed.value.breakdown ?? [];
  const query = toQuery(parsed.value, { granularity, dimensions, limit: POINTS_MAX });
  if (!query.ok) return query;
  const { count } = windowsIn(query.value.range, granularity);
  return count > POINTS_MAX ? err(tooManyPoints(count)) : query;
}

export function tooManyPoints(points: number): ReportProblem {
  return { reason: "too_many_points", detail: `At least ${points} points; at most ${POINTS_MAX} are answered.` };
}

function granularityOf({ granularity, group_by }: TableParameters): Result<Granularity, ReportProblem> {
  const words = (group_by ?? []).flatMap((word) => (word.kind === "time" ? [word.granularity] : []));
  const [named, another] = words;
  if (another !== undefined || (named !== undefined && granularity !== undefined && named !== granularity)) {
    const detail = "Give granularity or one granularity in group_by.";
    return err({ reason: "conflicting_granularity", detail, parameter: "group_by" });
  }
  return ok(named ?? granularity ?? "all");
}

type Shape = {
  readonly granularity: Granularity;
  readonly dimensions: readonly NamedDimension[];
  readonly limit: number | undefined;
};

function toQuery(
  parameters: TableParameters | SeriesParameters,
  { granularity, dimensions, limit }: Shape,
): Result<ReportQuery, ReportProblem> {
  const range = rangeOf(parameters);
  if (!range.ok) return range;
  if (dimensions.length > DIMENSIONS_PER_QUERY_MAX) {
    return err({ reason: "too_many_dimensions", detail: `At most ${DIMENSIONS_PER_QUERY_MAX}.` });
  }
  const dimension = firstRepeated(dimensions.map((named) => named.dimension));
  if (dimension !== undefined) return err({ reason: "repeated_dimension", detail: dimension });
  const metrics = parameters.metrics ?? ["clicks"];
  const metric = firstRepeated(metrics);
  if (metric !== undefined) return err({ reason: "repeated_metric", detail: metric, parameter: "metrics" });
  return ok({
    range: range.value,
    granularity,
    dimensions,
    filters: filtersOf(parameters),
    metrics,
    order: keyOrder(granularity, dimensions.length),
    limit: limit ?? ROWS_DEFAULT,
    format: parameters.format,
    warnings: warningsOf(parameters, range.value, granularity),
  });
}

function rangeOf({ from, to }: { from: number; to: number }): Result<Range, ReportProblem> {
  const range = { fromMs: floorToMinute(from), toMs: floorToMinute(to) };
  if (from > to) return err({ reason: "empty_range", detail: "to lies before from.", parameter: "to" });
  if (range.fromMs === range.toMs) {
    return err({ reason: "empty_range", detail: "from and to lie in the same minute.", parameter: "to" });
  }
  if (range.toMs - range.fromMs > RANGE_MAX_DAYS * DAY_MS) {
    return err({ reason: "range_too_long", detail: `A report spans ${RANGE_MAX_DAYS} days at most.` });
  }
  return ok(range);
}

function floorToMinute(instantMs: number): number {
  return Math.floor(instantMs / MINUTE_MS) * MINUTE_MS;
}

function warningsOf({ from, to }: { from: number; to: number }, range: Range, granularity: Granularity): Warning[] {
  const warnings: Warning[] = [];
  if (from !== range.fromMs || to !== range.toMs) {
    warnings.push({ code: "range_floored", detail: "from and to are floored to their minute." });
  }
  if (hasPartialWindow(range, granularity)) {
    const detail = `The first or the last ${granularity} holds only the part of it that lies in the range.`;
    warnings.push({ code: "partial_window", detail });
  }
  return warnings;
}

function filtersOf(parameters: Partial<Record<Dimension, FilterWord[] | undefined>>): Filter[] {
  return DIMENSIONS.flatMap((dimension) => {
    const words = parameters[dimension];
    if (words === undefined) return [];
    const valuesOf = (isExcluded: boolean) => [
      ...new Set(words.filter((word) => word.isExcluded === isExcluded).map((word) => word.value)),
    ];
    return [{ dimension, include: valuesOf(false), exclude: valuesOf(true) }];
  });
}

/** Ascending by window, then by each dimension. */
export function keyOrder(granularity: Granularity, dimensionCount: number): OrderTerm[] {
  const order: OrderTerm[] = granularity === "all" ? [] : [{ by: { kind: "window" }, isDescending: false }];
  for (let index = 0; index < dimensionCount; index++) {
    order.push({ by: { kind: "dimension", index }, isDescending: false });
  }
  return order;
}

/** The asked order, completed by the key fields that it leaves open. */
function orderOf(words: readonly OrderWord[], query: ReportQuery): Result<OrderTerm[], ReportProblem> {
  const terms: OrderTerm[] = [];
  for (const { field, isDescending } of words) {
    const by = orderFieldOf(field, query);
    if (by === null) {
      const detail = suggestName(field, fieldNames(query));
      return err({ reason: "unknown_order_field", detail, parameter: "order" });
    }
    terms.push({ by, isDescending });
  }
  return ok([...terms, ...query.order]);
}

function orderFieldOf(field: string, { granularity, dimensions, metrics }: ReportQuery): OrderField | null {
  if (granularity !== "all" && field === granularity) return { kind: "window" };
  const asked = toDimension(field)?.dimension;
  const dimension = dimensions.findIndex((named) => named.dimension === asked);
  if (dimension >= 0) return { kind: "dimension", index: dimension };
  const counted = toMetric(field);
  const metric = counted === null ? -1 : metrics.indexOf(counted);
  return metric >= 0 ? { kind: "metric", index: metric } : null;
}

/** Fields of a row in their order, in snake_case: the time word, the dimensions, the metrics. */
export function fieldNames({ granularity, dimensions, metrics }: ReportQuery): string[] {
  return [...(granularity === "all" ? [] : [granularity]), ...dimensions.map((named) => named.name), ...metrics];
}

function firstRepeated<T>(values: readonly T[]): T | undefined {
  return values.find((value, index) => values.indexOf(value) !== index);
}
