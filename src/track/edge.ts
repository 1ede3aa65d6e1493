/**
 * What one isolate keeps between requests: the checked configuration, the imported keys, a coalescer for each type of
 * event. Keys and configuration are not request state; the coalescer's rules for sharing are its own
 * (queue/coalescer.ts).
 */
import { type Config, readConfig } from "../config.ts";
import { parseJson } from "../core/base64url.ts";
import { importKeyRing, type KeyRing } from "../core/key-ring.ts";
import { sealText } from "../core/seal.ts";
import type { EventType } from "../core/token-event.ts";
import type { OperationsDataset } from "../operations.ts";
import { Coalescer } from "../queue/coalescer.ts";
import type { Sealer } from "../queue/dead-letter.ts";
import type { ProducerPorts } from "../queue/producer.ts";
import { topologyInForce } from "../shard/topology-keeper.ts";
import { PLATFORM_TIMING } from "../timing.ts";
import { AddressHasher } from "./address-hash.ts";
import { RandomPool } from "./random-pool.ts";

/** Where events of one type leave the edge. */
export type Station = { readonly coalescer: Coalescer; readonly producer: ProducerPorts };

export type Edge = {
  readonly config: Config;
  readonly ring: KeyRing;
  readonly hasher: AddressHasher;
  readonly random: RandomPool;
  readonly stations: Readonly<Record<EventType, Station>>;
  readonly operations: OperationsDataset;
};

let current: { readonly env: Env; readonly edge: Edge } | null = null;

/** The isolate's edge if it is made already; spares the click path a promise. */
export function knownEdge(env: Env): Edge | null {
  return current !== null && current.env === env ? current.edge : null;
}

/** The isolate's edge; made at the first request. Throws an Error that names a wrong setting. */
export async function edgeOf(env: Env): Promise<Edge> {
  const known = knownEdge(env);
  if (known !== null) return known;
  const config = readConfig(env);
  const ring = await importKeyRing(parseJson(config.tokenKeys), config.tokenSigningKid);
  if (!ring.ok) throw new Error(ring.error);
  const station = (type: EventType): Station => ({
    coalescer: new Coalescer(config.coalesceHoldMs),
    producer: {
      queues: eventQueues(env, type),
      shards: env.EVENT_SHARD,
      topology: () => topologyInForce(env, config),
      archive: env.ARCHIVE,
      timing: PLATFORM_TIMING,
      operations: env.OPERATIONS,
    },
  });
  const edge: Edge = {
    config,
    ring: ring.value,
    hasher: new AddressHasher(env.ARCHIVE),
    random: new RandomPool(),
    stations: { click: station("click"), impression: station("impression") },
    operations: env.OPERATIONS,
  };
  current = { env, edge };
  return edge;
}

/** Seals texts with the isolate's signing key. */
export function sealerOf(env: Env): Sealer {
  return async (text) => sealText((await edgeOf(env)).ring, text);
}

/** The queues bound as CLICK_QUEUE_0, CLICK_QUEUE_1, … or IMPRESSION_QUEUE_0, … in order. */
export function eventQueues(env: Env, type: EventType): Queue[] {
  const bindings = env as unknown as Record<string, unknown>;
  const queues: Queue[] = [];
  for (let index = 0; ; index++) {
    const queue = bindings[`${type.toUpperCase()}_QUEUE_${index}`];
    if (queue === undefined) return queues;
    queues.push(queue as Queue);
  }
}
