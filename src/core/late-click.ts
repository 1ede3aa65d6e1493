/**
 * A line of the review list: a late click as a tenant sees it, waiting or decided.
 *
 * Keeps: folding log lines in their order leaves each click with its newest state and the sum of its clicks, so that
 * any split of a log into postings gives the same list: `clicks` of a fold are what its lines add.
 */
import type { EventId } from "./event-id.ts";
import type { TokenContent } from "./log-line.ts";
import type { Review } from "./review.ts";
import type { Verdict, VerdictReason } from "./verdict.ts";

export type LateClickState = {
  readonly eventId: EventId;
  readonly advertiserId: string;
  readonly campaignId: string;
  readonly adId: string;
  readonly publisherId: string;
  /** Clicks that these lines add to the row: the first one and those that joined it; a decision adds none. */
  readonly clicks: number;
  readonly cpcMicros: number;
  readonly occurredAtMs: number;
  readonly receivedAtMs: number;
  readonly verdict: Verdict;
  readonly reason: VerdictReason | null;
  readonly review: Review | null;
};

/** Late clicks by event id. */
export type LateClicks = Map<EventId, LateClickState>;

/** Notes a late event, the decision on one, or a revision of one; other events leave no trace. In place. */
export function foldLateClick(
  lates: LateClicks,
  { event, claims, verdict, reason, review, revision, joins }: TokenContent,
): void {
  const decided = revision?.isListed ? { by: revision.by, atMs: revision.atMs } : review;
  if (decided === null && verdict !== "late") return;
  const eventId = joins?.to ?? event.id;
  const before = lates.get(eventId);
  const clicks = (before?.clicks ?? 0) + (decided === null ? event.count : 0);
  lates.set(eventId, {
    eventId,
    advertiserId: claims.adv,
    campaignId: claims.cmp,
    adId: claims.ad,
    publisherId: claims.pub,
    clicks,
    cpcMicros: claims.cpc,
    occurredAtMs: joins?.occurredAtMs ?? event.occurredAtMs,
    receivedAtMs: before?.receivedAtMs ?? event.receivedAtMs,
    verdict,
    reason,
    review: decided,
  });
}
