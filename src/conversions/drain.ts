/**
 * Draining the spool of conversions, every minute: each advertiser's objects in turn, one of each, then the next of
 * each.
 *
 *   decided                          → gone from the object; the object goes with its last line
 *   contradicts what is decided      → dead letter submission_conflict, since nobody waits for its answer any more
 *   changes an order that is unknown, or worth less → the same, once nothing that was spooled before it waits
 *   cannot be decided, five times    → dead letter submission_undecidable
 *   its object is silent for days    → dead letter submission_undelivered
 *   not yet                          → stays, and is tried again after 1, 2, 4, … 60 minutes
 *
 * Keeps: an object of the spool is deleted only when each of its lines is decided or kept as a dead letter, under its
 * advertiser's name. Whose objects stay takes no other's turn: turns go round, tries are spaced and bounded, an object
 * that is silent is asked once a run, and a run ends by its clock and its calls. Deciding twice changes no figure; a
 * contradiction may also be of an order that was recorded, its answer lost, and retracted meanwhile: then nothing is
 * wrong.
 */
import { parseJson } from "../core/base64url.ts";
import { type ConversionEvent, encodeConversion, parseConversion } from "../core/conversion.ts";
import { MINUTE_MS, ORDER_SHARDS, SECOND_MS } from "../core/limits.ts";
import type { ConversionConflict } from "../core/order.ts";
import type { DeadReason } from "../core/token-event.ts";
import { logFault } from "../log.ts";
import { buryLetter, type DeadLetterPorts } from "../queue/dead-letter.ts";
import { listFolders } from "../queue/folders.ts";
import { putSpooled, SUBMISSION_SPOOL_PREFIX, triesOf } from "../queue/submission-spool.ts";
import { submissionHashOf } from "../shard/submission-routing.ts";
import type { ConversionOutcome } from "../shard/submit-conversions.ts";
import { type DecidePorts, type DeliveryPorts, decideAll, isDecided } from "./deliver.ts";

/** Tries of what its object answers that it cannot decide: a quarter of an hour. */
const UNDECIDABLE_TRIES_MAX = 5;
/** Tries of what its object does not answer: four days, after which something else is wrong. */
const UNDELIVERED_TRIES_MAX = 100;
const WAIT_MINUTES_MAX = 60;
/** A minute's run may begin a little early. */
const EARLY_MS = 10 * SECOND_MS;

export type DrainBounds = {
  /** Advertisers that have a turn in one run. */
  readonly tenantsMax: number;
  /** Objects of one advertiser that are looked at in one run. */
  readonly objectsMax: number;
  /** A run ends after so many calls: an invocation has 10 000 of them for all its duties. */
  readonly callsMax: number;
  readonly runMs: number;
};

const BOUNDS: DrainBounds = { tenantsMax: 500, objectsMax: 200, callsMax: 4_000, runMs: 25 * SECOND_MS };
const AT_ONCE = 8;

type Ports = DeliveryPorts & DeadLetterPorts & DecidePorts & { readonly silent: Set<string>; readonly nowMs: number };

/** Brings spooled conversions to their objects. Returns the objects of the spool that are drained. */
export async function drainSubmissions(
  ports: DeliveryPorts & DeadLetterPorts,
  nowMs: number,
  bounds: Partial<DrainBounds> = {},
): Promise<number> {
  const { tenantsMax, objectsMax, callsMax, runMs } = { ...BOUNDS, ...bounds };
  const all = await listFolders(ports.archive, SUBMISSION_SPOOL_PREFIX);
  const tenants = turnsOf(all, nowMs, tenantsMax);
  if (tenants.length === 0) return 0;
  const run: Ports = { ...ports, hash: await submissionHashOf(ports.archive), silent: new Set(), nowMs };
  const queues = await mapSome(tenants, (prefix) => dueObjects(prefix, run, objectsMax));
  const untilMs = Date.now() + runMs;
  let drained = 0;
  let calls = 0;
  for (let round = 0; round < objectsMax; round++) {
    const turn = queues.flatMap((queue) => queue[round] ?? []);
    if (turn.length === 0) break;
    for (let at = 0; at < turn.length; at += AT_ONCE) {
      if (calls >= callsMax || Date.now() >= untilMs) return drained;
      const some = turn.slice(at, at + AT_ONCE);
      calls += some.reduce((sum, { key }) => sum + callsOf(key), 0);
      const ends = await Promise.all(some.map((object) => tryObject(object, run)));
      drained += ends.filter((isDrained) => isDrained).length;
    }
  }
  return drained;
}

/** Those whose turn it is in this minute; in the next it is the next ones'. */
function turnsOf(tenants: readonly string[], nowMs: number, tenantsMax: number): string[] {
  const from = tenants.length === 0 ? 0 : (Math.floor(nowMs / MINUTE_MS) * tenantsMax) % tenants.length;
  // Where all have a turn, the first is another one each minute.
  const first = tenants.length <= tenantsMax ? Math.floor(nowMs / MINUTE_MS) % Math.max(1, tenants.length) : from;
  return [...tenants.slice(first), ...tenants.slice(0, first)].slice(0, tenantsMax);
}

/** An advertiser's objects that are due, oldest first. */
async function dueObjects(prefix: string, { archive, nowMs }: Ports, objectsMax: number): Promise<R2Object[]> {
  const due: R2Object[] = [];
  let cursor: string | undefined;
  do {
    const options = { prefix, include: ["customMetadata" as const] };
    const page = await archive.list(cursor === undefined ? options : { ...options, cursor });
    due.push(...page.objects.filter((object) => triesOf(object).dueMs <= nowMs + EARLY_MS));
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined && due.length < objectsMax);
  return due.slice(0, objectsMax);
}

/** How many calls the conversions of an object are at most, by its name. */
function callsOf(key: string): number {
  return Math.min(ORDER_SHARDS, Number(/-(\d+)\.ndjson$/.exec(key)?.[1] ?? 1));
}

async function tryObject(object: R2Object, run: Ports): Promise<boolean> {
  try {
    return await drainObject(object, run);
  } catch (fault) {
    logFault("spool_object_stays", fault, { key: object.key });
    return false;
  }
}

async function drainObject({ key }: R2Object, run: Ports): Promise<boolean> {
  const object = await run.archive.get(key);
  if (object === null) return false;
  const tries = triesOf(object).tries + 1;
  const spooled = await readOrBury(object, await object.text(), run);
  const outcomes = await decideAll(spooled, run);
  const left: ConversionEvent[] = [];
  let isBehind: boolean | null = null;
  for (const [at, event] of spooled.entries()) {
    const outcome = outcomes[at] ?? null;
    const reason = buriedAs(outcome, tries);
    if (isOfItsPlace(outcome) && left.length === 0) isBehind ??= await hasOlder(key, run);
    if (isOfItsPlace(outcome) && (left.length > 0 || isBehind)) left.push(event);
    else if (reason !== null) await buryEvent(event, reason, tries, run);
    else if (!isDecided(outcome)) left.push(event);
  }
  if (left.length === 0) {
    await run.archive.delete(key);
    return true;
  }
  // What was decided is not decided again, lest an order that was recorded and then retracted contradicts itself.
  const waitMs = Math.min(WAIT_MINUTES_MAX, 2 ** (tries - 1)) * MINUTE_MS;
  await putSpooled(run.archive, key, left, { tries, dueMs: run.nowMs + waitMs, etag: object.etag });
  return false;
}

/** Why a conversion is buried after so many tries; null when it is decided, or may be yet. */
function buriedAs(outcome: ConversionOutcome | null, tries: number): DeadReason | null {
  if (outcome === null) return tries >= UNDELIVERED_TRIES_MAX ? "submission_undelivered" : null;
  if ("failure" in outcome) return tries >= UNDECIDABLE_TRIES_MAX ? "submission_undecidable" : null;
  return "conflict" in outcome ? "submission_conflict" : null;
}

/** Contradictions that an earlier word about the order may dissolve. */
const OF_ITS_PLACE: ReadonlySet<string> = new Set<ConversionConflict>([
  "order_unknown",
  "correction_exceeds_value",
  "correction_exceeds_limit",
]);
const isOfItsPlace = (outcome: ConversionOutcome | null) =>
  outcome !== null && "conflict" in outcome && OF_ITS_PLACE.has(outcome.conflict);

/** Whether the advertiser has conversions that were spooled before these and wait for their next try. */
async function hasOlder(key: string, { archive }: Pick<Ports, "archive">): Promise<boolean> {
  const prefix = key.slice(0, key.lastIndexOf("/") + 1);
  const [oldest] = (await archive.list({ prefix, limit: 1 })).objects;
  return oldest !== undefined && oldest.key < key;
}

async function buryEvent(event: ConversionEvent, reason: DeadReason, attempts: number, run: Ports): Promise<void> {
  await buryLetter(run, {
    ...{ reason, queue: "spool", messageId: event.id, index: 0, attempts, sentAtMs: event.receivedAtMs },
    ...{ payload: encodeConversion(event), advertiserId: event.click.advertiserId },
  });
}

/** The conversions of an object; a line that is none is kept as it is, as a dead letter. */
async function readOrBury({ key, uploaded }: R2Object, text: string, run: Ports): Promise<ConversionEvent[]> {
  const events: ConversionEvent[] = [];
  const [advertiserId = "", name = ""] = key.slice(SUBMISSION_SPOOL_PREFIX.length).split("/");
  for (const [index, payload] of text.split("\n").entries()) {
    const event = parseConversion(parseJson(payload));
    if (event !== null) events.push(event);
    else {
      await buryLetter(run, {
        ...{ reason: "event_shape", queue: "spool", messageId: name, index, attempts: 1 },
        ...{ sentAtMs: uploaded.getTime(), payload, advertiserId },
      });
    }
  }
  return events;
}

/** Applies `to` to all, some at once, in their order. */
async function mapSome<A, B>(items: readonly A[], to: (item: A) => Promise<B>): Promise<B[]> {
  const results: B[] = [];
  for (let at = 0; at < items.length; at += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(at, at + AT_ONCE).map(to))));
  }
  return results;
}
