/**
 * The demonstration advertiser: two campaigns, five ads, three publishers, and an API key that reads its reports, mints
 * its tokens and reports its conversions.
 *
 * Keeps: seeds the catalogue only where there is none at all, so a folder with somebody's own data stays as it is. The
 * key of `.dev.vars` is registered whenever the demonstration advertiser is there, also after the file was made anew.
 */
import type { D1Database } from "@cloudflare/workers-types";
import { hashApiKey } from "../src/access/api-keys.ts";
import { DEMO_ADVERTISER } from "../src/demo/catalog.ts";

export { DEMO_ADVERTISER };

const DEMO_ADVERTISER_NAME = "Northwind";

export const DEMO_CAMPAIGNS = [
  { id: "cmp_7", name: "City bikes" },
  { id: "cmp_8", name: "Rain gear" },
] as const;

export const DEMO_ADS = [
  {
    id: "ad_9",
    campaign: "cmp_7",
    creative: "crt_seven_speed",
    name: "Seven speeds, zero parking tickets",
    cpcMicros: 420_000,
  },
  { id: "ad_10", campaign: "cmp_7", creative: "crt_folding", name: "Folds in eleven seconds", cpcMicros: 380_000 },
  {
    id: "ad_11",
    campaign: "cmp_7",
    creative: "crt_child_seat",
    name: "Room for one more: child seats",
    cpcMicros: 250_000,
  },
  { id: "ad_12", campaign: "cmp_8", creative: "crt_jacket", name: "A jacket for every forecast", cpcMicros: 310_000 },
  { id: "ad_13", campaign: "cmp_8", creative: "crt_boots", name: "Boots that stay dry inside", cpcMicros: 190_000 },
] as const;

export const DEMO_PUBLISHERS = [
  { id: "pub_1", name: "The Morning Ledger" },
  { id: "pub_2", name: "Slow Roads" },
  { id: "pub_3", name: "Weatherwise" },
] as const;

const COUNT_CATALOG = `
SELECT (SELECT count(*) FROM campaigns) + (SELECT count(*) FROM ads) + (SELECT count(*) FROM publishers)
  + (SELECT count(*) FROM advertiser_profiles) + (SELECT count(*) FROM facts_minute) AS rows`;
const INSERT_ADVERTISER = `
INSERT INTO advertiser_profiles (advertiser_id, name, currency, time_zone, created_at_ms, updated_at_ms)
VALUES (?1, ?2, 'EUR', 'UTC', ?3, ?3)`;
const INSERT_CAMPAIGN = `INSERT INTO campaigns (campaign_id, advertiser_id, name) VALUES (?1, ?2, ?3)`;
const INSERT_AD = `INSERT INTO ads (ad_id, campaign_id, creative_id, name, cpc_micros) VALUES (?1, ?2, ?3, ?4, ?5)`;
const INSERT_PUBLISHER = `INSERT INTO publishers (publisher_id, name) VALUES (?1, ?2)`;
const INSERT_KEY = `
INSERT OR IGNORE INTO api_keys (key_hash, key_id, advertiser_id, scopes, created_at_ms)
SELECT ?1, ?2, ?3, '["report","mint","convert"]', ?4
WHERE EXISTS (SELECT 1 FROM campaigns WHERE advertiser_id = ?3)`;

/** Seeds an empty database and registers the key; returns whether it seeded. */
export async function seedDemo(database: D1Database, apiKey: string, nowMs: number): Promise<boolean> {
  const found = await database.prepare(COUNT_CATALOG).first<{ rows: number }>();
  const isEmpty = found?.rows === 0;
  if (isEmpty) {
    await database.batch([
      database.prepare(INSERT_ADVERTISER).bind(DEMO_ADVERTISER, DEMO_ADVERTISER_NAME, nowMs),
      ...DEMO_CAMPAIGNS.map(({ id, name }) => database.prepare(INSERT_CAMPAIGN).bind(id, DEMO_ADVERTISER, name)),
      ...DEMO_ADS.map(({ id, campaign, creative, name, cpcMicros }) =>
        database.prepare(INSERT_AD).bind(id, campaign, creative, name, cpcMicros),
      ),
      ...DEMO_PUBLISHERS.map(({ id, name }) => database.prepare(INSERT_PUBLISHER).bind(id, name)),
    ]);
  }
  const hash = hashApiKey(apiKey);
  await database
    .prepare(INSERT_KEY)
    .bind(hash, `demo-${hash.slice(0, 8)}`, DEMO_ADVERTISER, nowMs)
    .run();
  return isEmpty;
}
