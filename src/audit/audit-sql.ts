/**
 * The statements by which an audit reads what stands in a report database: everybody's rows, for the operator alone.
 */
import { DIMENSIONS, MEASURES, ROW_DIMENSIONS } from "../core/fields.ts";
import { ADVERTISER_BUCKETS } from "../core/limits.ts";
import { SUMS_OF } from "../facts/day-sums-sql.ts";
import type { Tier } from "../facts/facts-schema.ts";
import { WIDE } from "../facts/wide-sql.ts";

export const SELECT_ALL_LEDGER = `
SELECT source, seq, chain, logged_at_ms, part
FROM ledger`;

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
  moving: SELECT_ROWS("facts_minute_moving", "minute"),
  hour: SELECT_ROWS("facts_hour", "hour"),
  day: SELECT_ROWS("facts_day", "day"),
} as const;

export const SUM_KEY = ["dimension", "publisher_id", "day", "value"] as const;

/** Rows of day ?1 that are not the fold of its cells, with what they lack; none while a bucket is not summed. */
export const SELECT_WRONG_SUMS = `
WITH expected AS MATERIALIZED (${SUMS_OF(`SELECT day, ${DIMENSIONS.join(", ")}, ${MEASURES.join(", ")}
  FROM cells_day
  WHERE day = ?1 AND (SELECT count(*) FROM day_sum_marks WHERE mark > ?1) = ${ADVERTISER_BUCKETS}`)}
)
SELECT ${SUM_KEY.map((name) => `expected.${name}`).join(", ")},
  ${MEASURES.map((name) => `${WIDE(`expected.${name} - coalesce(sums.${name}, 0)`)} AS ${name}`).join(",\n  ")}
FROM expected
LEFT JOIN day_sums AS sums ON ${SUM_KEY.map((name) => `sums.${name} = expected.${name}`).join(" AND ")}
WHERE ${MEASURES.map((name) => `expected.${name} <> coalesce(sums.${name}, 0)`).join(" OR ")}`;
