/**
 * The rule over many clicks of one user: more than so many valid clicks on one ad in one minute are no person's.
 *
 *   log order   c1 c2 … cN cN+1 …      same advertiser, ad, user key and minute
 *               stand       excess
 *
 * For the batch side, which sees every click of a minute; nothing live calls it, because a shard sees only some of a
 * user's clicks, and because a verdict once given changes only by a correction.
 *
 * Keeps: pure; only valid clicks are judged, and clicks without a user key never are. The first N of a group stand, in
 * log order, so that judging again after more clicks arrived never takes back the excess that was found before. Minutes
 * are those of the reports: a burst over a minute's edge may pass with up to twice the limit.
 * Source: MRC Invalid Traffic Addendum: activity-based filtration. The limit is a choice, not a measured one.
 */
import type { EventId } from "./event-id.ts";
import { assert } from "./result.ts";
import { minuteOf } from "./time.ts";
import type { Verdict } from "./verdict.ts";

/** The reason of a correction that this rule leads to. */
export const EXCESS_RATE = "excess_rate";
/**
 * Each of these clicks is on another impression of the ad: repeated clicks on one impression are duplicates already.
 */
export const CLICKS_PER_MINUTE_MAX = 5;

export type RatedClick = {
  readonly id: EventId;
  readonly advertiserId: string;
  readonly adId: string;
  /** Who clicked, as far as anybody knows; null when nobody does. */
  readonly userKey: string | null;
  readonly occurredAtMs: number;
  readonly verdict: Verdict;
};

/** The events beyond the limit, in the order of the log, which is the order of `clicks`. */
export function excessClicks(clicks: readonly RatedClick[], clicksMax = CLICKS_PER_MINUTE_MAX): EventId[] {
  assert(Number.isSafeInteger(clicksMax) && clicksMax >= 1, "a person may click at least once");
  const counts = new Map<string, number>();
  const excess: EventId[] = [];
  for (const { id, advertiserId, adId, userKey, occurredAtMs, verdict } of clicks) {
    if (verdict !== "valid" || userKey === null) continue;
    // Ids hold no blank, so only the last part may.
    const group = `${minuteOf(occurredAtMs)} ${advertiserId} ${adId} ${userKey}`;
    const count = (counts.get(group) ?? 0) + 1;
    counts.set(group, count);
    if (count > clicksMax) excess.push(id);
  }
  return excess;
}
