/**
 * The groups of a report: what the statements returned, summed by (window, dimensions).
 *
 * Keeps: the sum over reads equals the sum over the range, since reads never overlap. A group in which all that the
 * asked metrics are made of is zero is not there, whichever tier it came from: a zero row and no row are the same fact.
 * A value that does not exist (a quotient by zero) comes last in either direction.
 */
import { addExact, type Exact, parseExact } from "../../core/exact.ts";
import type { NamedMeasure } from "../../core/fields.ts";
import { MINUTE_MS } from "../../core/limits.ts";
import { Sketch } from "../../core/sketch.ts";
import type { Page } from "../plan/plan.ts";
import { addSums, type Metric, measuresOf, metricValue, sumIn } from "../query/metrics.ts";
import type { OrderTerm, ReportQuery } from "../query/query.ts";

/** A row as a statement names its columns; integers that a double does not hold are text (src/facts/wide-sql.ts). */
export type ReadRow = Readonly<Record<string, string | number | bigint>>;

/** Counts by reason. */
export type Reasons = Readonly<Record<string, Exact>>;

/** What was counted in a group. */
export type Counted = {
  /** One sum for each of `measuresOf` the asked metrics. */
  readonly sums: Exact[];
  /** Empty unless asked. */
  reasons: Reasons;
  /** Unique users; null unless asked, and where nobody is known. */
  sketch: Sketch | null;
};

export type Group = Counted & {
  /** The minute at which the window starts; that of `all` is the start of the range. */
  readonly window: number;
  readonly dimensions: readonly string[];
};

/** A metric's value: null where it does not exist. */
export type Value = Exact | null | Reasons;

/** U+001F, which no id, country or device can hold. */
const SEPARATOR = "\u001f";

/** What a group without events counts. */
export function nothingCounted(metrics: readonly Metric[]): Counted {
  return { sums: measuresOf(metrics).map(() => 0), reasons: {}, sketch: null };
}

/** What several groups count together. */
export function countedTogether(groups: readonly Counted[], metrics: readonly Metric[]): Counted {
  const all = nothingCounted(metrics);
  for (const { sums, reasons, sketch } of groups) {
    addSums(all.sums, sums);
    all.reasons = addReasons(all.reasons, reasons);
    if (sketch !== null) {
      all.sketch ??= new Sketch();
      all.sketch.merge(sketch);
    }
  }
  return all;
}

/** Reads the values of the metrics, in their order, from what was counted. */
export function valuesReader(metrics: readonly Metric[]): (counted: Counted) => Value[] {
  const sumsOf = sumsReader(metrics);
  return (counted) => {
    const sumOf = sumsOf(counted);
    return metrics.map((metric) => {
      if (metric === "reasons") return counted.reasons;
      if (metric === "unique_users") return counted.sketch?.estimate().users ?? 0;
      return metricValue(metric, sumOf);
    });
  };
}

/** Reads single sums from what was counted. */
export function sumsReader(metrics: readonly Metric[]): (counted: Counted) => (measure: NamedMeasure) => Exact {
  const at = new Map(measuresOf(metrics).map((measure, index) => [measure, index]));
  return ({ sums }) =>
    (measure) =>
      sums[at.get(measure) ?? -1] ?? 0;
}

/** Adds up the rows of all statements and the users, in the query's order, zeros included. O(rows log rows). */
export function sumGroups(
  statementRows: readonly (readonly ReadRow[])[],
  sketched: readonly Group[],
  query: ReportQuery,
): Group[] {
  const groups = new Map<string, Group>();
  const measures = measuresOf(query.metrics);
  for (const rows of statementRows) {
    for (const row of rows) {
      const sums = measures.map((measure) => sumIn(row, measure));
      const reasons = typeof row["reasons"] === "string" ? (parseExact(row["reasons"]) as Reasons) : {};
      addGroup(groups, { ...keyOfRow(row, query), sums, reasons, sketch: null });
    }
  }
  const zeros = measures.map(() => 0);
  for (const group of sketched) addGroup(groups, { ...group, sums: [...zeros] });
  return sortGroups([...groups.values()], query);
}

/** The window and the dimensions that a row is about. */
export function keyOfRow(
  row: ReadRow,
  { granularity, dimensions, range }: ReportQuery,
): Pick<Group, "window" | "dimensions"> {
  return {
    window: granularity === "all" ? range.fromMs / MINUTE_MS : Number(row["time_window"]),
    dimensions: dimensions.map(({ dimension }) => String(row[dimension])),
  };
}

/** What a page answers of the groups that were read for it. */
export type Cutting = {
  readonly groups: readonly Group[];
  /** Groups that were read and lie behind the page; all of them, unless the database cut them off as well. */
  readonly rest: readonly Group[];
  readonly isCut: boolean;
  /** The database cut nothing off, nor are there more than are kept: groups and rest are all there is. */
  readonly isWhole: boolean;
  /** Behind this group the next page begins; null when there is none. */
  readonly last: Group | null;
};

/**
 * The answered groups and whether more exist. Where each statement was cut, only the first `page.limit` sums are whole:
 * the cut comes before zero sums leave, so that none behind it moves up. Sums that cancel across segments may thus
 * leave a cut answer shorter than its limit, never wrong.
 */
export function cutGroups(sums: readonly Group[], page: Page, limit: number): Cutting {
  const whole = page.isExact ? sums.slice(0, page.limit) : sums;
  const counted = whole.filter(isCounted);
  const groups = counted.slice(0, limit);
  const isCut = (page.isExact ? whole : counted).length > limit;
  const last = (counted.length > limit ? groups : whole).at(-1) ?? null;
  const isWhole = sums.length < page.limit;
  return { groups, rest: counted.slice(limit), isCut, isWhole, last: isCut ? last : null };
}

function isCounted({ sums, reasons, sketch }: Group): boolean {
  return sums.some((sum) => sum !== 0) || Object.keys(reasons).length > 0 || sketch !== null;
}

/** The part of a group's key that names its series. */
export function dimensionsKey(dimensions: readonly string[]): string {
  return dimensions.join(SEPARATOR);
}

/** The values of the order's fields in a group. The order is by key fields. */
export function keyOf(group: Group, { order }: Pick<ReportQuery, "order">): (string | number)[] {
  return order.map(({ by }) => (by.kind === "window" ? group.window : (group.dimensions[by.index] ?? "")));
}

/** The key of a group. */
export function groupKey(window: number, dimensions: readonly string[]): string {
  return String(window).concat(SEPARATOR, dimensionsKey(dimensions));
}

function addGroup(groups: Map<string, Group>, group: Group): void {
  const key = groupKey(group.window, group.dimensions);
  const sum = groups.get(key);
  if (sum === undefined) {
    groups.set(key, group);
    return;
  }
  addSums(sum.sums, group.sums);
  sum.reasons = addReasons(sum.reasons, group.reasons);
  // Users come united (src/report/read/sketches.ts), once for each group.
  sum.sketch ??= group.sketch;
}

function addReasons(left: Reasons, right: Reasons): Reasons {
  const reasons: Record<string, Exact> = { ...left };
  for (const [reason, count] of Object.entries(right)) {
    const sum = addExact(reasons[reason] ?? 0, count);
    if (sum === 0) delete reasons[reason];
    else reasons[reason] = sum;
  }
  return reasons;
}

/** Each group's values are taken once, not at every comparison. */
function sortGroups(groups: readonly Group[], { order, metrics }: ReportQuery): Group[] {
  const isByKey = order.every((term) => term.by.kind !== "metric");
  const read = valuesReader(metrics);
  const ranked = groups.map((group) => ({ group, values: isByKey ? [] : read(group) }));
  const fieldOf = ({ group, values }: (typeof ranked)[number], by: OrderTerm["by"]) => {
    if (by.kind === "window") return group.window;
    return by.kind === "dimension" ? (group.dimensions[by.index] ?? "") : (values[by.index] as Exact | null);
  };
  const compare = (left: (typeof ranked)[number], right: (typeof ranked)[number]) => {
    for (const { by, isDescending } of order) {
      const a = fieldOf(left, by);
      const b = fieldOf(right, by);
      if (a === b) continue;
      if (a === null) return 1;
      if (b === null) return -1;
      // Text compares by code unit, which for the ASCII of ids is SQLite's order.
      return a < b === isDescending ? 1 : -1;
    }
    return 0;
  };
  return ranked.sort(compare).map(({ group }) => group);
}
