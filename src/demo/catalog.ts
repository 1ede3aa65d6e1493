/**
 * What the demonstration shows: the catalogue, and today's figures straight from the minute facts (UTC) of all report
 * databases.
 *
 * Keeps: reads only. Relies on: minute facts of today are still hot (they are kept for two days).
 */
import { MINUTE_MS } from "../core/limits.ts";
import type { Directory } from "../facts/directory.ts";
import { DEMO_ADVERTISER } from "./history/catalog.ts";

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

/** Those of the demonstration's own advertiser first, so that what is said of the first ad holds. */
const SELECT_ADS = `
SELECT ads.ad_id, ads.name, ads.creative_id, ads.cpc_micros, ads.campaign_id, campaigns.name AS campaign,
  campaigns.advertiser_id
FROM ads
JOIN campaigns ON campaigns.campaign_id = ads.campaign_id
WHERE campaigns.status = 'active'
ORDER BY campaigns.advertiser_id <> ?1, campaigns.campaign_id, ads.cpc_micros DESC
LIMIT 12`;

const SELECT_PUBLISHERS = `SELECT publisher_id, name FROM publishers ORDER BY publisher_id LIMIT 100`;

const SELECT_TOTALS = `
SELECT facts.ad_id, sum(facts.impressions) AS impressions, sum(facts.valid) AS valid,
  sum(facts.duplicate) AS duplicate, sum(facts.invalid) AS invalid, sum(facts.conversions) AS conversions,
  sum(facts.spend_micros) AS spend_micros, sum(facts.conversion_value_micros) AS conversion_value_micros
FROM (
  SELECT facts.ad_id, impressions, valid, duplicate, invalid, conversions, spend_micros, conversion_value_micros
  FROM json_each(?2) AS shown
  CROSS JOIN facts_minute AS facts ON facts.advertiser_id = shown.value AND facts.minute >= ?1
  UNION ALL
  SELECT ad_id, impressions, valid, duplicate, invalid, conversions, spend_micros, conversion_value_micros
  FROM facts_open
  WHERE advertiser_id IN (SELECT value FROM json_each(?2)) AND minute >= ?1
) AS facts
GROUP BY facts.ad_id`;

/** Of the catalogue, which is in the primary database alone. */
const SELECT_ADVERTISERS = `SELECT DISTINCT advertiser_id FROM campaigns`;

const SELECT_POSTED = `
SELECT max(at_ms) AS posted_at_ms
FROM (SELECT posted_at_ms AS at_ms FROM ledger UNION ALL SELECT opened_at_ms FROM open_postings)`;

export async function readCatalog(database: D1Database): Promise<Catalog> {
  const [ads, publishers] = await database.batch([
    database.prepare(SELECT_ADS).bind(DEMO_ADVERTISER),
    database.prepare(SELECT_PUBLISHERS),
  ]);
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
/** `postedAtMs`: when the newest figures arrived, null before the first. */
export type Figures = { readonly totals: readonly AdTotals[]; readonly postedAtMs: number | null };

/** Figures of the advertisers in the catalogue, which is in the primary database, since `fromMs`. */
export async function readFigures(
  { primary, directory }: { primary: D1Database; directory: Pick<Directory, "databasesOf"> },
  fromMs: number,
): Promise<Figures> {
  const { results } = await primary.prepare(SELECT_ADVERTISERS).all<{ advertiser_id: string }>();
  const advertisers = JSON.stringify(results.map(({ advertiser_id: id }) => id));
  const databases = await directory.databasesOf(null);
  const answers = await Promise.all(
    databases.map((database) =>
      database.batch([
        database.prepare(SELECT_TOTALS).bind(Math.floor(fromMs / MINUTE_MS), advertisers),
        database.prepare(SELECT_POSTED),
      ]),
    ),
  );
  const totals = sumByAd(answers.flatMap(([rows]) => (rows?.results ?? []) as AdTotals[]));
  const posted = answers.flatMap(([, newest]) => (newest?.results ?? []) as { posted_at_ms: number | null }[]);
  const postedAtMs = posted.reduce<number | null>(
    (newest, { posted_at_ms: at }) => (at !== null && at > (newest ?? 0) ? at : newest),
    null,
  );
  return { totals, postedAtMs };
}

/** Two advertisers may name an ad alike. */
function sumByAd(rows: readonly AdTotals[]): AdTotals[] {
  const byAd = new Map<string, AdTotals>();
  for (const row of rows) {
    const sum = byAd.get(row.ad_id);
    byAd.set(row.ad_id, sum === undefined ? row : addTotals(sum, row));
  }
  return [...byAd.values()];
}

function addTotals(left: AdTotals, right: AdTotals): AdTotals {
  return {
    ad_id: left.ad_id,
    impressions: left.impressions + right.impressions,
    valid: left.valid + right.valid,
    duplicate: left.duplicate + right.duplicate,
    invalid: left.invalid + right.invalid,
    conversions: left.conversions + right.conversions,
    spend_micros: left.spend_micros + right.spend_micros,
    conversion_value_micros: left.conversion_value_micros + right.conversion_value_micros,
  };
}
