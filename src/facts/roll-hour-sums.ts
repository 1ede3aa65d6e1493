/**
 * Sums of hours (hour-sums-sql.ts) are rolled from hours, bucket by bucket and dimension by dimension, a day at a time.
 *
 *   marks of one bucket:   country → day 90, device → day 90, a new dimension → none      each group by itself
 *
 * Keeps: a day is folded by a dimension in the transaction that moves the mark of both, so once. Two rolls at once are
 * harmless: the second finds another mark and changes nothing. Days without hours are passed in one step, which looks
 * in its transaction that there are none; so are days that are older than sums are kept, whatever is in them, since
 * nobody reads them (hour-sums-days.ts).
 */
import { ADVERTISER_BUCKETS } from "../core/limits.ts";
import { firstHourSumsKept } from "./hour-sums-days.ts";
import {
  ADVANCE_HOUR_SUM_MARKS,
  ADVANCE_OVER_NOTHING,
  FIRST_WITHOUT_HOUR_SUMS,
  HOUR_SUMS_BY,
  type HourSumsBy,
  ROLL_HOUR_SUMS,
} from "./hour-sums-sql.ts";

const SELECT_HOUR_SUM_MARKS = `
SELECT dimension, bucket, mark
FROM hour_sum_marks`;

/** Days [mark, end) of a bucket, by dimensions that have that mark, and the first of them that is kept. */
type Group = {
  readonly bucket: number;
  readonly by: readonly HourSumsBy[];
  readonly mark: number;
  readonly end: number;
  readonly kept: number;
};

/** By dimension and bucket: the first day that is not in the sums; 0 where there is none. */
export async function readHourSumMarks(database: D1Database): Promise<(by: HourSumsBy, bucket: number) => number> {
  const { results } = await database
    .prepare(SELECT_HOUR_SUM_MARKS)
    .all<{ dimension: string; bucket: number; mark: number }>();
  const marks = new Map(results.map(({ dimension, bucket, mark }) => [`${dimension}/${bucket}`, mark]));
  return (by, bucket) => marks.get(`${by}/${bucket}`) ?? 0;
}

/** Rolls each bucket's days before `endOf` that are kept. Returns the number of days, each dimension's by itself. */
export async function rollHourSums(
  database: D1Database,
  endOf: (bucket: number) => number,
  nowMs: number,
): Promise<number> {
  const markOf = await readHourSumMarks(database);
  let rolled = 0;
  for (let bucket = 0; bucket < ADVERTISER_BUCKETS; bucket++) {
    const end = endOf(bucket);
    for (const [mark, by] of Map.groupBy(HOUR_SUMS_BY, (dimension) => markOf(dimension, bucket))) {
      const kept = Math.min(end, firstHourSumsKept(nowMs));
      if (mark < end) rolled += await rollGroup(database, { bucket, by, mark, end, kept });
    }
  }
  return rolled;
}

async function rollGroup(database: D1Database, { bucket, by, mark, end, kept }: Group): Promise<number> {
  const first = database.prepare(FIRST_WITHOUT_HOUR_SUMS);
  let rolled = 0;
  for (let from = mark; from < end; ) {
    const looked = Math.max(from, kept);
    const found = await first.bind(bucket, looked).first<{ first_window: number | null }>();
    const day = Math.max(looked, found?.first_window ?? end);
    if (day > from) {
      const to = Math.min(day, end);
      const passed = await passOver(database, { bucket, by, mark: from, end: to, kept: looked });
      if (passed === 0) return rolled;
      rolled += passed;
      from = to;
      continue;
    }
    for (const dimension of by) {
      const [, advanced] = await database.batch([
        database.prepare(ROLL_HOUR_SUMS[dimension]).bind(bucket, from, from + 1),
        database.prepare(ADVANCE_HOUR_SUM_MARKS).bind(bucket, from, from + 1, JSON.stringify([dimension])),
      ]);
      if (advanced?.meta.changes === 0) return rolled;
      rolled++;
    }
    from++;
  }
  return rolled;
}

/** Moves the marks over days without hours, or not kept; 0 where there are some by now, or the marks have moved. */
async function passOver(database: D1Database, { bucket, by, mark, end, kept }: Group): Promise<number> {
  const advance = database.prepare(ADVANCE_OVER_NOTHING).bind(bucket, mark, end, JSON.stringify(by), kept);
  return (await advance.run()).meta.changes * (end - mark);
}
