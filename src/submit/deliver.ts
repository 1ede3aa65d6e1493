/**
 * Conversions on their way to the objects that decide on them: at once where they answer, else by way of R2.
 *
 *   orders-<i>                                         by RPC, bounded
 *   spool-submissions/v1/<first event id>-<n>.ndjson   what one call could not have decided, one ConversionEvent a line,
 *                                                      until cron brings it there
 *
 * Keeps: a conversion that was accepted is decided, once: its line stays until its object has answered, and deciding twice
 * changes no figure. A spooled conversion that contradicts an earlier one is kept as a dead letter, since nobody waits for
 * its answer any more; so is one that was decided although its answer came too late, if its order was retracted meanwhile.
 */
import { parseJson } from "../core/base64url.ts";
import { type ConversionEvent, encodeConversion, parseConversion } from "../core/conversion.ts";
import { orderHashOf, orderKeyOf } from "../core/order.ts";
import { orderShardName } from "../core/routing.ts";
import { logFault } from "../log.ts";
import { buryLetter, type DeadLetterPorts } from "../queue/dead-letter.ts";
import { SUBMISSION_SPOOL_PREFIX } from "../queue/spool.ts";
import { PLATFORM_TIMING, within } from "../queue/timing.ts";
import { convertIn, type SubmissionNamespace } from "../shard/stub.ts";
import type { ConversionOutcome } from "../shard/submit.ts";

const SHARD_TIMEOUT_MS = 5_000;
const SPOOL_TIMEOUT_MS = 5_000;
/** Objects drained by one cron run; the rest waits a minute. */
const DRAIN_OBJECTS_MAX = 200;
/** A run ends after this many conversions: each may be a call, and an invocation has 10 000 of them for all its duties. */
const DRAIN_CALLS_MAX = 4_000;

export type DeliveryPorts = { readonly submissions: SubmissionNamespace; readonly archive: R2Bucket };

/** What became of a conversion: decided, accepted to be decided later, or not taken at all. */
export type Delivery = ConversionOutcome | { readonly status: "accepted" } | "not_taken";

/** Delivers conversions; one outcome each, in their order. Never rejects. */
export async function deliverConversions(
  events: readonly ConversionEvent[],
  { submissions, archive }: DeliveryPorts,
): Promise<Delivery[]> {
  const outcomes = await decideAll(events, submissions);
  const undecided = events.filter((_, index) => outcomes[index] === null);
  const otherwise = undecided.length > 0 && (await spool(undecided, archive)) ? ACCEPTED : "not_taken";
  return outcomes.map((outcome) => outcome ?? otherwise);
}

const ACCEPTED: Delivery = { status: "accepted" };

/** Has each event's object decide on it; null where it did not answer. Never rejects. */
async function decideAll(
  events: readonly ConversionEvent[],
  submissions: SubmissionNamespace,
): Promise<(ConversionOutcome | null)[]> {
  const decided: (ConversionOutcome | null)[] = events.map(() => null);
  const groups = Array.from(groupByShard(events));
  await Promise.all(
    groups.map(async ([name, indexes]) => {
      const encoded = indexes.map((index) => encodeConversion(events[index] as ConversionEvent));
      try {
        const outcomes = await within(PLATFORM_TIMING, SHARD_TIMEOUT_MS, convertIn(submissions, name, encoded));
        for (const [at, index] of indexes.entries()) decided[index] = outcomes[at] ?? null;
      } catch (fault) {
        logFault("conversions_not_decided", fault, { shard: name, conversions: encoded.length });
      }
    }),
  );
  return decided;
}

/** Whether the events are durable now. Never rejects. */
async function spool(events: readonly ConversionEvent[], archive: R2Bucket): Promise<boolean> {
  try {
    const key = `${SUBMISSION_SPOOL_PREFIX}${events[0]?.id}-${events.length}.ndjson`;
    await within(PLATFORM_TIMING, SPOOL_TIMEOUT_MS, archive.put(key, linesOf(events)));
    return true;
  } catch (fault) {
    logFault("conversions_not_spooled", fault, { conversions: events.length });
    return false;
  }
}

function linesOf(events: readonly ConversionEvent[]): string {
  return events.map(encodeConversion).join("\n");
}

/** Brings spooled conversions to their objects, oldest first. Returns the objects drained; a failed one stays. */
export async function drainSubmissions(
  ports: DeliveryPorts & DeadLetterPorts,
  callsMax = DRAIN_CALLS_MAX,
): Promise<number> {
  const { objects } = await ports.archive.list({ prefix: SUBMISSION_SPOOL_PREFIX, limit: DRAIN_OBJECTS_MAX });
  let drained = 0;
  let calls = 0;
  for (const { key, uploaded } of objects) {
    if (calls >= callsMax) break;
    calls += callsOf(key);
    try {
      await drainObject(key, uploaded, ports);
      drained++;
    } catch (fault) {
      logFault("spool_object_stays", fault, { key });
    }
  }
  return drained;
}

/** How many calls the conversions of an object are at most, by its name. */
function callsOf(key: string): number {
  return Number(/-(\d+)\.ndjson$/.exec(key)?.[1] ?? 1);
}

async function drainObject(key: string, uploaded: Date, ports: DeliveryPorts & DeadLetterPorts): Promise<void> {
  const object = await ports.archive.get(key);
  if (object === null) return;
  const letter = { queue: "spool", attempts: 1, sentAtMs: uploaded.getTime() };
  const spooled: ConversionEvent[] = [];
  for (const [index, line] of (await object.text()).split("\n").entries()) {
    const event = parseConversion(parseJson(line));
    if (event !== null) spooled.push(event);
    else {
      const messageId = key.slice(SUBMISSION_SPOOL_PREFIX.length);
      await buryLetter(ports, { ...letter, reason: "event_shape", messageId, index, payload: line });
    }
  }
  const outcomes = await decideAll(spooled, ports.submissions);
  for (const [at, event] of spooled.entries()) {
    const outcome = outcomes[at] ?? null;
    if (outcome === null || !("conflict" in outcome)) continue;
    const payload = encodeConversion(event);
    await buryLetter(ports, { ...letter, reason: "submission_conflict", messageId: event.id, index: 0, payload });
  }
  const left = spooled.filter((_, at) => outcomes[at] === null);
  if (left.length === 0) return ports.archive.delete(key);
  // What was decided is not decided again, lest an order that was recorded and then retracted contradicts itself.
  if (left.length < spooled.length) await ports.archive.put(key, linesOf(left));
  throw new Error(`${left.length} conversions are not decided yet`);
}

/** Indexes of the events by the object that decides on them. */
function groupByShard(events: readonly ConversionEvent[]): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  for (const [index, event] of events.entries()) {
    const name = orderShardName(orderHashOf(orderKeyOf(event)));
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [index]);
    else group.push(index);
  }
  return groups;
}
