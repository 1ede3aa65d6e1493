/**
 * Typed parameters → a report query: defaults, limits and everything that concerns more than one parameter. Pure.
 *
 *   table   rows by (window of granularity, dimensions)        series   zero-filled points by dimensions
 *
 * Keeps: a query holds only allow-listed names and plain values, whichever way it was sent: as a query string or as
 * JSON.
 */

import type { ReadScope } from "../../access/read-scope.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { POINTS_MAX, ROWS_DEFAULT, UNIQUES_GROUPS_MAX } from "../limits.ts";
import type { ReportProblem } from "../problems.ts";
import { splitMoney } from "./currency.ts";
import { type Dimension, isRowDimension, type NamedDimension, toDimension } from "./fields.ts";
import { filtersOf } from "./filters.ts";
import { type Metric, toMetric } from "./metrics.ts";
import { suggestName } from "./nearest-name.ts";
import type { Format, OrderWord, SeriesParameters, TableParameters } from "./params.ts";
import { checkMinutes, previousRange, rangeOf, rangeYearBefore, type Warning, warningsOf } from "./range.ts";
import { type Cut, type Granularity, type Range, windowEdges, windowsAtLeast } from "./windows.ts";
import { UTC, type Zone } from "./zone.ts";

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
  readonly zone: Zone;
  /** Who said so: the query, the advertiser's profile, or nobody. */
  readonly zoneFrom: "query" | DefaultZone["from"];
  readonly dimensions: readonly NamedDimension[];
  readonly filters: readonly Filter[];
  readonly metrics: readonly Metric[];
  /**
   * Whether its money may be of several currencies, so that totals are split by it too (src/report/query/currency.ts).
   */
  readonly isByCurrency: boolean;
  /** Advertiser → currency, for statements that name `currency`. */
  readonly currencies?: ReadonlyMap<string, string>;
  /** Total: ends with every key field, each field once, so that no two rows tie. */
  readonly order: readonly OrderTerm[];
  readonly limit: number;
  readonly format: Format | undefined;
  readonly wantsTotals: boolean;
  /** Whether ids have their names beside them (src/report/query/names.ts). */
  readonly wantsNames: boolean;
  /** The range to compare with, where that is asked. */
  readonly previous: Range | null;
  /** Whether windows pair with those of the same dates, rather than by place. */
  readonly isPairedByDate?: boolean;
  /** Where an earlier page ended, as that page said it. */
  readonly cursor: string | undefined;
  readonly warnings: readonly Warning[];
};

/** The zone of a query that names none: that of the advertiser's profile, or UTC. */
export type DefaultZone = { readonly zone: Zone; readonly from: "profile" | "default" };

export const UTC_BY_DEFAULT: DefaultZone = { zone: UTC, from: "default" };

/** Whose query it is: what it means where it does not say, and whose rows it may read. */
export type Asker = { readonly unless: DefaultZone; readonly scope: Pick<ReadScope, "advertiserId"> };

const OPERATOR: Asker = { unless: UTC_BY_DEFAULT, scope: { advertiserId: null } };

/** The table that its parameters ask for. */
export function toTableQuery(parameters: TableParameters, asker: Asker = OPERATOR): Result<ReportQuery, ReportProblem> {
  const granularity = granularityOf(parameters);
  if (!granularity.ok) return granularity;
  const dimensions = (parameters.group_by ?? []).flatMap((word) => (word.kind === "dimension" ? [word.named] : []));
  const query = toQuery(parameters, { granularity: granularity.value, dimensions, limit: parameters.limit }, asker);
  if (!query.ok) return query;
  const checked = checkMinutes(query.value.range, query.value);
  if (!checked.ok) return checked;
  const order = orderOf(parameters.order ?? [], query.value);
  if (!order.ok) return order;
  return ok({
    ...query.value,
    order: order.value,
    cursor: parameters.cursor,
  });
}

/** The series that its parameters ask for; by day unless they say otherwise. */
export function toSeriesQuery(
  parameters: SeriesParameters,
  asker: Asker = OPERATOR,
): Result<ReportQuery, ReportProblem> {
  const granularity = parameters.granularity ?? "day";
  const dimensions = parameters.breakdown ?? [];
  const query = toQuery(parameters, { granularity, dimensions, limit: POINTS_MAX }, asker);
  if (!query.ok) return query;
  const { range } = query.value;
  const atLeast = windowsAtLeast(range, granularity);
  if (atLeast > POINTS_MAX) return err(tooManyPoints(atLeast));
  const count = windowEdges(range, query.value).length - 1;
  return count > POINTS_MAX ? err(tooManyPoints(count)) : query;
}

export function tooManyPoints(points: number, most = POINTS_MAX): ReportProblem {
  const detail = `At least ${points} points; at most ${most} are answered. Ask for longer windows or fewer days.`;
  return { reason: "too_many_points", detail };
}

function granularityOf({ granularity, group_by }: TableParameters): Result<Granularity, ReportProblem> {
  const words = (group_by ?? []).flatMap((word) => (word.kind === "time" ? [word.granularity] : []));
  const [named, another] = words;
  if (another !== undefined || (named !== undefined && granularity !== undefined && named !== granularity)) {
    const detail = "Give granularity or one granularity in group_by.";
    return err({ reason: "conflicting_granularity", detail, field: "group_by" });
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
  { unless, scope }: Asker,
): Result<ReportQuery, ReportProblem> {
  const zone = parameters.timezone ?? unless.zone;
  const range = rangeOf(parameters, zone);
  if (!range.ok) return range;
  const dimension = firstRepeated(dimensions.map((named) => named.dimension));
  if (dimension !== undefined) return err({ reason: "repeated_dimension", detail: `Name ${dimension} once.` });
  const metrics = parameters.metrics ?? ["clicks"];
  const metric = firstRepeated(metrics);
  if (metric !== undefined) return err({ reason: "repeated_metric", detail: `Name ${metric} once.`, field: "metrics" });
  const filters = filtersOf(parameters);
  if (!filters.ok) return filters;
  const unsplit = unsplitMetric(metrics, [...dimensions, ...filters.value]);
  if (unsplit !== null) return err(unsplit);
  const limitMax = metrics.includes("unique_users") ? UNIQUES_GROUPS_MAX : Number.POSITIVE_INFINITY;
  const cut = { granularity, zone };
  const warnings = warningsOf(range.value, cut);
  if ("limit" in parameters && (parameters.limit ?? 0) > limitMax) {
    warnings.push({ code: "limit_lowered", detail: `With unique_users a page has ${limitMax} rows at most.` });
  }
  const query: ReportQuery = {
    range: range.value,
    granularity,
    zone,
    zoneFrom: parameters.timezone === undefined ? unless.from : "query",
    dimensions,
    filters: filters.value,
    metrics,
    isByCurrency: false,
    order: keyOrder(granularity, dimensions.length),
    limit: Math.min(limit ?? ROWS_DEFAULT, limitMax),
    format: parameters.format,
    wantsTotals: parameters.totals ?? false,
    wantsNames: parameters.names ?? false,
    ...comparedWith(parameters.compare, range.value, cut),
    cursor: undefined,
    warnings,
  };
  return ok(splitMoney(query, scope));
}

/** The range that is asked for beside the other, and how windows of the two pair. */
function comparedWith(
  compare: TableParameters["compare"],
  range: Range,
  cut: Cut,
): Pick<ReportQuery, "previous" | "isPairedByDate"> {
  switch (compare) {
    case undefined:
      return { previous: null };
    case "previous_period":
      return { previous: previousRange(range, cut) };
    case "previous_year":
      // Weeks begin on other dates each year, and pair by place.
      return { previous: rangeYearBefore(range, cut.zone), isPairedByDate: cut.granularity !== "week" };
  }
}

/** Reasons and sketches stand on facts rows, not on cells: nothing that only cells have can split or filter them. */
export function unsplitMetric(
  metrics: readonly Metric[],
  fields: readonly { readonly dimension: Dimension }[],
): ReportProblem | null {
  const field = fields.find(({ dimension }) => !isRowDimension(dimension));
  if (field === undefined) return null;
  const can = "advertiser, campaign, ad group, ad and time";
  if (metrics.includes("unique_users")) {
    const detail = `unique_users cannot be split or filtered by ${field.dimension}, only by ${can}.`;
    return { reason: "uniques_not_mergeable", detail, field: "metrics" };
  }
  if (metrics.includes("reasons")) {
    const detail = `reasons cannot be split or filtered by ${field.dimension}, only by ${can}.`;
    return { reason: "reasons_not_splittable", detail, field: "metrics" };
  }
  return null;
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
      return err({ reason: "unknown_order_field", detail, field: "order" });
    }
    terms.push({ by, isDescending });
  }
  const nameOf = ({ by }: OrderTerm) => by.kind.concat(by.kind === "window" ? "" : String(by.index));
  const repeated = firstRepeated(terms.map(nameOf));
  if (repeated !== undefined) {
    const word = words[terms.findLastIndex((term) => nameOf(term) === repeated)];
    const detail = `${word?.field} stands in the order already; the first of two decides.`;
    return err({ reason: "repeated_order_field", detail, field: "order" });
  }
  const all = [...terms, ...query.order];
  return ok(all.filter((term, index) => all.findIndex((other) => nameOf(other) === nameOf(term)) === index));
}

function orderFieldOf(field: string, { granularity, dimensions, metrics }: ReportQuery): OrderField | null {
  if (granularity !== "all" && field === granularity) return { kind: "window" };
  const asked = toDimension(field)?.dimension;
  const dimension = dimensions.findIndex((named) => named.dimension === asked);
  if (dimension >= 0) return { kind: "dimension", index: dimension };
  const counted = toMetric(field);
  const metric = counted === null ? -1 : metrics.indexOf(counted);
  return metric >= 0 && counted !== "reasons" ? { kind: "metric", index: metric } : null;
}

/** Fields of a row in their order, in snake_case: the time word, the dimensions, the metrics. */
export function fieldNames({ granularity, dimensions, metrics }: ReportQuery): string[] {
  return [...(granularity === "all" ? [] : [granularity]), ...dimensions.map((named) => named.name), ...metrics];
}

function firstRepeated<T>(values: readonly T[]): T | undefined {
  return values.find((value, index) => values.indexOf(value) !== index);
}
