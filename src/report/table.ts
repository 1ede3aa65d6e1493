/**
 * Groups as a table: one row per group, its fields in the order time word, dimensions, metrics.
 *
 *   {"minute":"2026-04-20T12:00:00Z","adId":"ad_9","clicks":841}
 *
 * Keeps: a row has exactly those fields. A window is named by the instant at which it starts.
 */
import { isoSecond } from "../core/time.ts";
import { toCamelCase } from "./fields.ts";
import type { Group } from "./groups.ts";
import { fieldNames, type ReportQuery } from "./query.ts";
import { windowStartMs } from "./windows.ts";

/** The values of a row, in the order of `fieldNames`. */
export function toRowValues(group: Group, { granularity, range }: ReportQuery): (string | number)[] {
  const time = granularity === "all" ? [] : [isoSecond(windowStartMs(group.window, granularity, range))];
  return [...time, ...group.dimensions, ...group.sums];
}

/** The rows as JSON objects. */
export function toTable(groups: readonly Group[], query: ReportQuery): Record<string, string | number>[] {
  const names = fieldNames(query).map(toCamelCase);
  return groups.map((group) => {
    const values = toRowValues(group, query);
    return Object.fromEntries(names.map((name, index) => [name, values[index] ?? 0]));
  });
}
