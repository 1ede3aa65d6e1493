/**
 * What a table of Explore is made of, as its address says it: rows by up to three words, columns, an order, a page.
 *
 *   /explore?group_by=day,campaign_id&metrics=clicks,spend_micros&order=-clicks&limit=50&cursor=…
 *   /explore?group_by=day&group_by=&metrics=clicks&metrics=ctr          as a form without scripts sends it
 *
 * Keeps: pure. Words are those of the API and go to it as they are; one that no table has is left out and told. A sort
 * by a column that is not shown is the usual sort.
 */
import { DIMENSIONS, type Dimension } from "../report/query/fields.ts";
import { METRICS } from "../report/query/metrics.ts";
import { GRANULARITIES, type Granularity } from "../report/query/windows.ts";
import type { Query } from "./api-client.ts";
import type { MetricName } from "./figures.ts";
import { queryOf, type View } from "./view.ts";

/** A window of time, or a dimension. */
export type GroupWord = Exclude<Granularity, "all"> | Dimension;

export type Choice = {
  readonly groupBy: readonly GroupWord[];
  readonly metrics: readonly MetricName[];
  /** The column that sorts, and which way; null for the API's order, time and dimensions ascending. */
  readonly order: { readonly by: string; readonly isDescending: boolean } | null;
  readonly limit: number;
  readonly cursor: string | null;
  readonly misread: readonly string[];
};

export const GROUPS_MAX = 3;
export const LIMITS = [25, 50, 100, 500] as const;
export const TIME_WORDS: readonly GroupWord[] = GRANULARITIES.filter((word) => word !== "all");
const LIMIT_UNLESS_GIVEN = 50;
const METRICS_UNLESS_GIVEN: readonly MetricName[] = ["clicks", "gross_clicks", "impressions", "ctr", "spend_micros"];
const LISTS = ["group_by", "metrics"] as const;

/** An address whose lists are each one parameter, whichever way a form has sent them. */
export function withJoinedLists(url: URL): URL {
  const joined = new URL(url);
  for (const name of LISTS) {
    const words = url.searchParams.getAll(name).filter((word) => word !== "");
    if (words.length > 0) joined.searchParams.set(name, words.join(","));
    else joined.searchParams.delete(name);
  }
  return joined;
}

/** The table that an address asks for. */
export function choiceOf(own: View["own"]): Choice {
  const misread: string[] = [];
  const words = wordsOf(own["group_by"]);
  const groups = words.filter(isGroupWord);
  const times = groups.filter(isTime);
  const groupBy = groups.filter((word) => !isTime(word) || word === times[0]).slice(0, GROUPS_MAX);
  const metrics = wordsOf(own["metrics"]).filter(isMetric);
  for (const word of [
    ...words.filter((one) => !isGroupWord(one)),
    ...wordsOf(own["metrics"]).filter((one) => !isMetric(one)),
  ]) {
    misread.push(`No table has “${word.slice(0, 64)}”; it is left out.`);
  }
  if (times.length > 1) misread.push(`Rows are of one length of time; this shows them by ${times[0]}.`);
  if (groups.length - Math.max(0, times.length - 1) > GROUPS_MAX) {
    misread.push(`A table splits by ${GROUPS_MAX} at most; the others are left out.`);
  }
  const shown = metrics.length === 0 ? METRICS_UNLESS_GIVEN : metrics;
  const by = groupBy.length === 0 ? (["campaign_id"] as const) : groupBy;
  const limit = LIMITS.find((size) => String(size) === own["limit"]) ?? LIMIT_UNLESS_GIVEN;
  return {
    ...{ groupBy: by, metrics: shown, limit, misread },
    order: orderOf(own["order"], { groupBy: by, metrics: shown }),
    cursor: own["cursor"] ?? null,
  };
}

/** The API's query of it. */
export function tableQueryOf(view: View, { groupBy, metrics, order }: Choice): Query {
  return {
    ...queryOf(view),
    ...{ group_by: groupBy.join(","), metrics: metrics.join(",") },
    ...(order === null ? {} : { order: wordOf(order) }),
    ...{ names: "true", totals: "true" },
  };
}

/** The order that a click on a column's head asks for: numbers from the greatest, words from the first. */
export function orderAfter(column: string, { order, groupBy }: Pick<Choice, "order" | "groupBy">): string {
  const isKey = groupBy.some((word) => word === column);
  if (order?.by === column) return wordOf({ by: column, isDescending: !order.isDescending });
  return wordOf({ by: column, isDescending: !isKey });
}

export function isTime(word: GroupWord): word is Exclude<Granularity, "all"> {
  return TIME_WORDS.includes(word);
}

export function isDimension(word: string): word is Dimension {
  return DIMENSIONS.some((dimension) => dimension === word);
}

function orderOf(
  asked: string | undefined,
  { groupBy, metrics }: Pick<Choice, "groupBy" | "metrics">,
): Choice["order"] {
  const isDescending = asked?.startsWith("-") === true;
  const by = isDescending ? asked?.slice(1) : asked;
  const isShown = [...groupBy, ...metrics].some((word) => word === by);
  if (by !== undefined && isShown && by !== "reasons") return { by, isDescending };
  const first = metrics.find((metric) => metric !== "reasons");
  // Rows of time are read in its order, others from the greatest.
  if (groupBy.some(isTime) || first === undefined) return null;
  return { by: first, isDescending: true };
}

function wordOf({ by, isDescending }: NonNullable<Choice["order"]>): string {
  return isDescending ? `-${by}` : by;
}

function wordsOf(text: string | undefined): string[] {
  return [...new Set((text ?? "").split(",").map((word) => word.trim()))].filter((word) => word !== "");
}

function isGroupWord(word: string): word is GroupWord {
  return isDimension(word) || TIME_WORDS.some((time) => time === word);
}

function isMetric(word: string): word is MetricName {
  return METRICS.some((metric) => metric === word);
}
