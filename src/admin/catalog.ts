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
import { isId } from "../core/claims.ts";
import { ok } from "../core/result.ts";
import { id, pageShape, parseSearch } from "./parse.ts";
import type { Answer } from "./records.ts";

const SELECT_CAMPAIGNS = `
SELECT campaign_id AS id, advertiser_id AS advertiserId, name, status
FROM campaigns
WHERE campaign_id > ?1
ORDER BY campaign_id
LIMIT ?2`;

const SELECT_OWN_CAMPAIGNS = `
SELECT campaign_id AS id, advertiser_id AS advertiserId, name, status
FROM campaigns
WHERE advertiser_id = ?3 AND campaign_id > ?1
ORDER BY campaign_id
LIMIT ?2`;

/** The unary plus and the order of the join keep SQLite from entering at the campaign that was asked for. */
const SELECT_OWN_ADS = `
SELECT ads.ad_id AS id, ads.campaign_id AS campaignId, ads.ad_group_id AS adGroupId, ads.creative_id AS creativeId,
  ads.name, ads.status
FROM campaigns
CROSS JOIN ads ON ads.campaign_id = campaigns.campaign_id
WHERE campaigns.advertiser_id = ?5 AND campaigns.campaign_id >= ?1 AND (campaigns.campaign_id > ?1 OR ads.ad_id > ?2)
  AND (?4 IS NULL OR +campaigns.campaign_id = ?4)
ORDER BY campaigns.campaign_id, ads.ad_id
LIMIT ?3`;

const SELECT_ADS = `
SELECT ads.ad_id AS id, ads.campaign_id AS campaignId, ads.ad_group_id AS adGroupId, ads.creative_id AS creativeId,
  ads.name, ads.status
FROM ads
WHERE ads.campaign_id >= ?1 AND (ads.campaign_id > ?1 OR ads.ad_id > ?2) AND (?4 IS NULL OR ads.campaign_id = ?4)
ORDER BY ads.campaign_id, ads.ad_id
LIMIT ?3`;

const SELECT_CREATIVES = `
SELECT creative_id AS id, advertiser_id AS advertiserId, name, status
FROM creatives
WHERE creative_id > ?1
ORDER BY creative_id
LIMIT ?2`;

const SELECT_OWN_CREATIVES = `
SELECT creative_id AS id, advertiser_id AS advertiserId, name, status
FROM creatives
WHERE advertiser_id = ?3 AND creative_id > ?1
ORDER BY creative_id
LIMIT ?2`;

const SELECT_OWN_AD_GROUPS = `
SELECT ad_groups.ad_group_id AS id, ad_groups.campaign_id AS campaignId, ad_groups.name, ad_groups.status
FROM campaigns
CROSS JOIN ad_groups ON ad_groups.campaign_id = campaigns.campaign_id
WHERE campaigns.advertiser_id = ?5 AND campaigns.campaign_id >= ?1
  AND (campaigns.campaign_id > ?1 OR ad_groups.ad_group_id > ?2) AND (?4 IS NULL OR +campaigns.campaign_id = ?4)
ORDER BY campaigns.campaign_id, ad_groups.ad_group_id
LIMIT ?3`;

const SELECT_AD_GROUPS = `
SELECT ad_group_id AS id, campaign_id AS campaignId, name, status
FROM ad_groups
WHERE campaign_id >= ?1 AND (campaign_id > ?1 OR ad_group_id > ?2) AND (?4 IS NULL OR campaign_id = ?4)
ORDER BY campaign_id, ad_group_id
LIMIT ?3`;

export const campaignsSchema = z.strictObject(pageShape);
export const adsSchema = z.strictObject({
  limit: pageShape.limit,
  campaign_id: id.optional(),
  after: z
    .string()
    .refine((text) => text.split("/").length === 2 && text.split("/").every(isId), "after is the next of a page.")
    .optional(),
});

/** Whose names may be read: one advertiser's, or all (null). */
export type CatalogScope = { readonly advertiserId: string | null };

type Named = { readonly id: string; readonly campaignId?: string };

/** The statements of a list: of all, and of one advertiser's own. */
type Lists = { readonly name: string; readonly all: string; readonly own: string };
const CAMPAIGNS: Lists = { name: "campaigns", all: SELECT_CAMPAIGNS, own: SELECT_OWN_CAMPAIGNS };
const CREATIVES: Lists = { name: "creatives", all: SELECT_CREATIVES, own: SELECT_OWN_CREATIVES };
const ADS: Lists = { name: "ads", all: SELECT_ADS, own: SELECT_OWN_ADS };
const AD_GROUPS: Lists = { name: "adGroups", all: SELECT_AD_GROUPS, own: SELECT_OWN_AD_GROUPS };

type List = (search: URLSearchParams, database: D1Database, scope: CatalogScope) => Promise<Answer>;

/** Names of an advertiser, by id. */
const byId = ({ name, all, own }: Lists): List => {
  return async (search, database, { advertiserId }) => {
    const parsed = parseSearch(search, campaignsSchema);
    if (!parsed.ok) return parsed;
    const { limit, after = "" } = parsed.value;
    const { results } = await fromDatabase(() =>
      (advertiserId === null
        ? database.prepare(all).bind(after, limit)
        : database.prepare(own).bind(after, limit, advertiserId)
      ).all<Named>(),
    );
    const next = results.length === limit ? (results.at(-1)?.id ?? null) : null;
    return ok({ status: 200, body: { [name]: results, next } });
  };
};

/** Names below campaigns, by campaign and id. */
const byCampaign = ({ name, all, own }: Lists): List => {
  return async (search, database, { advertiserId }) => {
    const parsed = parseSearch(search, adsSchema);
    if (!parsed.ok) return parsed;
    const { limit, after = "/", campaign_id: campaign = null } = parsed.value;
    const [fromCampaign = "", fromId = ""] = after.split("/");
    const bound = [fromCampaign, fromId, limit, campaign];
    const { results } = await fromDatabase(() =>
      (advertiserId === null
        ? database.prepare(all).bind(...bound)
        : database.prepare(own).bind(...bound, advertiserId)
      ).all<Named>(),
    );
    const last = results.length === limit ? results.at(-1) : undefined;
    const next = last === undefined ? null : `${last.campaignId}/${last.id}`;
    return ok({ status: 200, body: { [name]: results, next } });
  };
};

export const listCampaigns = byId(CAMPAIGNS);
export const listCreatives = byId(CREATIVES);
export const listAds = byCampaign(ADS);
export const listAdGroups = byCampaign(AD_GROUPS);
