/**
 * Roll once, then add: minutes into hours, hours into days, per advertiser bucket, each window exactly once.
 *
 *   mark:  … rolled windows …│ not yet rolled …          one transaction: insert the fold of [mark, next), mark := next
 *
 * Hours are rolled from minutes, days from hours, the sums over advertisers from days (day-sums-sql.ts), and the sums
 * of hours from hours (roll-hour-sums.ts).
 *
 * Keeps: at every moment a window before the mark equals the fold of its minutes: the roll took what was there, and
 * every later delta is added to it by its own posting (facts-sql.ts). Two rolls at once are harmless: the second finds
 * another mark and changes nothing. A window is rolled only when it is over by `ROLL_DELAY_MS`, which is a matter of
 * economy, not of correctness.
 */
import { ADVERTISER_BUCKETS, HOUR_MS, MINUTE_MS } from "../core/limits.ts";
import { ADVANCE_SUM_MARK, FIRST_UNSUMMED, ROLL_SUMS } from "./day-sums-sql.ts";
import { ADVANCE_MARK, FIRST_UNROLLED, ROLL_FACTS, ROLLED_FROM, type RolledTier } from "./facts-sql.ts";
import { rollHourSums } from "./roll-hour-sums.ts";

const ROLL_DELAY_MS = 5 * MINUTE_MS;
/** What is rolled; `day_sum` are the sums of days. */
export type Rolled = RolledTier | "day_sum";

type Roll = {
  /** Binds bucket and mark: the first window from there on that has anything to fold. */
  readonly first: string;
  /** Binds bucket, mark and the window to stop before, as does `advance`. */
  readonly fold: string;
  readonly advance: string;
  /** Windows folded in one transaction when catching up. */
  readonly windowsMax: number;
};

const ROLLS: Readonly<Record<Rolled, Roll>> = {
  hour: { first: FIRST_UNROLLED.hour, fold: ROLL_FACTS.hour, advance: ADVANCE_MARK.hour, windowsMax: 6 },
  day: { first: FIRST_UNROLLED.day, fold: ROLL_FACTS.day, advance: ADVANCE_MARK.day, windowsMax: 1 },
  day_sum: { first: FIRST_UNSUMMED, fold: ROLL_SUMS, advance: ADVANCE_SUM_MARK, windowsMax: 1 },
};

const SELECT_MARKS = `
SELECT tier, bucket, mark
FROM roll_marks
UNION ALL
SELECT 'day_sum', bucket, mark
FROM day_sum_marks`;

/** Per bucket: the first window that is not rolled (0: none is). */
export class RollMarks {
  readonly #marks = new Map<string, number>();

  set(rolled: Rolled, bucket: number, mark: number): void {
    this.#marks.set(`${rolled}/${bucket}`, mark);
  }

  get(rolled: Rolled, bucket: number): number {
    return this.#marks.get(`${rolled}/${bucket}`) ?? 0;
  }
}

export async function readMarks(database: D1Database): Promise<RollMarks> {
  const { results } = await database.prepare(SELECT_MARKS).all<{ tier: Rolled; bucket: number; mark: number }>();
  const marks = new RollMarks();
  for (const { tier, bucket, mark } of results) marks.set(tier, bucket, mark);
  return marks;
}

/**
 * Rolls everything that is over: hours first, then days below the hours, then the sums of days, and those of hours.
 * Returns the number of windows rolled.
 */
export async function rollAll(database: D1Database, nowMs: number): Promise<number> {
  const hourEnd = Math.floor((nowMs - ROLL_DELAY_MS) / HOUR_MS);
  const rolledHours = await rollTier(database, "hour", () => hourEnd);
  const rolledDays = await rollTier(database, "day", (marks, bucket) => daysIn(marks.get("hour", bucket)));
  const summedDays = await rollTier(database, "day_sum", (marks, bucket) => marks.get("day", bucket));
  const marks = await readMarks(database);
  const ofHours = await rollHourSums(database, (bucket) => daysIn(marks.get("hour", bucket)), nowMs);
  return rolledHours + rolledDays + summedDays + ofHours;
}

/** Whole days in hours since 1970. */
function daysIn(hours: number): number {
  return Math.floor(hours / ROLLED_FROM.day.windows);
}

async function rollTier(
  database: D1Database,
  tier: Rolled,
  endOf: (marks: RollMarks, bucket: number) => number,
): Promise<number> {
  const marks = await readMarks(database);
  let rolled = 0;
  for (let bucket = 0; bucket < ADVERTISER_BUCKETS; bucket++) {
    const range = { mark: marks.get(tier, bucket), end: endOf(marks, bucket) };
    rolled += await rollBucket(database, ROLLS[tier], bucket, range);
  }
  return rolled;
}

/** Advances one bucket's mark to `end`, a few windows per transaction; empty stretches are skipped in one step. */
async function rollBucket(
  database: D1Database,
  { first, fold, advance, windowsMax }: Roll,
  bucket: number,
  { mark, end }: { mark: number; end: number },
): Promise<number> {
  let rolled = 0;
  let from = mark;
  while (from < end) {
    const found = await database.prepare(first).bind(bucket, from).first<{ first_window: number | null }>();
    // The transaction folds from the mark, not from what was found: what arrived before that meanwhile is in it.
    const to = Math.min(end, Math.max(from, found?.first_window ?? end) + windowsMax);
    const [, advanced] = await database.batch([
      database.prepare(fold).bind(bucket, from, to),
      database.prepare(advance).bind(bucket, from, to),
    ]);
    if (advanced?.meta.changes === 0) return rolled;
    rolled += to - from;
    from = to;
  }
  return rolled;
}
