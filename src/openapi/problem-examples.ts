/**
 * Requests that are refused, by operation: what a caller meets first when something is wrong.
 *
 *   getClickReport  →  unknownMetric 400, withoutKey 401, tooOften 429
 *
 * Keeps: none of them changes anything. Their answers are recorded like all others (src/openapi/examples.json).
 */
import { EXAMPLE, POSTBACK } from "./example-values.ts";
import type { Example } from "./operation.ts";

const DAY = { from: "2026-04-20", to: "2026-04-20" };
const ONE_ORDER = { click_id: EXAMPLE.clickId, order_id: "A-1003" };
const UNKNOWN_KEY = { path: { id: "key_exampleUnknown01" } };

const REPORTS: Readonly<Record<string, readonly Example[]>> = {
  getClickReport: [
    { name: "unknownMetric", query: { ...DAY, metrics: "klicks" }, status: 400 },
    { name: "withoutKey", query: DAY, key: "none", status: 401 },
    { name: "tooOften", query: DAY, key: "exhausted", status: 429 },
  ],
  queryReport: [
    { name: "reversedRange", body: { from: "2026-04-21", to: "2026-04-19" }, status: 400 },
    { name: "otherScope", body: DAY, key: "convert", status: 403 },
  ],
  getClickSeries: [{ name: "unknownZone", query: { ...DAY, timezone: "Europe/Berln" }, status: 400 }],
  listChanges: [{ name: "damagedCursor", query: { after: "none.of.ours" }, status: 400 }],
  listEvents: [{ name: "damagedCursor", query: { after: "none.of.ours" }, status: 400 }],
  followLive: [{ name: "tooLong", query: { minutes: "90" }, status: 400 }],
};

const NO_TOKEN = { path: { token: "not-a-token" } };
const EVENTS: Readonly<Record<string, readonly Example[]>> = {
  followClickLink: [
    { name: "noToken", ...NO_TOKEN, status: 400 },
    { name: "removedKey", path: { token: EXAMPLE.oldToken }, status: 403 },
  ],
  followLongClickLink: [{ name: "noToken", ...NO_TOKEN, status: 400 }],
  pingClickLink: [{ name: "noToken", ...NO_TOKEN, status: 400 }],
  pingLongClickLink: [{ name: "noToken", ...NO_TOKEN, status: 400 }],
  clickByScript: [{ name: "noToken", body: {}, status: 400 }],
  mintTokens: [
    { name: "noRows", body: { tokens: [] }, status: 400 },
    { name: "otherScope", body: { tokens: [] }, key: "report", status: 403 },
  ],
  reportConversions: [
    { name: "noRows", body: { conversions: [] }, status: 400 },
    { name: "otherScope", body: { conversions: [ONE_ORDER] }, key: "report", status: 403 },
  ],
  sendPostback: [
    { name: "unknownType", query: { ...ONE_ORDER, type: "sale" }, status: 400 },
    { name: "changedAfterSigning", query: { ...POSTBACK, value_micros: "99000000" }, key: "none", status: 403 },
    { name: "unknownOrder", query: { ...ONE_ORDER, retract: "true" }, status: 404 },
    {
      name: "otherValue",
      query: { click_id: EXAMPLE.clickId, order_id: POSTBACK.order_id, value_micros: "99000000" },
      status: 409,
    },
  ],
  getPostbackSecret: [{ name: "nobodys", status: 400 }],
  uploadImpressionCounts: [
    { name: "unknownField", body: { batch_id: "2026-04-20T12", rows: [{ minuet: EXAMPLE.minute }] }, status: 400 },
    { name: "otherScope", body: { batch_id: "2026-04-20T12", rows: [] }, key: "report", status: 403 },
    {
      name: "otherRows",
      body: {
        batch_id: "2026-04-20T12",
        rows: [
          {
            ...{ minute: EXAMPLE.minute, advertiser_id: "adv_1", campaign_id: "cmp_7", ad_id: "ad_9" },
            ...{ publisher_id: "pub_1", impressions: 1_300 },
          },
        ],
      },
      status: 409,
    },
  ],
};

const OPERATOR: Readonly<Record<string, readonly Example[]>> = {
  explainClick: [
    { name: "noId", path: { id: "click-9" }, status: 400 },
    { name: "unknownClick", path: { id: EXAMPLE.unknownEventId }, status: 404 },
  ],
  getReceipt: [
    { name: "noId", path: { id: "click-9" }, status: 400 },
    { name: "noDecision", path: { id: EXAMPLE.eventId }, query: { decision: "last" }, status: 400 },
    { name: "unknownClick", path: { id: EXAMPLE.unknownEventId }, status: 404 },
  ],
  explainToken: [{ name: "noToken", body: {}, status: 400 }],
  listLateClicks: [{ name: "unknownStatus", query: { status: "lost" }, status: 400 }],
  decideLateClicks: [
    { name: "noDecisions", body: { decisions: [] }, status: 400 },
    { name: "otherScope", body: { decisions: [] }, key: "report", status: 403 },
  ],
  listDeadLetters: [{ name: "otherScope", key: "report", status: 403 }],
  getDeadLetter: [{ name: "unknownLetter", query: { key: "dead/v1/unknown.json" }, status: 404 }],
  replayDeadLetters: [{ name: "noKeys", body: { keys: [] }, status: 400 }],
  listAudits: [{ name: "noDate", query: { from: "yesterday" }, status: 400 }],
  getAudits: [{ name: "unknownDay", path: { day: "2019-01-01" }, status: 404 }],
  mendAudit: [{ name: "inQuestion", path: { day: EXAMPLE.logDay }, status: 409 }],
  getEvidenceLog: [{ name: "otherScope", key: "report", status: 403 }],
  sequenceEvidence: [{ name: "otherScope", key: "report", status: 403 }],
  getTile: [{ name: "wider", path: { level: "0", index: "000.p/9" }, status: 404 }],
  startAudit: [
    { name: "noLog", body: { day: "2019-01-01" }, status: 404 },
    { name: "otherScope", body: { day: EXAMPLE.logDay }, key: "report", status: 403 },
  ],
  acceptLoss: [
    {
      ...{ name: "notNamed", path: { day: EXAMPLE.logDay }, status: 409 },
      body: { object: "raw/v1/dt=2026-04-19/none.ndjson.gz", reason: "Nobody knows where it is." },
    },
    { name: "noReason", path: { day: EXAMPLE.logDay }, body: { object: EXAMPLE.lostObject }, status: 400 },
  ],
  listHolds: [{ name: "noLimit", query: { limit: "0" }, status: 400 }],
  getHold: [{ name: "unknown", path: { id: "dispute-0" }, status: 404 }],
  holdDays: [
    {
      name: "another",
      path: { id: EXAMPLE.holdId },
      body: { from: "2026-04-01", to: "2026-04-02", reason: "Days of another dispute." },
      status: 409,
    },
  ],
  releaseHold: [{ name: "unknown", path: { id: "dispute-0" }, status: 404 }],
  rebuildDatabase: [{ name: "notBound", body: { database: "REPORT_DB_9" }, status: 400 }],
  createReplay: [{ name: "reversed", body: { from: "2026-04-20", to: "2026-04-13", rules: [] }, status: 400 }],
};

const KEYS: Readonly<Record<string, readonly Example[]>> = {
  createKey: [
    { name: "unknownScope", body: { label: "Shop", advertiserId: "adv_1", scopes: ["read"] }, status: 400 },
    { name: "unknownAdvertiser", body: { label: "Shop", advertiserId: "adv_0", scopes: ["report"] }, status: 422 },
  ],
  listKeys: [{ name: "otherScope", key: "report", status: 403 }],
  getKey: [{ name: "unknownKey", ...UNKNOWN_KEY, status: 404 }],
  rotateKey: [
    { name: "unknownKey", ...UNKNOWN_KEY, body: {}, status: 404 },
    { name: "replacedKey", path: { id: EXAMPLE.keyId }, body: {}, status: 409 },
  ],
  revokeKey: [{ name: "unknownKey", ...UNKNOWN_KEY, body: {}, status: 404 }],
  deleteKey: [{ name: "unknownKey", ...UNKNOWN_KEY, status: 404 }],
  listAuditLog: [{ name: "otherScope", key: "report", status: 403 }],
  listCatalogCampaigns: [{ name: "otherScope", key: "convert", status: 403 }],
  listCatalogAds: [{ name: "unknownParameter", query: { campain_id: "cmp_7" }, status: 400 }],
  listCatalogAdGroups: [{ name: "otherScope", key: "convert", status: 403 }],
  listCatalogCreatives: [{ name: "otherScope", key: "convert", status: 403 }],
  getProblem: [{ name: "unknownProblem", path: { name: "unknown" }, status: 404 }],
};

const NO_NUMBER = { path: { number: "7" }, query: { advertiser_id: "adv_1" } };
const NO_OBJECT = { path: { day: "2026-04-20", name: "sums-0000000000000000.parquet" } };
const BILLING: Readonly<Record<string, readonly Example[]>> = {
  listStatements: [
    { name: "otherScope", key: "report", status: 403 },
    { name: "ofNobody", status: 400 },
  ],
  getStatement: [{ name: "unknownNumber", ...NO_NUMBER, status: 404 }],
  getStatementFile: [
    {
      ...{ name: "unknownFile", path: { number: "1", name: "adjustments-0000000000000000.parquet" } },
      ...{ query: { advertiser_id: "adv_1" }, status: 404 },
    },
  ],
  getEvidenceSecret: [{ name: "otherScope", key: "report", status: 403 }],
  getManifest: [{ name: "unknownDay", path: { day: "2025-01-01" }, query: { advertiser_id: "adv_1" }, status: 404 }],
  getEvidenceFile: [{ name: "unknownFile", ...NO_OBJECT, query: { advertiser_id: "adv_1" }, status: 404 }],
  draftStatement: [
    { name: "unknownAdvertiser", body: { advertiserId: "adv_0", to: "2026-04-30" }, status: 422 },
    { name: "notReconciled", body: { advertiserId: "adv_1", to: "2026-04-30" }, status: 409 },
  ],
  issueStatement: [{ name: "unknownDraft", path: { draft: "draft_000000000000000000000000" }, status: 404 }],
  listBudgets: [{ name: "ofNobody", status: 400 }],
  setBudget: [
    { name: "unknownAdvertiser", body: { advertiserId: "adv_0", from: "2026-04-01", micros: null }, status: 422 },
  ],
};

const BY_OPERATION: Readonly<Record<string, readonly Example[]>> = {
  ...{ ...REPORTS, ...EVENTS, ...OPERATOR, ...KEYS, ...BILLING },
};

/** The refused requests of an operation; those of resources stand beside them (src/openapi/admin-operations.ts). */
export function problemExamples(operationId: string): readonly Example[] {
  return BY_OPERATION[operationId] ?? [];
}
