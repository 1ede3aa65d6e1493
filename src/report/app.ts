/**
 * The report API, as Hono handlers over one way of reading. Loaded on the first report request only.
 *
 *   GET  /v1/reports/clicks   rows by granularity and dimensions       each also under /api; JSON, CSV or NDJSON
 *   POST /v1/reports/query    the same, its parameters as JSON
 *   GET  /v1/metrics/clicks   zero-filled series by breakdown
 *
 * `from` and `to` are half-open; a date as `to` includes that day. Every answer carries `meta` (src/report/meta.ts).
 * Keeps: authenticate, then parse, then read; the watermark is read before the facts that it speaks for. A caller's
 * mistake is a named problem, a database that fails is 503 with Retry-After, anything else is logged and 500.
 */
import { type Context, Hono } from "hono";
import { identify } from "../access/admit.ts";
import { DatabaseFault, fromDatabase } from "../access/database.ts";
import { readJsonBody } from "../body.ts";
import { type Config, readConfig } from "../config.ts";
import { parseJson } from "../core/base64url.ts";
import { importKeyRing, type KeyRing } from "../core/key-ring.ts";
import { ok, type Result } from "../core/result.ts";
import { Directory, PRIMARY_DATABASE } from "../facts/directory.ts";
import { logFault } from "../log.ts";
import { formatOf, respond, type Shaped } from "./answer.ts";
import { encodeCsv } from "./csv.ts";
import { currenciesShown, currencySource } from "./currency.ts";
import type { CursorContext } from "./cursor.ts";
import { readReport } from "./facts-reader.ts";
import { QUERY_BYTES_MAX } from "./limits.ts";
import { type ReportMeta, toMeta } from "./meta.ts";
import { type PageSources, readTablePage, toReadFacts } from "./pages.ts";
import { parseBody, parseSearch, seriesParameters, tableParameters } from "./params.ts";
import { type ReportProblem, toProblemResponse } from "./problems.ts";
import { type Asker, type ReportQuery, toSeriesQuery, toTableQuery } from "./query.ts";
import { passRead, sizeOf } from "./read-pass.ts";
import type { ReadScope } from "./segments-sql.ts";
import { fillSeries, seriesWriter, toSeriesRows } from "./series.ts";
import { rowWriter, toCsvRows } from "./table.ts";
import { checkScope, defaultZoneOf, readScopeOf } from "./tenancy.ts";
import { readUncounted, type UncountedCache } from "./uncounted.ts";
import { makeWatermarkCache, readWatermark, type WatermarkCache, type WatermarkSources } from "./watermark.ts";
import { platformSources, type Stations, stationsOf } from "./watermark-sources.ts";

type ReportEnv = { Bindings: Env };
type ReportContext = Context<ReportEnv>;

/** What the app takes from outside besides its bindings; tests give their own. */
export type ReportPorts = {
  readonly nowMs: () => number;
  readonly random: () => Uint8Array;
  readonly watermarkSources: (
    env: Env,
    config: Config,
    stations: Stations,
    scope: ReadScope,
  ) => Omit<WatermarkSources, "nowMs">;
};

/** A parsed request on its way to an answer. */
type Asked = { readonly scope: ReadScope; readonly sources: PageSources; readonly config: Config } & CursorContext;
type Answered = { readonly shaped: Shaped; readonly meta: ReportMeta };

type Route = {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly parse: (request: Request, asker: Asker) => Promise<Result<ReportQuery, ReportProblem>>;
  readonly answer: (asked: Asked) => Promise<Result<Answered, ReportProblem>>;
};

const ROUTES: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/reports/clicks",
    parse: async (request, asker) =>
      then(parseSearch(searchOf(request), tableParameters), (read) => toTableQuery(read, asker)),
    answer: answerTable,
  },
  {
    method: "POST",
    path: "/v1/reports/query",
    parse: async (request, asker) => {
      const body = await readJsonBody(request, QUERY_BYTES_MAX);
      return then(
        then(body, (value) => parseBody(value, tableParameters)),
        (read) => toTableQuery(read, asker),
      );
    },
    answer: answerTable,
  },
  {
    method: "GET",
    path: "/v1/metrics/clicks",
    parse: async (request, asker) =>
      then(parseSearch(searchOf(request), seriesParameters), (read) => toSeriesQuery(read, asker)),
    answer: answerSeries,
  },
];

const PLATFORM: ReportPorts = {
  nowMs: () => Date.now(),
  random: () => crypto.getRandomValues(new Uint8Array(16)),
  watermarkSources: platformSources,
};

/**
 * What an isolate remembers: watermarks, by the stations and, where it matters, the tenant that they stand for, and
 * dead letters.
 */
type Caches = { readonly watermarks: Map<string, WatermarkCache>; readonly uncounted: UncountedCache };
const CACHES_MAX = 1_000;

/** The report API; one app holds its own watermarks. */
export function reportApp(ports: ReportPorts = PLATFORM): Hono<ReportEnv> {
  const caches: Caches = { watermarks: new Map(), uncounted: { letters: null } };
  const app = new Hono<ReportEnv>();
  for (const route of ROUTES) {
    for (const prefix of ["", "/api"]) {
      const url = prefix.concat(route.path);
      const allow = route.method === "GET" ? "GET, HEAD" : route.method;
      app.on(route.method, url, (context) => answer(context, route, { ports, caches }));
      app.all(url, () => toProblemResponse({ reason: "method_not_allowed" }, { Allow: allow }));
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
  { ports, caches }: { ports: ReportPorts; caches: Caches },
): Promise<Response> {
  const { env, req } = context;
  const config = readConfig(env);
  const nowMs = ports.nowMs();
  const principal = await identify(req.raw, env, config.adminApiKey);
  if (!principal.ok) return principal.error;
  const scope = readScopeOf(principal.value);
  if (!scope.ok) return toProblemResponse(scope.error);
  const asker = { unless: defaultZoneOf(principal.value), scope: scope.value };
  const query = then(await route.parse(req.raw, asker), (parsed) => checkScope(parsed, scope.value));
  if (!query.ok) return toProblemResponse(query.error);

  const stations = stationsOf(query.value.metrics);
  const cursor = { ring: await ringOf(config), keyId: principal.value.keyId, query: query.value, nowMs };
  const way = { gates: env.READ_GATE, principal: principal.value, scope: scope.value };
  const size = sizeOf(query.value, scope.value);
  const passed = await passRead(new Directory(env), way, size, async ({ directory, pass }) => {
    const own = principal.value.account?.currency ?? null;
    const primary = pass.metered(PRIMARY_DATABASE, env.REPORT_DB);
    const sources: PageSources = {
      directory,
      currencies: currencySource(primary, { query: query.value, scope: scope.value, own }),
      bucket: env.ARCHIVE,
      watermark: async () => {
        const watermark = { nowMs, ...ports.watermarkSources(env, config, stations, scope.value) };
        const reading = await readWatermark(watermark, cacheOf(caches, stations, scope.value));
        const { range } = query.value;
        const uncounted = { range, scope: scope.value, nowMs };
        const { warnings, isShort } = await readUncounted(env.ARCHIVE, uncounted, caches.uncounted);
        return { ...reading, warnings: [...reading.warnings, ...warnings], isShort };
      },
      random: ports.random,
      mayKeep: pass.mayKeep,
      charge: pass.charge,
    };
    return route.answer({ ...cursor, scope: scope.value, sources, config });
  });
  if (!passed.ok) return passed.error;
  const answered = passed.value;
  if (!answered.ok) return toProblemResponse(answered.error);
  const { shaped, meta } = answered.value;
  return respond(shaped, meta, {
    format: formatOf(context, query.value.format),
    url: route.method === "GET" ? req.url : null,
    nowMs,
    isFurther: query.value.cursor !== undefined,
    ifNoneMatch: req.header("If-None-Match"),
  });
}

async function answerTable(asked: Asked): Promise<Result<Answered, ReportProblem>> {
  const { query, scope, sources, config, nowMs } = asked;
  const page = await readTablePage(sources, scope, asked);
  if (!page.ok) return page;
  const { rows, ...read } = page.value;
  const shown = rows.map(({ group }) => group);
  const currencies = await fromDatabase(() => currenciesShown({ query, scope, shown }, sources.currencies));
  const meta = toMeta({ ...read, query, currencies, shown, late: config.late, tiers: config.tiers, nowMs });
  const items = () => mapEach(rows, rowWriter(query));
  const csv = () => {
    const { names, rows: cells } = toCsvRows(rows, query);
    return encodeCsv(names, cells);
  };
  return ok({ shaped: { name: "rows", items, csv }, meta });
}

async function answerSeries({ query, scope, sources, config, nowMs }: Asked): Promise<Result<Answered, ReportProblem>> {
  const watermark = await sources.watermark();
  const reading = await readReport(sources, { query, scope, after: null });
  if (!reading.ok) return reading;
  const series = fillSeries(reading.value, query);
  if (!series.ok) return series;
  const read = toReadFacts(reading.value, watermark, query);
  const shown = reading.value.groups;
  const currencies = await fromDatabase(() => currenciesShown({ query, scope, shown }, sources.currencies));
  const meta = toMeta({
    query,
    read,
    currencies,
    shown,
    isCut: false,
    nextCursor: null,
    late: config.late,
    tiers: config.tiers,
    nowMs,
  });
  const csv = () => {
    const { names, rows } = toSeriesRows(series.value, query);
    return encodeCsv(names, rows);
  };
  return ok({ shaped: { name: "series", items: () => mapEach(series.value, seriesWriter(query)), csv }, meta });
}

function cacheOf({ watermarks }: Caches, stations: Stations, scope: ReadScope): WatermarkCache {
  const key = JSON.stringify(stations.conversions ? [stations, scope] : stations);
  if (watermarks.size >= CACHES_MAX) watermarks.clear();
  const cache = watermarks.get(key) ?? makeWatermarkCache();
  watermarks.set(key, cache);
  return cache;
}

let ring: { readonly source: string; readonly ring: KeyRing } | undefined;

/** The keys that seal cursors, imported once for an isolate. */
async function ringOf({ tokenKeys, tokenSigningKid }: Config): Promise<KeyRing> {
  const source = tokenSigningKid.concat("\n", tokenKeys);
  if (ring?.source === source) return ring.ring;
  const imported = await importKeyRing(parseJson(tokenKeys), tokenSigningKid);
  if (!imported.ok) throw new Error(imported.error);
  ring = { source, ring: imported.value };
  return imported.value;
}

/** Items are made one by one as they are taken, which is what a stream needs. */
function* mapEach<A, B>(items: Iterable<A>, to: (item: A) => B): Generator<B, void> {
  for (const item of items) yield to(item);
}

function searchOf(request: Request): URLSearchParams {
  return new URL(request.url).searchParams;
}

function then<A, B>(
  result: Result<A, ReportProblem>,
  next: (value: A) => Result<B, ReportProblem>,
): Result<B, ReportProblem> {
  return result.ok ? next(result.value) : result;
}
