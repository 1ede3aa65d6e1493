/**
 * The statements that write facts, built once from the list of measures, so that columns, cells and sums cannot differ.
 *
 * Input of the upserts is one bound JSON text (D1 binds at most 100 parameters), a list of rows
 *
 *   [advertiser, bucket, window, campaign, ad group, ad, ordinal, cells, reasons, sketch, ...totals]
 *
 * Keeps: no value ever meets SQL text; the only interpolated words are the constants of this file and core/measures.ts.
 * Relies on: the tables have the columns of src/facts/facts-schema.ts (test/schema.test.ts compares).
 */

import { CELL_DIMENSIONS, MEASURES, ROW_DIMENSIONS } from "../core/fields.ts";
import { BATCH_PARTS_COUNT, CELLS_PER_ROW_MAX } from "../core/limits.ts";
import { CELL_COLUMNS, type Tier } from "./facts-schema.ts";
import { MERGED_SKETCH, SKETCH_LISTS, UNITED_SKETCH } from "./sketch-sql.ts";
import { TOUCHES_KEPT } from "./touched.ts";

/** A tier that is rolled from the tier below it. */
export type RolledTier = Exclude<Tier, "minute">;

/** Minutes in one window of each tier. */
export const TIER_MINUTES = { minute: 1, hour: 60, day: 1_440 } as const satisfies Record<Tier, number>;
/** The tier that a tier is rolled from, and how many of its windows make one. */
export const ROLLED_FROM = {
  hour: { from: "minute", windows: 60 },
  day: { from: "hour", windows: 24 },
} as const satisfies Record<RolledTier, { from: Tier; windows: number }>;

const DIMENSIONS = ROW_DIMENSIONS.join(", ");
const TOTALS = MEASURES.join(", ");
const CELL_NAMES = CELL_DIMENSIONS.join(", ");
const each = (items: readonly string[], to: (item: string, index: number) => string, joint = ", ") =>
  items.map(to).join(joint);

const SUMS = each(MEASURES, (measure) => `sum(${measure}) AS ${measure}`);
const CELL_ARRAY = `json_array(json_array(${CELL_NAMES}), json_array(${TOTALS}))`;

const CELLS_OF = (source: string) => `SELECT ${CELL_COLUMNS} FROM json_each(${source}) AS cell`;
const REASONS_OF = (source: string) => `SELECT key, value FROM json_each(${source})`;

/** JSON of the cells of both texts, added. */
const MERGED_CELLS = (a: string, b: string) => `(
    SELECT json_group_array(${CELL_ARRAY})
    FROM (
      SELECT ${CELL_NAMES}, ${SUMS}
      FROM (${CELLS_OF(a)} UNION ALL ${CELLS_OF(b)})
      GROUP BY ${CELL_NAMES}
    )
  )`;

/** JSON of the reasons of both texts, added. */
const MERGED_REASONS = (a: string, b: string) => `(
    SELECT json_group_object(key, total)
    FROM (SELECT key, sum(value) AS total FROM (${REASONS_OF(a)} UNION ALL ${REASONS_OF(b)}) GROUP BY key)
  )`;

/** The conflict arm that adds the new row to the row that is there. */
const MERGE = (tier: Tier) => `
ON CONFLICT (advertiser_id, ${tier}, ${DIMENSIONS}, part) DO UPDATE SET
  ${each(MEASURES, (measure) => `${measure} = facts_${tier}.${measure} + excluded.${measure}`, ",\n  ")},
  cells = ${MERGED_CELLS(`facts_${tier}.cells`, "excluded.cells")},
  reasons = ${MERGED_REASONS(`facts_${tier}.reasons`, "excluded.reasons")},
  sketch = ${MERGED_SKETCH(`facts_${tier}.sketch`, "excluded.sketch")}`;

const COLUMNS = (tier: Tier) => `advertiser_id, ${tier}, ${DIMENSIONS}, part, ${TOTALS}, cells, reasons, sketch`;

/** The first part that a minute's delta may join: rows below it may be on their way to R2 (src/cold/sql.ts). */
const FLOOR = `coalesce((
      SELECT max(batch.sequence)
      FROM cold_objects AS batch
      WHERE batch.bucket = delta.bucket AND batch.day = delta.time_window / ${TIER_MINUTES.day}
    ), 0) * ${BATCH_PARTS_COUNT}`;

/**
 * The part that a row of deltas joins: the key's last one, or a further one when that would pass its bound of cells. Of
 * minutes none that a batch may have claimed: the ledger of batches is read in the same transaction.
 */
const PART = (tier: Tier) => `ordinal + max(${tier === "minute" ? FLOOR : "0"}, coalesce((
      SELECT max(have.part) + (json_array_length(have.cells) + json_array_length(delta.cells) > ${CELLS_PER_ROW_MAX})
      FROM facts_${tier} AS have
      WHERE have.advertiser_id = delta.advertiser_id AND have.${tier} = delta.time_window
        AND ${each(ROW_DIMENSIONS, (name) => `have.${name} = delta.${name}`, " AND ")}
    ), 0))`;

export const DELTAS = `
  SELECT
    value ->> 0 AS advertiser_id,
    value ->> 1 AS bucket,
    value ->> 2 AS time_window,
    ${each(ROW_DIMENSIONS, (name, at) => `value ->> ${3 + at} AS ${name}`)},
    value ->> 6 AS ordinal,
    value -> 7 AS cells,
    value -> 8 AS reasons,
    CAST(value ->> 9 AS BLOB) AS sketch,
    ${each(MEASURES, (name, at) => `value ->> ${10 + at} AS ${name}`)}
  FROM json_each(?1)`;

/** Whether the window of a delta lies before its bucket's mark. */
const IS_ROLLED = (tier: RolledTier) =>
  `time_window < (SELECT mark FROM roll_marks WHERE tier = '${tier}' AND roll_marks.bucket = delta.bucket)`;

/**
 * Adds deltas to a tier. For hours and days only those deltas apply whose window is already rolled: the mark is read in
 * the same transaction, so a delta is either folded by the roll or added here, never both and never neither.
 */
const UPSERT = (tier: Tier) => `
INSERT INTO facts_${tier} (${COLUMNS(tier)})
SELECT advertiser_id, time_window, ${DIMENSIONS}, ${PART(tier)}, ${TOTALS}, cells, reasons, sketch
FROM (${DELTAS}
) AS delta
WHERE ${tier === "minute" ? "true" : IS_ROLLED(tier)}${MERGE(tier)}`;

export const UPSERT_FACTS = {
  minute: UPSERT("minute"),
  hour: UPSERT("hour"),
  day: UPSERT("day"),
} as const satisfies Record<Tier, string>;

/**
 * Folds the windows [?2, ?3) of the tier below into a tier, for the advertisers of bucket ?1, if the mark is still ?2.
 * Cells continue on further parts past their bound; each part's totals are the sum of its own cells. The first part has
 * the users of all. There is no conflict arm: a row at or past the mark would be a bug, and stops the roll loudly.
 */
const ROLL = (tier: RolledTier) => {
  const { from, windows } = ROLLED_FROM[tier];
  const key = `advertiser_id, time_window, ${DIMENSIONS}`;
  return `
INSERT INTO facts_${tier} (${COLUMNS(tier)})
WITH source AS (
  SELECT facts.advertiser_id, facts.${from} / ${windows} AS time_window,
    ${each(ROW_DIMENSIONS, (name) => `facts.${name}`)}, facts.cells, facts.reasons, facts.sketch
  FROM advertisers
  JOIN facts_${from} AS facts ON facts.advertiser_id = advertisers.advertiser_id
    AND facts.${from} >= ?2 * ${windows} AND facts.${from} < ?3 * ${windows}
  WHERE advertisers.bucket = ?1
    AND coalesce((SELECT mark FROM roll_marks WHERE tier = '${tier}' AND bucket = ?1), 0) = ?2
),
cell_sums AS (
  SELECT ${key}, ${CELL_NAMES}, ${SUMS}
  FROM (SELECT ${key}, ${CELL_COLUMNS} FROM source, json_each(source.cells) AS cell)
  GROUP BY ${key}, ${CELL_NAMES}
),
pages AS (
  SELECT *, (row_number() OVER (PARTITION BY ${key} ORDER BY ${CELL_NAMES}) - 1) / ${CELLS_PER_ROW_MAX} AS part
  FROM cell_sums
),
packed AS (
  SELECT ${key}, part, ${SUMS}, json_group_array(${CELL_ARRAY}) AS cells
  FROM pages
  GROUP BY ${key}, part
),
reason_sums AS (
  SELECT ${key}, reason.key AS reason, sum(reason.value) AS total
  FROM source, json_each(source.reasons) AS reason
  GROUP BY ${key}, reason.key
),
reason_sets AS (
  SELECT ${key}, json_group_object(reason, total) AS reasons
  FROM reason_sums
  GROUP BY ${key}
),
user_sets AS (
  SELECT ${key}, ${SKETCH_LISTS("sketch")}
  FROM source
  GROUP BY ${key}
)
SELECT packed.advertiser_id, packed.time_window, ${each(ROW_DIMENSIONS, (name) => `packed.${name}`)}, packed.part,
  ${TOTALS}, packed.cells, iif(packed.part = 0, coalesce(reason_sets.reasons, '{}'), '{}'),
  iif(packed.part = 0, ${UNITED_SKETCH}, NULL)
FROM packed
LEFT JOIN reason_sets USING (${key})
LEFT JOIN user_sets USING (${key})`;
};

export const ROLL_FACTS = { hour: ROLL("hour"), day: ROLL("day") } as const satisfies Record<RolledTier, string>;

/** Advances the mark of bucket ?1 from ?2 to ?3; changes nothing when it is no longer ?2. */
const ADVANCE = (tier: RolledTier) => `
INSERT INTO roll_marks (tier, bucket, mark)
SELECT '${tier}', ?1, ?3
WHERE coalesce((SELECT mark FROM roll_marks WHERE tier = '${tier}' AND bucket = ?1), 0) = ?2
ON CONFLICT (tier, bucket) DO UPDATE SET mark = excluded.mark`;
export const ADVANCE_MARK = {
  hour: ADVANCE("hour"),
  day: ADVANCE("day"),
} as const satisfies Record<RolledTier, string>;

/** The first window of the tier below, at or after ?2, that holds facts of bucket ?1. */
const FIRST_WINDOW = (tier: RolledTier) => {
  const { from, windows } = ROLLED_FROM[tier];
  return `
SELECT min((
  SELECT min(facts.${from}) FROM facts_${from} AS facts
  WHERE facts.advertiser_id = advertisers.advertiser_id AND facts.${from} >= ?2 * ${windows}
)) / ${windows} AS first_window
FROM advertisers
WHERE bucket = ?1`;
};
export const FIRST_UNROLLED = {
  hour: FIRST_WINDOW("hour"),
  day: FIRST_WINDOW("day"),
} as const satisfies Record<RolledTier, string>;

/**
 * Moves the ledger's row of a source from one place to the next; without a row before, it is made. Where something else
 * stands, `seq` becomes NULL, which the table refuses, and the transaction takes everything back.
 *
 *   ?1 source, ?2–?5 seq, chain, logged_at_ms and part afterwards, ?6 now
 *   ?7 whether there is a row before, ?8–?10 its seq, chain and part
 *   ?11 what the posting changes, a JSON list that is empty where it has no facts (src/facts/touched.ts)
 */
export const MOVE_LEDGER = `
INSERT INTO ledger (source, seq, chain, logged_at_ms, part, posted_at_ms, version, touched)
SELECT
  ?1,
  CASE WHEN ?7 = (SELECT count(*) FROM ledger WHERE source = ?1) THEN ?2 END,
  ?3, ?4, ?5, ?6, iif(?11 = '[]', 0, next),
  iif(?11 = '[]', '[]', json_array(json_array(next, json(?11))))
FROM (SELECT coalesce(max(version), 0) + 1 AS next FROM ledger)
WHERE true
ON CONFLICT (source) DO UPDATE
SET seq = CASE WHEN ledger.seq = ?8 AND ledger.chain = ?9 AND ledger.part = ?10 THEN excluded.seq END,
  chain = excluded.chain,
  logged_at_ms = excluded.logged_at_ms,
  part = excluded.part,
  posted_at_ms = excluded.posted_at_ms,
  version = max(ledger.version, excluded.version),
  touched = iif(?11 = '[]', ledger.touched, (
    SELECT json_group_array(json(value))
    FROM (
      SELECT value FROM json_each(excluded.touched)
      UNION ALL
      SELECT value FROM json_each(ledger.touched)
      LIMIT ${TOUCHES_KEPT}
    )
  ))`;

/** The rows of all sources of shard ?1; '0' follows '/'. */
export const SELECT_LEDGER = `
SELECT source, seq, chain, logged_at_ms, part
FROM ledger
WHERE source >= ?1 || '/' AND source < ?1 || '0'`;

/** Registers advertisers from a JSON list of [id, bucket]; an advertiser's bucket never changes. */
export const REGISTER_ADVERTISERS = `
INSERT OR IGNORE INTO advertisers (advertiser_id, bucket, first_seen_ms)
SELECT value ->> 0, value ->> 1, ?2
FROM json_each(?1)`;

/** Deletes late clicks of bucket ?1 whose ids come before ?2, which are those of earlier receipts; at most ?3. */
export const DELETE_OLD_LATE_CLICKS = `
DELETE FROM late_clicks
WHERE (advertiser_id, event_id) IN (
  SELECT late.advertiser_id, late.event_id
  FROM advertisers
  CROSS JOIN late_clicks AS late ON late.advertiser_id = advertisers.advertiser_id AND late.event_id < ?2
  WHERE advertisers.bucket = ?1
  LIMIT ?3
)`;

/** Whether the row that comes was decided before the row that is there, or waits where that one does not. */
const IS_DECIDED_BEFORE = "coalesce(excluded.decided_at_ms, -1) < coalesce(late_clicks.decided_at_ms, -1)";
const NEWEST = (column: string) => `${column} = iif(${IS_DECIDED_BEFORE}, late_clicks.${column}, excluded.${column})`;

/**
 * Late clicks from a JSON list of their columns in order; one that is known adds its clicks, which the ledger lets
 * happen once, and takes the state that was decided last: lines of an earlier life of the log may be posted again after
 * a decision of the present one.
 */
export const UPSERT_LATE_CLICKS = `
INSERT INTO late_clicks (advertiser_id, event_id, campaign_id, ad_id, publisher_id, shard, clicks, cpc_micros,
  occurred_at_ms, received_at_ms, verdict, reason, decided_by, decided_at_ms)
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7,
  value ->> 8, value ->> 9, value ->> 10, value ->> 11, value ->> 12, value ->> 13
FROM json_each(?1)
WHERE true
ON CONFLICT (advertiser_id, event_id) DO UPDATE SET
  clicks = late_clicks.clicks + excluded.clicks,
  ${["verdict", "reason", "decided_by", "decided_at_ms"].map(NEWEST).join(",\n  ")}`;
