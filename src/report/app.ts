/**
 * The report API: two routes over the same reading, as Hono handlers. Loaded on the first report request only.
 *
 *   GET /v1/reports/clicks   rows by granularity and dimensions        each also under /api; JSON or CSV
 *   GET /v1/metrics/clicks   zero-filled series by breakdown
 *
 * `from` and `to` are half-open; a date as `to` includes that day. Every answer carries `meta` (src/report/meta.ts).
 * Keeps: authenticate, then parse, then read; the watermark is read before the facts that it speaks for. A caller's
 * mistake is a named problem, a database that fails is 503 with Retry-After, anything else is logged and 500.
 */
import { type Context, Hono } from "hono";
import { accepts } from "hono/accepts";
import { authenticate } from "../access/api-keys.ts";
import { type Config, readConfig } from "../config.ts";
import { ok, type Result } from "../core/result.ts";
import { logFault } from "../log.ts";
import { encodeCsv } from "./csv.ts";
import { DatabaseFault, fromDatabase, readGroups } from "./facts-reader.ts";
import type { Reading } from "./groups.ts";
import { type ReportMeta, toMeta } from "./meta.ts";
import { type ReportProblem, toProblemResponse } from "./problems.ts";
import { fieldNames, parseSeriesQuery, parseTableQuery, type ReportQuery } from "./query.ts";
import type { ReadScope } from "./segments-sql.ts";
import { fillSeries, toSeriesJson, toSeriesRows } from "./series.ts";
import { toRowValues, toTable } from "./table.ts";
import { readScopeOf } from "./tenancy.ts";
import { makeWatermarkCache, readWatermark, type WatermarkCache, type WatermarkSources } from "./watermark.ts";
import { platformSources } from "./watermark-sources.ts";

type ReportEnv = { Bindings: Env };
type ReportContext = Context<ReportEnv>;

/** What the app takes from outside besides its bindings; tests give their own. */
export type ReportPorts = {
  readonly nowMs: () => number;
  readonly watermarkSources: (env: Env, config: Config) => Omit<WatermarkSources, "nowMs">;
};

/** How a route reads its query and shapes its answer; `json` and `csv` are built only when asked. */
type Route = {
  readonly parse: (search: URLSearchParams) => Result<ReportQuery, ReportProblem>;
  readonly shape: (reading: Reading, query: ReportQuery) => Result<Shaped, ReportProblem>;
};
type Shaped = { readonly json: () => Record<string, unknown>; readonly csv: () => string };

const TABLE: Route = {
  parse: parseTableQuery,
  shape: ({ groups }, query) =>
    ok({
      json: () => ({ rows: toTable(groups, query) }),
      csv: () =>
        encodeCsv(
          fieldNames(query),
          groups.map((group) => toRowValues(group, query)),
        ),
    }),
};

const SERIES: Route = {
  parse: parseSeriesQuery,
  shape: (reading, query) => {
    const series = fillSeries(reading, query);
    if (!series.ok) return series;
    return ok({
      json: () => ({ series: toSeriesJson(series.value, query) }),
      csv: () => {
        const { names, rows } = toSeriesRows(series.value, query);
        return encodeCsv(names, rows);
      },
    });
  },
};

const ROUTES: readonly (readonly [path: string, route: Route])[] = [
  ["/v1/reports/clicks", TABLE],
  ["/v1/metrics/clicks", SERIES],
];

const PLATFORM: ReportPorts = { nowMs: () => Date.now(), watermarkSources: platformSources };

/** The report API; one app holds one watermark cache. */
export function reportApp(ports: ReportPorts = PLATFORM): Hono<ReportEnv> {
  const cache = makeWatermarkCache();
  const app = new Hono<ReportEnv>();
  for (const [path, route] of ROUTES) {
    for (const prefix of ["", "/api"]) {
      const url = prefix.concat(path);
      app.get(url, (context) => answer(context, route, { ports, cache }));
      app.all(url, () => toProblemResponse({ reason: "method_not_allowed" }));
    }
  }
  app.notFound(() => toProblemResponse({ reason: "not_found" }));
  app.onError((error) => {
    const reason = error instanceof DatabaseFault ? "database_unavailable" : "internal_error";
    logFault("report_failed", error, { reason });
    return toProblemResponse({ reason });
  });
  return app;
}

let app: ReturnType<typeof reportApp> | undefined;

/** Answers one report request. The app lives as long as the isolate. */
export async function handleReport(request: Request, env: Env, ctx: ExecutionContext): Promise<Response> {
  app ??= reportApp();
  return app.fetch(request, env, ctx);
}

async function answer(
  context: ReportContext,
  route: Route,
  { ports, cache }: { ports: ReportPorts; cache: WatermarkCache },
): Promise<Response> {
  const { env, req } = context;
  const config = readConfig(env);
  const scope = await authorize(req.header("Authorization") ?? null, env.REPORT_DB, config);
  if (!scope.ok) return toProblemResponse(scope.error);
  const query = route.parse(new URL(req.url).searchParams);
  if (!query.ok) return toProblemResponse(query.error);

  const nowMs = ports.nowMs();
  const watermark = await readWatermark({ nowMs, ...ports.watermarkSources(env, config) }, cache);
  const reading = await readGroups(env.REPORT_DB, { query: query.value, scope: scope.value });
  if (!reading.ok) return toProblemResponse(reading.error);

  const shaped = route.shape(reading.value, query.value);
  if (!shaped.ok) return toProblemResponse(shaped.error);
  const meta = toMeta({ query: query.value, reading: reading.value, watermark, late: config.late, nowMs });
  return query.value.format === "csv" || (query.value.format === undefined && prefersCsv(context))
    ? csvResponse(shaped.value.csv(), meta)
    : jsonResponse({ ...shaped.value.json(), meta }, meta);
}

async function authorize(
  authorization: string | null,
  database: D1Database,
  { adminApiKey }: Config,
): Promise<Result<ReadScope, ReportProblem>> {
  return readScopeOf(await fromDatabase(() => authenticate(authorization, { database, adminApiKey })));
}

function prefersCsv(context: ReportContext): boolean {
  const supports = ["application/json", "text/csv"];
  return accepts(context, { header: "Accept", supports, default: "application/json" }) === "text/csv";
}

/** A closed range may be cached for a minute by the caller alone; an open one changes with every posting. */
function commonHeaders({ complete }: ReportMeta): Record<string, string> {
  return {
    "Cache-Control": complete ? "private, max-age=60" : "private, no-store",
    Vary: "Accept, Authorization",
    "X-Content-Type-Options": "nosniff",
  };
}

function jsonResponse(body: unknown, meta: ReportMeta): Response {
  const headers = { ...commonHeaders(meta), "Content-Type": "application/json; charset=utf-8" };
  return new Response(JSON.stringify(body), { headers });
}

/** CSV has no place for `meta`; what decides whether the numbers may be used travels in headers. */
function csvResponse(body: string, meta: ReportMeta): Response {
  return new Response(body, {
    headers: {
      ...commonHeaders(meta),
      "Content-Type": "text/csv; charset=utf-8; header=present",
      "Content-Disposition": 'attachment; filename="clicks.csv"',
      "X-Report-Watermark": meta.watermark ?? "unknown",
      "X-Report-Complete": String(meta.complete),
      "X-Report-Truncated": String(meta.truncated),
    },
  });
}
