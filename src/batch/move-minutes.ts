/**
 * Old minutes leave the report database: batch by batch, each in two transactions with an object between them.
 *
 *   hot ──claim──▶ hot, and fixed ──▶ put object ──▶ read it back ──▶ settle ──▶ cold
 *        1 transaction: ledger row 'moving'                           1 transaction: ledger row 'cold' with the
 *        with the batch's last key                                    object's name, delete the rows, advance the mark
 *
 * Keeps: a row stands in facts_minute or in an object whose ledger row says 'cold', and in one of them only. Crash
 * before the claim's commit: nothing happened. After it, before the put: the rows are read where they are, nothing
 * changes them, and the next run finds the batch and goes on. After the put, before the settling commit: the object has
 * no ledger row that counts it; the next run writes the same bytes under the same name. After the settling commit:
 * done; there is no state in which an object counts and its rows are still there. A lost reply is one of these. Two
 * movers at once: the second claim breaks a unique index and is taken back whole, its mover finds the first one's batch
 * and helps; both settle, and the second settling changes nothing. A claim that was under way for long finds its
 * sequence taken. Only whole days move that are older than the hot window and rolled into hours and days: the roll
 * reads minutes. What arrives for a minute of a batch, or for one that was moved, makes a new row in facts_minute,
 * which moves in a later batch.
 */

import { claimBatch, movingBatch, settleBatch } from "../cold/store.ts";
import { DAY_MS } from "../core/limits.ts";

export type MovePorts = {
  readonly database: D1Database;
  readonly archive: R2Bucket;
  readonly clock: () => number;
};

/** Moves what is due in the buckets, until it is done or `untilMs` has come. Returns the number of batches. */
export async function moveMinutes(
  { database, archive, clock }: MovePorts,
  {
    nowMs,
    hotMinutesMs,
    buckets,
    untilMs,
  }: { nowMs: number; hotMinutesMs: number; buckets: readonly number[]; untilMs: number },
): Promise<number> {
  const beforeDay = Math.floor((nowMs - hotMinutesMs) / DAY_MS);
  let batches = 0;
  for (const bucket of buckets) {
    while (clock() < untilMs) {
      const batch = (await movingBatch(database, bucket)) ?? (await claimBatch(database, { bucket, beforeDay, nowMs }));
      if (batch === null) break;
      await settleBatch({ database, archive }, batch, nowMs);
      batches++;
    }
  }
  return batches;
}
