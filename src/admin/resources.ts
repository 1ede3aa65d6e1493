/**
 * The resources of a tenant: what each is made of, what may change, and to what it belongs.
 *
 *   advertiser ◀── campaign ◀── ad group           publisher
 *                      ▲            ▲
 *                      └──── ad ────┘ (perhaps)
 *
 * Keeps: ids and parents never change. A currency is fixed as soon as its advertiser has had an event, since recorded
 * money is in it. Nothing here decides whether a click counts.
 */
import * as z from "zod";
import { ATTRIBUTION_WINDOW_DAYS_DEFAULT, ATTRIBUTION_WINDOW_DAYS_MAX } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { ReportProblem } from "../report/problems.ts";
import { currency, id, micros, name, status, tenantId, timeZone } from "./parse.ts";
import {
  AD_GROUP_SQL,
  AD_SQL,
  ADVERTISER_SQL,
  CAMPAIGN_SQL,
  CREATIVE_SQL,
  PUBLISHER_SQL,
  type ResourceSql,
} from "./resources-sql.ts";

/** A resource as statements and answers have it; `updatedAtMs` is its version. */
export type Row = Readonly<Record<string, string | number | null>>;

type Check = (row: Row, before: Row | null, database: D1Database) => Promise<Result<null, ReportProblem>>;

export type Resource = {
  /** As the audit log names it. */
  readonly kind: string;
  readonly path: string;
  /** Name of the list in answers. */
  readonly plural: string;
  readonly sql: ResourceSql;
  readonly create: z.ZodObject<z.core.$ZodLooseShape>;
  readonly patch: z.ZodObject<z.core.$ZodLooseShape>;
  /** Parameter by which a list is narrowed to one parent. */
  readonly parent?: string;
  /** What the row's own fields cannot tell: whether its parents are there, and what is fixed. */
  readonly check: Check;
};

/** An advertiser is in the directory from its first event on, whichever database holds it. */
const SELECT_EVENTS = `
SELECT 1
FROM advertiser_directory
WHERE advertiser_id = ?1`;

const attributionWindowDays = z.int().min(1).max(ATTRIBUTION_WINDOW_DAYS_MAX);

const fine: Check = async () => ok(null);

export const ADVERTISERS: Resource = {
  kind: "advertiser",
  path: "/v1/admin/advertisers",
  plural: "advertisers",
  sql: ADVERTISER_SQL,
  create: z.strictObject({
    id: tenantId,
    name,
    currency,
    timeZone: timeZone.default("UTC"),
    attributionWindowDays: attributionWindowDays.default(ATTRIBUTION_WINDOW_DAYS_DEFAULT),
    status: status.default("active"),
  }),
  patch: z.strictObject({
    name: name.optional(),
    currency: currency.optional(),
    timeZone: timeZone.optional(),
    attributionWindowDays: attributionWindowDays.optional(),
    status: status.optional(),
  }),
  check: async (row, before, database) => {
    const had = before?.["currency"] ?? null;
    if (had === null || had === row["currency"]) return ok(null);
    const hasEvents = (await database.prepare(SELECT_EVENTS).bind(row["id"]).first()) !== null;
    return hasEvents ? err({ reason: "fixed_field", field: "currency" }) : ok(null);
  },
};

export const CAMPAIGNS: Resource = {
  kind: "campaign",
  path: "/v1/admin/campaigns",
  plural: "campaigns",
  sql: CAMPAIGN_SQL,
  create: z.strictObject({ id, advertiserId: id, name, status: status.default("active") }),
  patch: z.strictObject({ name: name.optional(), status: status.optional() }),
  parent: "advertiser_id",
  check: (row, _, database) => checkParent(database, ADVERTISER_SQL, row, "advertiserId"),
};

export const AD_GROUPS: Resource = {
  kind: "ad_group",
  path: "/v1/admin/ad-groups",
  plural: "adGroups",
  sql: AD_GROUP_SQL,
  create: z.strictObject({ id, campaignId: id, name, status: status.default("active") }),
  patch: z.strictObject({ name: name.optional(), status: status.optional() }),
  parent: "campaign_id",
  check: (row, _, database) => checkParent(database, CAMPAIGN_SQL, row, "campaignId"),
};

export const ADS: Resource = {
  kind: "ad",
  path: "/v1/admin/ads",
  plural: "ads",
  sql: AD_SQL,
  create: z.strictObject({
    id,
    campaignId: id,
    adGroupId: id.nullable().default(null),
    creativeId: id,
    name,
    cpcMicros: micros,
    status: status.default("active"),
  }),
  patch: z.strictObject({
    adGroupId: id.nullable().optional(),
    creativeId: id.optional(),
    name: name.optional(),
    cpcMicros: micros.optional(),
    status: status.optional(),
  }),
  parent: "campaign_id",
  check: async (row, _, database) => {
    const campaign = await checkParent(database, CAMPAIGN_SQL, row, "campaignId");
    if (!campaign.ok || row["adGroupId"] === null) return campaign;
    const group = await readOne(database, AD_GROUP_SQL, String(row["adGroupId"]));
    if (group === null) return err({ reason: "unknown_parent", field: "adGroupId" });
    const isOfCampaign = group["campaignId"] === row["campaignId"];
    return isOfCampaign ? ok(null) : err({ reason: "foreign_parent", field: "adGroupId" });
  },
};

/** Names alone: which creative an ad shows is said by its token. */
export const CREATIVES: Resource = {
  kind: "creative",
  path: "/v1/admin/creatives",
  plural: "creatives",
  sql: CREATIVE_SQL,
  create: z.strictObject({ id, advertiserId: id, name, status: status.default("active") }),
  patch: z.strictObject({ name: name.optional(), status: status.optional() }),
  parent: "advertiser_id",
  check: (row, _, database) => checkParent(database, ADVERTISER_SQL, row, "advertiserId"),
};

export const PUBLISHERS: Resource = {
  kind: "publisher",
  path: "/v1/admin/publishers",
  plural: "publishers",
  sql: PUBLISHER_SQL,
  create: z.strictObject({ id: tenantId, name, status: status.default("active") }),
  patch: z.strictObject({ name: name.optional(), status: status.optional() }),
  check: fine,
};

export const RESOURCES: readonly Resource[] = [ADVERTISERS, CAMPAIGNS, AD_GROUPS, ADS, CREATIVES, PUBLISHERS];

/** The resource with this id, or null. One indexed read. */
export function readOne(database: D1Database, { one }: ResourceSql, ofId: string): Promise<Row | null> {
  return database.prepare(one).bind(ofId).first<Row>();
}

async function checkParent(
  database: D1Database,
  sql: ResourceSql,
  row: Row,
  field: string,
): Promise<Result<null, ReportProblem>> {
  const parent = await readOne(database, sql, String(row[field]));
  return parent === null ? err({ reason: "unknown_parent", field: field }) : ok(null);
}
