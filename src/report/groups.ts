/**
 * The groups of a report: what the segments returned, summed by (window, dimensions).
 *
 * Keeps: the sum over segments equals the sum over the range, since segments never overlap. A group whose asked
 * metrics are all zero is not there, whichever tier it came from: a zero row and no row are the same fact.
 */
import type { Page, Segment } from "./plan.ts";
import type { OrderTerm, ReportQuery } from "./query.ts";

/** A row as the statement of a segment names its columns. */
export type SegmentRow = Readonly<Record<string, string | number>>;

export type Group = {
  /** Number of the window, 0 when the granularity is `all`. */
  readonly window: number;
  readonly dimensions: readonly string[];
  /** One sum per asked metric. */
  readonly sums: number[];
};

/** What was read for a query. */
export type Reading = {
  readonly segments: readonly Segment[];
  readonly groups: readonly Group[];
  /** There are groups beyond the limit. */
  readonly isCut: boolean;
  readonly rowsRead: number;
};

/** U+001F, which no id, country or device can hold. */
const SEPARATOR = "\u001f";

/** Adds up the rows of all segments, in the query's order, zeros included. O(rows log rows). */
export function sumGroups(segmentRows: readonly (readonly SegmentRow[])[], query: ReportQuery): Group[] {
  const groups = new Map<string, Group>();
  for (const rows of segmentRows) {
    for (const row of rows) {
      const window = query.granularity === "all" ? 0 : Number(row["time_window"]);
      const dimensions = query.dimensions.map(({ dimension }) => String(row[dimension]));
      const sums = query.metrics.map((metric) => Number(row[metric]));
      addGroup(groups, { window, dimensions, sums });
    }
  }
  return [...groups.values()].sort((left, right) => compareGroups(left, right, query.order));
}

/**
 * The answered groups and whether more exist. Where each segment was cut, only the first `page.limit` sums are whole:
 * the cut comes before zero sums leave, so that none behind it moves up. Sums that cancel across segments may thus
 * leave a cut answer shorter than its limit, never wrong.
 */
export function cutGroups(sums: readonly Group[], page: Page, limit: number): Pick<Reading, "groups" | "isCut"> {
  const whole = page.isExact ? sums.slice(0, page.limit) : sums;
  const groups = whole.filter((group) => group.sums.some((sum) => sum !== 0));
  return { groups: groups.slice(0, limit), isCut: (page.isExact ? whole : groups).length > limit };
}

/** The part of a group's key that names its series. */
export function dimensionsKey(dimensions: readonly string[]): string {
  return dimensions.join(SEPARATOR);
}

function addGroup(groups: Map<string, Group>, group: Group): void {
  const key = String(group.window).concat(SEPARATOR, dimensionsKey(group.dimensions));
  const sum = groups.get(key);
  if (sum === undefined) {
    groups.set(key, group);
    return;
  }
  for (let index = 0; index < sum.sums.length; index++) {
    sum.sums[index] = (sum.sums[index] ?? 0) + (group.sums[index] ?? 0);
  }
}

/** Text compares by code unit, which for the ASCII of ids is SQLite's order. */
export function compareGroups(left: Group, right: Group, order: readonly OrderTerm[]): number {
  for (const { by, isDescending } of order) {
    const a = fieldOf(left, by);
    const b = fieldOf(right, by);
    if (a !== b) return a < b === isDescending ? 1 : -1;
  }
  return 0;
}

function fieldOf(group: Group, by: OrderTerm["by"]): string | number {
  if (by.kind === "window") return group.window;
  return (by.kind === "dimension" ? group.dimensions : group.sums)[by.index] ?? "";
}
