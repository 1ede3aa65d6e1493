/**
 * Which shard owns an event: fixed by its impression alone, so that every copy of it meets the same shard for ever.
 *
 *   routingHash = hash32(ad): upper 20 bits · hash32(jti): lower 12 bits           written into the event id
 *   salts       = of the ad, in the topology epoch in force at `iat`; 1 unless the epoch names the ad as hot
 *   shard       = mix32(ad's 20 bits · jti's 12 bits mod salts) mod shards      shards of that epoch, per type of event
 *
 *   clicks-<i>        clicks                  impressions-<i>   impressions, which are a hundred times as many
 *   orders-<0…255>    conversions, by (advertiser, type, order); fixed for ever (shard/submission-routing.ts)
 *   counts-<0…15>     uploaded impression counts, by (uploader, batch); fixed for ever
 *
 * Keeps: a pure function of `ad`, `jti`, `iat` and the topology. All three are part of an impression's identity
 * (core/impression-key.ts), so two tokens of one impression meet, whatever else they say: the claim `slt` of older
 * minters has no effect. The salt is never random: a random salt would send the second click of an impression to a
 * shard that has not seen the first. The hash of an event id is enough to name the few shards that may hold the event.
 */
import { type Claims, isId } from "./claims.ts";
import { hash32, mix32 } from "./hash.ts";
import {
  ADVERTISER_BUCKETS,
  COUNTS_SHARDS,
  HOT_ADS_COUNT_MAX,
  ORDER_SHARDS,
  SALTS_MAX,
  SECOND_MS,
  SHARDS_MAX,
} from "./limits.ts";
import { err, ok, type Result } from "./result.ts";
import { EVENT_TYPES, type EventType } from "./token-event.ts";

/**
 * One epoch: from `sinceMs` on, newly issued tokens spread over so many shards of each type, hot ads by their salts.
 */
export type Epoch = {
  readonly sinceMs: number;
  readonly shards: Readonly<Record<EventType, number>>;
  /** Salts of hot ads; every other ad has one place. */
  readonly hot: ReadonlyMap<string, number>;
};

/** Epochs by ascending `sinceMs`; the first starts at 0, so that every instant has one. */
export type Topology = readonly Epoch[];

/** Bits of the impression in a routing hash; 4 096 values share out evenly over any number of salts. */
const JTI_BITS = 12;
const JTI_MASK = 2 ** JTI_BITS - 1;

type WireEpoch = { since?: unknown; shards?: unknown; impression_shards?: unknown; hot?: unknown };

/**
 * Reads `[{"since": <seconds>, "shards": <n>, "impression_shards"?: <n>, "hot"?: {"<ad>": <salts>, …}}, …]`; without a
 * number of their own, impressions spread over as many shards as clicks. An epoch names all of its hot ads: it inherits
 * none. The error is a sentence for the operator.
 */
export function parseTopology(value: unknown): Result<Topology, string> {
  if (!Array.isArray(value) || value.length === 0) return err("TOPOLOGY must be a list of epochs");
  const epochs: Epoch[] = [];
  for (const entry of value as WireEpoch[]) {
    const { since, shards, impression_shards: impressionShards = shards, hot: hotAds = {} } = entry ?? {};
    if (typeof since !== "number" || !(since >= 0)) return err("an epoch of TOPOLOGY has no valid since");
    if (!isShardCount(shards) || !isShardCount(impressionShards)) {
      return err(`an epoch of TOPOLOGY must have 1 to ${SHARDS_MAX} shards`);
    }
    const previous = epochs.at(-1);
    if (previous === undefined ? since !== 0 : since * SECOND_MS <= previous.sinceMs) {
      return err("TOPOLOGY must start at since 0 and ascend");
    }
    const hot = parseHotAds(hotAds);
    if (!hot.ok) return hot;
    epochs.push({
      sinceMs: since * SECOND_MS,
      shards: { click: shards, impression: impressionShards },
      hot: hot.value,
    });
  }
  return ok(epochs);
}

function parseHotAds(value: unknown): Result<ReadonlyMap<string, number>, string> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return err("hot of an epoch of TOPOLOGY must be an object of ad ids and salts");
  }
  const hot = new Map<string, number>();
  for (const [ad, salts] of Object.entries(value)) {
    if (!isId(ad)) return err("hot of an epoch of TOPOLOGY names an ad by what is no id");
    if (!Number.isSafeInteger(salts) || salts < 2 || salts > SALTS_MAX) {
      return err(`a hot ad of TOPOLOGY must have 2 to ${SALTS_MAX} salts`);
    }
    hot.set(ad, salts);
  }
  return hot.size <= HOT_ADS_COUNT_MAX
    ? ok(hot)
    : err(`an epoch of TOPOLOGY may name at most ${HOT_ADS_COUNT_MAX} hot ads`);
}

function isShardCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= SHARDS_MAX;
}

/** What an event id holds of its way: the ad and the impression, as 32 bits. Needs no topology. */
export function routingHashOf({ ad, jti }: Pick<Claims, "ad" | "jti">): number {
  return ((hash32(ad) & ~JTI_MASK) | (hash32(jti) & JTI_MASK)) >>> 0;
}

/** The shard index of an event of these claims. O(epochs). */
export function shardOf(type: EventType, claims: Pick<Claims, "ad" | "jti" | "iat">, topology: Topology): number {
  const epoch = epochAt(claims.iat * SECOND_MS, topology);
  return epoch === null ? 0 : shardIn(epoch, type, routingHashOf(claims), epoch.hot.get(claims.ad) ?? 1);
}

/**
 * All shards that an event with this routing hash may belong to, whenever its token was issued and whichever its ad is.
 */
export function shardsOfHash(type: EventType, routingHash: number, topology: Topology): number[] {
  const found = new Set<number>();
  for (const epoch of topology) {
    found.add(shardIn(epoch, type, routingHash, 1));
    for (const [ad, salts] of epoch.hot) {
      if ((hash32(ad) ^ routingHash) >>> JTI_BITS === 0) found.add(shardIn(epoch, type, routingHash, salts));
    }
  }
  return Array.from(found);
}

function epochAt(iatMs: number, topology: Topology): Epoch | null {
  let inForce: Epoch | null = null;
  for (const epoch of topology) {
    if (epoch.sinceMs > iatMs) break;
    inForce = epoch;
  }
  return inForce;
}

function shardIn({ shards }: Epoch, type: EventType, routingHash: number, salts: number): number {
  return mix32((routingHash & ~JTI_MASK) | ((routingHash & JTI_MASK) % salts)) % shards[type];
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

export function orderShardNames(): string[] {
  return Array.from({ length: ORDER_SHARDS }, (_, index) => orderShardName(index));
}

export function countsShardNames(): string[] {
  return Array.from({ length: COUNTS_SHARDS }, (_, index) => countsShardName(index));
}

const REPORT_DATABASE = /^REPORT_DB(_[1-9]\d{0,3})?$/;

/** Whether a binding of this name is a report database; the one without a number is the primary. */
export function isReportDatabase(binding: string): boolean {
  return REPORT_DATABASE.test(binding);
}

/** The advertiser's bucket: what is rolled together, and where a watermark of rolled hours is kept. */
export function advertiserBucketOf(advertiserId: string): number {
  return hash32(advertiserId) % ADVERTISER_BUCKETS;
}
