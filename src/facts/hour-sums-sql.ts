/**
 * The statements that keep sums of hours: an advertiser's UTC day by one dimension, as running sums by hour, so that
 * any stretch of whole hours in it is the difference of two numbers, and not a sum over hours and ads.
 *
 *   advertiser_id  dimension  day    part  size  sums
 *   adv_1          country    20579  0     2     [["DE",[0,0,3,…,90],0,…],["US",…]]      JSONB: value, then per measure
 *
 *   DE from 15:00 to 24:00  =  sum until 24:00 − sum until 15:00        a measure that is 0 all day is 0, not a list
 *
 * A day has further parts where it has many values, or where what came late found the last part full: parts add up.
 *
 * Keeps: a bucket's day that is still kept (hour-sums-days.ts) is in the sums by a dimension exactly when it is before
 * the bucket's mark of that dimension. It is folded from rolled hours in the transaction that moves the mark; a later
 * delta is added in its posting's, if its day is before the mark as that transaction finds it. A new dimension has no
 * mark yet, so its sums are folded from the first day that is kept. Older days may have anything: nobody reads it.
 * Relies on: the mark is never ahead of the mark of hours (src/facts/roll-hour-sums.ts).
 */
import { DIMENSION_FIELDS, DIMENSIONS, type Dimension, MEASURES, ROW_DIMENSIONS } from "../core/fields.ts";
import { CELL_COLUMNS } from "./facts-schema.ts";
import { DELTAS } from "./facts-sql.ts";

export const HOURS_PER_DAY = 24;
/** Values on one part: with whole numbers of any length it stays below the 2 MB that D1 takes in a row. */
const VALUES_PER_PART = 200;
/** What is late joins a part of so many bytes at most: each time the part is written anew. */
const JOINED_BYTES_MAX = 65_536;

/** By what an advertiser's hours are summed: by nothing, or by one dimension. */
export type HourSumsBy = "" | Exclude<Dimension, "advertiser_id">;
export const HOUR_SUMS_BY: readonly HourSumsBy[] = [
  "",
  ...DIMENSIONS.filter((name): name is Exclude<Dimension, "advertiser_id"> => name !== "advertiser_id"),
];

const KEY = "advertiser_id, dimension, day, part";
const DAY_KEY = "advertiser_id, dimension, day";
const TOTALS = MEASURES.join(", ");
const each = (to: (measure: string, at: number) => string, joint = ",\n    ") => MEASURES.map(to).join(joint);
const columnOf = (by: HourSumsBy) => (by === "" ? "''" : by);

/** `,x` so many times, for a text `x`. */
const REPEATED = (text: string, times: string) => `replace(hex(zeroblob(${times})), '00', ',' || ${text})`;
/** A measure's running sums by hour as JSON, from rows of `running` of one value. */
const LIST = (measure: string) => `iif(min(${measure}) = 0 AND max(${measure}) = 0, '0', '[' || substr(
      ${REPEATED("'0'", "min(hour)")} || group_concat(${REPEATED(measure, "until - hour")}, '' ORDER BY hour), 2
    ) || ']')`;

/**
 * `texts`: the JSON of each value, from what was counted in single hours, which is rows of `source` with the key,
 * `value`, `hour` of the day and measures.
 */
const TEXTS_OF = (source: string) => `
hour_totals AS (
  SELECT ${KEY}, value, hour,
    ${each((name) => `sum(${name}) AS ${name}`)}
  FROM ${source}
  GROUP BY ${KEY}, value, hour
),
running AS (
  SELECT ${KEY}, value, hour, lead(hour, 1, ${HOURS_PER_DAY}) OVER hours AS until,
    ${each((name) => `sum(${name}) OVER hours AS ${name}`)}
  FROM hour_totals
  WINDOW hours AS (PARTITION BY ${KEY}, value ORDER BY hour ROWS UNBOUNDED PRECEDING)
),
texts AS (
  SELECT ${KEY}, value, '[' || json_quote(value) || ',' || ${each(LIST, " || ',' ||\n    ")} || ']' AS text
  FROM running
  GROUP BY ${KEY}, value
)`;

/** Rows of the table from `texts`, in parts from theirs on. */
const PARTS_OF = (texts: string) => `
SELECT advertiser_id, dimension, day, part + page AS part, count(*) AS size,
  jsonb('[' || group_concat(text, ',') || ']') AS sums
FROM (
  SELECT ${KEY}, text, (row_number() OVER (PARTITION BY ${KEY} ORDER BY value) - 1) / ${VALUES_PER_PART} AS page
  FROM ${texts}
)
GROUP BY ${KEY}, page`;

const MARK_OF = (by: string) =>
  `coalesce((SELECT mark FROM hour_sum_marks WHERE dimension = ${by} AND bucket = ?1), 0)`;
const IS_OF_BUCKET = "facts.advertiser_id IN (SELECT advertiser_id FROM advertisers WHERE bucket = ?1)";
const IS_OF_DAYS = `facts.hour >= ?2 * ${HOURS_PER_DAY} AND facts.hour < ?3 * ${HOURS_PER_DAY}`;

/** What hours count by a dimension, of the rows of `facts` that a condition leaves. */
export const HOURS_OF = (by: HourSumsBy, condition: string) => `
  SELECT facts.advertiser_id, '${by}' AS dimension, facts.hour / ${HOURS_PER_DAY} AS day, 0 AS part,
    ${columnOf(by)} AS value, facts.hour % ${HOURS_PER_DAY} AS hour, ${TOTALS}
  FROM ${by !== "" && DIMENSION_FIELDS[by].at === "cell" ? "cells_hour" : "facts_hour"} AS facts
  WHERE ${condition}`;

/** Folds such hours of days that are not in the sums. */
export const FOLD_HOURS = (hours: string) => `
INSERT INTO hour_sums (${KEY}, size, sums)
WITH source AS (${hours}
),${TEXTS_OF("source")}${PARTS_OF("texts")}`;

/** Dimension → folds the rolled days [?2, ?3) of bucket ?1, if its mark is still ?2. */
export const ROLL_HOUR_SUMS = Object.fromEntries(
  HOUR_SUMS_BY.map((by) => [
    by,
    FOLD_HOURS(HOURS_OF(by, `${IS_OF_BUCKET} AND ${IS_OF_DAYS} AND ${MARK_OF(`'${by}'`)} = ?2`)),
  ]),
) as Readonly<Record<HourSumsBy, string>>;

/** Advances the marks of bucket ?1 by the dimensions of the list ?4 from ?2 to ?3; not those that are no longer ?2. */
export const ADVANCE_HOUR_SUM_MARKS = `
INSERT INTO hour_sum_marks (dimension, bucket, mark)
SELECT value, ?1, ?3
FROM json_each(?4)
WHERE ${MARK_OF("value")} = ?2
ON CONFLICT (dimension, bucket) DO UPDATE SET mark = excluded.mark`;

/** The same where no hour of these days from ?5 on is there. */
export const ADVANCE_OVER_NOTHING = ADVANCE_HOUR_SUM_MARKS.replace(
  "ON CONFLICT",
  `  AND NOT EXISTS (SELECT 1 FROM facts_hour AS facts WHERE ${IS_OF_BUCKET} AND ${IS_OF_DAYS.replace("?2", "?5")})
ON CONFLICT`,
);

/** The first day at or after ?2 that holds hours of bucket ?1. */
export const FIRST_WITHOUT_HOUR_SUMS = `
SELECT min((
  SELECT min(facts.hour) FROM facts_hour AS facts
  WHERE facts.advertiser_id = advertisers.advertiser_id AND facts.hour >= ?2 * ${HOURS_PER_DAY}
)) / ${HOURS_PER_DAY} AS first_window
FROM advertisers
WHERE bucket = ?1`;

/** The running sum of a measure in `cell`, the JSONB of a value, at a place in brackets; 0 behind the list's end. */
export function sumUntil(cell: string, measureAt: number, place: string): string {
  return `coalesce(${cell} ->> ('$[${measureAt + 1}]' || ${place}), 0)`;
}
/** The place in a list of what was counted before an hour of the day, 0 to 24. */
export function placeBefore(hour: number): string {
  return `[${hour === 0 ? HOURS_PER_DAY : hour - 1}]`;
}
/** The value that a `cell` is about. */
export const VALUE_OF = (cell: string) => `(${cell} ->> '$[0]')`;

/** Each hour with the places of its end and of its beginning. */
const HOURS_LIST = Array.from(
  { length: HOURS_PER_DAY },
  (_, hour) => `(${hour}, '${placeBefore(hour + 1)}', '${placeBefore(hour)}')`,
).join(", ");
const HOURS = `hours (hour, until, since) AS (VALUES ${HOURS_LIST})`;
/** What is stored of a dimension and a day, bound as ?2, of bucket ?1, hour by hour with each count negated. */
export const STORED_HOURS = (by: HourSumsBy) => ({
  before: HOURS,
  select: `
  SELECT stored.advertiser_id, ${VALUE_OF("cell.value")} AS value, hours.hour,
    ${each((name, at) => `${sumUntil("cell.value", at, "since")} - ${sumUntil("cell.value", at, "until")} AS ${name}`)}
  FROM advertisers
  CROSS JOIN hour_sums AS stored ON stored.advertiser_id = advertisers.advertiser_id AND stored.dimension = '${by}'
    AND stored.day = ?2
  CROSS JOIN jsonb_each(stored.sums) AS cell
  CROSS JOIN hours
  WHERE advertisers.bucket = ?1`,
});
const CASES = HOUR_SUMS_BY.filter((by) => by !== "").map((by) => `WHEN '${by}' THEN cells.${by}`);
const KNOWN = HOUR_SUMS_BY.map((by) => `'${by}'`).join(", ");
const IS_TOUCHED = (not: string) =>
  `(advertiser_id, dimension, day, value) ${not} (SELECT advertiser_id, dimension, day, value FROM deltas)`;

/**
 * Adds those deltas of ?1, a posting's by hour, whose day is already in the sums: to the last part of their day, or to
 * a further one where that is full. Of a part that is joined only the values of deltas are taken apart.
 */
export const UPSERT_HOUR_SUMS = `
INSERT INTO hour_sums (${KEY}, size, sums)
WITH late AS MATERIALIZED (
  SELECT *
  FROM (${DELTAS}
  ) AS delta
  WHERE time_window < ${HOURS_PER_DAY} * (SELECT max(mark) FROM hour_sum_marks)
),
cells AS MATERIALIZED (
  SELECT late.advertiser_id, late.bucket, late.time_window, ${ROW_DIMENSIONS.map((name) => `late.${name}`).join(", ")},
  ${CELL_COLUMNS}
  FROM late, jsonb_each(late.cells) AS cell
),
deltas AS MATERIALIZED (
  SELECT cells.advertiser_id, marks.dimension, cells.time_window / ${HOURS_PER_DAY} AS day,
    CASE marks.dimension ${CASES.join(" ")} ELSE '' END AS value, cells.time_window % ${HOURS_PER_DAY} AS hour,
    ${each((name) => `cells.${name}`)}
  FROM cells
  CROSS JOIN hour_sum_marks AS marks ON marks.bucket = cells.bucket
    AND cells.time_window < ${HOURS_PER_DAY} * marks.mark
  WHERE marks.dimension IN (${KNOWN})
),
targets AS MATERIALIZED (
  SELECT days.*, coalesce(last.part + (octet_length(last.sums) > ${JOINED_BYTES_MAX}), 0) AS part
  FROM (SELECT DISTINCT ${DAY_KEY} FROM deltas) AS days
  LEFT JOIN hour_sums AS last USING (${DAY_KEY})
  WHERE last.part IS NULL OR last.part = (
    SELECT max(every.part) FROM hour_sums AS every
    WHERE every.advertiser_id = days.advertiser_id AND every.dimension = days.dimension AND every.day = days.day
  )
),
stored AS MATERIALIZED (
  SELECT ${KEY}, ${VALUE_OF("cell.value")} AS value, cell.value AS cell
  FROM targets
  CROSS JOIN hour_sums USING (${KEY}), jsonb_each(hour_sums.sums) AS cell
),
${HOURS},
source AS (
  SELECT ${KEY}, value, hour, ${TOTALS}
  FROM deltas
  JOIN targets USING (${DAY_KEY})
  UNION ALL
  SELECT ${KEY}, value, hour,
    ${each((_, at) => `${sumUntil("cell", at, "until")} - ${sumUntil("cell", at, "since")}`)}
  FROM stored
  CROSS JOIN hours
  WHERE ${IS_TOUCHED("IN")}
),${TEXTS_OF("source")},
all_texts AS (
  SELECT ${KEY}, value, text FROM texts
  UNION ALL
  SELECT ${KEY}, value, json(cell) FROM stored WHERE ${IS_TOUCHED("NOT IN")}
)${PARTS_OF("all_texts")}
ON CONFLICT (${KEY}) DO UPDATE SET size = excluded.size, sums = excluded.sums`;

/** Deletes sums of bucket ?1 on days before ?2; at most ?3. */
export const DELETE_OLD_HOUR_SUMS = `
DELETE FROM hour_sums
WHERE (${KEY}) IN (
  SELECT sums.advertiser_id, sums.dimension, sums.day, sums.part
  FROM advertisers
  CROSS JOIN (SELECT value AS dimension FROM json_each('${JSON.stringify(HOUR_SUMS_BY)}')) AS kinds
  CROSS JOIN hour_sums AS sums ON sums.advertiser_id = advertisers.advertiser_id
    AND sums.dimension = kinds.dimension AND sums.day < ?2
  WHERE advertisers.bucket = ?1
  LIMIT ?3
)`;
