/**
 * Operations of the administration and the catalogue. Those of a resource are written once, for all of them.
 */
import * as z from "zod";
import { listSchema as auditQuery } from "../admin/audit-log.ts";
import { adsSchema, campaignsSchema } from "../admin/catalog.ts";
import { listSchema as keysQuery } from "../admin/keys.ts";
import { id, pageShape } from "../admin/parse.ts";
import { AD_GROUPS, ADS, ADVERTISERS, CAMPAIGNS, CREATIVES, PUBLISHERS, type Resource } from "../admin/resources.ts";
import { EXAMPLE } from "./example-values.ts";
import { type Example, json, type Operation } from "./operation.ts";
import { BODIES, KEYED, problems, READING } from "./problems.ts";

const FAULTS = problems("method_not_allowed", "internal_error", "database_unavailable");
const NOT_FOUND = problems("not_found");
const PARAMETERS = problems("unknown_parameter", "missing_parameter", "invalid_value");
const SEARCH = [...KEYED, ...PARAMETERS, ...FAULTS];
const BODY = [...KEYED, ...PARAMETERS, ...BODIES, ...FAULTS];
const PARENTS = problems("unknown_parent", "foreign_parent");

type Shown = { readonly resource: Resource; readonly name: string; readonly noun: string; readonly made: Made };
type Made = { readonly id: string; readonly body: object; readonly change: object; readonly parent?: string };

const SHOWN: readonly Shown[] = [
  {
    ...{ resource: ADVERTISERS, name: "Advertiser", noun: "advertiser" },
    made: {
      id: "adv_1",
      body: { id: "adv_1", name: "Shop GmbH", currency: "EUR", timeZone: "Europe/Berlin" },
      change: { attributionWindowDays: 14 },
    },
  },
  {
    ...{ resource: CAMPAIGNS, name: "Campaign", noun: "campaign" },
    made: {
      ...{ id: "cmp_7", body: { id: "cmp_7", advertiserId: "adv_1", name: "Spring" } },
      ...{ change: { name: "Spring sale" }, parent: "adv_1" },
    },
  },
  {
    ...{ resource: AD_GROUPS, name: "AdGroup", noun: "ad group" },
    made: {
      ...{ id: "grp_1", body: { id: "grp_1", campaignId: "cmp_7", name: "Shoes" } },
      ...{ change: { name: "All shoes" }, parent: "cmp_7" },
    },
  },
  {
    ...{ resource: ADS, name: "Ad", noun: "ad" },
    made: {
      id: "ad_9",
      body: {
        ...{ id: "ad_9", campaignId: "cmp_7", adGroupId: "grp_1", creativeId: "crt_1" },
        ...{ name: "Red shoe", cpcMicros: 250_000 },
      },
      ...{ change: { status: "paused" }, parent: "cmp_7" },
    },
  },
  {
    ...{ resource: CREATIVES, name: "Creative", noun: "creative" },
    made: {
      ...{ id: "crt_1", body: { id: "crt_1", advertiserId: "adv_1", name: "Red shoe, 300 × 250" } },
      ...{ change: { name: "Red shoe" }, parent: "adv_1" },
    },
  },
  {
    ...{ resource: PUBLISHERS, name: "Publisher", noun: "publisher" },
    made: { id: "pub_1", body: { id: "pub_1", name: "News site" }, change: { name: "The news" } },
  },
];

function operationsOf({ resource, name, noun, made }: Shown): Operation[] {
  const { path, parent } = resource;
  const shared = { tag: "Administration", scopes: ["admin"] } as const;
  const isAudited = resource === ADVERTISERS || resource === PUBLISHERS;
  const read = isAudited ? { ...shared, scopes: ["audit", "admin"] as const } : shared;
  const one = { path: { id: made.id } };
  const none = { path: { id: `${made.id}0` } };
  const shape = parent === undefined ? pageShape : { ...pageShape, [parent]: id.optional() };
  const narrowed: Example[] =
    parent === undefined ? [] : [{ name: "ofParent", query: { [parent]: made.parent ?? "" }, status: 200 }];
  const parents = parent === undefined ? [] : PARENTS;
  return [
    {
      ...{
        ...shared,
        id: `create${name}`,
        method: "post",
        path,
        summary: `Create an ${noun}`,
        body: { schema: `${name}Creation` },
      },
      answers: { 200: json("The same is there already.", name), 201: json("Created.", name) },
      problems: [...BODY, ...problems("already_exists"), ...parents],
      examples: [
        { name: "new", body: made.body, status: 201 },
        { name: "otherOne", body: { ...made.body, name: "Another" }, status: 409 },
      ],
    },
    {
      ...{ ...read, id: `list${name}s`, method: "get", path, summary: `List ${noun}s by id` },
      query: z.strictObject(shape),
      answers: { 200: json("A page.", `${name}Page`) },
      problems: SEARCH,
      examples: [
        { name: "all", status: 200 },
        ...narrowed,
        { name: "unknownParameter", query: { nmae: "Shop" }, status: 400 },
      ],
    },
    {
      ...{ ...read, id: `get${name}`, method: "get", path: `${path}/{id}`, summary: `Show an ${noun}` },
      answers: { 200: json("As it is.", name) },
      problems: [...KEYED, ...NOT_FOUND, ...FAULTS],
      examples: [
        { name: "one", ...one, status: 200 },
        { name: "unknown", ...none, status: 404 },
      ],
    },
    {
      ...{ ...shared, id: `change${name}`, method: "patch", path: `${path}/{id}`, summary: `Change an ${noun}` },
      description: "Fields that are left out stay.",
      body: { schema: `${name}Change` },
      answers: { 200: json("As it is now.", name) },
      problems: [...BODY, ...NOT_FOUND, ...problems("fixed_field"), ...parents],
      examples: [
        { name: "change", ...one, body: made.change, status: 200 },
        { name: "unknownField", ...one, body: { colour: "red" }, status: 400 },
        { name: "unknown", ...none, body: made.change, status: 404 },
      ],
    },
  ].map(
    (operation) =>
      ({
        ...operation,
        summary: operation.summary.replace(/\ban (?=campaign|creative|publisher)/, "a "),
      }) as Operation,
  );
}

const KEY_ID = { path: { id: EXAMPLE.keyId } };
const ONE_KEY = "/v1/admin/keys/{id}";
const keyShared = { tag: "Keys", scopes: ["admin"] } as const;
const revoked = { answers: { 200: json("Revoked.", "ApiKey") }, problems: [...BODY, ...NOT_FOUND] };

const KEY_OPERATIONS: readonly Operation[] = [
  {
    ...{ ...keyShared, id: "createKey", method: "post", path: "/v1/admin/keys", summary: "Create an API key" },
    description: "The key is in this answer and nowhere else. Sent again, another key is made.",
    body: { schema: "ApiKeyCreation" },
    answers: { 201: json("Created.", "NewApiKey") },
    problems: [...BODY, ...problems("unknown_parent")],
    examples: [
      {
        name: "forAdvertiser",
        body: { label: "Shop's dashboard", advertiserId: "adv_1", scopes: ["report", "convert"] },
        status: 201,
      },
    ],
  },
  {
    ...{ ...keyShared, id: "listKeys", method: "get", path: "/v1/admin/keys", summary: "List API keys by id" },
    query: keysQuery,
    answers: { 200: json("A page.", "ApiKeyPage") },
    problems: SEARCH,
    examples: [{ name: "all", query: { limit: "10" }, status: 200 }],
  },
  {
    ...{ ...keyShared, id: "getKey", method: "get", path: ONE_KEY, summary: "Show an API key without its secret" },
    answers: { 200: json("As it is.", "ApiKey") },
    problems: [...KEYED, ...NOT_FOUND, ...FAULTS],
    examples: [{ name: "one", ...KEY_ID, status: 200 }],
  },
  {
    ...{ ...keyShared, id: "rotateKey", method: "post", path: `${ONE_KEY}/rotate`, summary: "Replace an API key" },
    description: "The old key ends after the overlap; a key is replaced at most once.",
    body: { schema: "ApiKeyRotation" },
    answers: { 201: json("The key that replaces it.", "NewApiKey") },
    problems: [...BODY, ...NOT_FOUND, ...problems("key_revoked")],
    examples: [{ name: "withOverlap", ...KEY_ID, body: { overlapSeconds: 3_600 }, status: 201 }],
  },
  {
    ...{
      ...keyShared,
      id: "revokeKey",
      method: "post",
      path: `${ONE_KEY}/revoke`,
      summary: "Revoke an API key at once",
    },
    ...revoked,
    body: { schema: "Nothing", isOptional: true },
    examples: [{ name: "now", ...KEY_ID, body: {}, status: 200 }],
  },
  {
    ...{ ...keyShared, id: "deleteKey", method: "delete", path: ONE_KEY, summary: "Revoke an API key at once" },
    ...revoked,
    examples: [{ name: "again", ...KEY_ID, status: 200 }],
  },
  {
    ...{ ...keyShared, id: "endPostbackSecret", method: "post" },
    path: "/v1/admin/advertisers/{id}/postback-secret/revoke",
    summary: "End an advertiser's postback secret",
    description:
      "Of the epoch that is named: sent again, it ends no newer one. Every isolate knows it within a minute. The " +
      "advertiser fetches the new secret.",
    body: { schema: "PostbackSecretEnd" },
    answers: { 200: json("The secret in force now.", "PostbackSecretState") },
    problems: [...BODY, ...NOT_FOUND],
    examples: [
      { name: "withOverlap", path: { id: "adv_1" }, body: { epoch: 0, overlapSeconds: 3_600 }, status: 200 },
      { name: "noSuchEpoch", path: { id: "adv_1" }, body: { epoch: 7 }, status: 400 },
      { name: "unknownAdvertiser", path: { id: "adv_0" }, body: { epoch: 0 }, status: 404 },
    ],
  },
  {
    ...{ ...keyShared, scopes: ["audit", "admin"], id: "listAuditLog", method: "get", path: "/v1/admin/audit-log" },
    tag: "Audit log",
    summary: "Read who did what to what, newest first",
    query: auditQuery,
    answers: { 200: json("A page.", "AuditPage") },
    problems: SEARCH,
    examples: [{ name: "ofCampaign", query: { subject_kind: "campaign", subject_id: "cmp_7" }, status: 200 }],
  },
];

const ME: Operation = {
  ...{
    id: "getMe",
    method: "get",
    path: "/v1/me",
    tag: "Keys",
    scopes: ["report", "mint", "convert", "bill", "hook", "audit", "admin"],
  },
  summary: "Show what the key is that asks",
  description:
    "Whose it is, what it may do, the currency and zone of its reports, and what is left of the account's budget. It " +
    "reads nothing of that budget.",
  answers: { 200: json("The holder of the key.", "Me") },
  problems: [...KEYED, ...problems("unknown_parameter"), ...FAULTS],
  examples: [
    { name: "operator", status: 200 },
    { name: "advertiser", key: "report", status: 200 },
    { name: "anonymous", key: "none", status: 401 },
  ],
};

const catalogShared = { tag: "Catalogue", scopes: ["report", "admin"], problems: [...SEARCH, ...READING] } as const;

const CATALOG_OPERATIONS: readonly Operation[] = [
  {
    ...{ ...catalogShared, id: "listCatalogCampaigns", method: "get", path: "/v1/catalog/campaigns" },
    summary: "List the names of one's own campaigns",
    query: campaignsSchema,
    answers: { 200: json("A page.", "CatalogCampaignPage") },
    examples: [{ name: "all", status: 200 }],
  },
  {
    ...{ ...catalogShared, id: "listCatalogAdGroups", method: "get", path: "/v1/catalog/ad-groups" },
    summary: "List the names of one's own ad groups",
    query: adsSchema,
    answers: { 200: json("A page.", "CatalogAdGroupPage") },
    examples: [{ name: "ofCampaign", query: { campaign_id: "cmp_7" }, status: 200 }],
  },
  {
    ...{ ...catalogShared, id: "listCatalogCreatives", method: "get", path: "/v1/catalog/creatives" },
    summary: "List the names of one's own creatives",
    query: campaignsSchema,
    answers: { 200: json("A page.", "CatalogCreativePage") },
    examples: [{ name: "all", status: 200 }],
  },
  {
    ...{ ...catalogShared, id: "listCatalogAds", method: "get", path: "/v1/catalog/ads" },
    summary: "List the names of one's own ads",
    query: adsSchema,
    answers: { 200: json("A page.", "CatalogAdPage") },
    examples: [{ name: "ofCampaign", query: { campaign_id: "cmp_7" }, status: 200 }],
  },
];

export const ADMIN_OPERATIONS: readonly Operation[] = [
  ...SHOWN.flatMap(operationsOf),
  ...KEY_OPERATIONS,
  ...CATALOG_OPERATIONS,
  ME,
];
