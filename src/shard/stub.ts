/**
 * The way to a shard: its name from its impression, its object by name, one call per try.
 *
 * Keeps: a new stub for every call, since a stub stays broken after some errors. Results are primitives or plain data,
 * which need no disposal.
 */
import type { EventId } from "../core/event-id.ts";
import type { ImpressionKey } from "../core/impression-key.ts";
import type { OpenedEvent } from "../core/message.ts";
import type { Change, RevisionOutcome } from "../core/revision.ts";
import { eventShardName, shardOf, type Topology } from "../core/routing.ts";
import type { CountsShard } from "./counts-shard.ts";
import type { EventShard } from "./event-shard.ts";
import type { OrderShard } from "./order-shard.ts";
import type { RevisedBy, RevisionRequest } from "./revise.ts";
import type { ConversionOutcome } from "./submit-conversions.ts";
import type { Upload, UploadOutcome } from "./submit-counts.ts";

export type ShardNamespace = DurableObjectNamespace<EventShard>;

/** The name of the shard that owns the event. */
export function shardNameOf({ event, claims }: OpenedEvent, topology: Topology): string {
  return eventShardName(event.type, shardOf(event.type, claims, topology));
}

export type OrderNamespace = DurableObjectNamespace<OrderShard>;
export type CountsNamespace = DurableObjectNamespace<CountsShard>;

/** Has the named object decide encoded conversions; one outcome each. */
export async function convertIn(
  orders: OrderNamespace,
  name: string,
  encodedEvents: string[],
): Promise<ConversionOutcome[]> {
  return await orders.getByName(name).convert(encodedEvents);
}

/** Has the named object count an upload once. */
export async function uploadInto(counts: CountsNamespace, name: string, upload: Upload): Promise<UploadOutcome> {
  return await counts.getByName(name).upload(upload);
}

/** The lines of an event in the named shard's log, which holds what is not posted and archived yet. */
export async function findLogged(shards: ShardNamespace, name: string, event: EventId): Promise<string[]> {
  return await shards.getByName(name).find(event);
}

/** What reviews and revisions made of an event of the named shard, oldest first. */
export async function changesOf(shards: ShardNamespace, name: string, event: EventId): Promise<Change[]> {
  return await shards.getByName(name).changes(event);
}

/** Moves events of the named shard from one verdict to another; one outcome each. */
export async function reviseIn(
  shards: ShardNamespace,
  name: string,
  requests: RevisionRequest[],
  revisedBy: RevisedBy,
): Promise<RevisionOutcome[]> {
  return await shards.getByName(name).revise(requests, revisedBy);
}

/** The event that claimed a key, or null when none did or the key is forgotten. */
export async function claimantIn(
  shards: ShardNamespace,
  name: string,
  key: ImpressionKey,
  hour: number,
): Promise<EventId | null> {
  return await shards.getByName(name).claimant(key, hour);
}

/** Counts encoded events in the named shard; durable when it resolves. Returns how many were new. */
export async function ingestInto(
  shards: ShardNamespace,
  name: string,
  encodedEvents: string[],
  isAwaited: boolean,
): Promise<number> {
  return await shards.getByName(name).ingest(encodedEvents, isAwaited);
}
