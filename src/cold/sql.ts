/**
 * The statements that move minutes out of the report database and say where each row stands.
 *
 *   facts_minute ──claim──▶ facts_minute_moving ──settle──▶ an object in R2 whose row in cold_objects is 'cold'
 *
 * Keeps: claim and settle are one transaction each, so that a row stands in exactly one of the three places whenever
 * somebody looks. A claim takes rows of one day of one bucket that is rolled into hours and days, and of nothing else.
 * Relies on: one batch is under way in a bucket at a time (a unique index), so a claim that comes second fails whole.
 */

import { MEASURES, ROW_DIMENSIONS } from "../core/fields.ts";
import { DAY_MS, MINUTE_MS } from "../core/limits.ts";
import { WIDE } from "../facts/wide-sql.ts";

const MINUTES_PER_DAY = DAY_MS / MINUTE_MS;
const ROW_KEY = `advertiser_id, minute, ${ROW_DIMENSIONS.join(", ")}, part`;
const TOTALS = MEASURES.join(", ");
const COLUMNS = `${ROW_KEY}, ${TOTALS}, cells, reasons, sketch`;
/** Characters of a row that are not bounded by its shape. */
const ROW_CHARS = "length(cells) + length(reasons) + coalesce(length(sketch), 0)";
const BATCH = "bucket = ?1 AND day = ?2 AND sequence = ?3";

/** The batch that is under way in bucket ?1. */
export const SELECT_MOVING = `
SELECT bucket, day, sequence, rows
FROM cold_objects
WHERE bucket = ?1 AND state = 'moving'`;

/**
 * The first day of bucket ?1 with rows to move, before day ?2 and rolled into hours and days (what is rolled stays so),
 * and the sequence of its next batch. What arrives for a day
 * that was moved waits half of the day's age, so that a trickle of deltas makes few objects, and ever fewer. ?3: now,
 * ms.
 */
export const SELECT_NEXT_DAY = `
WITH days AS (
  SELECT DISTINCT facts.minute / ${MINUTES_PER_DAY} AS day
  FROM advertisers
  CROSS JOIN facts_minute AS facts ON facts.advertiser_id = advertisers.advertiser_id
    AND facts.minute < ${MINUTES_PER_DAY} * min(?2, coalesce(
      (SELECT mark FROM roll_marks WHERE tier = 'day' AND roll_marks.bucket = ?1), 0
    ))
  WHERE advertisers.bucket = ?1
),
latest AS (
  SELECT day, (
    SELECT max(sequence) FROM cold_objects WHERE bucket = ?1 AND cold_objects.day = days.day
  ) AS sequence
  FROM days
)
SELECT latest.day, coalesce(latest.sequence, 0) + 1 AS sequence
FROM latest
LEFT JOIN cold_objects AS last ON last.bucket = ?1 AND last.day = latest.day AND last.sequence = latest.sequence
WHERE last.day IS NULL OR last.is_cut = 1
  OR last.claimed_at_ms + (last.claimed_at_ms - last.day * ${DAY_MS}) / 2 <= ?3
ORDER BY latest.day
LIMIT 1`;

/**
 * Opens batch (?1 bucket, ?2 day, ?3 sequence) at ?4 ms. Fails when it is there, or another is under way in the bucket.
 */
export const INSERT_BATCH = `
INSERT INTO cold_objects (bucket, day, sequence, state, rows, is_cut, advertiser_first, advertiser_last, minute_first,
  minute_last, claimed_at_ms)
VALUES (?1, ?2, ?3, 'moving', 0, 0, '', '', 0, 0, ?4)`;

/** Copies the day's first rows into the batch: at most ?4, of at most ?5 characters, but at least one. */
export const INSERT_MOVING = `
INSERT INTO facts_minute_moving (${COLUMNS}, bucket, day, sequence)
SELECT ${COLUMNS}, ?1, ?2, ?3
FROM (
  SELECT *, row_number() OVER key_order AS place, sum(${ROW_CHARS}) OVER key_order AS chars
  FROM (
    SELECT ${COLUMNS.split(", ")
      .map((column) => `facts.${column}`)
      .join(", ")}
    FROM advertisers
    CROSS JOIN facts_minute AS facts ON facts.advertiser_id = advertisers.advertiser_id
      AND facts.minute >= ?2 * ${MINUTES_PER_DAY} AND facts.minute < (?2 + 1) * ${MINUTES_PER_DAY}
    WHERE advertisers.bucket = ?1
    ORDER BY ${ROW_KEY.split(", ")
      .map((column) => `facts.${column}`)
      .join(", ")}
    LIMIT ?4
  )
  WINDOW key_order AS (ORDER BY ${ROW_KEY} ROWS UNBOUNDED PRECEDING)
)
WHERE place = 1 OR chars <= ?5`;

export const DELETE_CLAIMED = `
DELETE FROM facts_minute
WHERE (${ROW_KEY}) IN (SELECT ${ROW_KEY} FROM facts_minute_moving WHERE ${BATCH})`;

/** Writes into the ledger what the batch holds, and whether the day has more. */
export const DESCRIBE_BATCH = `
UPDATE cold_objects
SET (rows, advertiser_first, advertiser_last, minute_first, minute_last) = (
    SELECT count(*), min(advertiser_id), max(advertiser_id), min(minute), max(minute)
    FROM facts_minute_moving
    WHERE ${BATCH}
  ),
  is_cut = EXISTS (
    SELECT 1
    FROM advertisers
    CROSS JOIN facts_minute AS facts ON facts.advertiser_id = advertisers.advertiser_id
      AND facts.minute >= ?2 * ${MINUTES_PER_DAY} AND facts.minute < (?2 + 1) * ${MINUTES_PER_DAY}
    WHERE advertisers.bucket = ?1
  )
WHERE ${BATCH} AND state = 'moving'`;

/** Says that something of bucket ?1 stands elsewhere, and that minutes before ?2 may have been moved. */
export const ADVANCE_COLD_MARK = `
INSERT INTO cold_marks (bucket, mark, generation)
VALUES (?1, ?2, 1)
ON CONFLICT (bucket) DO UPDATE SET mark = max(mark, excluded.mark), generation = generation + 1`;

export const SELECT_COLD_MARKS = `
SELECT 'cold' AS tier, bucket, mark, generation
FROM cold_marks`;

/** Count and sums of a batch, as the database adds them. */
export const SUM_BATCH = `
SELECT count(*) AS rows, ${MEASURES.map((measure) => `${WIDE(`sum(${measure})`)} AS ${measure}`).join(", ")}
FROM facts_minute_moving
WHERE ${BATCH}`;

/** Rows of a batch behind a key ?4 … ?9, at most ?10 and of at most ?11 characters, but at least one. */
export const SELECT_BATCH_ROWS = `
SELECT ${ROW_KEY}, ${MEASURES.map((measure) => `${WIDE(measure)} AS ${measure}`).join(", ")}, cells, reasons,
  CAST(sketch AS TEXT) AS sketch
FROM (
  SELECT *, row_number() OVER key_order AS place, sum(${ROW_CHARS}) OVER key_order AS chars
  FROM (
    SELECT ${COLUMNS}
    FROM facts_minute_moving
    WHERE ${BATCH} AND (${ROW_KEY}) > (?4, ?5, ?6, ?7, ?8, ?9)
    ORDER BY ${ROW_KEY}
    LIMIT ?10
  )
  WINDOW key_order AS (ORDER BY ${ROW_KEY} ROWS UNBOUNDED PRECEDING)
)
WHERE place = 1 OR chars <= ?11
ORDER BY ${ROW_KEY}`;

/** The batch's object counts from now on. Changes nothing when another mover settled it. */
export const SETTLE_BATCH = `
UPDATE cold_objects
SET state = 'cold', object_key = ?4, etag = ?5, sha256 = ?6, bytes = ?7, footer_bytes = ?8, cold_at_ms = ?9
WHERE ${BATCH} AND state = 'moving'`;

/** Empties a batch whose object counts. */
export const DELETE_MOVED = `
DELETE FROM facts_minute_moving
WHERE ${BATCH} AND EXISTS (SELECT 1 FROM cold_objects WHERE ${BATCH} AND state = 'cold')`;

/**
 * Objects that count, of the buckets in the JSON list ?1, with minutes in [?2, ?3); at most ?4. An object holds minutes
 * of one day, so the primary key finds them.
 */
export const SELECT_COLD_OBJECTS = `
SELECT object_key, etag, bytes, footer_bytes, rows, advertiser_first, advertiser_last, minute_first, minute_last
FROM json_each(?1) AS listed
CROSS JOIN cold_objects AS objects ON objects.bucket = listed.value
  AND objects.day >= CAST(?2 AS INTEGER) / ${MINUTES_PER_DAY}
  AND objects.day <= (CAST(?3 AS INTEGER) - 1) / ${MINUTES_PER_DAY}
WHERE objects.state = 'cold' AND objects.minute_last >= ?2 AND objects.minute_first < ?3
ORDER BY objects.bucket, objects.day, objects.sequence
LIMIT ?4`;

/** Takes objects of bucket ?1 whose day lies before ?2 out of all answers; at most ?3. */
export const DROP_OBJECTS = `
UPDATE cold_objects
SET state = 'dropped'
WHERE state = 'cold' AND (bucket, day, sequence) IN (
  SELECT bucket, day, sequence
  FROM cold_objects
  WHERE bucket = ?1 AND day < ?2 AND state = 'cold'
  ORDER BY day
  LIMIT ?3
)`;

/** Objects of bucket ?1 before day ?2 that no answer counts any more. */
export const SELECT_DROPPED = `
SELECT object_key
FROM cold_objects
WHERE bucket = ?1 AND day < ?2 AND state = 'dropped'`;

/** Forgets dropped objects, by a JSON list ?3 of their keys. */
export const FORGET_DROPPED = `
DELETE FROM cold_objects
WHERE bucket = ?1 AND day < ?2 AND state = 'dropped' AND object_key IN (SELECT value FROM json_each(?3))`;

/** Deletes rows of bucket ?1 whose window lies before ?2; at most ?3. */
const DELETE_OLD = (tier: "hour" | "day") => `
DELETE FROM facts_${tier}
WHERE (advertiser_id, ${tier}, ${ROW_DIMENSIONS.join(", ")}, part) IN (
  SELECT facts.advertiser_id, facts.${tier}, ${ROW_DIMENSIONS.map((name) => `facts.${name}`).join(", ")}, facts.part
  FROM advertisers
  CROSS JOIN facts_${tier} AS facts ON facts.advertiser_id = advertisers.advertiser_id AND facts.${tier} < ?2
  WHERE advertisers.bucket = ?1
  LIMIT ?3
)`;

export const DELETE_OLD_HOURS = DELETE_OLD("hour");
export const DELETE_OLD_DAYS = DELETE_OLD("day");
