/**
 * Which shard owns a click: fixed by signed claims alone, so that every copy of a click meets the same shard for ever.
 *
 *   routingHash = hash32(ad "/" salt)   salt = hash32(jti) mod slt
 *   shard       = routingHash mod shards   shards: of the topology epoch in force at `iat`
 *
 * Keeps: a pure function of `ad`, `jti`, `iat`, `slt` and the topology. The salt is never random: a random salt would
 * send the second click of an impression to a shard that has not seen the first.
 */
import type { Claims } from "./claims.ts";
import { hash32 } from "./hash.ts";
import { ADVERTISER_BUCKETS, SECOND_MS, SHARDS_MAX } from "./limits.ts";
import { err, ok, type Result } from "./result.ts";

/** One epoch: from `sinceMs` on, newly issued tokens spread over `shards`. */
export type Epoch = { readonly sinceMs: number; readonly shards: number };

/** Epochs by ascending `sinceMs`; the first starts at 0, so that every instant has one. */
export type Topology = readonly Epoch[];

/** Reads `[{"since": <seconds>, "shards": <n>}, …]`; the error is a sentence for the operator. */
export function parseTopology(value: unknown): Result<Topology, string> {
  if (!Array.isArray(value) || value.length === 0) return err("TOPOLOGY must be a list of epochs");
  const epochs: Epoch[] = [];
  for (const entry of value as { since?: unknown; shards?: unknown }[]) {
    const { since, shards } = entry ?? {};
    if (typeof since !== "number" || !(since >= 0)) return err("an epoch of TOPOLOGY has no valid since");
    if (!Number.isSafeInteger(shards) || (shards as number) < 1 || (shards as number) > SHARDS_MAX) {
      return err(`an epoch of TOPOLOGY must have 1 to ${SHARDS_MAX} shards`);
    }
    const previous = epochs.at(-1);
    if (previous === undefined ? since !== 0 : since * SECOND_MS <= previous.sinceMs) {
      return err("TOPOLOGY must start at since 0 and ascend");
    }
    epochs.push({ sinceMs: since * SECOND_MS, shards: shards as number });
  }
  return ok(epochs);
}

export function routingHashOf({ ad, jti, slt }: Pick<Claims, "ad" | "jti" | "slt">): number {
  return hash32(`${ad}/${hash32(jti) % slt}`);
}

/** The shard index for a routing hash and the instant its token was issued. O(epochs). */
export function shardOf(routingHash: number, iatMs: number, topology: Topology): number {
  let shards = 1;
  for (const epoch of topology) {
    if (epoch.sinceMs > iatMs) break;
    shards = epoch.shards;
  }
  return routingHash % shards;
}

/** The highest number of shards that any epoch uses: the shards that a sweep visits. */
export function shardCount(topology: Topology): number {
  return Math.max(...topology.map((epoch) => epoch.shards));
}

/** The name of a click shard's object, and the source of its postings. */
export function clickShardName(index: number): string {
  return `clicks-${index}`;
}

/** The advertiser's bucket: what is rolled together, and where a watermark of rolled hours is kept. */
export function advertiserBucketOf(advertiserId: string): number {
  return hash32(advertiserId) % ADVERTISER_BUCKETS;
}
