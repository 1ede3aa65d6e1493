/** One way for the tests to submit: over HTTP, with real click ids of a few minutes ago and real keys. */
import { listDurableObjectIds } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { handleApi } from "../../src/api/app.ts";
import { postbackSecretOf, signPostback } from "../../src/conversions/postback.ts";
import { decodeBase64url } from "../../src/core/base64url.ts";
import { type ClickIdentity, makeClickId } from "../../src/core/click-id.ts";
import { DAY_MS, MINUTE_MS } from "../../src/core/limits.ts";
import { countsShardNames, orderShardNames } from "../../src/core/routing.ts";
import type { CountsShard } from "../../src/shard/counts-shard.ts";
import type { OrderShard } from "../../src/shard/order-shard.ts";
import { TEST_SECRETS } from "../support/secrets.ts";
import { aClickIdentity } from "../support/submissions.ts";
import { testRing } from "../support/tokens.ts";

export const OPERATOR = TEST_SECRETS.ADMIN_API_KEY;
const ORIGIN = "https://track.example";
const ring = await testRing();
/** No submission outlives its request. */
const UNUSED = {} as ExecutionContext;

export type Problem = { readonly type: string; readonly status: number; readonly field?: string };
export type RowAnswer = { readonly row: number; readonly status?: string; readonly problem?: Problem };
export type Answer = { readonly status: number; readonly headers: Headers; readonly text: string };

/** The start of a minute some time ago. */
export function minutesAgo(minutes: number): number {
  return Math.floor(Date.now() / MINUTE_MS - minutes) * MINUTE_MS;
}

export const daysAgo = (days: number) => minutesAgo((days * DAY_MS) / MINUTE_MS);

/** A real click id, of ten minutes ago unless told. */
export function aClickId(overrides: Partial<ClickIdentity> = {}): string {
  return makeClickId(aClickIdentity({ clickedAtMs: minutesAgo(10), ...overrides }), ring);
}

let serial = 0;
/** An order id that no other test uses. */
export const anOrder = () => `order-${serial++}`;

/** A row that is taken. */
export const aRow = (fields: Record<string, unknown> = {}) => ({
  ...{ click_id: aClickId(), order_id: anOrder(), value_micros: 5_000_000 },
  ...fields,
});

export type Sent = {
  readonly method?: string;
  readonly key?: string | null;
  readonly body?: unknown;
  /** Bindings that take the place of real ones. */
  readonly bindings?: Record<string, unknown>;
};

/** Sends a request; as the operator unless told. */
export async function send(
  path: string,
  { method = "GET", key = OPERATOR, body, bindings }: Sent = {},
): Promise<Answer> {
  const headers: Record<string, string> = key === null ? {} : { Authorization: `Bearer ${key}` };
  const sent = typeof body === "string" ? body : JSON.stringify(body);
  const request = new Request(ORIGIN + path, { method, headers, ...(body === undefined ? {} : { body: sent }) });
  const response =
    bindings === undefined
      ? await exports.default.fetch(request)
      : await handleApi(request, { ...env, ...bindings } as unknown as Env, UNUSED);
  const text = new TextDecoder().decode(await response.arrayBuffer());
  return { status: response.status, headers: response.headers, text };
}

export async function post(rows: unknown, sent: Sent = {}): Promise<Answer> {
  return send("/v1/conversions", { method: "POST", body: rows, ...sent });
}

/** Sends rows that must be answered one by one; each answer as its status or the name of its problem. */
export async function convert(rows: unknown[], sent: Sent = {}): Promise<string[]> {
  return answersOf(await post(rows, sent)).map(({ status, problem }) => status ?? nameOf(problem?.type));
}

export function answersOf({ text }: Answer): RowAnswer[] {
  return (JSON.parse(text) as { results: RowAnswer[] }).results;
}

/** The name of the problem that an answer as a whole is. */
export function problemOf({ text }: Answer): string {
  return nameOf((JSON.parse(text) as Problem).type);
}

const nameOf = (type = "") => type.replace("/problems/", "").replaceAll("-", "_");

/** The path of a signed postback. */
export function aPostback(fields: Record<string, string>, advertiserId = "adv_1", epoch = 0): string {
  const { kid, secret } = postbackSecretOf(advertiserId, epoch, ring);
  const signed = new Map(Object.entries({ kid, ...fields }));
  const sig = signPostback(signed, decodeBase64url(secret) ?? new Uint8Array(0));
  return `/v1/conversions?${new URLSearchParams([...signed, ["sig", sig]])}`;
}

/** The objects of orders and counts that there are. */
export async function submissionShards() {
  const made = async <T extends DurableObjectNamespace<OrderShard | CountsShard>>(objects: T, names: string[]) => {
    const ids = new Set((await listDurableObjectIds(objects)).map(String));
    return names.filter((name) => ids.has(String(objects.idFromName(name)))).map((name) => objects.getByName(name));
  };
  return [...(await made(env.ORDER_SHARD, orderShardNames())), ...(await made(env.COUNTS_SHARD, countsShardNames()))];
}

/** Has every one of them post what it holds. */
export async function sweepAll(): Promise<void> {
  await Promise.all((await submissionShards()).map((shard) => shard.sweep()));
}

/** Sums of an ad over its minutes. */
export async function totalsOf(ad: string): Promise<Record<string, number> | null> {
  await sweepAll();
  return env.REPORT_DB.prepare(
    "SELECT sum(conversions) AS conversions, sum(conversions_by_time) AS byTime, sum(conversion_value_hundreds * 100000000 + conversion_value_micros) AS value, sum(conversion_value_by_time_hundreds * 100000000 + conversion_value_by_time_micros) AS valueByTime, sum(impressions) AS impressions, sum(gross_impressions) AS grossImpressions FROM facts_minute WHERE ad_id = ?1",
  )
    .bind(ad)
    .first();
}

/** A binding of which every member fails. */
export const DOWN = new Proxy({}, { get: () => () => Promise.reject(new Error("is down")) });
/** Objects of submissions that fail. */
export const SHARDS_DOWN = { ORDER_SHARD: { getByName: () => DOWN }, COUNTS_SHARD: { getByName: () => DOWN } };
/** The report database, while it fails. */
export const DATABASE_DOWN = {
  REPORT_DB: {
    prepare: () => {
      throw new Error("D1 is down");
    },
  },
};
