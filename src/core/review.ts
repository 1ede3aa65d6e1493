/**
 * The decision on a late click: it waited in the review list, claimed nothing, and somebody accepts or rejects it.
 *
 *   accept, impression free    → valid: late_accepted, and it claims
 *   accept, impression taken   → duplicate: same_impression
 *   reject                     → invalid: late_rejected
 *
 * Keeps: pure. A decision moves the event's counts from `late` to its new verdict; gross does not change. It is made
 * once: the shard remembers it, and answers the same decision again with the same outcome.
 */
import type { EventId } from "./event-id.ts";
import type { PreparedEvent } from "./ingest.ts";
import { type Change, REVIEW_CAUSE } from "./revision.ts";
import type { Decision } from "./verdict.ts";

export type ReviewChoice = "accept" | "reject";

/** Who decided, and when. */
export type Review = { readonly by: string; readonly atMs: number };

/**
 * What became of one choice:
 *   decided    now, or by the same choice before
 *   conflict   the opposite was decided before; nothing changed
 *   unknown    no such late click is waiting here
 *   expired    its impression's keys are forgotten, so that nobody can tell whether it was claimed; it stays late
 */
export type ReviewOutcome =
  | ({ readonly outcome: "decided"; readonly choice: ReviewChoice } & Decision & Review)
  | { readonly outcome: "conflict" | "unknown" | "expired" };

/** What a choice makes of a late event; null when it can no longer be told. */
export function decideReview(
  choice: ReviewChoice,
  { opened, keyHour, repeatHour }: PreparedEvent,
  { claimant, droppedBeforeHour }: { claimant: EventId | undefined; droppedBeforeHour: number },
): Decision | null {
  if (choice === "reject") return { verdict: "invalid", reason: "late_rejected" };
  if (Math.min(keyHour, repeatHour) < droppedBeforeHour) return null;
  const isFree = claimant === undefined || claimant === opened.event.id;
  return isFree ? { verdict: "valid", reason: "late_accepted" } : { verdict: "duplicate", reason: "same_impression" };
}

/** The review as the first change of the event's verdict. */
export function changeOfReview({ verdict, reason }: Decision, { by, atMs }: Review): Change {
  return { verdict, reason, n: 0, from: { verdict: "late", reason: "late" }, cause: REVIEW_CAUSE, by, atMs };
}
