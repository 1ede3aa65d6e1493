/**
 * A revision moves an event that is logged from one verdict to another: what an audit found, or a second look
 * (docs/METHODOLOGY.md). It is a line of the same log, with the same event, so that postings, archive and audit see it
 * like any other; `from` is subtracted and the new verdict is added, price and user with it.
 *
 *   n          1 for an event's first revision, one more each time; the review of a late click stands before, as 0
 *   promote    valid → other frees the impression: the duplicate that the rules leave valid takes it in the same row
 *   withdrawn  to deferred, because of `other_shard`: the event was logged by a shard that does not own it, and has
 *              been handed to its owner, whose log decides on it. Here it counts nothing from then on, for good
 *
 * Keeps: pure. Gross does not change, but for a deferred event, which enters it here, and one that is withdrawn, which
 * leaves it, and which its owner's log has counted by then (audit/hand-over.ts). Per impression at most one event
 * is valid. A revision happens once: the same again is answered alike, a number that is taken by another is refused.
 * What is past the horizon is not known any more and stops nothing: then the caller, who saw the archive, is believed.
 */
import type { EventId } from "./event-id.ts";
import type { Decision } from "./verdict.ts";

/** One change of an event's verdict, as its shard keeps it: a revision, or, as number 0, a review. */
export type Change = Decision & {
  readonly n: number;
  readonly from: Decision;
  /** `audit/2026-11-27/0001`, `replay/<id>`: what called for it. */
  readonly cause: string;
  readonly by: string;
  readonly atMs: number;
};

/** What a line says of the revision that it makes. */
export type Revision = Omit<Change, "verdict" | "reason"> & {
  /** The click stands in the review list, which follows. */
  readonly isListed: boolean;
};

/** The cause of a change that a reviewer made. */
export const REVIEW_CAUSE = "review";

/** What an event is in a log that gave it up to the shard that owns it. */
export const WITHDRAWN: Decision = { verdict: "deferred", reason: "other_shard" };

export const REVISION_REFUSALS = {
  conflict: "Another revision of the event has this number.",
  out_of_order: "The number is not the next of the event.",
  wrong_from: "The event has another verdict than `from`.",
  wrong_event: "The event is not as it was logged last: its clicks are others, or the promoted one is of another key.",
  unsettled: "A revision ends at valid, duplicate or invalid; a late click is decided before it is withdrawn.",
  joined: "The late click is decided with the one that it joined.",
  claimed: "Another event of the impression is valid.",
  unknown: "This shard never logged the event.",
  withdrawn: "This log gave the event up to the shard that owns it.",
} as const;
export type RevisionRefusal = keyof typeof REVISION_REFUSALS;

/** `changes`: what the shard knows of the event, oldest first. */
export type RevisionOutcome =
  | ({ readonly outcome: "revised" } & Change)
  | { readonly outcome: RevisionRefusal; readonly changes: readonly Change[] };

/** An event that is to be moved. */
export type Move = {
  readonly event: EventId;
  readonly clicks: number;
  readonly n: number;
  readonly from: Decision;
  readonly to: Decision;
};

/** What a shard remembers of an event and of its impression. */
export type KnownOfEvent = {
  readonly changes: readonly Change[];
  /** The late click that waits or was decided here: with how many clicks. */
  readonly shelved: { readonly clicks: number; readonly isWaiting: boolean } | null;
  readonly claimant: EventId | undefined;
  readonly isRepeat: boolean;
  /** The tables that would know its claim, and itself as a repeat, are there. */
  readonly isKeyKept: boolean;
  readonly isRepeatKept: boolean;
  /** Another event of the impression that a revision left valid. */
  readonly revisedToValid: EventId | null;
};

/** The change that was made under this number before, if the move asks for the same. */
export function changeAsMoved({ n, from, to }: Move, { changes }: Pick<KnownOfEvent, "changes">): Change | null {
  const made = changes.find((change) => change.n === n && n > 0);
  return made !== undefined && isSameDecision(made, to) && isSameDecision(made.from, from) ? made : null;
}

/** Why the move cannot be made; null when it can. `freed` is the event that gives the impression up beside it. */
export function refusalOf(move: Move, known: KnownOfEvent, freed: EventId | null = null): RevisionRefusal | null {
  const { event, n, from, to, clicks } = move;
  const { changes, shelved, claimant, revisedToValid } = known;
  const last = changes.at(-1);
  if (changes.some((change) => change.n === n)) return "conflict";
  if (last !== undefined && isSameDecision(last, WITHDRAWN)) return "withdrawn";
  if (n !== (last?.n ?? 0) + 1) return "out_of_order";
  if (!isEnd(to, from)) return "unsettled";
  if (shelved !== null && shelved.clicks !== clicks) return "wrong_event";
  const wrong = wrongFrom(move, known);
  if (wrong !== null) return wrong;
  if (isSameDecision(from, to)) return "wrong_from";
  if (to.verdict !== "valid") return null;
  const others = [claimant ?? null, revisedToValid].filter((other) => other !== null && other !== event);
  return others.every((other) => other === freed) ? null : "claimed";
}

/** Whether an event may be left as that. */
function isEnd(to: Decision, from: Decision): boolean {
  if (to.verdict === "deferred") return isSameDecision(to, WITHDRAWN) && from.verdict !== "late";
  return to.verdict !== "late";
}

function wrongFrom({ event, from }: Move, known: KnownOfEvent): RevisionRefusal | null {
  const { changes, shelved, claimant, isRepeat, isKeyKept, isRepeatKept } = known;
  const last = changes.at(-1);
  if (last !== undefined) return isSameDecision(last, from) ? null : "wrong_from";
  if (shelved?.isWaiting) return from.verdict === "late" ? null : "wrong_from";
  if (from.verdict === "late") return isRepeatKept ? "joined" : null;
  if (claimant === event) return from.verdict === "valid" ? null : "wrong_from";
  if (isRepeat) return from.verdict === "valid" ? "wrong_from" : null;
  if (from.verdict === "deferred" || !isKeyKept || !isRepeatKept) return null;
  // Valid beside another claim: that is what an audit is for. Whatever else is not remembered was never here.
  return from.verdict === "valid" && claimant !== undefined ? null : "unknown";
}

export function isSameDecision(a: Decision, b: Decision): boolean {
  return a.verdict === b.verdict && a.reason === b.reason;
}
