/**
 * What a report database refused to store, kept by name until somebody sees to it.
 *
 *   dead-postings/v1/dt=2026-04-20/clicks-3/5f0c2a91-000000000812-adv_1.json
 *   {"v":1,"source":"clicks-3/5f0c2a91","seq":812,"advertiser_id":"adv_1","fault":"…","deltas":[…]}
 *
 * `deltas` is the JSON that the upserts read (facts-sql.ts). The events themselves are in the archive like all others.
 */
import { isoDay } from "../core/time.ts";
import { logFault } from "../log.ts";
import { encodeDeltas } from "./d1-facts.ts";
import type { DeadPosting } from "./post-apart.ts";

export const DEAD_POSTINGS_PREFIX = "dead-postings/v1/";

/** Stores a refused part of a posting; again is the same. */
export async function buryPosting(bucket: R2Bucket, dead: DeadPosting, nowMs: number): Promise<void> {
  const { source, seq, advertiserId, fault, fold } = dead;
  const name = `${source}-${String(seq).padStart(12, "0")}-${advertiserId}`;
  const head = JSON.stringify({ v: 1, source, seq, advertiser_id: advertiserId, fault });
  const text = `${head.slice(0, -1)},"deltas":${encodeDeltas(fold.facts)}}`;
  await bucket.put(`${DEAD_POSTINGS_PREFIX}dt=${isoDay(nowMs)}/${name}.json`, text);
  logFault("posting_buried", new Error(fault), { source, seq, advertiser: advertiserId });
}
