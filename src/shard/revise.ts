/**
 * Revise: gather what is remembered of an event and its impression → refuse or not (core/revision.ts) → log the
 * revision, and that of the event which takes the impression over, as one row → remember both, in one transaction.
 *
 *   valid → other       releases the claim; the event is known as a repeat from then on, and is not counted again
 *   other → valid       claims, where no other event has the impression
 *   late, waiting       is decided by it, with all that joined it
 *   valid → withdrawn   likewise; another shard owns the event, and counts it (core/revision.ts)
 *
 * Keeps: a revision is made at most once, whatever is asked again, and leaves at most one valid event of an impression.
 * Changes of one event are dated in their order, by which the review list knows the newest.
 */
import { parseJson } from "../core/base64url.ts";
import type { EventId } from "../core/event-id.ts";
import { type PreparedEvent, prepareEvent } from "../core/ingest.ts";
import { type EventCodec, WIRE_CODEC } from "../core/message.ts";
import {
  type Change,
  changeAsMoved,
  type KnownOfEvent,
  type Move,
  type RevisionOutcome,
  type RevisionRefusal,
  refusalOf,
} from "../core/revision.ts";
import type { Decision, VerdictReason } from "../core/verdict.ts";
import { appendEntries } from "./append.ts";
import type { KeyIndex } from "./key-index.ts";
import type { LateStore } from "./late-store.ts";
import type { RevisedStore } from "./revised-store.ts";
import type { NewEntry, ShardLog } from "./shard-log.ts";

/** The event as its last line has it, with that line's count. */
export type RevisionRequest = {
  readonly encoded: string;
  readonly n: number;
  readonly from: Decision;
  readonly to: Decision;
  readonly promote?: Promotion | null;
};
/** The event that takes the impression over and becomes valid, with `late_accepted` where its rules say so. */
export type Promotion = {
  readonly encoded: string;
  readonly n: number;
  readonly from: Decision;
  readonly reason?: (VerdictReason & "late_accepted") | null;
};

/** In whose name, and what for: `audit/2026-11-27/0001`, `replay/<id>`. */
export type RevisedBy = { readonly cause: string; readonly by: string };
type At = RevisedBy & { readonly nowMs: number };

export type Memory = { readonly index: KeyIndex; readonly lateStore: LateStore; readonly revised: RevisedStore };
export type RevisePorts = Memory & { readonly log: ShardLog; readonly codec?: EventCodec | undefined };

/** What became of a request, and the characters added to the log. */
export type RevisedEvent = { readonly outcome: RevisionOutcome; readonly chars: number };

/** Revises one event. To be called inside a transaction of the index. */
export function reviseEvent(
  { encoded, n, from, to, promote = null }: RevisionRequest,
  ports: RevisePorts,
  at: At,
): RevisedEvent {
  const asked: Asked = { ...opened(encoded, ports), encoded, n, from, to };
  const known = knownOf(asked.prepared, ports);
  const promoted = promote === null ? null : promotionOf(promote, ports);
  const made = changeAsMoved(moveOf(asked), known);
  if (made !== null) return again(made, known, promoted, ports);
  const refusal = refusalOf(moveOf(asked), known) ?? promotionRefused(asked, promoted, ports);
  if (refusal !== null) return unchanged(refusal, known.changes);

  const moved = promoted === null ? [asked] : [asked, promoted];
  const changes = moved.map((each) => changeOf(each, at, ports));
  const entries = moved.map((each, index): NewEntry => {
    const { verdict, reason, ...change } = changes[index] as Change;
    // The review list goes by what the owner says of an event that is withdrawn here.
    const isHere = verdict !== "deferred";
    const isListed = isHere && ports.lateStore.find(each.prepared.opened.event.id) !== null;
    const revision = { ...change, isListed };
    return { content: { ...each.prepared.opened, verdict, reason, review: null, revision }, encoded: each.encoded };
  });
  for (const [index, { prepared }] of moved.entries()) takeChange(prepared, changes[index] as Change, ports);
  const chars = appendEntries(ports.log, entries, at.nowMs, ports.index.unlogged());
  return { outcome: { outcome: "revised", ...(changes[0] as Change) }, chars };
}

/** What a logged change of a verdict alters in what is remembered; again alters nothing. */
export function takeChange({ opened: { event }, key, keyHour, repeatHour }: PreparedEvent, change: Change, to: Memory) {
  const { index, lateStore, revised } = to;
  const { id } = event;
  const droppedBeforeHour = index.droppedBeforeHour();
  revised.put(id, key, change);
  if (change.verdict === "valid") {
    if (keyHour >= droppedBeforeHour) index.insert([{ hour: keyHour, key, event: id }], []);
  } else {
    if (change.from.verdict === "valid") index.release([{ hour: keyHour, key, event: id }]);
    if (repeatHour >= droppedBeforeHour) index.insert([], [{ hour: repeatHour, event: id }]);
  }
  const shelved = lateStore.find(id);
  if (shelved === null || shelved.decided !== null) return;
  const { verdict, reason, by, atMs } = change;
  const choice = verdict === "invalid" ? "reject" : "accept";
  lateStore.decide(id, { choice, decision: { verdict, reason }, review: { by, atMs } });
}

type Asked = {
  readonly prepared: PreparedEvent;
  readonly encoded: string;
  readonly n: number;
  readonly from: Decision;
  readonly to: Decision;
};

function opened(encoded: string, { codec = WIRE_CODEC }: RevisePorts): { prepared: PreparedEvent } {
  const event = codec.open(parseJson(encoded));
  if (!event.ok) throw new Error(`revise met an unreadable event: ${event.error.reason}`);
  return { prepared: prepareEvent(event.value) };
}

function promotionOf({ encoded, n, from, reason = null }: Promotion, ports: RevisePorts): Asked {
  return { ...opened(encoded, ports), encoded, n, from, to: { verdict: "valid", reason } };
}

function moveOf({ prepared, n, from, to }: Asked): Move {
  const { id: event, count: clicks } = prepared.opened.event;
  return { event, clicks, n, from, to };
}

function knownOf({ opened: { event }, key, keyHour, repeatHour }: PreparedEvent, ports: Memory): KnownOfEvent {
  const { index, lateStore, revised } = ports;
  const { claimedBy, repeats, droppedBeforeHour } = index.lookup({
    keys: [{ hour: keyHour, key }],
    events: [{ hour: repeatHour, event: event.id }],
  });
  const shelved = lateStore.find(event.id);
  return {
    changes: revised.of(event.id),
    shelved: shelved === null ? null : { clicks: shelved.clicks, isWaiting: shelved.decided === null },
    claimant: claimedBy.get(key),
    isRepeat: repeats.has(event.id),
    isKeyKept: keyHour >= droppedBeforeHour,
    isRepeatKept: repeatHour >= droppedBeforeHour,
    revisedToValid: revised.validOf(key, event.id),
  };
}

/** Why the impression cannot go over to that event. */
function promotionRefused(asked: Asked, promoted: Asked | null, ports: RevisePorts): RevisionRefusal | null {
  if (promoted === null) return null;
  const freed: EventId = asked.prepared.opened.event.id;
  const isFreed = asked.from.verdict === "valid" && asked.to.verdict !== "valid";
  const isOther = promoted.prepared.opened.event.id !== freed;
  if (!isFreed || !isOther || promoted.prepared.key !== asked.prepared.key) return "wrong_event";
  return refusalOf(moveOf(promoted), knownOf(promoted.prepared, ports), freed);
}

/** A change is dated no earlier than the one before it, whatever the clock says. */
function changeOf({ prepared, n, from, to }: Asked, { cause, by, nowMs }: At, { revised }: Memory): Change {
  const lastMs = revised.of(prepared.opened.event.id).at(-1)?.atMs ?? nowMs;
  return { ...to, n, from, cause, by, atMs: Math.max(nowMs, lastMs) };
}

/** The same revision once more: what was said of it then, unless another event is to be promoted now. */
function again(made: Change, known: KnownOfEvent, promoted: Asked | null, ports: RevisePorts): RevisedEvent {
  const isSame = promoted === null || changeAsMoved(moveOf(promoted), knownOf(promoted.prepared, ports)) !== null;
  return isSame ? { outcome: { outcome: "revised", ...made }, chars: 0 } : unchanged("conflict", known.changes);
}

function unchanged(outcome: RevisionRefusal, changes: readonly Change[]): RevisedEvent {
  return { outcome: { outcome, changes }, chars: 0 };
}
