/**
 * What is asked: each recipe as a request of the report API, and the same question as SQL for DuckDB.
 *
 *   request   ?from=…&to=…&group_by=day,country&advertiser_id=adv_0000&metrics=impressions,clicks,spend_micros
 *   SQL       SELECT time, country, sum(impressions), sum(valid), sum(spend_micros) FROM facts_day …
 *
 * Keeps: both spell the same rows in the same order, text for text. `tiers` are those that the API must answer from: more
 * would be a lost roll, finer ones a lost plan. Where a sampled advertiser is asked, DuckDB may add up another tier.
 */
import { DIMENSIONS, type Dimension } from "../../src/core/fields.ts";
import { SUMS_OF_ALL } from "../../src/facts/day-sums-sql.ts";
import type { Tier } from "../../src/facts/facts-schema.ts";
import { isRowDimension } from "../../src/report/query/fields.ts";
import { type Calendar, dateOf } from "./calendar.ts";

export type Recipe = {
  readonly name: string;
  readonly search: Readonly<Record<string, string>>;
  readonly sql: string;
  /** SQL of `meta.totals`, where they are asked. */
  readonly totalsSql?: string;
  /** The p99 that is wanted, or none. */
  readonly goalMs: number | null;
  readonly tiers: readonly Tier[];
  readonly advertiserId: string | null;
  /** Whether cells have to be unfolded. */
  readonly hasCells: boolean;
  /** The dimensions of the days summed over advertisers that answer it, '' for none, or null where facts do. */
  readonly summedBy: string | null;
  /** Whether sums of hours answer it, which are fewer rows than those that it is about. */
  readonly isOfHourSums: boolean;
  /**
   * How often D1 may count a row: once from the table, and where groups are not in the table's order once more out of the
   * sorter; some again, where a first try did not fill the page; once more for totals, and for a reason that it is
   * unfolded into; twice more for sketches.
   */
  readonly readsOfRow: number;
  /** How far a number may be off, as a share: estimates only. */
  readonly tolerance: number;
};

/** A question in words that both spellings are made from. */
type Question = {
  readonly who: string | null;
  readonly time: "minute" | "hour" | "day" | "month" | null;
  readonly by: readonly Dimension[];
  /** Days [from, to). */
  readonly from: number;
  readonly to: number;
  /** What DuckDB adds up. */
  readonly tier: Tier;
};
type Extra = Partial<
  Pick<
    Recipe,
    | "goalMs"
    | "tiers"
    | "search"
    | "sql"
    | "totalsSql"
    | "hasCells"
    | "summedBy"
    | "isOfHourSums"
    | "readsOfRow"
    | "tolerance"
  >
>;

const GOAL_MS = 500;
const ZONE_GOAL_MS = 300;
const PAIR_GOAL_MS = 1_000;
const COLD_GOAL_MS = 3_000;
/** Four standard errors of a sketch with registers. */
const ESTIMATE_TOLERANCE = 0.065;
const LIMIT = 10_000;
const READS_OF_ROW = 2.3;
const WINDOWS_OF_DAY: Readonly<Record<Tier, number>> = { minute: 1_440, hour: 24, day: 1 };
const SUMS = { impressions: "impressions", clicks: "valid", spend_micros: "spend_micros" } as const;

/** The busiest advertiser, which has days for two years and minutes of the last day. */
export const LARGEST = "adv_0000";
/** The busiest of the sample, which has everything. */
export const SAMPLED = "adv_0004";
const PUBLISHER = "pub_7";

export function makeRecipes(calendar: Calendar): Recipe[] {
  const to = calendar.toDay;
  return [
    ...DIMENSIONS.map((dimension) => ninetyDays([dimension], LARGEST, to)),
    ...DIMENSIONS.map((dimension) => ninetyDays([dimension], null, to)),
    ...minuteRecipes(calendar),
    ...longRecipes(calendar),
    ...publisherRecipes(to),
    ...topRecipes(to),
    ninetyDays(["ad_group_id", "ad_id"], LARGEST, to),
    ninetyDays(["country", "device"], LARGEST, to),
    ninetyDays(["publisher_id", "country"], LARGEST, to),
    ninetyDays(["ad_id", "country"], LARGEST, to),
    ninetyDays(["campaign_id", "ad_id"], null, to),
    ninetyDays(["country", "device"], null, to),
    ...otherRecipes(to),
  ];
}

function ninetyDays(by: readonly Dimension[], who: string | null, to: number): Recipe {
  const ofTwo = who === null && by.length === 2 ? PAIR_GOAL_MS : null;
  const goalMs = by.length === 1 ? GOAL_MS : ofTwo;
  const question: Question = { who, time: "day", by, from: to - 90, to, tier: "day" };
  return ask(`90 days by day, ${by.join(" and ")}, ${nameOf(who)}`, question, { goalMs });
}

function minuteRecipes({ toDay: to, coldDay }: Calendar): Recipe[] {
  const minutes: Question = { who: LARGEST, time: "minute", by: [], from: to - 1, to, tier: "minute" };
  const cold = { ...minutes, who: SAMPLED, from: coldDay, to: coldDay + 1 };
  return [
    ask(`24 h by minute, ${LARGEST}`, minutes, { goalMs: GOAL_MS }),
    ask(`24 h by minute, ${SAMPLED}`, { ...minutes, who: SAMPLED }, { goalMs: GOAL_MS }),
    ask(`24 h by minute, country, ${SAMPLED}`, { ...minutes, who: SAMPLED, by: ["country"] }, {}),
    ask(`24 h by minute three months ago, from R2, ${SAMPLED}`, cold, { goalMs: COLD_GOAL_MS }),
  ];
}

function longRecipes({ fromDay: from, toDay: to }: Calendar): Recipe[] {
  const months: Question = { who: null, time: "month", by: [], from, to, tier: "day" };
  const folded = { ...months, who: SAMPLED, tier: "hour" } as const;
  return [
    ask("2 years by month, all", months, { goalMs: GOAL_MS }),
    ask(`2 years by month, ${LARGEST}`, { ...months, who: LARGEST }, { goalMs: GOAL_MS }),
    ask(`2 years by month, ${SAMPLED} (DuckDB adds up hours)`, folded, { goalMs: GOAL_MS, tiers: ["day"] }),
  ];
}

/** What a publisher's own key reads as well. */
function publisherRecipes(to: number): Recipe[] {
  return [[], ["country"] as const].map((by) => {
    const question: Question = { who: null, time: "day", by, from: to - 90, to, tier: "day" };
    const sql = select(question, orderOf(question), LIMIT, `AND publisher_id = '${PUBLISHER}'`);
    const search = { publisher_id: PUBLISHER };
    const name = `90 days by day${by.map((dimension) => `, ${dimension}`).join("")}, ${PUBLISHER}`;
    return ask(name, question, { goalMs: GOAL_MS, search, sql });
  });
}

function topRecipes(to: number): Recipe[] {
  return [null, LARGEST].map((who) => {
    const question: Question = { who, time: null, by: ["ad_id"], from: to - 30, to, tier: "day" };
    const sql = select(question, "clicks DESC, ad_id", 100);
    const search = { order: "-clicks,ad_id", limit: "100" };
    return ask(`top 100 ads of 30 days, ${nameOf(who)}`, question, { goalMs: GOAL_MS, search, sql });
  });
}

function otherRecipes(to: number): Recipe[] {
  const week: Question = { who: SAMPLED, time: "hour", by: [], from: to - 7, to, tier: "minute" };
  const month: Question = { who: LARGEST, time: "day", by: [], from: to - 30, to, tier: "day" };
  const byAd: Question = { ...month, by: ["ad_id"] };
  return [
    ask(`7 days by hour, ${SAMPLED} (DuckDB adds up minutes)`, week, { tiers: ["hour"] }),
    kolkata(to),
    ...[[], ["country"], ["device"], ["publisher_id"], ["creative_id"], ["ad_id"]].map((by) =>
      tokyo(by as readonly Dimension[], to),
    ),
    ask(`90 days by day with totals, ${LARGEST}`, { ...month, from: to - 90 }, totals({ ...month, from: to - 90 })),
    ask(`90 days by day of DE, ${LARGEST}`, { ...month, from: to - 90 }, filtered({ ...month, from: to - 90 })),
    ask(`30 days by day, conversions, ${LARGEST}`, month, conversions(month)),
    ask("30 days by day, invalid clicks by reason, all", { ...month, who: null }, reasons({ ...month, who: null })),
    ask(`30 days by day and ad, users, ${LARGEST}`, byAd, users(byAd, 0)),
    ask(`30 days by day, users, ${LARGEST}`, month, users(month, ESTIMATE_TOLERANCE)),
  ];
}

/** Days of a zone of half hours: hours, and minutes at both ends of each. */
function kolkata(to: number): Recipe {
  const question: Question = { who: SAMPLED, time: "day", by: [], from: to - 30, to, tier: "minute" };
  const sql = `
SELECT strftime(make_timestamp((minute + 330) // 1440 * 86400000000), '%Y-%m-%dT00:00:00+05:30') AS time, ${SUM_LIST}
FROM facts_minute
WHERE advertiser_id = '${SAMPLED}' AND minute >= ${(to - 30) * 1_440 - 330} AND minute < ${to * 1_440 - 330}
GROUP BY time
ORDER BY time`;
  const extra = { search: { timezone: "Asia/Kolkata" }, sql, tiers: ["minute", "hour"] as const };
  return ask(`30 days by day in Kolkata, ${SAMPLED} (DuckDB adds up minutes)`, question, extra);
}

/** Days of a zone of whole hours: sums of hours, since no day of UTC is one of its own. */
function tokyo(by: readonly Dimension[], to: number): Recipe {
  const question: Question = { who: SAMPLED, time: "day", by, from: to - 90, to, tier: "hour" };
  const keys = ["time", ...by].join(", ");
  const sql = `
SELECT strftime(make_timestamp((hour + 9) // 24 * 86400000000), '%Y-%m-%dT00:00:00+09:00') AS time, ${[...by, SUM_LIST].join(", ")}
FROM facts_hour
WHERE advertiser_id = '${SAMPLED}' AND hour >= ${(to - 90) * 24 - 9} AND hour < ${to * 24 - 9}
GROUP BY ${keys}
HAVING ${NOT_ZERO}
ORDER BY ${keys}
LIMIT ${LIMIT}`;
  const name = `90 days by day in Tokyo${by.map((dimension) => `, ${dimension}`).join("")}, ${SAMPLED}`;
  return ask(name, question, { search: { timezone: "Asia/Tokyo" }, sql, goalMs: ZONE_GOAL_MS, isOfHourSums: true });
}

function totals(question: Question): Extra {
  const sql = select({ ...question, time: null }, "1", 1);
  return { search: { totals: "true" }, totalsSql: sql, readsOfRow: READS_OF_ROW + 1 };
}

function filtered(question: Question): Extra {
  const sql = select(question, orderOf(question), LIMIT, "AND country = 'DE'");
  return { search: { country: "DE" }, sql, hasCells: true };
}

/** Whose watermark asks the objects that conversions wait in as well. */
function conversions(question: Question): Extra {
  const sql = select(question, orderOf(question), LIMIT)
    .replace(SUM_LIST, "CAST(sum(conversions) AS BIGINT)")
    .replace(NOT_ZERO, "sum(conversions) <> 0");
  return { search: { metrics: "conversions" }, sql };
}

function reasons(question: Question): Extra {
  const sql = select(question, orderOf(question), LIMIT)
    .replace(SUM_LIST, "CAST(sum(invalid) AS BIGINT)")
    .replace(NOT_ZERO, "sum(invalid) <> 0");
  return { search: { metrics: "reasons" }, sql, summedBy: null, readsOfRow: READS_OF_ROW + 1 };
}

/** Of days and ads that have clicks, also where nobody is known. */
function users({ who, by, from, to }: Question, tolerance: number): Extra {
  const keys = ["day", ...by].join(", ");
  const where = `WHERE advertiser_id = '${who}' AND day >= ${from} AND day < ${to}`;
  const sql = `
SELECT strftime(make_timestamp(day * 86400000000), '%Y-%m-%dT%H:%M:%SZ') AS time, ${[...by, ""].join(", ")}coalesce(users, 0)
FROM (SELECT ${keys} FROM facts_day ${where} GROUP BY ${keys} HAVING sum(valid) <> 0)
LEFT JOIN (SELECT ${keys}, count(DISTINCT "user") AS users FROM users_day ${where} GROUP BY ${keys}) USING (${keys})
ORDER BY ${keys}
LIMIT 2000`;
  return { search: { metrics: "unique_users", limit: "2000" }, sql, readsOfRow: READS_OF_ROW + 2, tolerance };
}

function ask(name: string, question: Question, extra: Extra): Recipe {
  const { who, time, by, from, to, tier } = question;
  const search = {
    from: dateOf(from),
    to: dateOf(to - 1),
    ...(time === null && by.length === 0 ? {} : { group_by: [...(time === null ? [] : [time]), ...by].join(",") }),
    ...(who === null ? {} : { advertiser_id: who }),
    metrics: Object.keys(SUMS).join(","),
    ...extra.search,
  };
  return {
    name,
    sql: extra.sql ?? select(question, orderOf(question), LIMIT),
    goalMs: extra.goalMs ?? null,
    tiers: extra.tiers ?? [tier],
    advertiserId: who,
    hasCells: extra.hasCells ?? by.some((dimension) => !isRowDimension(dimension)),
    summedBy: extra.summedBy === undefined ? summedBy(question) : extra.summedBy,
    isOfHourSums: extra.isOfHourSums ?? false,
    readsOfRow: extra.readsOfRow ?? READS_OF_ROW,
    tolerance: extra.tolerance ?? 0,
    ...(extra.totalsSql === undefined ? {} : { totalsSql: extra.totalsSql }),
    search,
  };
}

function summedBy({ who, by, tier }: Question): Recipe["summedBy"] {
  const dimensions = by.join(",");
  return who === null && tier === "day" && SUMS_OF_ALL.includes(dimensions) ? dimensions : null;
}

const SUM_LIST = Object.entries(SUMS)
  .map(([name, measure]) => `CAST(sum(${measure}) AS BIGINT) AS ${name}`)
  .join(", ");
const NOT_ZERO = Object.values(SUMS)
  .map((measure) => `sum(${measure}) <> 0`)
  .join(" OR ");

function select({ who, time, by, from, to, tier }: Question, order: string, limit: number, filter = ""): string {
  const windows = WINDOWS_OF_DAY[tier];
  const keys = [...(time === null ? [] : ["time"]), ...by];
  const instant = `make_timestamp(${tier} * ${86_400_000_000 / windows})`;
  const spelled = `strftime(date_trunc('${time}', ${instant}), '%Y-%m-%dT%H:%M:%SZ') AS time`;
  const lines = [
    `SELECT ${[...(time === null ? [] : [spelled]), ...by, SUM_LIST].join(", ")}`,
    `FROM facts_${tier}`,
    `WHERE ${tier} >= ${from * windows} AND ${tier} < ${to * windows} ${filter}`,
    ...(who === null ? [] : [`AND advertiser_id = '${who}'`]),
    ...(keys.length === 0 ? [] : [`GROUP BY ${keys.join(", ")}`]),
    `HAVING ${NOT_ZERO}`,
    `ORDER BY ${order}`,
    `LIMIT ${limit}`,
  ];
  return lines.join("\n");
}

function orderOf({ time, by }: Question): string {
  return [...(time === null ? [] : ["time"]), ...by].join(", ");
}

function nameOf(who: string | null): string {
  return who ?? "all";
}
