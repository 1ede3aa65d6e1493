/**
 * The way to a shard: its name from signed claims, its object by name, one call per try.
 *
 * Keeps: a new stub for every call, since a stub stays broken after some errors. Results are primitives or plain data,
 * which need no disposal.
 */
import type { Claims } from "../core/claims.ts";
import { SECOND_MS } from "../core/limits.ts";
import { clickShardName, routingHashOf, shardOf, type Topology } from "../core/routing.ts";
import type { EventShard } from "./object.ts";

export type ShardNamespace = DurableObjectNamespace<EventShard>;

/** The name of the shard that owns the click of these claims. */
export function shardNameOf(claims: Claims, topology: Topology): string {
  return clickShardName(shardOf(routingHashOf(claims), claims.iat * SECOND_MS, topology));
}

/** Counts encoded events in the named shard; durable when it resolves. Returns how many were new. */
export async function ingestInto(shards: ShardNamespace, name: string, encodedEvents: string[]): Promise<number> {
  return await shards.getByName(name).ingest(encodedEvents);
}
