/**
 * The shard's decision: which events of a batch are new, what each is worth, and what must be remembered of it. Pure;
 * the shard gathers what is known, calls `planIngest`, and applies the plan in one transaction.
 *
 * Three kinds of sameness:
 *   redelivery  same event id: not counted at all, the log is not touched
 *   duplicate   same impression, another event of the same type: gross and duplicate
 *   re-mint     same `jti`, another `iat`: another impression (core/impression-key.ts)
 *
 * Keeps: every event is either a redelivery or gets exactly one decision; per impression at most one event is valid;
 * every decided event is remembered: as the claim of its key, or as a repeat. An event is looked up both ways whatever
 * the rules say of it today, because another version of the rules may have judged its first delivery.
 * Relies on: `known` answers for all keys and ids of the batch as of the same transaction.
 */
import type { EventId } from "./event-id.ts";
import { type ImpressionKey, impressionKeyOf } from "./impression-key.ts";
import { SECOND_MS } from "./limits.ts";
import type { OpenedEvent } from "./message.ts";
import { hourOf } from "./time.ts";
import { type Decision, isExpired, judge, type LatePolicy } from "./verdict.ts";

/** An event with everything that can be derived from it alone. */
export type PreparedEvent = {
  readonly opened: OpenedEvent;
  readonly key: ImpressionKey;
  /** Hour of `iat`: which table of claims holds the key. */
  readonly keyHour: number;
  /** Hour of receipt: which table of repeats holds the event. */
  readonly repeatHour: number;
};

/** What storage knows of a batch's keys and events. */
export type Known = {
  readonly claimedBy: ReadonlyMap<ImpressionKey, EventId>;
  readonly repeats: ReadonlySet<EventId>;
  /** Tables of hours before this one are dropped: what they held is no longer known. */
  readonly droppedBeforeHour: number;
};

export type Claim = { readonly hour: number; readonly key: ImpressionKey; readonly event: EventId };
export type Repeat = { readonly hour: number; readonly event: EventId };

export type IngestPlan = {
  /** Indexes of the batch's new events, with their decision, in the batch's order: *first* means first in the log. */
  readonly decided: readonly { readonly index: number; readonly decision: Decision }[];
  readonly claims: readonly Claim[];
  readonly repeats: readonly Repeat[];
  readonly redelivered: number;
};

export function prepareEvent(opened: OpenedEvent): PreparedEvent {
  return {
    opened,
    key: impressionKeyOf(opened.event.type, opened.claims),
    keyHour: hourOf(opened.claims.iat * SECOND_MS),
    repeatHour: hourOf(opened.event.receivedAtMs),
  };
}

/** Decides a batch. O(events). */
export function planIngest(batch: readonly PreparedEvent[], known: Known, policy: LatePolicy): IngestPlan {
  const claimedBy = new Map(known.claimedBy);
  const repeated = new Set(known.repeats);
  const decided: { index: number; decision: Decision }[] = [];
  const claims: Claim[] = [];
  const repeats: Repeat[] = [];
  let redelivered = 0;
  for (const [index, { opened, key, keyHour, repeatHour }] of batch.entries()) {
    const { id } = opened.event;
    const claimant = claimedBy.get(key);
    if (claimant === id || repeated.has(id)) {
      redelivered++;
      continue;
    }
    const decision = decide(batch[index] as PreparedEvent, claimant !== undefined, known.droppedBeforeHour, policy);
    decided.push({ index, decision });
    if (decision.verdict === "valid") {
      claimedBy.set(key, id);
      claims.push({ hour: keyHour, key, event: id });
    } else {
      repeated.add(id);
      // The table of a deferred event is gone; the batch side recognises its redeliveries by their id.
      if (decision.verdict !== "deferred") repeats.push({ hour: repeatHour, event: id });
    }
  }
  return { decided, claims, repeats, redelivered };
}

function decide(
  { opened, keyHour, repeatHour }: PreparedEvent,
  isClaimed: boolean,
  droppedBeforeHour: number,
  policy: LatePolicy,
): Decision {
  // An event received after its token's life never claims, so only its repeat table could know it.
  const oldestHour = isExpired(opened) ? repeatHour : Math.min(keyHour, repeatHour);
  if (oldestHour < droppedBeforeHour) return { verdict: "deferred", reason: "key_table_dropped" };
  const judged = judge(opened, policy);
  if (judged.verdict !== "valid" || !isClaimed) return judged;
  return { verdict: "duplicate", reason: "same_impression" };
}
