/**
 * What the administration, the catalogue and the audit log answer, as schemas.
 */
import * as z from "zod";
import { SCOPES } from "../access/api-keys.ts";
import { AUDIT_ACTIONS } from "../access/audit.ts";
import { status } from "../admin/parse.ts";
import { count, instant, text } from "./report-answers.ts";

const times = {
  createdAt: instant.nullable().describe("Null for what is older than this column."),
  updatedAt: instant.nullable(),
};
const next = text.nullable().describe("The `after` of the next page; null on the last.");

export const Advertiser = z.object({
  id: text,
  name: text,
  currency: text.nullable(),
  timeZone: text,
  attributionWindowDays: count,
  status,
  ...times,
});
export const Campaign = z.object({ id: text, advertiserId: text, name: text, status, ...times });
export const AdGroup = z.object({ id: text, campaignId: text, name: text, status, ...times });
export const Ad = z.object({
  id: text,
  campaignId: text,
  adGroupId: text.nullable(),
  creativeId: text,
  name: text,
  cpcMicros: count,
  status,
  ...times,
});
export const Creative = z.object({ id: text, advertiserId: text, name: text, status, ...times });
export const Publisher = z.object({ id: text, name: text, status, ...times });

export const AdvertiserPage = z.object({ advertisers: z.array(Advertiser), next });
export const CampaignPage = z.object({ campaigns: z.array(Campaign), next });
export const AdGroupPage = z.object({ adGroups: z.array(AdGroup), next });
export const AdPage = z.object({ ads: z.array(Ad), next });
export const CreativePage = z.object({ creatives: z.array(Creative), next });
export const PublisherPage = z.object({ publishers: z.array(Publisher), next });

const keyMembers = {
  id: text,
  label: text,
  advertiserId: text.nullable(),
  publisherId: text.nullable(),
  scopes: z.array(z.enum(SCOPES)),
  mint: z.object({
    advertisers: z.array(text).nullable(),
    publishers: z.array(text).nullable(),
    cpcMicrosMax: count.nullable(),
    hosts: z.array(text).nullable(),
  }),
  rotatedFrom: text.nullable(),
  createdAt: instant,
  revokedAt: instant.nullable(),
};
export const ApiKey = z.object(keyMembers);
export const NewApiKey = z.object({
  ...keyMembers,
  key: text.describe("The key itself; it is in this answer and in no other."),
});
export const ApiKeyPage = z.object({ keys: z.array(ApiKey), next });

export const PostbackSecretState = z.object({
  advertiserId: text,
  epoch: count.describe("Of the secret in force."),
  previousEndsAt: instant.nullable().describe("Until then the secret of the epoch before was or is taken too."),
});

export const AuditEntry = z.object({
  id: count,
  at: instant,
  keyId: text,
  action: z.enum(AUDIT_ACTIONS),
  subjectKind: text,
  subjectId: text,
  before: z.looseObject({}).nullable(),
  after: z.looseObject({}),
});
export const AuditPage = z.object({
  entries: z.array(AuditEntry),
  next: count.nullable().describe("The `before` of the next page; null on the last."),
});

export const Me = z.object({
  keyId: text,
  label: text,
  scopes: z.array(z.enum(SCOPES)),
  endsAt: instant.nullable().describe("When the key ends, where a rotation has said so."),
  owner: z
    .object({
      kind: z.enum(["advertiser", "publisher", "operator", "auditor", "none"]),
      id: text.nullable(),
      name: text.nullable(),
      status: text.nullable(),
    })
    .describe("Whose rows the key reads, an auditor's those of all; `none` mints within its lists and reads nothing."),
  currency: text.nullable().describe("Of the advertiser's money, ISO 4217; null for others, and where it is not set."),
  timezone: text.describe("Of a report that names none."),
  attributionWindowDays: count.nullable(),
  mint: z
    .object({
      advertisers: z.array(text).nullable(),
      publishers: z.array(text).nullable(),
      cpcMicrosMax: count.nullable(),
    })
    .nullable()
    .describe("What the key may mint, null in it for any; null when it may not."),
  reading: z
    .object({
      rowsLeft: count.nullable().describe("Rows that reports of the account may read now; null when not known."),
      rowsMax: count,
      rowsPerSecond: count,
      readsMax: count,
      streamsOpen: count.nullable(),
      streamsMax: count,
    })
    .nullable()
    .describe("The budget that all keys of the account share; null when the key may not read."),
});

export const CatalogCampaignPage = z.object({
  campaigns: z.array(z.object({ id: text, advertiserId: text, name: text, status })),
  next,
});
export const CatalogCreativePage = z.object({
  creatives: z.array(z.object({ id: text, advertiserId: text, name: text, status })),
  next,
});
export const CatalogAdGroupPage = z.object({
  adGroups: z.array(z.object({ id: text, campaignId: text, name: text, status })),
  next: text.nullable().describe("Campaign and ad group, `<campaign>/<ad group>`."),
});
export const CatalogAdPage = z.object({
  ads: z.array(
    z.object({ id: text, campaignId: text, adGroupId: text.nullable(), creativeId: text, name: text, status }),
  ),
  next,
});
