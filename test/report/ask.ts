/**
 * One way for the tests to ask the report API: a fresh app (so a fresh watermark cache) with sources that they choose.
 */
import { env } from "cloudflare:workers";
import { reportApp } from "../../src/report/app.ts";
import type { WatermarkSources } from "../../src/report/watermark.ts";
import { NOON_MS } from "../support/builders.ts";
import { TEST_SECRETS } from "../support/secrets.ts";

export const ADMIN = "Bearer ".concat(TEST_SECRETS.ADMIN_API_KEY);

export type Asked = {
  readonly authorization?: string | null;
  readonly nowMs?: number;
  readonly sources?: Partial<Omit<WatermarkSources, "nowMs">>;
  readonly accept?: string;
  readonly method?: string;
  readonly database?: D1Database;
};

export async function ask(path: string, asked: Asked = {}): Promise<Response> {
  const { authorization = ADMIN, nowMs = NOON_MS, sources = {}, accept, method = "GET", database } = asked;
  const headers = new Headers();
  if (authorization !== null) headers.set("Authorization", authorization);
  if (accept !== undefined) headers.set("Accept", accept);
  const app = reportApp({
    nowMs: () => nowMs,
    watermarkSources: () => ({ queueOldestMs: async () => [null], shardOldestMs: async () => [null], ...sources }),
  });
  const bindings = database === undefined ? env : { ...env, REPORT_DB: database };
  return app.request("https://clicks.example".concat(path), { headers, method }, bindings as Env);
}

export type Answer = {
  readonly rows: Record<string, string | number>[];
  readonly series: (Record<string, unknown> & { points: Record<string, string | number>[] })[];
  readonly meta: Record<string, unknown> & {
    query: Record<string, unknown>;
    tiers: { tier: string; from: string; to: string }[];
    warnings: { code: string }[];
    rowsRead: number;
  };
};

/** The body of an answer that must be 200. */
export async function askJson(path: string, asked: Asked = {}): Promise<Answer> {
  const response = await ask(path, asked);
  if (response.status !== 200) throw new Error(path.concat(" → ", await response.text()));
  return response.json();
}
