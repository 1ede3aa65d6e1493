/**
 * One way for the tests to ask the pages as a browser does: an app of the API and the dashboard, a session for each kind
 * of key, and the forms that come with it. What the pages asked the API on the way is told.
 */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { formTokenOf, startSession } from "../../src/access/session.ts";
import { apiApp } from "../../src/api/app.ts";
import { readConfig } from "../../src/config.ts";
import { ApiClient } from "../../src/dashboard/api-client.ts";
import { UNHURRIED } from "../support/unhurried.ts";

export const ORIGIN = "https://clicks.example";
export const app = apiApp({
  report: {
    nowMs: () => Date.now(),
    random: () => crypto.getRandomValues(new Uint8Array(16)),
    watermarkSources: () => ({ queueOldestMs: async () => [null], shardOldestMs: async () => [null] }),
  },
});

/** A browser that carries the session of a key, as the sign-in gives it; `null` has none. */
export type Visitor = { readonly cookie: string; readonly token: string };

export function visitorWith(keyId: string | null, more: { nowMs?: number; secrets?: object } = {}): Visitor {
  const secrets = { ...readConfig(env), ...more.secrets };
  const random = crypto.getRandomValues(new Uint8Array(16));
  const given = { keyId, nowMs: more.nowMs ?? Date.now(), random };
  const { session, setCookie } = startSession({ url: ORIGIN }, secrets, given);
  return { cookie: setCookie.split(";")[0] ?? "", token: formTokenOf(session, secrets) };
}

type Sent = {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly form?: Record<string, string>;
};

export async function send(path: string, visitor: Visitor | null, { method, headers = {}, form }: Sent = {}) {
  const own = {
    ...{ "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document" },
    ...(visitor === null ? {} : { Cookie: visitor.cookie }),
    ...(form === undefined ? {} : { "Content-Type": "application/x-www-form-urlencoded" }),
  };
  const body = form === undefined ? null : new URLSearchParams(form).toString();
  const init = { method: method ?? (form === undefined ? "GET" : "POST"), headers: { ...own, ...headers }, body };
  const ctx = createExecutionContext();
  const response = await app.request(new URL(path, ORIGIN).href, init, UNHURRIED as Env, ctx);
  const text = await response.text();
  await waitOnExecutionContext(ctx);
  return { status: response.status, headers: response.headers, text };
}

/** What the pages ask of reports while `during` runs: one entry a request. */
export async function reportRequests(during: () => Promise<unknown>): Promise<string[]> {
  const asked: string[] = [];
  const real = ApiClient.prototype.fetch;
  ApiClient.prototype.fetch = function (path, query, headers) {
    if (/^\/v1\/(?:reports|metrics)\//.test(path)) asked.push(`${path}?${new URLSearchParams(query)}`);
    return real.call(this, path, query, headers);
  };
  try {
    await during();
  } finally {
    ApiClient.prototype.fetch = real;
  }
  return asked;
}
