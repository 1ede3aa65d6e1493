/**
 * Replay: a dead letter's events go to their shards after all.
 *
 *   intact seal → readable → each token's signature verified again → shards → moved to dead-replayed/v1/…
 *   of a conversion: intact seal → readable → its object decides → moved likewise
 *
 * Keeps: a letter that was edited, or whose token does not verify, counts nothing and stays. Replaying twice, or a
 * message of which half had been counted, counts nothing twice: events keep their ids. An event that is older than the
 * keys that could tell valid from duplicate becomes `deferred` in its shard. All of a letter or nothing of it.
 */
import { parseJson } from "../core/base64url.ts";
import { encodeConversion, parseConversion } from "../core/conversion.ts";
import type { KeyRing } from "../core/key-ring.ts";
import { decodeMessage, type OpenedEvent, openEvent } from "../core/message.ts";
import { orderKeyOf } from "../core/order.ts";
import { err, ok, type Result } from "../core/result.ts";
import { orderShardName } from "../core/routing.ts";
import { isSealed } from "../core/seal.ts";
import { verifyLoggedToken } from "../core/token.ts";
import { convertIn, type OrderNamespace } from "../shard/stub.ts";
import { submissionHashOf } from "../shard/submission-routing.ts";
import {
  DEAD_PREFIX,
  DEAD_SUBMISSIONS_PREFIX,
  type DeadLetter,
  isDeadLetterKey,
  parseLetter,
  sealedText,
} from "./dead-letter.ts";
import { deliver, groupByShard, type ShardPorts } from "./route.ts";

export const REPLAYED_PREFIX = "dead-replayed/v1/";

export type ReplayPorts = ShardPorts & {
  readonly archive: R2Bucket;
  readonly orders: OrderNamespace;
  readonly ring: KeyRing;
};

export type ReplayRefusal =
  | "not_found"
  | "not_a_letter"
  | "seal_broken"
  /** A conversion that contradicts what its order says already: there is nothing to be done after all. */
  | "submission_conflict"
  | "unreadable"
  | "token_refused";

export type ReplayOutcome =
  /** `counted`: events that were new to their shards; the others had been counted before. */
  | { readonly key: string; readonly outcome: "replayed"; readonly events: number; readonly counted: number }
  | { readonly key: string; readonly outcome: "refused"; readonly reason: ReplayRefusal; readonly detail?: string }
  /** A shard or R2 did not answer; the letter stays. */
  | { readonly key: string; readonly outcome: "failed" };

/**
 * Replays the letter under `key`. Rejects with the shard's or R2's fault; the letter then stays, and may be retried.
 */
export async function replayLetter(key: string, ports: ReplayPorts): Promise<ReplayOutcome> {
  const letter = await openLetter(key, ports);
  if (!letter.ok) return { key, outcome: "refused", ...letter.error };
  if (key.startsWith(DEAD_SUBMISSIONS_PREFIX)) return replayConversion(key, letter.value, ports);
  const events = await verifiedEvents(letter.value, ports);
  if (!events.ok) return { key, outcome: "refused", ...events.error };
  let counted = 0;
  for (const [name, group] of groupByShard(events.value, ports.topology)) {
    counted += await deliver(ports, name, group);
  }
  await moveAway(key, ports.archive);
  return { key, outcome: "replayed", events: events.value.length, counted };
}

type Refused = { readonly reason: ReplayRefusal; readonly detail?: string };

/** A conversion that was accepted goes to its object again, which decides it once, whatever had become of it. */
async function replayConversion(key: string, { payload }: DeadLetter, ports: ReplayPorts): Promise<ReplayOutcome> {
  const event = parseConversion(parseJson(payload));
  if (event === null) return { key, outcome: "refused", reason: "unreadable" };
  const hash = await submissionHashOf(ports.archive);
  const name = orderShardName(hash(orderKeyOf(event)));
  const [outcome] = await convertIn(ports.orders, name, [encodeConversion(event)]);
  if (outcome === undefined || "failure" in outcome) return { key, outcome: "failed" };
  if ("conflict" in outcome)
    return { key, outcome: "refused", reason: "submission_conflict", detail: outcome.conflict };
  await moveAway(key, ports.archive);
  return { key, outcome: "replayed", events: 1, counted: outcome.status === "repeated" ? 0 : 1 };
}

async function openLetter(key: string, { archive, ring }: ReplayPorts): Promise<Result<DeadLetter, Refused>> {
  const object = isDeadLetterKey(key) ? await archive.get(key) : null;
  if (object === null) return err({ reason: "not_found" });
  const sealed = parseLetter(await object.text());
  if (sealed === null) return err({ reason: "not_a_letter" });
  const { letter, seal } = sealed;
  if (!(await isSealed(ring, sealedText(letter), seal))) return err({ reason: "seal_broken" });
  return letter.reason === "submission_conflict" ? err({ reason: letter.reason }) : ok(letter);
}

async function verifiedEvents(letter: DeadLetter, { ring }: ReplayPorts): Promise<Result<OpenedEvent[], Refused>> {
  const events = readEvents(letter);
  if (!events.ok) return events;
  for (const { event } of events.value) {
    const verified = await verifyLoggedToken(event.token, ring);
    if (!verified.ok) return err({ reason: "token_refused", detail: verified.error.reason });
  }
  return events;
}

/** A whole message, or the single event of a letter that was taken out of one. */
function readEvents({ payload, reason, sentAtMs }: DeadLetter): Result<OpenedEvent[], Refused> {
  const message = decodeMessage(payload);
  const results = message.ok ? message.value : [openEvent(parseJson(payload))];
  const events: OpenedEvent[] = [];
  for (const result of results) {
    if (!result.ok) return err({ reason: "unreadable", detail: message.ok ? result.error.reason : reason });
    events.push({ ...result.value, event: { ...result.value.event, acceptedAtMs: sentAtMs } });
  }
  return ok(events);
}

/** Keeps the letter as evidence under another prefix; a crash between the two steps leaves both, which is harmless. */
async function moveAway(key: string, archive: R2Bucket): Promise<void> {
  const object = await archive.get(key);
  if (object === null) return;
  const options = object.customMetadata === undefined ? {} : { customMetadata: object.customMetadata };
  const rest = key.startsWith(DEAD_PREFIX) ? key.slice(DEAD_PREFIX.length) : key;
  await archive.put(REPLAYED_PREFIX + rest, await object.arrayBuffer(), options);
  await archive.delete(key);
}
