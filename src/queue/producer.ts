/**
 * The way of events from the edge to a place where they are durable: a chain of steps, each with its own time bound.
 *
 *   queue → other_queue → shard → spool        the order is configuration (ENQUEUE_CHAIN)
 *
 * Keeps: events are durable when `deliverEvents` resolves to a step's name. A step that fails or hangs hands over to
 * the next; it may still take effect later, which is harmless, since the same event ids arrive twice. Only when every
 * step has failed are the events lost, and then they are counted as lost.
 */
import type { EnqueueStepName } from "../config.ts";
import { parseJson } from "../core/base64url.ts";
import { hash32 } from "../core/hash.ts";
import { FOLLOWER_CONFIRM_MS, SECOND_MS } from "../core/limits.ts";
import { type EventCodec, encodeMessage, WIRE_CODEC } from "../core/message.ts";
import { assert, assertNever } from "../core/result.ts";
import type { Topology } from "../core/routing.ts";
import { logFault } from "../log.ts";
import { type OperationsDataset, writeLostPoint } from "../operations.ts";
import type { ShardNamespace } from "../shard/stub.ts";
import { type Timing, within } from "../timing.ts";
import type { EncodedEvent } from "./coalescer.ts";
import { deliver, groupByShard } from "./route.ts";
import { spoolEvents } from "./spool.ts";

/** A queue's `send` has been seen to hang for a minute; a second try elsewhere takes less than a second. */
const QUEUE_TIMEOUT_MS = 2 * SECOND_MS;
const SHARD_TIMEOUT_MS = 5 * SECOND_MS;
const SPOOL_TIMEOUT_MS = 8 * SECOND_MS;
/** Work after the response ends after this long. */
const AFTER_RESPONSE_MS = 30 * SECOND_MS;

// A follower waits for its batch first, and then goes the whole chain itself.
assert(
  FOLLOWER_CONFIRM_MS + 2 * QUEUE_TIMEOUT_MS + SHARD_TIMEOUT_MS + SPOOL_TIMEOUT_MS < AFTER_RESPONSE_MS,
  "every step of the chain has its turn within the time after the response",
);

export type ProducerPorts = {
  readonly shards: ShardNamespace;
  /** Asked only when events go straight to their shards; it may read R2. */
  readonly topology: () => Promise<Topology>;
  readonly archive: R2Bucket;
  readonly timing: Timing;
  readonly queues: readonly Pick<Queue, "send">[];
  readonly operations: OperationsDataset;
  readonly codec?: EventCodec | undefined;
  /** Somebody waits until the events are durable. */
  readonly isAwaited?: boolean;
};

/** Makes events durable; resolves to the step that took them, or null when they are lost. Never rejects. */
export async function deliverEvents(
  events: readonly EncodedEvent[],
  chain: readonly EnqueueStepName[],
  ports: ProducerPorts,
): Promise<EnqueueStepName | null> {
  const first = events[0];
  assert(first !== undefined, "there is an event to deliver");
  const encoded = events.map(({ text }) => text);
  for (const step of chain) {
    try {
      if (await runStep(step, { first, encoded }, ports)) return step;
    } catch (fault) {
      logFault("enqueue_step_failed", fault, { step, events: events.length });
    }
  }
  writeLostPoint(ports.operations, chain.at(-1) ?? "none", countOf(events));
  logFault("clicks_lost", "every step of the enqueue chain failed", { events: countOf(events) });
  return null;
}

/** Runs one step; false when it does not apply. */
async function runStep(
  step: EnqueueStepName,
  { first, encoded }: { first: EncodedEvent; encoded: readonly string[] },
  ports: ProducerPorts,
): Promise<boolean> {
  const preferred = hash32(first.id) % Math.max(1, ports.queues.length);
  switch (step) {
    case "queue":
      return send(ports.queues[preferred], encoded, ports.timing);
    case "other_queue":
      return (
        ports.queues.length > 1 && send(ports.queues[(preferred + 1) % ports.queues.length], encoded, ports.timing)
      );
    case "shard":
      await within(ports.timing, SHARD_TIMEOUT_MS, ingestAll(encoded, ports));
      return true;
    case "spool":
      await within(ports.timing, SPOOL_TIMEOUT_MS, spoolEvents(ports.archive, first.id, encoded));
      return true;
    default:
      return assertNever(step);
  }
}

async function send(
  queue: Pick<Queue, "send"> | undefined,
  encoded: readonly string[],
  timing: Timing,
): Promise<boolean> {
  if (queue === undefined) return false;
  await within(timing, QUEUE_TIMEOUT_MS, queue.send(encodeMessage(encoded), { contentType: "text" }));
  return true;
}

async function ingestAll(encoded: readonly string[], ports: ProducerPorts): Promise<void> {
  const opened = encoded.map((text) => {
    const event = (ports.codec ?? WIRE_CODEC).open(parseJson(text));
    assert(event.ok, "the edge encodes readable events");
    return event.value;
  });
  const shardPorts = { shards: ports.shards, isAwaited: ports.isAwaited, topology: await ports.topology() };
  const groups = Array.from(groupByShard(opened, shardPorts.topology, ports.codec));
  await Promise.all(groups.map(([name, group]) => deliver(shardPorts, name, group)));
}

function countOf(events: readonly EncodedEvent[]): number {
  return events.reduce((sum, { count }) => sum + count, 0);
}
