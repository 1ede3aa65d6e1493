/**
 * The spool: events in R2 that neither a queue nor a shard would take, until cron brings them to their shards.
 *
 *   spool/v1/<first event id>-<events>.ndjson     one TokenEvent a line
 *   spool-place/v1/last                           the last key of the last turn, while the spool is longer than a turn
 *
 * Keeps: an object is deleted only when each of its lines is committed in its shard or kept as a dead letter. Draining
 * twice, or half and then again, counts nothing twice, since events keep their ids. Keys sort by time. Turns go round:
 * objects that stay while their shard is down take no other's turn. Where the place is lost, they begin anew.
 */
import { parseJson } from "../core/base64url.ts";
import { decodeEventId, EVENT_ID_LENGTH, type EventId, isEventId } from "../core/event-id.ts";
import { type DeadEvent, type OpenedEvent, WIRE_CODEC } from "../core/message.ts";
import { logFault } from "../log.ts";
import { buryLetter, type DeadLetterPorts } from "./dead-letter.ts";
import { deliver, groupByShard, type ShardPorts } from "./route.ts";

export const SPOOL_PREFIX = "spool/v1/";
const PLACE = "spool-place/v1/last";
/** Objects that have their turn in one cron run; the rest waits a minute. */
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

/**
 * Brings spooled events to their shards, oldest first from where the last turn ended, and round. Returns the objects
 * drained; a failed one stays.
 */
export async function drainSpool(ports: ShardPorts & DeadLetterPorts): Promise<number> {
  let drained = 0;
  for (const { key, uploaded } of await takeTurn(ports.archive)) {
    try {
      await drainObject(key, uploaded, ports);
      drained++;
    } catch (fault) {
      logFault("spool_object_stays", fault, { key });
    }
  }
  return drained;
}

/** The objects whose turn it is. The place moves before the work, so that it has moved where a run is broken off. */
async function takeTurn(archive: R2Bucket): Promise<R2Object[]> {
  const object = await archive.get(PLACE);
  const place = object === null ? "" : await object.text();
  const behind = { prefix: SPOOL_PREFIX, limit: DRAIN_OBJECTS_MAX };
  const { objects } = await archive.list(place === "" ? behind : { ...behind, startAfter: place });
  const missing = DRAIN_OBJECTS_MAX - objects.length;
  if (place !== "" && missing > 0) {
    const { objects: oldest } = await archive.list({ prefix: SPOOL_PREFIX, limit: missing });
    objects.push(...oldest.filter(({ key }) => key <= place));
  }
  const last = objects.at(-1);
  if (last !== undefined && objects.length === DRAIN_OBJECTS_MAX) await archive.put(PLACE, last.key);
  else if (place !== "") await archive.delete(PLACE);
  return objects;
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
