/**
 * The one statement of a report: the groups of one segment, built from the constant fragments below.
 *
 *   SELECT window, dimensions, sums FROM facts or cells of a tier
 *   WHERE advertisers in scope AND windows of the segment AND filters GROUP BY … HAVING any sum <> 0 ORDER BY … LIMIT ?
 *
 * Keeps: no value meets SQL text: names come from closed lists, values are bound, a list as one JSON string. The scope
 * is added here and nowhere else, so no route can forget it: a tenant's statements read its own rows whatever it asks
 * for. Primary keys start with advertiser_id, so a statement always names its advertisers and stays on the index.
 */
import { assert } from "../core/result.ts";
import { type Dimension, isRowDimension, METRIC_MEASURES, type Metric } from "./fields.ts";
import type { Page, Segment, Tier } from "./plan.ts";
import type { OrderTerm, ReportQuery } from "./query.ts";
import type { Granularity } from "./windows.ts";

/** Whose rows may be read: one advertiser's, or all (null). */
export type ReadScope = { readonly advertiserId: string | null };

export type Statement = { readonly sql: string; readonly bound: readonly (string | number)[] };

const ROW_TABLES: Readonly<Record<Tier, string>> = {
  minute: "FROM facts_minute AS facts",
  hour: "FROM facts_hour AS facts",
  day: "FROM facts_day AS facts",
};
const CELL_VIEWS: Readonly<Record<Tier, string>> = {
  minute: "FROM cells_minute AS facts",
  hour: "FROM cells_hour AS facts",
  day: "FROM cells_day AS facts",
};
const SEGMENT_RANGES: Readonly<Record<Tier, string>> = {
  minute: "AND facts.minute >= ? AND facts.minute < ?",
  hour: "AND facts.hour >= ? AND facts.hour < ?",
  day: "AND facts.day >= ? AND facts.day < ?",
};

/** The numbers of src/report/windows.ts; `all` has no column. A tier coarser than the granularity is never planned. */
const WINDOWS: Readonly<Record<Tier, Readonly<Partial<Record<Granularity, string>>>>> = {
  minute: {
    minute: "facts.minute",
    hour: "facts.minute / 60",
    day: "facts.minute / 1440",
    week: "(facts.minute / 1440 + 3) / 7",
    month:
      "CAST(strftime('%Y', facts.minute * 60, 'unixepoch') AS INTEGER) * 12" +
      " + CAST(strftime('%m', facts.minute * 60, 'unixepoch') AS INTEGER) - 1",
  },
  hour: {
    hour: "facts.hour",
    day: "facts.hour / 24",
    week: "(facts.hour / 24 + 3) / 7",
    month:
      "CAST(strftime('%Y', facts.hour * 3600, 'unixepoch') AS INTEGER) * 12" +
      " + CAST(strftime('%m', facts.hour * 3600, 'unixepoch') AS INTEGER) - 1",
  },
  day: {
    day: "facts.day",
    week: "(facts.day + 3) / 7",
    month:
      "CAST(strftime('%Y', facts.day * 86400, 'unixepoch') AS INTEGER) * 12" +
      " + CAST(strftime('%m', facts.day * 86400, 'unixepoch') AS INTEGER) - 1",
  },
};

const COLUMNS: Readonly<Record<Dimension, string>> = {
  advertiser_id: "facts.advertiser_id",
  campaign_id: "facts.campaign_id",
  ad_group_id: "facts.ad_group_id",
  ad_id: "facts.ad_id",
  creative_id: "facts.creative_id",
  publisher_id: "facts.publisher_id",
  country: "facts.country",
  device: "facts.device",
};

const SCOPE_ONE = "WHERE facts.advertiser_id = ?";
const SCOPE_LISTED = "WHERE facts.advertiser_id IN (SELECT value FROM json_each(?))";
const SCOPE_ALL = "WHERE facts.advertiser_id IN (SELECT advertiser_id FROM advertisers)";

/** The statement of one segment. Its rows have the aliases `time_window`, each dimension and each metric. */
export function segmentStatement(
  segment: Segment,
  { query, scope, page }: { query: ReportQuery; scope: ReadScope; page: Page },
): Statement {
  const { tier, from, to } = segment;
  const keys = keyColumns(tier, query);
  const sums = query.metrics.map((metric) => sumOf(metric));
  const scoped = scopeTerm(scope, query);
  const filtered = filterTerms(query);
  const selected = [
    ...keys.map(({ column, alias }) => column.concat(" AS ", alias)),
    ...query.metrics.map((metric, index) => (sums[index] ?? "").concat(" AS ", metric)),
  ];
  const clauses = [
    "SELECT ".concat(selected.join(", ")),
    (needsCells(query) ? CELL_VIEWS : ROW_TABLES)[tier],
    scoped.sql,
    SEGMENT_RANGES[tier],
    ...filtered.map((term) => term.sql),
    keys.length === 0 ? "" : "GROUP BY ".concat(keys.map(({ column }) => column).join(", ")),
    "HAVING ".concat(sums.map((sum) => sum.concat(" <> 0")).join(" OR ")),
    page.order.length === 0 ? "" : "ORDER BY ".concat(page.order.map((term) => orderTerm(term, query)).join(", ")),
    "LIMIT ?",
  ];
  return {
    sql: clauses.filter((clause) => clause !== "").join("\n"),
    bound: [...scoped.bound, from, to, ...filtered.flatMap((term) => term.bound), page.limit],
  };
}

/** Whether a query names a dimension that only cells have. */
function needsCells({ dimensions, filters }: ReportQuery): boolean {
  return [...dimensions, ...filters].some(({ dimension }) => !isRowDimension(dimension));
}

function keyColumns(tier: Tier, { granularity, dimensions }: ReportQuery): { column: string; alias: string }[] {
  const columns = dimensions.map(({ dimension }) => ({ column: COLUMNS[dimension], alias: dimension as string }));
  if (granularity === "all") return columns;
  const column = WINDOWS[tier][granularity];
  assert(column !== undefined, "a planned tier is as fine as the granularity");
  return [{ column, alias: "time_window" }, ...columns];
}

function sumOf(metric: Metric): string {
  return "sum(facts.".concat(METRIC_MEASURES[metric], ")");
}

/**
 * The advertisers to read, which is also the way into the index. Under a tenant's scope a filter by advertiser is one
 * more condition on its own rows, so that a foreign and an unknown id cost and answer the same.
 */
function scopeTerm({ advertiserId }: ReadScope, { filters }: ReportQuery): Statement {
  if (advertiserId !== null) return { sql: SCOPE_ONE, bound: [advertiserId] };
  const listed = filters.find((filter) => filter.dimension === "advertiser_id")?.include ?? [];
  return listed.length > 0 ? { sql: SCOPE_LISTED, bound: [JSON.stringify(listed)] } : { sql: SCOPE_ALL, bound: [] };
}

/** One condition for each list. The unary plus keeps SQLite from entering the index anywhere but at the scope. */
function filterTerms({ filters }: ReportQuery): Statement[] {
  return filters.flatMap(({ dimension, include, exclude }) => {
    const column = "AND +".concat(COLUMNS[dimension]);
    const terms: Statement[] = [];
    if (include.length > 0) {
      terms.push({ sql: column.concat(" IN (SELECT value FROM json_each(?))"), bound: [JSON.stringify(include)] });
    }
    if (exclude.length > 0) {
      terms.push({ sql: column.concat(" NOT IN (SELECT value FROM json_each(?))"), bound: [JSON.stringify(exclude)] });
    }
    return terms;
  });
}

function orderTerm({ by, isDescending }: OrderTerm, { dimensions, metrics }: ReportQuery): string {
  const field =
    by.kind === "window"
      ? "time_window"
      : by.kind === "dimension"
        ? dimensions[by.index]?.dimension
        : metrics[by.index];
  assert(field !== undefined, "an order names a field of its query");
  return isDescending ? field.concat(" DESC") : field;
}
