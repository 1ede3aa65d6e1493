/**
 * Roll once, then add: minutes into hours, hours into days, per advertiser bucket, each window exactly once.
 *
 *   mark:  … rolled windows …│ not yet rolled …          one transaction: insert the fold of [mark, next), mark := next
 *
 * The transaction of days also adds them to the sums over advertisers (day-sums-sql.ts).
 *
 * Keeps: at every moment a window before the mark equals the fold of its minutes: the roll took what was there, and
 * every later delta is added to it by its own posting (facts-sql.ts). Two rolls at once are harmless: the second finds
 * another mark and changes nothing. A window is rolled only when it is over by `ROLL_DELAY_MS`, which is a matter of
 * economy, not of correctness.
 */
import { ADVERTISER_BUCKETS, HOUR_MS, MINUTE_MS } from "../core/limits.ts";
import { ROLL_SUMS } from "./day-sums-sql.ts";
import { ADVANCE_MARK, FIRST_UNROLLED, ROLL_FACTS, ROLLED_FROM, type RolledTier, SELECT_MARKS } from "./facts-sql.ts";

const ROLL_DELAY_MS = 5 * MINUTE_MS;
/** Windows folded in one transaction when catching up. */
const WINDOWS_PER_ROLL_MAX = { hour: 6, day: 1 } as const satisfies Record<RolledTier, number>;

/** Per tier and bucket: the first window that is not rolled (0: none is). */
export class RollMarks {
  readonly #marks = new Map<string, number>();

  set(tier: RolledTier, bucket: number, mark: number): void {
    this.#marks.set(`${tier}/${bucket}`, mark);
  }

  get(tier: RolledTier, bucket: number): number {
    return this.#marks.get(`${tier}/${bucket}`) ?? 0;
  }
}

export async function readMarks(database: D1Database): Promise<RollMarks> {
  const { results } = await database.prepare(SELECT_MARKS).all<{ tier: RolledTier; bucket: number; mark: number }>();
  const marks = new RollMarks();
  for (const { tier, bucket, mark } of results) marks.set(tier, bucket, mark);
  return marks;
}

/** Rolls everything that is over, hours first, then days below the hours. Returns the number of windows rolled. */
export async function rollAll(database: D1Database, nowMs: number): Promise<number> {
  const hourEnd = Math.floor((nowMs - ROLL_DELAY_MS) / HOUR_MS);
  const rolledHours = await rollTier(database, "hour", () => hourEnd);
  const rolledDays = await rollTier(database, "day", (marks, bucket) =>
    Math.floor(marks.get("hour", bucket) / ROLLED_FROM.day.windows),
  );
  return rolledHours + rolledDays;
}

async function rollTier(
  database: D1Database,
  tier: RolledTier,
  endOf: (marks: RollMarks, bucket: number) => number,
): Promise<number> {
  const marks = await readMarks(database);
  let rolled = 0;
  for (let bucket = 0; bucket < ADVERTISER_BUCKETS; bucket++) {
    const range = { mark: marks.get(tier, bucket), end: endOf(marks, bucket) };
    rolled += await rollBucket(database, tier, bucket, range);
  }
  return rolled;
}

/** Advances one bucket's mark to `end`, a few windows per transaction; empty stretches are skipped in one step. */
async function rollBucket(
  database: D1Database,
  tier: RolledTier,
  bucket: number,
  { mark, end }: { mark: number; end: number },
): Promise<number> {
  let rolled = 0;
  let from = mark;
  while (from < end) {
    const first = await database
      .prepare(FIRST_UNROLLED[tier])
      .bind(bucket, from)
      .first<{ first_window: number | null }>();
    // The transaction folds from the mark, not from `first`: what arrived before `first` meanwhile is in it.
    const to = Math.min(end, Math.max(from, first?.first_window ?? end) + WINDOWS_PER_ROLL_MAX[tier]);
    const folds = tier === "day" ? [ROLL_FACTS.day, ROLL_SUMS] : [ROLL_FACTS[tier]];
    const results = await database.batch([
      ...folds.map((fold) => database.prepare(fold).bind(bucket, from, to)),
      database.prepare(ADVANCE_MARK).bind(tier, bucket, from, to),
    ]);
    if (results.at(-1)?.meta.changes === 0) return rolled;
    rolled += to - from;
    from = to;
  }
  return rolled;
}
