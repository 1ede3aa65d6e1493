/**
 * Review: gather the late click and its key → decide (core/review.ts) → log the decision, claim, remember, in one
 * transaction. The log's line is what postings, archive and audit see, like any other event.
 *
 * Keeps: a decision is made at most once. A click that is accepted claims its impression, in the table of its hour.
 */
import { parseJson } from "../core/base64url.ts";
import type { EventId } from "../core/event-id.ts";
import { prepareEvent } from "../core/ingest.ts";
import { type EventCodec, WIRE_CODEC } from "../core/message.ts";
import { assert } from "../core/result.ts";
import { changeOfReview, decideReview, type ReviewChoice, type ReviewOutcome } from "../core/review.ts";
import { appendEntries } from "./append.ts";
import type { KeyIndex } from "./key-index.ts";
import type { LateStore } from "./late-store.ts";
import type { RevisedStore } from "./revised-store.ts";
import type { ShardLog } from "./shard-log.ts";

export type ReviewRequest = { readonly event: EventId; readonly choice: ReviewChoice };

export type ReviewPorts = {
  readonly log: ShardLog;
  readonly index: KeyIndex;
  readonly lateStore: LateStore;
  readonly revised: RevisedStore;
  readonly codec?: EventCodec | undefined;
};

/** What became of a request, and the characters added to the log. */
export type Reviewed = { readonly outcome: ReviewOutcome; readonly chars: number };

/** Decides one late click. To be called inside a transaction of the index. */
export function reviewLate(
  { event, choice }: ReviewRequest,
  { log, index, lateStore, revised, codec = WIRE_CODEC }: ReviewPorts,
  { by, nowMs }: { by: string; nowMs: number },
): Reviewed {
  const shelved = lateStore.find(event);
  if (shelved === null) return unchanged({ outcome: "unknown" });
  if (shelved.decided !== null) {
    const { choice: earlier, decision, review } = shelved.decided;
    return unchanged(
      earlier === choice ? { outcome: "decided", choice, ...decision, ...review } : { outcome: "conflict" },
    );
  }
  const opened = codec.open(parseJson(shelved.encoded));
  assert(opened.ok, "a shelved click is readable");
  const prepared = prepareEvent(opened.value);
  const { key, keyHour } = prepared;
  const known = index.lookup({ keys: [{ hour: keyHour, key }], events: [] });
  const { droppedBeforeHour } = known;
  const decision = decideReview(choice, prepared, { claimant: known.claimedBy.get(key), droppedBeforeHour });
  if (decision === null) return unchanged({ outcome: "expired" });

  const review = { by, atMs: nowMs };
  // The decision moves all that joined the click, which stand where it stands.
  const { event: first, claims } = opened.value;
  const moved = { ...first, count: shelved.clicks };
  const encoded = shelved.clicks === first.count ? shelved.encoded : codec.encode(moved);
  if (decision.verdict === "valid") index.insert([{ hour: keyHour, key, event }], []);
  const entry = { content: { event: moved, claims, ...decision, review }, encoded };
  const chars = appendEntries(log, [entry], nowMs, index.unlogged());
  lateStore.decide(event, { choice, decision, review });
  revised.put(event, key, changeOfReview(decision, review));
  return { outcome: { outcome: "decided", choice, ...decision, ...review }, chars };
}

function unchanged(outcome: ReviewOutcome): Reviewed {
  return { outcome, chars: 0 };
}
