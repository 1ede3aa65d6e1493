/**
 * The spool: events in R2 that neither a queue nor a shard would take, until cron brings them to their shards.
 *
 *   spool/v1/<first event id>-<events>.ndjson     one TokenEvent a line
 *
 * Keeps: an object is deleted only when each of its lines is committed in its shard or kept as a dead letter. Draining
 * twice, or half and then again, counts nothing twice, since events keep their ids. Keys sort by time.
 */
import { parseJson } from "../core/base64url.ts";
import { decodeEventId, EVENT_ID_LENGTH, type EventId, isEventId } from "../core/event-id.ts";
import { type DeadEvent, type OpenedEvent, WIRE_CODEC } from "../core/message.ts";
import { logFault } from "../log.ts";
import { buryLetter, type DeadLetterPorts } from "./dead-letter.ts";
import { deliver, groupByShard, type ShardPorts } from "./route.ts";

export const SPOOL_PREFIX = "spool/v1/";
/** Objects drained by one cron run; the rest waits a minute. */
const DRAIN_OBJECTS_MAX = 200;

/**
 * Stores encoded events; durable when it resolves. The key is the same for the same events and no other: a batch and
 * one event of it that a follower sends alone differ in their number.
 */
export async function spoolEvents(bucket: R2Bucket, firstId: EventId, encoded: readonly string[]): Promise<void> {
  await bucket.put(`${SPOOL_PREFIX}${firstId}-${encoded.length}.ndjson`, encoded.join("\n"), {
    httpMetadata: { contentType: "application/x-ndjson" },
  });
}

/** When the oldest spooled event was received; null when the spool is empty. */
export async function oldestSpooledMs(bucket: R2Bucket): Promise<number | null> {
  const { objects } = await bucket.list({ prefix: SPOOL_PREFIX, limit: 1 });
  return oldestIn(objects);
}

/** The same of a listing from its begin. */
export function oldestIn(listed: readonly { readonly key: string }[]): number | null {
  const id = listed[0]?.key.slice(SPOOL_PREFIX.length, SPOOL_PREFIX.length + EVENT_ID_LENGTH);
  return isEventId(id) ? decodeEventId(id).receivedAtMs : null;
}

/** Brings spooled events to their shards, oldest first. Returns the objects drained; a failed one stays. */
export async function drainSpool(ports: ShardPorts & DeadLetterPorts): Promise<number> {
  const { objects } = await ports.archive.list({ prefix: SPOOL_PREFIX, limit: DRAIN_OBJECTS_MAX });
  let drained = 0;
  for (const { key, uploaded } of objects) {
    try {
      await drainObject(key, uploaded, ports);
      drained++;
    } catch (fault) {
      logFault("spool_object_stays", fault, { key });
    }
  }
  return drained;
}

async function drainObject(key: string, uploaded: Date, ports: ShardPorts & DeadLetterPorts): Promise<void> {
  const object = await ports.archive.get(key);
  if (object === null) return;
  const opened: OpenedEvent[] = [];
  const dead: { index: number; event: DeadEvent }[] = [];
  for (const [index, line] of (await object.text()).split("\n").entries()) {
    const event = (ports.codec ?? WIRE_CODEC).open(parseJson(line));
    // A line that was cut off is kept as it is; what stands before it is whole.
    if (!event.ok) dead.push({ index, event: { ...event.error, payload: line } });
    else opened.push({ ...event.value, event: { ...event.value.event, acceptedAtMs: uploaded.getTime() } });
  }
  for (const { index, event } of dead) {
    const messageId = key.slice(SPOOL_PREFIX.length);
    const letter = { ...event, queue: "spool", messageId, index, attempts: 1, sentAtMs: uploaded.getTime() };
    await buryLetter(ports, letter);
  }
  const groups = Array.from(groupByShard(opened, ports.topology, ports.codec));
  await Promise.all(groups.map(([name, group]) => deliver(ports, name, group)));
  await ports.archive.delete(key);
}
