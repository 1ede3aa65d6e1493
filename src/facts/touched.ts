/**
 * What the last postings of a source have changed, so that a report that is read in slices knows which of them are no
 * longer of one moment (src/report/read/sliced.ts).
 *
 *   ledger.version   how many postings with facts this database had taken with the last one of the source
 *   ledger.touched   [[version, [[first minute, last minute, buckets], …]], …], the newest first; buckets as bits
 *
 * Keeps: whatever a posting changes lies in its stretches; they may say more, never less. It costs no row: the ledger's
 * is written anyway. Relies on: facts are changed by postings alone. A roll adds what stands in finer tiers already,
 * and a move of minutes has marks of its own.
 */
import { parseJson } from "../core/base64url.ts";
import type { Facts } from "../core/facts.ts";
import { ADVERTISER_BUCKETS } from "../core/limits.ts";
import { assert } from "../core/result.ts";
import { advertiserBucketOf } from "../core/routing.ts";

/** Minutes [first, last] of the buckets whose bits are set. */
export type Stretch = readonly [first: number, last: number, buckets: number];
export type Touch = readonly [version: number, stretches: readonly Stretch[]];

/** Postings that a source's row remembers: at one in two seconds, a minute of them. */
export const TOUCHES_KEPT = 32;
/** Minutes that a posting names one by one; it has some as a rule, and many when it catches up. */
const STRETCHES_MAX = 24;
export const ALL_BUCKETS = 2 ** ADVERTISER_BUCKETS - 1;

assert(ADVERTISER_BUCKETS <= 31, "buckets are bits of one integer");

export function bucketBit(bucket: number): number {
  return 2 ** bucket;
}

/** What facts by minute change. */
export function stretchesOf(facts: Facts): Stretch[] {
  const byMinute = new Map<number, number>();
  for (const { advertiserId, window } of facts.values()) {
    byMinute.set(window, (byMinute.get(window) ?? 0) | bucketBit(advertiserBucketOf(advertiserId)));
  }
  const each = [...byMinute].toSorted(([left], [right]) => left - right);
  if (each.length <= STRETCHES_MAX) return each.map(([minute, buckets]) => [minute, minute, buckets]);
  const buckets = each.reduce((all, [, some]) => all | some, 0);
  return [[each[0]?.[0] ?? 0, each.at(-1)?.[0] ?? 0, buckets]];
}

/** A source's row of the ledger, as it is read to see what has changed. */
export type TouchedRow = { readonly version: number; readonly touched: string };

/** The postings after `since`; null where a row does not reach back so far. */
export function touchesSince(rows: readonly TouchedRow[], since: number): Touch[] | null {
  const touches: Touch[] = [];
  for (const { version, touched } of rows) {
    if (version <= since) continue;
    const kept = parseJson(touched) as Touch[];
    const oldest = kept.at(-1);
    if (kept.length >= TOUCHES_KEPT && oldest !== undefined && oldest[0] > since) return null;
    touches.push(...kept.filter(([at]) => at > since));
  }
  return touches;
}

/** The last posting with facts of any source; 0 before the first. */
export const SELECT_VERSION = "SELECT coalesce(max(version), 0) AS version FROM ledger";
/** The rows of sources that have posted after ?1. */
export const SELECT_TOUCHED = "SELECT version, touched FROM ledger WHERE version > ?1";
