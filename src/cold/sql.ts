/**
 * The statements that move minutes out of the report database and say where each row stands.
 *
 *   facts_minute ──claim──▶ the same rows, which nothing changes any more ──settle──▶ an object in R2 that counts
 *
 * A claim writes one row, whatever it takes: the number of the batch, and its last key. A batch is the rows of its
 * bucket and day up to that key whose `part` is below the batch's floor; from then on postings write parts from the
 * floor on (src/facts/facts-sql.ts), which are of a later batch.
 *
 *   part  0 … 999   before the first batch of the day        1 000 … 1 999   after its claim        2 000 …
 *
 * Keeps: a row of a batch under way is read where it stands and never written. It is deleted in the transaction that
 * lets its object count, so that it stands in one of both places whenever somebody looks. A claim takes rows of one day
 * of one bucket that is rolled into hours and days, and of nothing else.
 * Relies on: one batch is under way in a bucket at a time (a unique index), so a claim that comes second fails whole.
 */

import { MEASURES, ROW_DIMENSIONS } from "../core/fields.ts";
import { BATCH_PARTS_COUNT, DAY_MS, MINUTE_MS } from "../core/limits.ts";
import { WIDE } from "../facts/wide-sql.ts";

const MINUTES_PER_DAY = DAY_MS / MINUTE_MS;
const ROW_KEY = `advertiser_id, minute, ${ROW_DIMENSIONS.join(", ")}, part`;
const TOTALS = MEASURES.join(", ");
const of = (columns: string) =>
  columns
    .split(", ")
    .map((column) => `facts.${column}`)
    .join(", ");
/** The same as the order of the rows' key; the outer table's column is what lets SQLite see that nothing is to sort. */
const IN_KEY_ORDER = of(ROW_KEY).replace("facts.advertiser_id", "advertisers.advertiser_id");
const COLUMNS = `${ROW_KEY}, ${TOTALS}, cells, reasons, sketch`;
/** Characters of a row that are not bounded by its shape. */
const ROW_CHARS = "length(cells) + length(reasons) + coalesce(length(sketch), 0)";
const BATCH = "bucket = ?1 AND day = ?2 AND sequence = ?3";
const DAY_START = `?2 * ${MINUTES_PER_DAY}`;

/** Rows that a batch may hold, from a minute on for each advertiser. */
const CLAIMABLE = (fromMinute: string) => `FROM advertisers
    CROSS JOIN facts_minute AS facts ON facts.advertiser_id = advertisers.advertiser_id
      AND facts.minute >= ${fromMinute} AND facts.minute < (?2 + 1) * ${MINUTES_PER_DAY}
    WHERE advertisers.bucket = ?1 AND facts.part < ?3 * ${BATCH_PARTS_COUNT}`;
/** Of those, the rows of the batch. */
const IS_CLAIMED = `(${of(ROW_KEY)}) <= (
      SELECT ${ROW_KEY.split(", ")
        .map((_, at) => `last_key ->> ${at}`)
        .join(", ")}
      FROM cold_objects
      WHERE ${BATCH}
    )`;

/** The batch that is under way in bucket ?1. */
export const SELECT_MOVING = `
SELECT bucket, day, sequence, rows, claimed_at_ms AS claimedAtMs
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
  minute_last, last_key, claimed_at_ms)
VALUES (?1, ?2, ?3, 'moving', 0, 0, '', '', 0, 0, '[]', ?4)`;

/**
 * Claims the day's first rows: at most ?4, of at most ?5 characters, but at least one. Writes into the ledger what the
 * batch holds, and whether the day has more.
 */
export const DESCRIBE_BATCH = `
UPDATE cold_objects
SET (rows, is_cut, advertiser_first, advertiser_last, minute_first, minute_last, last_key) = (
  WITH first AS MATERIALIZED (
    SELECT ${of(ROW_KEY)}, ${ROW_CHARS} AS chars
    ${CLAIMABLE(DAY_START)}
    ORDER BY ${IN_KEY_ORDER}
    LIMIT ?4 + 1
  ),
  placed AS (
    SELECT *, row_number() OVER key_order AS place, sum(chars) OVER key_order AS chars_so_far
    FROM first
    WINDOW key_order AS (ORDER BY ${ROW_KEY} ROWS UNBOUNDED PRECEDING)
  ),
  batch AS MATERIALIZED (
    SELECT *
    FROM placed
    WHERE place = 1 OR (place <= ?4 AND chars_so_far <= ?5)
  )
  SELECT count(*), count(*) < (SELECT count(*) FROM first), min(advertiser_id), max(advertiser_id), min(minute),
    max(minute), (SELECT json_array(${ROW_KEY}) FROM batch ORDER BY place DESC LIMIT 1)
  FROM batch
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
SELECT count(*) AS rows, ${MEASURES.map((measure) => `${WIDE(`sum(facts.${measure})`)} AS ${measure}`).join(", ")}
    ${CLAIMABLE(DAY_START)} AND ${IS_CLAIMED}`;

/**
 * Rows of a batch behind a key ?4 … ?9, at most ?10 and of at most ?11 characters, but at least one. What lies before
 * the key is not visited, but for rows of its minute.
 */
export const SELECT_BATCH_ROWS = `
SELECT ${ROW_KEY}, ${MEASURES.map((measure) => `${WIDE(measure)} AS ${measure}`).join(", ")}, cells, reasons,
  CAST(sketch AS TEXT) AS sketch
FROM (
  SELECT *, row_number() OVER key_order AS place, sum(${ROW_CHARS}) OVER key_order AS chars
  FROM (
    SELECT ${of(COLUMNS)}
    ${CLAIMABLE(`iif(advertisers.advertiser_id = ?4, max(CAST(?5 AS INTEGER), ${DAY_START}), ${DAY_START})`)}
      AND advertisers.advertiser_id >= ?4 AND (${of(ROW_KEY)}) > (?4, ?5, ?6, ?7, ?8, ?9)
      AND ${IS_CLAIMED}
    ORDER BY ${IN_KEY_ORDER}
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
WHERE ${BATCH} AND state = 'moving' AND claimed_at_ms = ?10`;

/** Deletes the rows of a batch whose object counts. */
export const DELETE_MOVED = `
DELETE FROM facts_minute
WHERE EXISTS (SELECT 1 FROM cold_objects WHERE ${BATCH} AND state = 'cold') AND (${ROW_KEY}) IN (
    SELECT ${of(ROW_KEY)}
    ${CLAIMABLE(DAY_START)} AND ${IS_CLAIMED}
  )`;

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
