/**
 * Groups as a table: one row per group, its fields in the order time word, dimensions, metrics.
 *
 *   {"minute":"2026-04-20T12:00:00Z","adId":"ad_9","clicks":841,"previous":{"clicks":790}}
 *
 * Keeps: a row has exactly those fields, and the state of its day, week or month. A window is named by the instant at
 * which it starts, in the query's zone. A row's `previous` is what its counterpart had in the range before, of the same
 * dimensions; windows pair by place, or by date with those of a year before. In CSV, where a cell holds one value,
 * `reasons` is one column for each reason that there is (`reason.<name>`), and the previous values are further columns
 * (`previous.<name>`): so the columns follow from the query alone. Days, weeks and months are dates there, which a
 * spreadsheet knows.
 */
import type { DayState } from "../../core/day-state.ts";
import { addExact, type Exact, toJsonNumber } from "../../core/exact.ts";
import { toCamelCase } from "../../core/fields.ts";
import { MINUTE_MS } from "../../core/limits.ts";
import type { Metric } from "../query/metrics.ts";
import { keyFields, keyValues, type Names } from "../query/names.ts";
import type { ReportQuery } from "../query/query.ts";
import { COUNTED_REASONS, OTHER_REASON } from "../query/reasons.ts";
import { type Range, windowEdges } from "../query/windows.ts";
import { instantSpeller, yearBefore } from "../query/zone.ts";
import {
  type Counted,
  type Group,
  groupKey,
  nothingCounted,
  type Reasons,
  type Value,
  valuesReader,
} from "../read/groups.ts";
import type { CsvValue } from "./csv.ts";
import { hasStates, type StateOfWindow } from "./day-states.ts";

/** A row of the answer: a group, and what its counterpart in the previous period counted (null unless asked). */
export type Row = { readonly group: Group; readonly previous: Counted | null };

/** What the previous period counted, by the place of its window and by its dimensions. */
export function previousByPlace(previous: readonly Group[], query: ReportQuery): Map<string, Counted> {
  const places = query.previous === null ? new Map<number, number>() : previousPlaces(query.previous, query);
  return new Map(previous.map((group) => [groupKey(places.get(group.window) ?? -1, group.dimensions), group]));
}

/** Window of the previous period → the place of the one that it is set beside. */
function previousPlaces(previous: Range, query: ReportQuery): Map<number, number> {
  if (query.isPairedByDate !== true || query.granularity === "all") return placesOf(previous, query);
  const places = new Map<number, number>();
  for (const [place, edge] of windowEdges(query.range, query).entries()) {
    const before = yearBefore(edge, query.zone);
    // Of two windows that had one before (28 and 29 February), the first has it.
    if (!places.has(before)) places.set(before, place);
  }
  return places;
}

/** Window → its place in the range. */
function placesOf(range: Range, query: ReportQuery): Map<number, number> {
  return new Map(windowEdges(range, query).map((edge, place): [number, number] => [edge, place]));
}

/** Pairs each group with the one in its place of the previous period. */
export function pairRows(groups: readonly Group[], previous: readonly Group[] | null, query: ReportQuery): Row[] {
  if (previous === null) return groups.map((group) => ({ group, previous: null }));
  const before = previousByPlace(previous, query);
  const places = placesOf(query.range, query);
  const nothing = nothingCounted(query.metrics);
  return groups.map((group) => ({
    group,
    previous: before.get(groupKey(places.get(group.window) ?? -1, group.dimensions)) ?? nothing,
  }));
}

/** An instant at which a window starts, as CSV has it: a date where the window is one of the calendar. */
export function csvTime(time: string, { granularity }: Pick<ReportQuery, "granularity">): string {
  const isDate = granularity === "day" || granularity === "week" || granularity === "month";
  return isDate ? time.slice(0, "2026-04-20".length) : time;
}

/** The fields before the metrics. */
function keyNames(query: ReportQuery): string[] {
  return [...(query.granularity === "all" ? [] : [query.granularity]), ...keyFields(query)];
}

/** Spells the key fields of a row: the window's start, then the dimensions. */
function keySpeller(query: ReportQuery, names: Names): (group: Group) => (string | null)[] {
  const { granularity, range, zone } = query;
  const values = keyValues(query, names);
  if (granularity === "all") return ({ dimensions }) => values(dimensions);
  // A window may start before the range: the longest is a month.
  const from = range.fromMs / MINUTE_MS - 32 * 1_440;
  const spell = instantSpeller({ from, to: range.toMs / MINUTE_MS }, zone);
  return ({ window, dimensions }) => [spell(window), ...values(dimensions)];
}

/** Values by name, or lists of such, at any depth. */
export type NamedValues = { readonly [name: string]: Value | string | NamedValues | readonly NamedValues[] };

/** The metrics of what was counted, as members of a JSON object. */
export function metricsReader(metrics: readonly Metric[]): (counted: Counted) => Record<string, unknown> {
  return namedValuesReader(metrics, toJsonValue);
}

/** The metrics of what was counted by their names in JSON, each as `shape` makes it. */
export function namedValuesReader<T>(
  metrics: readonly Metric[],
  shape: (value: Value) => T,
): (counted: Counted) => Record<string, T> {
  const names = metrics.map(toCamelCase);
  const read = valuesReader(metrics);
  return (counted) => {
    const values = read(counted);
    return Object.fromEntries(names.map((name, index) => [name, shape(values[index] ?? null)]));
  };
}

/** A value, or values by name, so that `JSON.stringify` writes all their digits. */
export function toJsonValue(value: NamedValues[string]): unknown {
  if (typeof value === "bigint") return toJsonNumber(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(toJsonValue);
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, toJsonValue(member)]));
}

/** Turns rows into JSON objects, one by one. */
export function rowWriter(
  query: ReportQuery,
  named: Names,
  stateOf: StateOfWindow,
): (row: Row) => Record<string, unknown> {
  const names = keyNames(query).map(toCamelCase);
  const keysOf = keySpeller(query, named);
  const read = metricsReader(query.metrics);
  return ({ group, previous }) => {
    const keys = keysOf(group);
    return {
      ...Object.fromEntries(names.map((name, index) => [name, keys[index] ?? null])),
      ...read(group),
      ...stateMember(stateOf(group.window)),
      ...(previous === null ? {} : { previous: read(previous) }),
    };
  };
}

/** The member of a row or a point whose window has a state of its own. */
export function stateMember(state: DayState | null): { readonly state?: DayState } {
  return state === null ? {} : { state };
}

/** The rows as CSV has them, with the names of their columns. */
export function toCsvRows(
  rows: readonly Row[],
  query: ReportQuery,
  named: Names,
  stateOf: StateOfWindow,
): { readonly names: string[]; readonly rows: CsvValue[][] } {
  const keys = keyNames(query);
  const columns = pairColumns(query);
  const keysOf = keySpeller(query, named);
  const cellsOf = (group: Group) => {
    const keys = keysOf(group);
    return query.granularity === "all" ? keys : [csvTime(keys[0] ?? "", query), ...keys.slice(1)];
  };
  return {
    names: [...keys, ...columns.names, ...stateColumn(query)],
    rows: rows.map(({ group, previous }) => [
      ...cellsOf(group),
      ...columns.toCells({ counted: group, previous }),
      ...stateCells(stateOf(group.window)),
    ]),
  };
}

/** The last column, where windows have a state. */
export function stateColumn(query: ReportQuery): string[] {
  return hasStates(query) ? ["state"] : [];
}

export function stateCells(state: DayState | null): CsvValue[] {
  return state === null ? [] : [state];
}

/** What was counted, and before. */
export type Pair = { readonly counted: Counted; readonly previous: Counted | null };
type Columns<T> = { readonly names: string[]; readonly toCells: (one: T) => CsvValue[] };

/** The columns of the metrics in CSV, then those of the previous period where there is one. */
export function pairColumns({ metrics, previous: range }: ReportQuery): Columns<Pair> {
  const { names, toCells } = metricColumns(metrics);
  return {
    names: range === null ? names : [...names, ...names.map((name) => `previous.${name}`)],
    toCells: ({ counted, previous }) => [...toCells(counted), ...(previous === null ? [] : toCells(previous))],
  };
}

/** The columns of the metrics in CSV, and their cells. */
function metricColumns(metrics: readonly Metric[]): Columns<Counted> {
  const read = valuesReader(metrics);
  const reasons = [...COUNTED_REASONS, OTHER_REASON].map((name) => `reason.${name}`);
  return {
    names: metrics.flatMap((metric) => (metric === "reasons" ? reasons : [metric])),
    toCells: (one) => read(one).flatMap((value) => (isReasons(value) ? reasonCells(value) : [value])),
  };
}

function reasonCells(reasons: Reasons): CsvValue[] {
  const isListed = new Set(COUNTED_REASONS);
  const others = Object.entries(reasons).filter(([name]) => !isListed.has(name));
  const other = others.reduce((sum: Exact, [, count]) => addExact(sum, count), 0);
  return [...COUNTED_REASONS.map((name) => reasons[name] ?? 0), other];
}

function isReasons(value: Value): value is Reasons {
  return typeof value === "object" && value !== null;
}
