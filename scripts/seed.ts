/**
 * The demonstration's catalogue, and its keys: one that reads an advertiser's reports, mints its tokens and reports its
 * conversions, and one that reads a publisher's.
 *
 * Keeps: seeds the catalogue only where there is none at all, so a folder with somebody's own data stays as it is. The
 * keys of `.dev.vars` are registered whenever their owner is there, also after the file was made anew.
 */
import type { D1Database } from "@cloudflare/workers-types";
import { hashApiKey } from "../src/access/api-keys.ts";
import {
  DEMO_AD_GROUPS,
  DEMO_ADS,
  DEMO_ADVERTISER,
  DEMO_ADVERTISERS,
  DEMO_CAMPAIGNS,
  DEMO_PUBLISHERS,
} from "../src/demo/history/catalog.ts";

export { DEMO_ADVERTISER };

/** Whose reports the publisher's key reads. */
const DEMO_PUBLISHER = "pub_1";

const COUNT_CATALOG = `
SELECT (SELECT count(*) FROM campaigns) + (SELECT count(*) FROM ads) + (SELECT count(*) FROM publishers)
  + (SELECT count(*) FROM advertiser_profiles) + (SELECT count(*) FROM facts_minute) AS rows`;
const INSERT_ADVERTISER = `
INSERT INTO advertiser_profiles (advertiser_id, name, currency, time_zone, created_at_ms, updated_at_ms)
VALUES (?1, ?2, 'EUR', 'UTC', ?3, ?3)`;
const INSERT_CAMPAIGN = `INSERT INTO campaigns (campaign_id, advertiser_id, name, status) VALUES (?1, ?2, ?3, ?4)`;
const INSERT_AD_GROUP = `
INSERT INTO ad_groups (ad_group_id, campaign_id, name, created_at_ms, updated_at_ms) VALUES (?1, ?2, ?3, ?4, ?4)`;
const INSERT_AD = `
INSERT INTO ads (ad_id, campaign_id, ad_group_id, creative_id, name, cpc_micros) VALUES (?1, ?2, ?3, ?4, ?5, ?6)`;
const INSERT_PUBLISHER = `INSERT INTO publishers (publisher_id, name) VALUES (?1, ?2)`;
const INSERT_ADVERTISER_KEY = `
INSERT OR IGNORE INTO api_keys (key_hash, key_id, advertiser_id, scopes, created_at_ms)
SELECT ?1, ?2, ?3, '["report","mint","convert","bill","hook"]', ?4
WHERE EXISTS (SELECT 1 FROM campaigns WHERE advertiser_id = ?3)`;
const INSERT_PUBLISHER_KEY = `
INSERT OR IGNORE INTO api_keys (key_hash, key_id, publisher_id, scopes, created_at_ms)
SELECT ?1, ?2, ?3, '["report","bill"]', ?4
WHERE EXISTS (SELECT 1 FROM publishers WHERE publisher_id = ?3)`;

export type Seeding = {
  readonly advertiserKey: string;
  readonly publisherKey?: string;
  readonly nowMs: number;
  /** Also what only the history is about. */
  readonly hasHistory?: boolean;
};

/** Whether the database holds nothing that anybody made or counted. */
export async function isUnused(database: D1Database): Promise<boolean> {
  return (await database.prepare(COUNT_CATALOG).first<{ rows: number }>())?.rows === 0;
}

/** Seeds an unused database and registers the keys; returns whether it seeded. */
export async function seedDemo(
  database: D1Database,
  { advertiserKey, publisherKey, nowMs, hasHistory = false }: Seeding,
): Promise<boolean> {
  const isSeeding = await isUnused(database);
  if (isSeeding) await database.batch(catalogStatements(database, { nowMs, hasHistory }));
  const keys = [
    { sql: INSERT_ADVERTISER_KEY, owner: DEMO_ADVERTISER, key: advertiserKey },
    { sql: INSERT_PUBLISHER_KEY, owner: DEMO_PUBLISHER, key: publisherKey },
  ];
  for (const { sql, owner, key } of keys) {
    if (key === undefined) continue;
    const hash = hashApiKey(key);
    await database
      .prepare(sql)
      .bind(hash, `demo-${hash.slice(0, 8)}`, owner, nowMs)
      .run();
  }
  return isSeeding;
}

function catalogStatements(
  database: D1Database,
  { nowMs, hasHistory }: { readonly nowMs: number; readonly hasHistory: boolean },
) {
  const seeded = <T extends { readonly isOfHistory: boolean }>(parts: readonly T[]) =>
    parts.filter(({ isOfHistory }) => hasHistory || !isOfHistory);
  const statement = (sql: string, ...values: (string | number | null)[]) => database.prepare(sql).bind(...values);
  return [
    ...seeded(DEMO_ADVERTISERS).map(({ id, name }) => statement(INSERT_ADVERTISER, id, name, nowMs)),
    ...seeded(DEMO_CAMPAIGNS).map(({ id, advertiserId, name, course }) =>
      statement(INSERT_CAMPAIGN, id, advertiserId, name, course === "stopped" ? "paused" : "active"),
    ),
    ...seeded(DEMO_AD_GROUPS).map(({ id, campaignId, name }) =>
      statement(INSERT_AD_GROUP, id, campaignId, name, nowMs),
    ),
    ...seeded(DEMO_ADS).map(({ id, campaignId, adGroupId, creativeIds, name, cpcMicros }) =>
      statement(INSERT_AD, id, campaignId, hasHistory ? adGroupId : null, creativeIds[0], name, cpcMicros),
    ),
    ...seeded(DEMO_PUBLISHERS).map(({ id, name }) => statement(INSERT_PUBLISHER, id, name)),
  ];
}
