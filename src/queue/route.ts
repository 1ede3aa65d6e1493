/**
 * Groups events by the shard that owns them, and hands each group over in calls of bounded size.
 *
 * Keeps: an event goes to the shard of its impression and to no other.
 */
import { INGEST_EVENTS_MAX } from "../core/limits.ts";
import { type EventCodec, type OpenedEvent, WIRE_CODEC } from "../core/message.ts";
import type { Topology } from "../core/routing.ts";
import { ingestInto, type ShardNamespace, shardNameOf } from "../shard/stub.ts";

export type ShardPorts = {
  readonly shards: ShardNamespace;
  readonly topology: Topology;
  readonly codec?: EventCodec | undefined;
  /** Somebody waits until the events are durable. */
  readonly isAwaited?: boolean | undefined;
};

/** Encoded events by shard name. */
export function groupByShard(
  events: readonly OpenedEvent[],
  topology: Topology,
  { encode } = WIRE_CODEC,
): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const opened of events) {
    const name = shardNameOf(opened, topology);
    const encoded = encode(opened.event);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [encoded]);
    else group.push(encoded);
  }
  return groups;
}

/**
 * Delivers one shard's events; returns how many were new. Rejects if any call does, and delivering all of them again is
 * harmless.
 */
export async function deliver(
  { shards, isAwaited = false }: Pick<ShardPorts, "shards" | "isAwaited">,
  name: string,
  encodedEvents: readonly string[],
): Promise<number> {
  let counted = 0;
  for (let at = 0; at < encodedEvents.length; at += INGEST_EVENTS_MAX) {
    counted += await ingestInto(shards, name, encodedEvents.slice(at, at + INGEST_EVENTS_MAX), isAwaited);
  }
  return counted;
}
