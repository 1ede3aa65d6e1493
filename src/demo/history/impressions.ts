/**
 * The impressions of the demonstration's history, as an ad server uploads them: once a day what it counted hour by
 * hour, stamped with the hour's first minute.
 *
 * Keeps: pure. A publisher's part of an ad's impressions is its part of the clicks, machines' clicks left out; a day's
 * rows do not depend on where the history begins.
 */
import { UNSET_DIMENSIONS } from "../../core/fields.ts";
import { hash32 } from "../../core/hash.ts";
import type { ImpressionCounts } from "../../core/impression-counts.ts";
import { COUNTS_PER_UPLOAD_MAX, DAY_MS, HOUR_MS, MINUTE_MS } from "../../core/limits.ts";
import { Random, Weighted } from "../random.ts";
import { advertiserOf, DEMO_ADS, DEMO_PUBLISHERS, type DemoAd } from "./catalog.ts";
import { demandOf, hourShare } from "./clicks.ts";
import { clientOf } from "./clients.ts";

export type PlannedUpload = {
  readonly batchId: string;
  readonly receivedAtMs: number;
  readonly rows: readonly ImpressionCounts[];
};

/** Cells that an ad's hour is spread over; over a day every country and device has its part. */
const CELLS_OF_HOUR = 2;
const UPLOADED_AFTER_MS = 20 * MINUTE_MS;
const HOURS_OF_DAY = 24;

const PUBLISHERS = new Weighted(DEMO_PUBLISHERS, ({ weight, invalid }) => weight * (1 - invalid));

/** What was counted on a UTC day and uploaded before `endMs`; that of the day that is not over, up to there. */
export function uploadsOfDay(day: number, endMs: number): PlannedUpload[] {
  const receivedAtMs = Math.min((day + 1) * DAY_MS + UPLOADED_AFTER_MS, endMs);
  const rows: ImpressionCounts[] = [];
  for (const ad of DEMO_ADS) {
    const random = new Random(hash32(`clickledger demonstration 1/impressions/${ad.id}/${day}`));
    for (let hour = 0; hour < HOURS_OF_DAY; hour++) rows.push(...rowsOfHour(ad, { day, hour, endMs, random }));
  }
  const uploads: PlannedUpload[] = [];
  for (let at = 0; at < rows.length; at += COUNTS_PER_UPLOAD_MAX) {
    const batchId = `demonstration-${new Date(day * DAY_MS).toISOString().slice(0, 10)}-${uploads.length}`;
    uploads.push({ batchId, receivedAtMs, rows: rows.slice(at, at + COUNTS_PER_UPLOAD_MAX) });
  }
  return uploads;
}

type Hour = { readonly day: number; readonly hour: number; readonly endMs: number; readonly random: Random };

function rowsOfHour(ad: DemoAd, { day, hour, endMs, random }: Hour): ImpressionCounts[] {
  const minuteAtMs = day * DAY_MS + hour * HOUR_MS;
  const shown = (demandOf(ad, day, endMs) * hourShare(hour) * random.between(0.9, 1.1)) / ad.rate;
  const part = Math.min(1, Math.max(0, (endMs - minuteAtMs) / HOUR_MS));
  return Array.from({ length: CELLS_OF_HOUR }, () => {
    const publisher = PUBLISHERS.pick(random);
    const placement = random.pick(publisher.placements);
    const { country, device } = clientOf(random, minuteAtMs);
    const impressions = Math.round((shown * part * random.between(0.8, 1.2)) / CELLS_OF_HOUR);
    const { campaignId, adGroupId, id: adId } = ad;
    return {
      ...UNSET_DIMENSIONS,
      ...{ advertiserId: advertiserOf(ad), campaignId, adGroupId, adId, publisherId: publisher.id, country, device },
      ...{ creativeId: random.pick(ad.creativeIds), placementId: placement.id, adFormat: placement.format },
      ...{ minuteAtMs, impressions, grossImpressions: Math.round(impressions * (1.02 + publisher.invalid / 2)) },
    };
  }).filter(({ impressions }) => impressions > 0);
}
