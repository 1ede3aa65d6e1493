/**
 * Which shard owns an event: fixed by signed claims alone, so that every copy of it meets the same shard for ever.
 *
 *   routingHash = hash32(ad "/" salt)   salt = hash32(jti) mod slt
 *   shard       = routingHash mod shards   shards: of the topology epoch in force at `iat`, per type of event
 *
 *   clicks-<i>        clicks                  impressions-<i>   impressions, which are a hundred times as many
 *   orders-<0…255>    conversions, by (advertiser, type, order); fixed for ever
 *   counts-<0…15>     uploaded impression counts, by (uploader, batch); fixed for ever
 *
 * Keeps: a pure function of `ad`, `jti`, `iat`, `slt` and the topology. The salt is never random: a random salt would
 * send the second click of an impression to a shard that has not seen the first.
 */
import type { Claims } from "./claims.ts";
import { hash32 } from "./hash.ts";
import { ADVERTISER_BUCKETS, COUNTS_SHARDS, ORDER_SHARDS, SECOND_MS, SHARDS_MAX } from "./limits.ts";
import { err, ok, type Result } from "./result.ts";
import { EVENT_TYPES, type EventType } from "./token-event.ts";

/** One epoch: from `sinceMs` on, newly issued tokens spread over so many shards of each type. */
export type Epoch = { readonly sinceMs: number; readonly shards: Readonly<Record<EventType, number>> };

/** Epochs by ascending `sinceMs`; the first starts at 0, so that every instant has one. */
export type Topology = readonly Epoch[];

/**
 * Reads `[{"since": <seconds>, "shards": <n>, "impression_shards"?: <n>}, …]`; without a number of their own, impressions
 * spread over as many shards as clicks. The error is a sentence for the operator.
 */
export function parseTopology(value: unknown): Result<Topology, string> {
  if (!Array.isArray(value) || value.length === 0) return err("TOPOLOGY must be a list of epochs");
  const epochs: Epoch[] = [];
  for (const entry of value as { since?: unknown; shards?: unknown; impression_shards?: unknown }[]) {
    const { since, shards, impression_shards: impressionShards = shards } = entry ?? {};
    if (typeof since !== "number" || !(since >= 0)) return err("an epoch of TOPOLOGY has no valid since");
    if (!isShardCount(shards) || !isShardCount(impressionShards)) {
      return err(`an epoch of TOPOLOGY must have 1 to ${SHARDS_MAX} shards`);
    }
    const previous = epochs.at(-1);
    if (previous === undefined ? since !== 0 : since * SECOND_MS <= previous.sinceMs) {
      return err("TOPOLOGY must start at since 0 and ascend");
    }
    epochs.push({ sinceMs: since * SECOND_MS, shards: { click: shards, impression: impressionShards } });
  }
  return ok(epochs);
}

function isShardCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= SHARDS_MAX;
}

export function routingHashOf({ ad, jti, slt }: Pick<Claims, "ad" | "jti" | "slt">): number {
  return hash32(`${ad}/${hash32(jti) % slt}`);
}

/** The shard index for a routing hash and the instant its token was issued. O(epochs). */
export function shardOf(type: EventType, routingHash: number, iatMs: number, topology: Topology): number {
  let shards = 1;
  for (const epoch of topology) {
    if (epoch.sinceMs > iatMs) break;
    shards = epoch.shards[type];
  }
  return routingHash % shards;
}

/** The name of an event shard's object, and the source of its postings. */
export function eventShardName(type: EventType, index: number): string {
  return `${type}s-${index}`;
}

/** The names of all event shards that any epoch uses: those that a sweep visits. */
export function eventShardNames(topology: Topology): string[] {
  return EVENT_TYPES.flatMap((type) => {
    const count = Math.max(...topology.map(({ shards }) => shards[type]));
    return Array.from({ length: count }, (_, index) => eventShardName(type, index));
  });
}

/** The object that decides on an order's conversions, whatever click they name. */
export function orderShardName(orderHash: number): string {
  return `orders-${orderHash % ORDER_SHARDS}`;
}

/** The object that decides on a batch of uploaded counts. */
export function countsShardName(batchHash: number): string {
  return `counts-${batchHash % COUNTS_SHARDS}`;
}

/** The names of all submission shards. */
export function submissionShardNames(): string[] {
  const orders = Array.from({ length: ORDER_SHARDS }, (_, index) => orderShardName(index));
  return [...orders, ...Array.from({ length: COUNTS_SHARDS }, (_, index) => countsShardName(index))];
}

/** The advertiser's bucket: what is rolled together, and where a watermark of rolled hours is kept. */
export function advertiserBucketOf(advertiserId: string): number {
  return hash32(advertiserId) % ADVERTISER_BUCKETS;
}
