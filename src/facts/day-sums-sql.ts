/**
 * The statements that keep days summed over advertisers (src/facts/facts-schema.ts), so that a question about everybody
 * reads one row for each day and value instead of every ad's cells.
 *
 *   dimension     publisher_id   day     value     …one column per measure
 *   ''            ''             20579   ''        all traffic of the day
 *   country       ''             20579   DE        all traffic of the day from DE
 *   country       pub_1          20579   DE        the part of it on pub_1
 *   country,device               20579   DE|tv     all traffic of the day from DE on televisions
 *
 * Keeps: a bucket's day is in the sums exactly when it is before the bucket's mark of sums. A rolled day is added in
 * the transaction that moves this mark; a later delta is added in its posting's, if its day is before the mark as that
 * transaction finds it. So below the lowest mark over all buckets, and only there, a row is the fold of all cells.
 * Relies on: the mark of sums is never ahead of that of days (src/facts/roll.ts).
 */
import { DIMENSIONS, MEASURES, ROW_DIMENSIONS } from "../core/fields.ts";
import { CELL_COLUMNS, PAIR_SEPARATOR, pairsSummed, summedBy } from "./facts-schema.ts";
import { DELTAS } from "./facts-sql.ts";

/** By what the traffic of all publishers is split: by nothing, by one dimension, or by a pair of few values. */
export const SUMS_OF_ALL: readonly string[] = [...summedBy("all"), ...pairsSummed().map((pair) => pair.join(","))];
/**
 * By what one publisher's traffic is split. By advertiser or campaign it would be nearly as many rows as there are
 * cells.
 */
export const SUMS_OF_PUBLISHER = summedBy("publisher");

const KEY = "dimension, publisher_id, day, value";
const TOTALS = MEASURES.join(", ");
const quoted = (name: string) => `'${name}'`;

/** The sums that a cell adds to. A cell without a publisher is nobody's traffic: '' stands for all publishers. */
const KINDS = [
  ...SUMS_OF_ALL.map((dimension) => `(${quoted(dimension)}, 0)`),
  ...SUMS_OF_PUBLISHER.map((dimension) => `(${quoted(dimension)}, 1)`),
].join(", ");
const VALUE = [...new Set([...SUMS_OF_ALL, ...SUMS_OF_PUBLISHER])]
  .filter((kind) => kind !== "")
  .map((kind) => {
    const columns = kind.split(",").map((dimension) => `cells.${dimension}`);
    return `WHEN '${kind}' THEN ${columns.join(` || '${PAIR_SEPARATOR}' || `)}`;
  })
  .join(" ");

/** The sums of a query with the columns of cells_day, with the columns of day_sums. */
export const SUMS_OF = (cells: string) => `
WITH kinds (dimension, is_of_publisher) AS (VALUES ${KINDS}),
cells AS MATERIALIZED (${cells}
)
SELECT kinds.dimension, iif(kinds.is_of_publisher, cells.publisher_id, '') AS publisher_id, cells.day,
  CASE kinds.dimension ${VALUE} ELSE '' END AS value,
  ${MEASURES.map((measure) => `sum(cells.${measure}) AS ${measure}`).join(", ")}
FROM cells
CROSS JOIN kinds
WHERE NOT kinds.is_of_publisher OR cells.publisher_id <> ''
GROUP BY 1, 2, 3, 4`;

/** Adds the cells of a query with the columns of cells_day to the sums. */
export const ADD_TO_SUMS = (cells: string) => `
INSERT INTO day_sums (${KEY}, ${TOTALS})${SUMS_OF(cells)}
ON CONFLICT (${KEY}) DO UPDATE SET
  ${MEASURES.map((measure) => `${measure} = day_sums.${measure} + excluded.${measure}`).join(",\n  ")}`;

/** Adds the rolled days [?2, ?3) of bucket ?1, if its mark is still ?2. */
export const ROLL_SUMS = ADD_TO_SUMS(`
  SELECT day, ${DIMENSIONS.join(", ")}, ${TOTALS}
  FROM cells_day
  WHERE advertiser_id IN (SELECT advertiser_id FROM advertisers WHERE bucket = ?1)
    AND day >= ?2 AND day < ?3
    AND coalesce((SELECT mark FROM day_sum_marks WHERE bucket = ?1), 0) = ?2`);

/** Advances the mark of bucket ?1 from ?2 to ?3; changes nothing when it is no longer ?2. */
export const ADVANCE_SUM_MARK = `
INSERT INTO day_sum_marks (bucket, mark)
SELECT ?1, ?3
WHERE coalesce((SELECT mark FROM day_sum_marks WHERE bucket = ?1), 0) = ?2
ON CONFLICT (bucket) DO UPDATE SET mark = excluded.mark`;

/** The first day at or after ?2 that holds facts of bucket ?1. */
export const FIRST_UNSUMMED = `
SELECT min((
  SELECT min(facts.day) FROM facts_day AS facts
  WHERE facts.advertiser_id = advertisers.advertiser_id AND facts.day >= ?2
)) AS first_window
FROM advertisers
WHERE bucket = ?1`;

/** Adds those deltas of ?1, a posting's by day, whose day is already in the sums. */
export const UPSERT_SUMS = ADD_TO_SUMS(`
  SELECT delta.advertiser_id, delta.time_window AS day, ${ROW_DIMENSIONS.map((name) => `delta.${name}`).join(", ")},
    ${CELL_COLUMNS}
  FROM (${DELTAS}
  ) AS delta, jsonb_each(delta.cells) AS cell
  WHERE delta.time_window < (SELECT mark FROM day_sum_marks WHERE day_sum_marks.bucket = delta.bucket)`);

const OLD_OF_PUBLISHERS = `
  SELECT sums.dimension, sums.publisher_id, sums.day, sums.value
  FROM day_sums AS named
  CROSS JOIN (SELECT value AS dimension FROM json_each('${JSON.stringify(SUMS_OF_PUBLISHER)}')) AS kinds
  CROSS JOIN day_sums AS sums ON sums.dimension = kinds.dimension AND sums.publisher_id = named.value
    AND sums.day = named.day
  WHERE named.dimension = 'publisher_id' AND named.publisher_id = '' AND named.day < ?1 AND named.value <> ''`;

/**
 * Deletes sums of publishers on days before ?1; at most ?2. The key begins with the publisher, so they are found by the
 * row that names the publisher among those of its day.
 */
export const DELETE_OLD_PUBLISHER_SUMS = `
DELETE FROM day_sums
WHERE (${KEY}) IN (${OLD_OF_PUBLISHERS}
  LIMIT ?2
)`;

/** Deletes the other sums of days before ?1, at most ?2, once none is left that only they lead to. */
export const DELETE_OLD_SUMS = `
DELETE FROM day_sums
WHERE (${KEY}) IN (
  SELECT sums.dimension, sums.publisher_id, sums.day, sums.value
  FROM (SELECT value AS dimension FROM json_each('${JSON.stringify(SUMS_OF_ALL)}')) AS kinds
  CROSS JOIN day_sums AS sums ON sums.dimension = kinds.dimension AND sums.publisher_id = '' AND sums.day < ?1
  WHERE NOT EXISTS (${OLD_OF_PUBLISHERS}
  )
  LIMIT ?2
)`;
