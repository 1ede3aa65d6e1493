/**
 * The names behind a tenant's ids, for its own screens.
 *
 *   GET /v1/catalog/campaigns?limit=100&after=<campaign>        and creatives
 *   GET /v1/catalog/ads?campaign_id=<campaign>&limit=100&after=<campaign>/<ad>        and ad-groups
 *
 * Keeps: a tenant's statements enter the index at its own rows, and every other condition only looks at those: a
 * foreign and an unknown id have the same answer after the same work. Nothing of a price or an owner is shown.
 */
import * as z from "zod";
import { fromDatabase } from "../access/database.ts";
import { type ReadScope, TenantSql } from "../access/read-scope.ts";
import { isId } from "../core/claims.ts";
import { ok } from "../core/result.ts";
import { id, pageShape, parseSearch } from "./parse.ts";
import type { Answer } from "./records.ts";

/** ?2 behind this id, ?3 at most so many. */
const CAMPAIGNS = new TenantSql({
  advertiser: `
SELECT campaign_id AS id, advertiser_id AS advertiserId, name, status
FROM campaigns
WHERE advertiser_id = ?1 AND campaign_id > ?2
ORDER BY campaign_id
LIMIT ?3`,
  all: `
SELECT campaign_id AS id, advertiser_id AS advertiserId, name, status
FROM campaigns
WHERE campaign_id > ?2
ORDER BY campaign_id
LIMIT ?3`,
});

const CREATIVES = new TenantSql({
  advertiser: `
SELECT creative_id AS id, advertiser_id AS advertiserId, name, status
FROM creatives
WHERE advertiser_id = ?1 AND creative_id > ?2
ORDER BY creative_id
LIMIT ?3`,
  all: `
SELECT creative_id AS id, advertiser_id AS advertiserId, name, status
FROM creatives
WHERE creative_id > ?2
ORDER BY creative_id
LIMIT ?3`,
});

/**
 * ?2 and ?3 behind this campaign and id, ?4 at most so many, ?5 of this campaign, or NULL. The unary plus and the order
 * of the join keep SQLite from entering at the campaign that was asked for.
 */
const ADS = new TenantSql({
  advertiser: `
SELECT ads.ad_id AS id, ads.campaign_id AS campaignId, ads.ad_group_id AS adGroupId, ads.creative_id AS creativeId,
  ads.name, ads.status
FROM campaigns
CROSS JOIN ads ON ads.campaign_id = campaigns.campaign_id
WHERE campaigns.advertiser_id = ?1 AND campaigns.campaign_id >= ?2 AND (campaigns.campaign_id > ?2 OR ads.ad_id > ?3)
  AND (?5 IS NULL OR +campaigns.campaign_id = ?5)
ORDER BY campaigns.campaign_id, ads.ad_id
LIMIT ?4`,
  all: `
SELECT ads.ad_id AS id, ads.campaign_id AS campaignId, ads.ad_group_id AS adGroupId, ads.creative_id AS creativeId,
  ads.name, ads.status
FROM ads
WHERE ads.campaign_id >= ?2 AND (ads.campaign_id > ?2 OR ads.ad_id > ?3) AND (?5 IS NULL OR ads.campaign_id = ?5)
ORDER BY ads.campaign_id, ads.ad_id
LIMIT ?4`,
});

const AD_GROUPS = new TenantSql({
  advertiser: `
SELECT ad_groups.ad_group_id AS id, ad_groups.campaign_id AS campaignId, ad_groups.name, ad_groups.status
FROM campaigns
CROSS JOIN ad_groups ON ad_groups.campaign_id = campaigns.campaign_id
WHERE campaigns.advertiser_id = ?1 AND campaigns.campaign_id >= ?2
  AND (campaigns.campaign_id > ?2 OR ad_groups.ad_group_id > ?3) AND (?5 IS NULL OR +campaigns.campaign_id = ?5)
ORDER BY campaigns.campaign_id, ad_groups.ad_group_id
LIMIT ?4`,
  all: `
SELECT ad_group_id AS id, campaign_id AS campaignId, name, status
FROM ad_groups
WHERE campaign_id >= ?2 AND (campaign_id > ?2 OR ad_group_id > ?3) AND (?5 IS NULL OR campaign_id = ?5)
ORDER BY campaign_id, ad_group_id
LIMIT ?4`,
});

export const campaignsSchema = z.strictObject(pageShape);
export const adsSchema = z.strictObject({
  limit: pageShape.limit,
  campaign_id: id.optional(),
  after: z
    .string()
    .refine((text) => text.split("/").length === 2 && text.split("/").every(isId), "after is the next of a page.")
    .optional(),
});

type Named = { readonly id: string; readonly campaignId?: string };

type List = (search: URLSearchParams, database: D1Database, scope: ReadScope) => Promise<Answer>;

/** Names of an advertiser, by id. */
const byId = (name: string, sql: TenantSql): List => {
  return async (search, database, scope) => {
    const parsed = parseSearch(search, campaignsSchema);
    if (!parsed.ok) return parsed;
    const { limit, after = "" } = parsed.value;
    const { results } = await fromDatabase(() => sql.in(database, scope, after, limit).all<Named>());
    const next = results.length === limit ? (results.at(-1)?.id ?? null) : null;
    return ok({ status: 200, body: { [name]: results, next } });
  };
};

/** Names below campaigns, by campaign and id. */
const byCampaign = (name: string, sql: TenantSql): List => {
  return async (search, database, scope) => {
    const parsed = parseSearch(search, adsSchema);
    if (!parsed.ok) return parsed;
    const { limit, after = "/", campaign_id: campaign = null } = parsed.value;
    const [fromCampaign = "", fromId = ""] = after.split("/");
    const { results } = await fromDatabase(() =>
      sql.in(database, scope, fromCampaign, fromId, limit, campaign).all<Named>(),
    );
    const last = results.length === limit ? results.at(-1) : undefined;
    const next = last === undefined ? null : `${last.campaignId}/${last.id}`;
    return ok({ status: 200, body: { [name]: results, next } });
  };
};

export const listCampaigns = byId("campaigns", CAMPAIGNS);
export const listCreatives = byId("creatives", CREATIVES);
export const listAds = byCampaign("ads", ADS);
export const listAdGroups = byCampaign("adGroups", AD_GROUPS);
