/**
 * One way for the tests to ask the report API: a fresh app (so a fresh watermark cache) with sources that they choose.
 */
import { apiApp } from "../../src/api/app.ts";
import type { Result } from "../../src/core/result.ts";
import type { WatermarkSources } from "../../src/report/answer/watermark.ts";
import type { ReportProblem } from "../../src/report/problems.ts";
import { parseSearch, seriesParameters, tableParameters } from "../../src/report/query/params.ts";
import { type ReportQuery, toSeriesQuery, toTableQuery } from "../../src/report/query/query.ts";
import { NOON_MS } from "../support/builders.ts";
import { TEST_SECRETS } from "../support/secrets.ts";
import { UNHURRIED } from "../support/unhurried.ts";

export const ADMIN = "Bearer ".concat(TEST_SECRETS.ADMIN_API_KEY);

/** The query of a table's query string. */
export function parseTable(search: URLSearchParams): Result<ReportQuery, ReportProblem> {
  const parsed = parseSearch(search, tableParameters);
  return parsed.ok ? toTableQuery(parsed.value) : parsed;
}

/** The query of a series' query string. */
export function parseSeries(search: URLSearchParams): Result<ReportQuery, ReportProblem> {
  const parsed = parseSearch(search, seriesParameters);
  return parsed.ok ? toSeriesQuery(parsed.value) : parsed;
}

export type Asked = {
  readonly authorization?: string | null;
  readonly nowMs?: number;
  readonly sources?: Partial<Omit<WatermarkSources, "nowMs">>;
  readonly accept?: string;
  readonly method?: string;
  readonly database?: D1Database;
  /** Instead of the Worker's own. */
  readonly bindings?: Env;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** What one statement may weigh. */
  readonly sliceWeight?: number | undefined;
};

export async function ask(path: string, asked: Asked = {}): Promise<Response> {
  const { authorization = ADMIN, nowMs = NOON_MS, sources = {}, accept, body, database } = asked;
  const method = asked.method ?? (body === undefined ? "GET" : "POST");
  const headers = new Headers(asked.headers);
  if (authorization !== null) headers.set("Authorization", authorization);
  if (accept !== undefined) headers.set("Accept", accept);
  const app = apiApp({
    report: {
      nowMs: () => nowMs,
      random: () => crypto.getRandomValues(new Uint8Array(16)),
      watermarkSources: () => ({ queueOldestMs: async () => [null], shardOldestMs: async () => [null], ...sources }),
      ...(asked.sliceWeight === undefined ? {} : { sliceWeight: asked.sliceWeight }),
    },
  });
  const bindings = asked.bindings ?? (database === undefined ? UNHURRIED : { ...UNHURRIED, REPORT_DB: database });
  const init = body === undefined ? { headers, method } : { headers, method, body: bodyText(body) };
  return app.request("https://clicks.example".concat(path), init, bindings as Env);
}

function bodyText(body: unknown): string {
  return typeof body === "string" ? body : JSON.stringify(body);
}

export type Answer = {
  readonly rows: Record<string, string | number | null>[];
  readonly series: (Record<string, unknown> & { points: Record<string, string | number>[] })[];
  readonly meta: Record<string, unknown> & {
    query: Record<string, unknown>;
    tiers: { tier: string; from: string; to: string }[];
    warnings: { code: string }[];
    rowsRead: number;
    nextCursor: string | null;
    totals?: Record<string, unknown>;
  };
};

/** The body of an answer that must be 200, as it is. */
export async function askWhole(path: string, asked: Asked = {}): Promise<Answer> {
  const response = await ask(path, asked);
  if (response.status !== 200) throw new Error(path.concat(" → ", await response.text()));
  return response.json();
}

/** The same without the states of rows and points, which test/report/day-states.test.ts is about. */
export async function askJson(path: string, asked: Asked = {}): Promise<Answer> {
  const answer = await askWhole(path, asked);
  for (const row of answer.rows ?? []) delete row["state"];
  for (const { points } of answer.series ?? []) for (const point of points) delete point["state"];
  return answer;
}
