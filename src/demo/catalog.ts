/**
 * What the demonstration shows: the catalogue, and today's figures straight from the minute facts (UTC).
 *
 * Keeps: reads only. Relies on: minute facts of today are still hot (they are kept for two days).
 */
import { MINUTE_MS } from "../core/limits.ts";

export type CatalogAd = {
  readonly ad_id: string;
  readonly name: string;
  readonly creative_id: string;
  readonly cpc_micros: number;
  readonly campaign_id: string;
  readonly campaign: string;
  readonly advertiser_id: string;
};
export type Publisher = { readonly publisher_id: string; readonly name: string };
export type Catalog = { readonly ads: readonly CatalogAd[]; readonly publishers: readonly Publisher[] };

const SELECT_ADS = `
SELECT ads.ad_id, ads.name, ads.creative_id, ads.cpc_micros, ads.campaign_id, campaigns.name AS campaign,
  campaigns.advertiser_id
FROM ads
JOIN campaigns ON campaigns.campaign_id = ads.campaign_id
ORDER BY campaigns.campaign_id, ads.cpc_micros DESC
LIMIT 12`;

const SELECT_PUBLISHERS = `SELECT publisher_id, name FROM publishers ORDER BY publisher_id LIMIT 100`;

const SELECT_TOTALS = `
SELECT facts.ad_id, sum(facts.impressions) AS impressions, sum(facts.valid) AS valid,
  sum(facts.duplicate) AS duplicate, sum(facts.invalid) AS invalid, sum(facts.conversions) AS conversions,
  sum(facts.spend_micros) AS spend_micros, sum(facts.conversion_value_micros) AS conversion_value_micros
FROM (SELECT DISTINCT advertiser_id FROM campaigns) AS shown
JOIN facts_minute AS facts ON facts.advertiser_id = shown.advertiser_id AND facts.minute >= ?1
GROUP BY facts.ad_id`;

const SELECT_POSTED = `SELECT max(posted_at_ms) AS posted_at_ms FROM postings`;

export async function readCatalog(database: D1Database): Promise<Catalog> {
  const [ads, publishers] = await database.batch([database.prepare(SELECT_ADS), database.prepare(SELECT_PUBLISHERS)]);
  return {
    ads: (ads?.results ?? []) as CatalogAd[],
    publishers: (publishers?.results ?? []) as Publisher[],
  };
}

export type AdTotals = {
  readonly ad_id: string;
  readonly impressions: number;
  readonly valid: number;
  readonly duplicate: number;
  readonly invalid: number;
  readonly conversions: number;
  readonly spend_micros: number;
  readonly conversion_value_micros: number;
};
/** `postedAtMs`: when the newest posting arrived, null before the first. */
export type Figures = { readonly totals: readonly AdTotals[]; readonly postedAtMs: number | null };

/** Figures of the advertisers in the catalogue since `fromMs`. */
export async function readFigures(database: D1Database, fromMs: number): Promise<Figures> {
  const [totals, posted] = await database.batch([
    database.prepare(SELECT_TOTALS).bind(Math.floor(fromMs / MINUTE_MS)),
    database.prepare(SELECT_POSTED),
  ]);
  const [newest] = (posted?.results ?? []) as { posted_at_ms: number | null }[];
  return { totals: (totals?.results ?? []) as AdTotals[], postedAtMs: newest?.posted_at_ms ?? null };
}
