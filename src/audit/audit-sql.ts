/**
 * The statements by which an audit reads what stands in a report database: everybody's rows, for the operator alone.
 */
import { DIMENSIONS, MEASURES, ROW_DIMENSIONS } from "../core/fields.ts";
import { ADVERTISER_BUCKETS } from "../core/limits.ts";
import { SUMS_OF } from "../facts/day-sums-sql.ts";
import type { Tier } from "../facts/facts-schema.ts";
import { FOLD_HOURS, HOUR_SUMS_BY, HOURS_OF, type HourSumsBy, STORED_HOURS } from "../facts/hour-sums-sql.ts";
import { WIDE } from "../facts/wide-sql.ts";

export const SELECT_ALL_LEDGER = `
SELECT source, seq, chain, logged_at_ms, part
FROM ledger
WHERE source NOT GLOB 'repair/*'`;

export const SELECT_MARKS = `
SELECT tier, mark
FROM roll_marks
WHERE bucket = ?1`;

/** Rows of bucket ?1 with windows in [?2, ?3). */
const SELECT_ROWS = (table: string, time: Tier) => `
SELECT facts.advertiser_id, facts.${time} AS minute, ${ROW_DIMENSIONS.map((name) => `facts.${name}`).join(", ")},
  facts.part, ${MEASURES.map((measure) => `${WIDE(`facts.${measure}`)} AS ${measure}`).join(", ")},
  facts.cells, facts.reasons, CAST(facts.sketch AS TEXT) AS sketch
FROM advertisers
CROSS JOIN ${table} AS facts ON facts.advertiser_id = advertisers.advertiser_id
  AND facts.${time} >= ?2 AND facts.${time} < ?3
WHERE advertisers.bucket = ?1`;

export const SELECT_STORED = {
  minute: SELECT_ROWS("facts_minute", "minute"),
  hour: SELECT_ROWS("facts_hour", "hour"),
  day: SELECT_ROWS("facts_day", "day"),
} as const;

export const SUM_KEY = ["dimension", "publisher_id", "day", "value"] as const;

const SUM_KEYS = (table: string) => SUM_KEY.map((name) => `${table}.${name}`).join(", ");
const IS_SAME_SUM = SUM_KEY.map((name) => `sums.${name} = expected.${name}`).join(" AND ");
const IS_ALL_SUMMED = `(SELECT count(*) FROM day_sum_marks WHERE mark > ?1) = ${ADVERTISER_BUCKETS}`;

/** Sums of day ?1 that are not the fold of its cells, with what they lack; none while a bucket is not summed. */
export const SELECT_WRONG_SUMS = `
WITH expected AS MATERIALIZED (${SUMS_OF(`SELECT day, ${DIMENSIONS.join(", ")}, ${MEASURES.join(", ")}
  FROM cells_day
  WHERE day = ?1 AND ${IS_ALL_SUMMED}`)}
)
SELECT ${SUM_KEYS("expected")},
  json_array(${MEASURES.map((name) => WIDE(`coalesce(sums.${name}, 0)`)).join(", ")}) AS audited,
  ${MEASURES.map((name) => `${WIDE(`expected.${name} - coalesce(sums.${name}, 0)`)} AS ${name}`).join(",\n  ")}
FROM expected
LEFT JOIN day_sums AS sums ON ${IS_SAME_SUM}
WHERE ${MEASURES.map((name) => `expected.${name} <> coalesce(sums.${name}, 0)`).join(" OR ")}
UNION ALL
SELECT ${SUM_KEYS("sums")},
  json_array(${MEASURES.map((name) => WIDE(`sums.${name}`)).join(", ")}) AS audited,
  ${MEASURES.map((name) => `${WIDE(`-sums.${name}`)} AS ${name}`).join(",\n  ")}
FROM day_sums AS sums
LEFT JOIN expected ON ${IS_SAME_SUM}
WHERE sums.day = ?1 AND ${IS_ALL_SUMMED} AND expected.day IS NULL
  AND (${MEASURES.map((name) => `sums.${name} <> 0`).join(" OR ")})`;

/** The numbers of repairs under the sources that begin with ?1; ':' follows the digits. */
export const SELECT_REPAIRED = `
SELECT seq
FROM ledger
WHERE source >= ?1 AND source < ?1 || ':'`;

/** Takes everything back, by a NULL that the ledger refuses, where a list of totals is not what was audited. */
const REFUSE_UNLESS = (audited: string, totals: string) => `
INSERT INTO ledger (source, seq, chain, logged_at_ms, part, posted_at_ms, version, touched)
SELECT 'guard', NULL, '', 0, '', 0, 0, '[]'
WHERE json(${audited}) IS NOT (${totals})`;

const TOTALS = `json_array(${MEASURES.map((measure) => WIDE(`coalesce(sum(${measure}), 0)`)).join(", ")})`;
const GUARD = (tier: Tier) =>
  REFUSE_UNLESS(
    "?6",
    `
  SELECT ${TOTALS}
  FROM facts_${tier}
  WHERE advertiser_id = ?1 AND ${tier} = ?2 AND campaign_id = ?3 AND ad_group_id = ?4 AND ad_id = ?5`,
  );

/** The rows of one key in a tier are what the audit read; of minutes, those that have not left for R2. */
export const GUARD_ROWS = {
  minute: GUARD("minute"),
  hour: GUARD("hour"),
  day: GUARD("day"),
} as const satisfies Record<Tier, string>;

const IS_SUM = SUM_KEY.map((name, at) => `${name} = ?${at + 1}`).join(" AND ");
export const GUARD_SUM = REFUSE_UNLESS("?5", `SELECT ${TOTALS} FROM day_sums WHERE ${IS_SUM}`);

/** Adds to the sum of key ?1 … ?4 the list ?5. */
export const ADD_TO_SUM = `
INSERT INTO day_sums (${SUM_KEY.join(", ")}, ${MEASURES.join(", ")})
VALUES (?1, ?2, ?3, ?4, ${MEASURES.map((_, at) => `CAST(?5 ->> ${at} AS INTEGER)`).join(", ")})
ON CONFLICT (${SUM_KEY.join(", ")}) DO UPDATE SET
  ${MEASURES.map((measure) => `${measure} = day_sums.${measure} + excluded.${measure}`).join(",\n  ")}`;

const IS_OF_DAY = "facts.hour >= ?2 * 24 AND facts.hour < ?2 * 24 + 24";

/** Takes an advertiser's day ?2 by dimension ?3 out of the sums of hours; it is folded anew in the same transaction. */
export const FORGET_HOUR_SUMS = `
DELETE FROM hour_sums
WHERE advertiser_id = ?1 AND day = ?2 AND dimension = ?3`;

/** Dimension → folds advertiser ?1's hours of day ?2, where it is before the mark. */
export const FOLD_HOURS_OF_DAY = Object.fromEntries(
  HOUR_SUMS_BY.map((by) => {
    const mark = `SELECT mark FROM hour_sum_marks JOIN advertisers USING (bucket)
    WHERE dimension = '${by}' AND advertisers.advertiser_id = ?1`;
    return [by, FOLD_HOURS(HOURS_OF(by, `facts.advertiser_id = ?1 AND ${IS_OF_DAY} AND ?2 < (${mark})`))];
  }),
) as Readonly<Record<HourSumsBy, string>>;

/**
 * By each dimension: advertisers of bucket ?1 whose sums of day ?2 differ, and in how many values and hours of each
 * measure.
 */
export const SELECT_WRONG_HOUR_SUMS: readonly string[] = HOUR_SUMS_BY.map((by) => {
  const { before, select } = STORED_HOURS(by);
  const isSummed = `EXISTS (SELECT 1 FROM hour_sum_marks WHERE dimension = '${by}' AND bucket = ?1 AND mark > ?2)`;
  const ofBucket = "facts.advertiser_id IN (SELECT advertiser_id FROM advertisers WHERE bucket = ?1)";
  const sums = MEASURES.map((name) => `sum(${name}) AS ${name}`).join(", ");
  return `
WITH ${before},
expected AS (${HOURS_OF(by, `${ofBucket} AND ${IS_OF_DAY} AND ${isSummed}`)}
),
compared AS (
  SELECT advertiser_id, value, hour, ${MEASURES.join(", ")}
  FROM expected
  UNION ALL${select} AND ${isSummed}
)
SELECT advertiser_id, '${by}' AS dimension, ${MEASURES.map((name) => `sum(${name} <> 0) AS ${name}`).join(", ")}
FROM (SELECT advertiser_id, ${sums} FROM compared GROUP BY advertiser_id, value, hour)
GROUP BY advertiser_id
HAVING ${MEASURES.map((name) => `sum(${name} <> 0) > 0`).join(" OR ")}`;
});
