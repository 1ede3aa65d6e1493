/**
 * The queue consumer only routes: decode, group by shard, one call per shard, acknowledge message by message.
 *
 * Keeps: a message is acknowledged when every shard that it touches has committed and every dead event of it is stored;
 * otherwise it is retried, with a delay that grows. A broken event goes to `dead/` while its neighbours go on. A shard
 * that fails holds back only the messages that touch it.
 */
import { decodeMessage, type EventCodec, type OpenedEvent } from "../core/message.ts";
import { logFault } from "../log.ts";
import { buryLetter, type DeadLetter, type DeadLetterPorts } from "./dead-letter.ts";
import { deliver, groupByShard, type ShardPorts } from "./route.ts";

export type ConsumerPorts = ShardPorts & DeadLetterPorts;

/** The part of a queue message that the consumer needs. */
export type IncomingMessage = Pick<Message<unknown>, "id" | "timestamp" | "body" | "attempts" | "ack" | "retry">;
export type IncomingBatch = { readonly queue: string; readonly messages: readonly IncomingMessage[] };

/** 1 s, 2 s, 4 s … 15 min: at 100 retries an outage of most of a day dead-letters nothing. */
const RETRY_DELAY_MIN_S = 1;
const RETRY_DELAY_MAX_S = 900;

export function retryDelayS(attempts: number): number {
  return Math.min(RETRY_DELAY_MAX_S, RETRY_DELAY_MIN_S * 2 ** Math.min(attempts - 1, 10));
}

/** Routes one batch of event messages. Never rejects: each message ends acknowledged or marked for retry. */
export async function consumeEvents(batch: IncomingBatch, ports: ConsumerPorts): Promise<void> {
  const opened = batch.messages.map((message) => openMessage(message, batch.queue, ports.codec));
  const groups = groupByShard(
    opened.flatMap(({ events }) => events),
    ports.topology,
    ports.codec,
  );
  const names = Array.from(groups.keys());
  const deliveries = await Promise.allSettled(names.map((name) => deliver(ports, name, groups.get(name) ?? [])));
  const failed = new Set<string>();
  for (const [at, delivery] of deliveries.entries()) {
    if (delivery.status === "fulfilled") continue;
    const name = names[at] as string;
    failed.add(name);
    logFault("shard_ingest_failed", delivery.reason, { shard: name });
  }
  await Promise.all(opened.map((message) => settle(message, failed, ports)));
}

/** Stores each message of a dead-letter queue whole: its retries are exhausted, its events are as they were. */
export async function consumeDeadLetters(batch: IncomingBatch, ports: DeadLetterPorts): Promise<void> {
  const bury = async (message: IncomingMessage) => {
    try {
      await buryLetter(ports, { ...letterOf(message, batch.queue), reason: "retries_exhausted" });
      message.ack();
    } catch (fault) {
      logFault("dead_letter_failed", fault, { message: message.id });
      message.retry({ delaySeconds: retryDelayS(message.attempts) });
    }
  };
  await Promise.all(batch.messages.map(bury));
}

type OpenedMessage = {
  readonly message: IncomingMessage;
  readonly events: readonly OpenedEvent[];
  readonly dead: readonly DeadLetter[];
};

function openMessage(message: IncomingMessage, queue: string, codec?: EventCodec): OpenedMessage {
  const decoded = decodeMessage(message.body, codec);
  const letter = letterOf(message, queue);
  if (!decoded.ok) return { message, events: [], dead: [{ ...letter, reason: decoded.error }] };
  const events: OpenedEvent[] = [];
  const dead: DeadLetter[] = [];
  for (const [index, event] of decoded.value.entries()) {
    if (event.ok) events.push(accepted(event.value, message.timestamp));
    else dead.push({ ...letter, index, ...event.error });
  }
  return { message, events, dead };
}

/** The event as the queue took it: with the instant at which it became durable. */
function accepted({ event, claims }: OpenedEvent, at: Date): OpenedEvent {
  return { claims, event: { ...event, acceptedAtMs: at.getTime() } };
}

async function settle(
  { message, events, dead }: OpenedMessage,
  failedShards: ReadonlySet<string>,
  ports: ConsumerPorts,
): Promise<void> {
  const touched = failedShards.size === 0 ? [] : Array.from(groupByShard(events, ports.topology, ports.codec).keys());
  try {
    for (const letter of dead) await buryLetter(ports, letter);
    if (!touched.some((name) => failedShards.has(name))) {
      message.ack();
      return;
    }
  } catch (fault) {
    logFault("dead_letter_failed", fault, { message: message.id });
  }
  message.retry({ delaySeconds: retryDelayS(message.attempts) });
}

function letterOf(message: IncomingMessage, queue: string): Omit<DeadLetter, "reason"> {
  const payload = typeof message.body === "string" ? message.body : JSON.stringify(message.body);
  return {
    queue,
    messageId: message.id,
    index: 0,
    attempts: message.attempts,
    sentAtMs: message.timestamp.getTime(),
    payload: payload ?? "null",
  };
}
