/**
 * Handing over: an event in the log of a shard that does not own it goes to its owner, and is withdrawn there.
 *
 *   owner counts it, unless it has it already ─▶ a late click is decided as it was ─▶ the other log gives it up
 *                                                in the other log, or in its owner's
 *
 * Keeps: in this order, so that it is counted twice in between and never not at all. Idempotent: the owner knows the
 * event again, and a log gives it up once.
 */
import type { EventId } from "../core/event-id.ts";
import type { ReviewChoice } from "../core/review.ts";
import { isSameDecision, type RevisionOutcome, WITHDRAWN } from "../core/revision.ts";
import type { Decision } from "../core/verdict.ts";
import type { ReviewRequest } from "../shard/review.ts";
import type { RevisedBy, RevisionRequest } from "../shard/revise.ts";

export type HandOverPorts = {
  readonly revise: (shard: string, requests: RevisionRequest[], by: RevisedBy) => Promise<RevisionOutcome[]>;
  /** Has a shard count an event, unless it did. */
  readonly ingest: (shard: string, encoded: string) => Promise<unknown>;
  /** Decides a late click, unless it is decided. */
  readonly review: (shard: string, request: ReviewRequest, by: string) => Promise<unknown>;
};

/** What an event is in a log, and the number of its last change there. */
export type Standing = { readonly n: number; readonly decision: Decision };

/** An event that stands in the log of `shard`, and belongs to `owner`. */
export type Foreign = {
  readonly shard: string;
  readonly owner: string;
  readonly event: EventId;
  readonly encoded: string;
  readonly stands: Standing;
  /** Whether somebody has decided it as a late click. */
  readonly isReviewed: boolean;
};

/** What somebody said of a late click, by what it became. */
export const choiceOf = ({ verdict }: Pick<Decision, "verdict">): ReviewChoice =>
  verdict === "invalid" ? "reject" : "accept";

/** Whether its owner has the event now, and the other log does not count it any more. */
export async function handOver(ports: HandOverPorts, foreign: Foreign, by: RevisedBy): Promise<boolean> {
  const { shard, owner, event, encoded, stands, isReviewed } = foreign;
  await ports.ingest(owner, encoded);
  if (isReviewed) await ports.review(owner, { event, choice: choiceOf(stands.decision) }, by.by);
  if (isSameDecision(stands.decision, WITHDRAWN)) return true;
  const request = { encoded, n: stands.n + 1, from: stands.decision, to: WITHDRAWN };
  const [outcome] = await ports.revise(shard, [request], by);
  return outcome?.outcome === "revised";
}
