/**
 * Impressions that the ad server counts itself and uploads: most of those in the demonstration, since a pixel for each
 * would take longer than anybody watches.
 *
 *   one batch per advertiser and minute, as ad servers send them; then one batch again, one with other rows under a known
 *   id, and some that are refused as a whole
 *
 * Keeps: the plan is a function of the seed and of when the traffic ran. A batch counts once or not at all.
 */

import { Random } from "../../src/demo/random.ts";
import { count, type Tallies } from "./figures.ts";
import type { Refusals } from "./ledger.ts";
import { ADS, ADVERTISERS, idsOf, PUBLISHERS } from "./plan.ts";
import { problemOf } from "./traffic.ts";

type CountsRow = {
  readonly minute: string;
  readonly advertiser_id: string;
  readonly campaign_id: string;
  readonly ad_id: string;
  readonly publisher_id: string;
  readonly country: string;
  readonly device: string;
  readonly impressions: number;
  readonly gross_impressions?: number;
};

export type Upload = {
  readonly batchId: string;
  readonly rows: readonly CountsRow[];
  /** The status of an upload that is taken, or the problem of one that is not. */
  readonly expect: "counted" | "repeated" | `${number} ${string}`;
};

/** Impressions for each click that is sent, so that the click-through rate comes out between 1 and 2 %. */
const IMPRESSIONS_PER_CLICK = 50;
/** Rows of one ad in one minute. */
const ROWS_PER_AD = 3;
/** Of the impressions of a row, this many more were filtered by the ad server. */
const FILTERED_SHARE = 0.03;
const DAY_MS = 86_400_000;

/** Batches for the minutes in which `clicks` clicks were sent. */
export function planUploads({
  clicks,
  seed,
  minutes,
}: {
  clicks: number;
  seed: number;
  minutes: readonly string[];
}): Upload[] {
  const random = new Random(seed ^ 0xc0de);
  const shares = Array.from({ length: ADS }, (_, ad) => 1 / (ad + 1));
  const all = shares.reduce((sum, share) => sum + share, 0);
  const rowsOf = (ad: number, minute: string): CountsRow[] => {
    const wanted = ((clicks * IMPRESSIONS_PER_CLICK) / minutes.length) * ((shares[ad] ?? 0) / all);
    return Array.from({ length: ROWS_PER_AD }, () => {
      const impressions = Math.round((wanted / ROWS_PER_AD) * random.between(0.7, 1.3));
      const filtered = Math.round(impressions * random.between(0, FILTERED_SHARE));
      const { adId, campaignId, advertiserId } = idsOf(ad);
      return {
        minute,
        advertiser_id: advertiserId,
        campaign_id: campaignId,
        ad_id: adId,
        publisher_id: `pub_${random.below(PUBLISHERS)}`,
        country: random.pick(["DE", "US", "FR"]),
        device: random.pick(["mobile", "desktop", "tablet"]),
        impressions,
        // An ad server that filters nothing tells one number.
        ...(filtered === 0 ? {} : { gross_impressions: impressions + filtered }),
      };
    });
  };
  const batches = minutes.flatMap((minute) =>
    Array.from({ length: ADVERTISERS }, (_, advertiser): Upload => {
      const ads = Array.from({ length: ADS }, (_, ad) => ad).filter((ad) => ad % ADVERTISERS === advertiser);
      const batchId = `adv_${advertiser}@${minute}`;
      return { batchId, rows: ads.flatMap((ad) => rowsOf(ad, minute)), expect: "counted" };
    }),
  );
  return [...batches, ...afterthoughts(batches[0])];
}

/** What may go wrong with a batch: sent twice, changed under its name, too old, misspelt. */
function afterthoughts(sent: Upload | undefined): Upload[] {
  const first = sent?.rows[0];
  if (sent === undefined || first === undefined) return [];
  const changed = (change: object) => [{ ...first, ...change }, ...sent.rows.slice(1)];
  const old = new Date(Date.parse(first.minute) - 40 * DAY_MS).toISOString();
  return [
    { ...sent, expect: "repeated" },
    { ...sent, rows: changed({ impressions: first.impressions + 1 }), expect: "409 batch-conflict" },
    { batchId: "too old", rows: changed({ minute: old }), expect: "422 minute-too-old" },
    { batchId: "misspelt", rows: changed({ impresions: 1 }), expect: "400 field-unknown" },
  ];
}

/** Sends the batches one after the other and adds what was taken to the truth. Returns the impressions uploaded. */
export async function sendUploads(
  uploads: readonly Upload[],
  { url, apiKey }: { url: string; apiKey: string },
  { tallies, refusals }: { tallies: Tallies; refusals: Refusals },
): Promise<number> {
  let uploaded = 0;
  for (const { batchId, rows, expect } of uploads) {
    const answer = await fetch(`${url}/v1/impressions/counts`, {
      method: "POST",
      headers: { Authorization: `Bearer ${apiKey}`, "Content-Type": "application/json" },
      body: JSON.stringify({ batch_id: batchId, rows }),
    });
    const body = await answer.text();
    const status = answer.ok ? (JSON.parse(body) as { status: string }).status : `${answer.status} ${problemOf(body)}`;
    if (status !== "counted") count(refusals.answered, `counts: ${status}`);
    if (expect !== "counted") count(refusals.expected, `counts: ${expect}`);
    if (expect !== "counted" || status !== "counted") continue;
    for (const row of rows) uploaded += addRow(row, tallies);
  }
  return uploaded;
}

function addRow(row: CountsRow, tallies: Tallies): number {
  const { minute, impressions, gross_impressions: gross = impressions } = row;
  const ids = { adId: row.ad_id, campaignId: row.campaign_id, advertiserId: row.advertiser_id };
  const { sums, reasons } = tallies.at({ ...ids, minute });
  sums.impressions += impressions;
  sums.gross_impressions += gross;
  if (gross > impressions) count(reasons, "impression.filtered_by_sender", gross - impressions);
  return impressions;
}
