/**
 * A batch of impressions that an ad server counted itself, and the calls that bring it: one worker, two that send the same,
 * or two that disagree on what the batch holds.
 */
import type { ImpressionCounts } from "../../src/core/impression-counts.ts";
import { HOUR_MS, MINUTE_MS, SECOND_MS } from "../../src/core/limits.ts";
import { minuteOf } from "../../src/core/time.ts";
import type { Chance } from "./chance.ts";
import type { Impression } from "./request.ts";

export type UploadPlan = {
  readonly impression: Impression;
  readonly batchId: string;
  /** Who sends it. */
  readonly by: string;
  readonly calls: readonly { readonly atMs: number; readonly rows: readonly ImpressionCounts[] }[];
};

/** The calls for a batch; null when the ad server counts nothing itself. */
export function planUpload(chance: Chance, impression: Impression): UploadPlan | null {
  if (!chance.is(0.6)) return null;
  const sentMs = Math.ceil(impression.claims.iat * SECOND_MS) + chance.between(0, 10 * MINUTE_MS);
  const rows = Array.from({ length: chance.between(1, 6) }, () => aRow(chance, impression, sentMs));
  const calls = [{ atMs: sentMs, rows }];
  if (chance.is(0.4)) calls.push({ atMs: sentMs + chance.between(0, 5_000), rows });
  if (chance.is(0.4)) {
    const others = rows.length > 1 && chance.is(0.5) ? rows.slice(1) : [...rows, aRow(chance, impression, sentMs)];
    calls.push({ atMs: sentMs + chance.between(0, 3_000), rows: others });
  }
  // Two senders may give their batches the same name.
  return { impression, batchId: `batch-${impression.index % 48}`, by: `key_${impression.index % 96}`, calls };
}

function aRow(chance: Chance, { claims, index }: Impression, sentMs: number): ImpressionCounts {
  const impressions = chance.between(0, 2_000);
  const { adv, cmp, grp, ad, pub, crt, plc, fmt } = claims;
  return {
    minuteAtMs: minuteOf(sentMs - chance.between(0, HOUR_MS)) * MINUTE_MS,
    advertiserId: adv,
    campaignId: cmp,
    adGroupId: grp ?? "",
    adId: ad,
    publisherId: pub,
    creativeId: crt ?? "",
    placementId: plc ?? "",
    adFormat: fmt ?? "",
    country: index % 3 === 0 ? "DE" : "",
    device: chance.pick(["mobile", "desktop"] as const),
    impressions,
    grossImpressions: impressions + (chance.is(0.6) ? chance.between(0, 100) : 0),
  };
}
