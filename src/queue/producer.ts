/**
 * The way of events from the edge to a place where they are durable: a chain of steps, each with its own time bound.
 *
 *   queue → other_queue → shard        the order is configuration (ENQUEUE_CHAIN)
 *
 * Keeps: events are durable when `deliverEvents` resolves to a step's name. A step that fails or hangs hands over to the
 * next; it may still take effect later, which is harmless, since the same event ids arrive twice. Only when every step
 * has failed are the events lost, and then they are counted as lost.
 */
import type { EnqueueStepName } from "../config.ts";
import { parseJson } from "../core/base64url.ts";
import { hash32 } from "../core/hash.ts";
import { SECOND_MS } from "../core/limits.ts";
import { encodeMessage, openEvent } from "../core/message.ts";
import { assert, assertNever } from "../core/result.ts";
import { logFault } from "../log.ts";
import { type OperationsDataset, writeLostPoint } from "../sinks/operations.ts";
import type { EncodedClick } from "./coalescer.ts";
import { deliver, groupByShard, type ShardPorts } from "./route.ts";

/** A queue's `send` has been seen to hang for a minute; a second try elsewhere takes less than a second. */
const QUEUE_TIMEOUT_MS = 2 * SECOND_MS;
const SHARD_TIMEOUT_MS = 5 * SECOND_MS;

export type ProducerPorts = ShardPorts & {
  readonly queues: readonly Pick<Queue, "send">[];
  readonly operations: OperationsDataset;
};

/** Makes events durable; resolves to the step that took them, or null when they are lost. Never rejects. */
export async function deliverEvents(
  events: readonly EncodedClick[],
  chain: readonly EnqueueStepName[],
  ports: ProducerPorts,
): Promise<EnqueueStepName | null> {
  const first = events[0];
  assert(first !== undefined, "there is an event to deliver");
  const encoded = events.map(({ text }) => text);
  const preferred = hash32(first.id) % Math.max(1, ports.queues.length);
  for (const step of chain) {
    try {
      if (await runStep(step, encoded, preferred, ports)) return step;
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
  encoded: readonly string[],
  preferred: number,
  ports: ProducerPorts,
): Promise<boolean> {
  switch (step) {
    case "queue":
      return send(ports.queues[preferred], encoded);
    case "other_queue":
      return ports.queues.length > 1 && send(ports.queues[(preferred + 1) % ports.queues.length], encoded);
    case "shard":
      await withTimeout(ingestAll(encoded, ports), SHARD_TIMEOUT_MS);
      return true;
    default:
      return assertNever(step);
  }
}

async function send(queue: Pick<Queue, "send"> | undefined, encoded: readonly string[]): Promise<boolean> {
  if (queue === undefined) return false;
  await withTimeout(queue.send(encodeMessage(encoded), { contentType: "text" }), QUEUE_TIMEOUT_MS);
  return true;
}

async function ingestAll(encoded: readonly string[], ports: ProducerPorts): Promise<void> {
  const opened = encoded.map((text) => {
    const event = openEvent(parseJson(text));
    assert(event.ok, "the edge encodes readable events");
    return event.value;
  });
  const groups = Array.from(groupByShard(opened, ports.topology));
  await Promise.all(groups.map(([name, group]) => deliver(ports, name, group)));
}

function countOf(events: readonly EncodedClick[]): number {
  return events.reduce((sum, { count }) => sum + count, 0);
}

/** Rejects when `work` takes longer; the work itself goes on and may still take effect. */
async function withTimeout<T>(work: Promise<T>, ms: number): Promise<T> {
  let handle: number | null = null;
  const timeout = new Promise<never>((_, reject) => {
    handle = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(handle);
  }
}
