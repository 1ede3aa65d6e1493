/**
 * The statements of the resources. A row goes in as one JSON object, with the names of answers.
 *
 *   one     ?1 id
 *   list    ?1 after, ?2 limit                    listOf   ?1 after, ?2 limit, ?3 parent
 *   insert  ?1 row                                update   ?1 row, ?2 the version that it changes
 *
 * Keeps: an update of another version than the one that was read violates NOT NULL, which undoes its batch: neither the
 * change nor its audit entry stays. Every list runs along an index.
 */
export type ResourceSql = {
  readonly one: string;
  readonly list: string;
  readonly listOf?: string;
  readonly insert: string;
  readonly update: string;
};

export const ADVERTISER_SQL: ResourceSql = {
  one: `
SELECT advertiser_id AS id, name, currency, time_zone AS timeZone, attribution_window_days AS attributionWindowDays,
  status, created_at_ms AS createdAtMs, updated_at_ms AS updatedAtMs
FROM advertiser_profiles
WHERE advertiser_id = ?1`,
  list: `
SELECT advertiser_id AS id, name, currency, time_zone AS timeZone, attribution_window_days AS attributionWindowDays,
  status, created_at_ms AS createdAtMs, updated_at_ms AS updatedAtMs
FROM advertiser_profiles
WHERE advertiser_id > ?1
ORDER BY advertiser_id
LIMIT ?2`,
  insert: `
INSERT INTO advertiser_profiles (
  advertiser_id, name, currency, time_zone, attribution_window_days, status, created_at_ms, updated_at_ms
)
VALUES (
  ?1 ->> 'id', ?1 ->> 'name', ?1 ->> 'currency', ?1 ->> 'timeZone', ?1 ->> 'attributionWindowDays', ?1 ->> 'status',
  ?1 ->> 'createdAtMs', ?1 ->> 'updatedAtMs'
)`,
  update: `
UPDATE advertiser_profiles
SET name = ?1 ->> 'name', currency = ?1 ->> 'currency', time_zone = ?1 ->> 'timeZone',
  attribution_window_days = ?1 ->> 'attributionWindowDays', status = ?1 ->> 'status',
  updated_at_ms = CASE WHEN updated_at_ms = ?2 THEN ?1 ->> 'updatedAtMs' END
WHERE advertiser_id = ?1 ->> 'id'`,
};

export const CAMPAIGN_SQL: ResourceSql = {
  one: `
SELECT campaign_id AS id, advertiser_id AS advertiserId, name, status, created_at_ms AS createdAtMs,
  updated_at_ms AS updatedAtMs
FROM campaigns
WHERE campaign_id = ?1`,
  list: `
SELECT campaign_id AS id, advertiser_id AS advertiserId, name, status, created_at_ms AS createdAtMs,
  updated_at_ms AS updatedAtMs
FROM campaigns
WHERE campaign_id > ?1
ORDER BY campaign_id
LIMIT ?2`,
  listOf: `
SELECT campaign_id AS id, advertiser_id AS advertiserId, name, status, created_at_ms AS createdAtMs,
  updated_at_ms AS updatedAtMs
FROM campaigns
WHERE advertiser_id = ?3 AND campaign_id > ?1
ORDER BY campaign_id
LIMIT ?2`,
  insert: `
INSERT INTO campaigns (campaign_id, advertiser_id, name, status, created_at_ms, updated_at_ms)
VALUES (
  ?1 ->> 'id', ?1 ->> 'advertiserId', ?1 ->> 'name', ?1 ->> 'status', ?1 ->> 'createdAtMs', ?1 ->> 'updatedAtMs'
)`,
  update: `
UPDATE campaigns
SET name = ?1 ->> 'name', status = ?1 ->> 'status',
  updated_at_ms = CASE WHEN updated_at_ms = ?2 THEN ?1 ->> 'updatedAtMs' END
WHERE campaign_id = ?1 ->> 'id'`,
};

export const AD_GROUP_SQL: ResourceSql = {
  one: `
SELECT ad_group_id AS id, campaign_id AS campaignId, name, status, created_at_ms AS createdAtMs,
  updated_at_ms AS updatedAtMs
FROM ad_groups
WHERE ad_group_id = ?1`,
  list: `
SELECT ad_group_id AS id, campaign_id AS campaignId, name, status, created_at_ms AS createdAtMs,
  updated_at_ms AS updatedAtMs
FROM ad_groups
WHERE ad_group_id > ?1
ORDER BY ad_group_id
LIMIT ?2`,
  listOf: `
SELECT ad_group_id AS id, campaign_id AS campaignId, name, status, created_at_ms AS createdAtMs,
  updated_at_ms AS updatedAtMs
FROM ad_groups
WHERE campaign_id = ?3 AND ad_group_id > ?1
ORDER BY ad_group_id
LIMIT ?2`,
  insert: `
INSERT INTO ad_groups (ad_group_id, campaign_id, name, status, created_at_ms, updated_at_ms)
VALUES (
  ?1 ->> 'id', ?1 ->> 'campaignId', ?1 ->> 'name', ?1 ->> 'status', ?1 ->> 'createdAtMs', ?1 ->> 'updatedAtMs'
)`,
  update: `
UPDATE ad_groups
SET name = ?1 ->> 'name', status = ?1 ->> 'status',
  updated_at_ms = CASE WHEN updated_at_ms = ?2 THEN ?1 ->> 'updatedAtMs' END
WHERE ad_group_id = ?1 ->> 'id'`,
};

export const AD_SQL: ResourceSql = {
  one: `
SELECT ad_id AS id, campaign_id AS campaignId, ad_group_id AS adGroupId, creative_id AS creativeId, name,
  cpc_micros AS cpcMicros, status, created_at_ms AS createdAtMs, updated_at_ms AS updatedAtMs
FROM ads
WHERE ad_id = ?1`,
  list: `
SELECT ad_id AS id, campaign_id AS campaignId, ad_group_id AS adGroupId, creative_id AS creativeId, name,
  cpc_micros AS cpcMicros, status, created_at_ms AS createdAtMs, updated_at_ms AS updatedAtMs
FROM ads
WHERE ad_id > ?1
ORDER BY ad_id
LIMIT ?2`,
  listOf: `
SELECT ad_id AS id, campaign_id AS campaignId, ad_group_id AS adGroupId, creative_id AS creativeId, name,
  cpc_micros AS cpcMicros, status, created_at_ms AS createdAtMs, updated_at_ms AS updatedAtMs
FROM ads
WHERE campaign_id = ?3 AND ad_id > ?1
ORDER BY ad_id
LIMIT ?2`,
  insert: `
INSERT INTO ads (
  ad_id, campaign_id, ad_group_id, creative_id, name, cpc_micros, status, created_at_ms, updated_at_ms
)
VALUES (
  ?1 ->> 'id', ?1 ->> 'campaignId', ?1 ->> 'adGroupId', ?1 ->> 'creativeId', ?1 ->> 'name', ?1 ->> 'cpcMicros',
  ?1 ->> 'status', ?1 ->> 'createdAtMs', ?1 ->> 'updatedAtMs'
)`,
  update: `
UPDATE ads
SET ad_group_id = ?1 ->> 'adGroupId', creative_id = ?1 ->> 'creativeId', name = ?1 ->> 'name',
  cpc_micros = ?1 ->> 'cpcMicros', status = ?1 ->> 'status',
  updated_at_ms = CASE WHEN updated_at_ms = ?2 THEN ?1 ->> 'updatedAtMs' END
WHERE ad_id = ?1 ->> 'id'`,
};

export const CREATIVE_SQL: ResourceSql = {
  one: `
SELECT creative_id AS id, advertiser_id AS advertiserId, name, status, created_at_ms AS createdAtMs,
  updated_at_ms AS updatedAtMs
FROM creatives
WHERE creative_id = ?1`,
  list: `
SELECT creative_id AS id, advertiser_id AS advertiserId, name, status, created_at_ms AS createdAtMs,
  updated_at_ms AS updatedAtMs
FROM creatives
WHERE creative_id > ?1
ORDER BY creative_id
LIMIT ?2`,
  listOf: `
SELECT creative_id AS id, advertiser_id AS advertiserId, name, status, created_at_ms AS createdAtMs,
  updated_at_ms AS updatedAtMs
FROM creatives
WHERE advertiser_id = ?3 AND creative_id > ?1
ORDER BY creative_id
LIMIT ?2`,
  insert: `
INSERT INTO creatives (creative_id, advertiser_id, name, status, created_at_ms, updated_at_ms)
VALUES (
  ?1 ->> 'id', ?1 ->> 'advertiserId', ?1 ->> 'name', ?1 ->> 'status', ?1 ->> 'createdAtMs', ?1 ->> 'updatedAtMs'
)`,
  update: `
UPDATE creatives
SET name = ?1 ->> 'name', status = ?1 ->> 'status',
  updated_at_ms = CASE WHEN updated_at_ms = ?2 THEN ?1 ->> 'updatedAtMs' END
WHERE creative_id = ?1 ->> 'id'`,
};

export const PUBLISHER_SQL: ResourceSql = {
  one: `
SELECT publisher_id AS id, name, status, created_at_ms AS createdAtMs, updated_at_ms AS updatedAtMs
FROM publishers
WHERE publisher_id = ?1`,
  list: `
SELECT publisher_id AS id, name, status, created_at_ms AS createdAtMs, updated_at_ms AS updatedAtMs
FROM publishers
WHERE publisher_id > ?1
ORDER BY publisher_id
LIMIT ?2`,
  insert: `
INSERT INTO publishers (publisher_id, name, status, created_at_ms, updated_at_ms)
VALUES (?1 ->> 'id', ?1 ->> 'name', ?1 ->> 'status', ?1 ->> 'createdAtMs', ?1 ->> 'updatedAtMs')`,
  update: `
UPDATE publishers
SET name = ?1 ->> 'name', status = ?1 ->> 'status',
  updated_at_ms = CASE WHEN updated_at_ms = ?2 THEN ?1 ->> 'updatedAtMs' END
WHERE publisher_id = ?1 ->> 'id'`,
};
