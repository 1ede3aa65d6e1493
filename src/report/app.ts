/**
 * The report API, as handlers over one way of reading.
 *
 *   GET  /v1/reports/clicks   rows by granularity and dimensions       each also under /api; JSON, CSV or NDJSON
 *   POST /v1/reports/query    the same, its parameters as JSON
 *   GET  /v1/metrics/clicks   zero-filled series by breakdown
 *
 * `from` and `to` are half-open; a date as `to` includes that day. Every answer carries `meta`
 * (src/report/answer/meta.ts).
 * Keeps: parse, then read; the watermark is read before the facts that it speaks for. A caller's mistake is a named
 * problem; who asks, and what becomes of a failure, is the front's (src/api/app.ts).
 */
import { isOperator } from "../access/api-keys.ts";
import type { Keyed } from "../access/asked.ts";
import { fromDatabase } from "../access/database.ts";
import type { ReadScope } from "../access/read-scope.ts";
import type { Config } from "../config.ts";
import { ok, type Result } from "../core/result.ts";
import { Directory, PRIMARY_DATABASE } from "../facts/directory.ts";
import { formatOf, respond, type Shaped } from "./answer/answer.ts";
import { encodeCsv } from "./answer/csv.ts";
import { type Closed, type ClosedCache, readClosed, windowStates, withBilled } from "./answer/day-states.ts";
import { type ReportMeta, toMeta } from "./answer/meta.ts";
import { fillSeries, seriesWriter, toSeriesRows } from "./answer/series.ts";
import { rowWriter, toCsvRows } from "./answer/table.ts";
import { readUncounted, type UncountedCache } from "./answer/uncounted.ts";
import { makeWatermarkCache, readWatermark, type WatermarkCache, type WatermarkSources } from "./answer/watermark.ts";
import { platformSources, type Stations, stationsOf } from "./answer/watermark-sources.ts";
import type { CursorContext } from "./page/cursor.ts";
import { type PageSources, readTablePage, toReadFacts } from "./page/pages.ts";
import { type ReportProblem, toProblemResponse } from "./problems.ts";
import { currenciesShown, currencySource } from "./query/currency.ts";
import { readNames } from "./query/names.ts";
import { parseBody, parseSearch, seriesParameters, tableParameters } from "./query/params.ts";
import { type Asker, type ReportQuery, toSeriesQuery, toTableQuery } from "./query/query.ts";
import { readReport } from "./read/executor.ts";
import { passRead, sizeOf } from "./read/read-pass.ts";
import { ringOf } from "./ring.ts";
import { checkScope, defaultZoneOf, readScopeOf } from "./tenancy.ts";

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
  /** What one statement of a report may weigh, where it is not as ever (src/report/limits.ts). */
  readonly sliceWeight?: number;
};

/** A parsed request on its way to an answer. */
type Sources = PageSources & { readonly primary: D1Database };
type Asked = {
  readonly scope: ReadScope;
  readonly sources: Sources;
  readonly config: Config;
  readonly closed: Closed;
  readonly isOperator: boolean;
} & CursorContext;
type Answered = { readonly shaped: Shaped; readonly meta: ReportMeta };

/** How a route reads its query, and answers it. */
type Route = {
  readonly parse: (asked: Keyed, asker: Asker) => Result<ReportQuery, ReportProblem>;
  readonly answer: (asked: Asked) => Promise<Result<Answered, ReportProblem>>;
};

const ROUTES = {
  table: {
    parse: ({ search }, asker) => then(parseSearch(search(), tableParameters), (read) => toTableQuery(read, asker)),
    answer: answerTable,
  },
  query: {
    parse: ({ body }, asker) => then(parseBody(body, tableParameters), (read) => toTableQuery(read, asker)),
    answer: answerTable,
  },
  series: {
    parse: ({ search }, asker) => then(parseSearch(search(), seriesParameters), (read) => toSeriesQuery(read, asker)),
    answer: answerSeries,
  },
} as const satisfies Record<string, Route>;

const PLATFORM: ReportPorts = {
  nowMs: () => Date.now(),
  random: () => crypto.getRandomValues(new Uint8Array(16)),
  watermarkSources: platformSources,
};

/**
 * What an isolate remembers: watermarks, by the stations and, where it matters, the tenant that they stand for, dead
 * letters and log days.
 */
type Caches = {
  readonly watermarks: Map<string, WatermarkCache>;
  readonly uncounted: UncountedCache;
  readonly closed: ClosedCache;
};
const CACHES_MAX = 1_000;

export type ReportHandlers = Readonly<Record<keyof typeof ROUTES, (asked: Keyed) => Promise<Response>>>;

/** The handlers of the report API, which share their caches. */
export function reportHandlers(ports: ReportPorts = PLATFORM): ReportHandlers {
  const caches: Caches = { watermarks: new Map(), uncounted: { letters: null }, closed: { closed: null, readMs: 0 } };
  const handlerOf = (route: Route) => (asked: Keyed) => answer(asked, route, { ports, caches });
  return { table: handlerOf(ROUTES.table), query: handlerOf(ROUTES.query), series: handlerOf(ROUTES.series) };
}

async function answer(
  asked: Keyed,
  route: Route,
  { ports, caches }: { ports: ReportPorts; caches: Caches },
): Promise<Response> {
  const { env, config, principal, request } = asked;
  const nowMs = ports.nowMs();
  const scope = readScopeOf(principal);
  if (!scope.ok) return toProblemResponse(scope.error);
  const asker = { unless: defaultZoneOf(principal), scope: scope.value };
  const query = then(route.parse(asked, asker), (parsed) => checkScope(parsed, scope.value));
  if (!query.ok) return toProblemResponse(query.error);
  for (const { dimension, include } of query.value.filters) {
    if (dimension === "advertiser_id") for (const advertiserId of include) asked.whose.note({ advertiserId });
  }

  const stations = stationsOf(query.value.metrics);
  const cursor = { ring: await ringOf(config), keyId: principal.keyId, query: query.value, nowMs };
  const way = { gates: env.READ_GATE, principal, scope: scope.value };
  const size = sizeOf(query.value, scope.value);
  const passed = await passRead(new Directory(env), way, size, async ({ directory, pass }) => {
    const own = principal.account?.currency ?? null;
    const primary = pass.metered(PRIMARY_DATABASE, env.REPORT_DB);
    const sources: Sources = {
      directory,
      primary,
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
      turns: pass.turns,
      sliceWeight: ports.sliceWeight,
    };
    // Before the facts that it speaks of.
    const days = await readClosed(env.REPORT_DB, { nowMs, graceMs: config.closeGraceMs }, caches.closed);
    const { advertiserId } = scope.value;
    const closed = await withBilled(days, env.REPORT_DB, { advertiserId, range: query.value.range });
    const asked = { ...cursor, scope: scope.value, sources, config, closed, isOperator: isOperator(principal) };
    return route.answer(asked);
  });
  if (!passed.ok) return passed.error;
  const answered = passed.value;
  if (!answered.ok) return toProblemResponse(answered.error);
  const { shaped, meta } = answered.value;
  return respond(shaped, meta, {
    format: formatOf(asked.context, query.value.format),
    url: request.method === "POST" ? null : request.url,
    nowMs,
    isFurther: query.value.cursor !== undefined,
    ifNoneMatch: request.headers.get("If-None-Match") ?? undefined,
  });
}

async function answerTable(asked: Asked): Promise<Result<Answered, ReportProblem>> {
  const { query, scope, sources } = asked;
  const page = await readTablePage(sources, scope, asked);
  if (!page.ok) return page;
  const { rows, ...read } = page.value;
  const shown = rows.map(({ group }) => group);
  const currencies = await fromDatabase(() => currenciesShown({ query, scope, shown }, sources.currencies));
  const meta = toMeta({ ...read, query, currencies, shown, ...settingsOf(asked) });
  const stateOf = windowStates(query, page.value.read.watermark.watermarkMs, asked.closed);
  const keys = shown.map(({ dimensions }) => dimensions);
  const named = await readNames(sources.primary, { query, scope, keys });
  const items = () => mapEach(rows, rowWriter(query, named, stateOf));
  const csv = () => {
    const { names, rows: cells } = toCsvRows(rows, query, named, stateOf);
    return encodeCsv(names, cells);
  };
  return ok({ shaped: { name: "rows", items, csv }, meta });
}

/** What an answer says about itself that no reading tells. */
function settingsOf({ config, closed, isOperator, nowMs }: Asked) {
  return { late: config.late, tiers: config.tiers, closed, isOperator, nowMs };
}

async function answerSeries(asked: Asked): Promise<Result<Answered, ReportProblem>> {
  const { query, scope, sources, nowMs } = asked;
  const watermark = await sources.watermark();
  const reading = await readReport(sources, { query, scope, after: null, nowMs });
  if (!reading.ok) return reading;
  const series = fillSeries(reading.value, query);
  if (!series.ok) return series;
  const read = toReadFacts(reading.value, watermark, query);
  const shown = reading.value.groups;
  const currencies = await fromDatabase(() => currenciesShown({ query, scope, shown }, sources.currencies));
  const page = { isCut: false, nextCursor: null };
  const meta = toMeta({ ...page, query, read, currencies, shown, ...settingsOf(asked) });
  const stateOf = windowStates(query, watermark.watermarkMs, asked.closed);
  const keys = series.value.map(({ dimensions }) => dimensions);
  const named = await readNames(sources.primary, { query, scope, keys });
  const csv = () => {
    const { names, rows } = toSeriesRows(series.value, query, named, stateOf);
    return encodeCsv(names, rows);
  };
  const items = () => mapEach(series.value, seriesWriter(query, named, stateOf));
  return ok({ shaped: { name: "series", items, csv }, meta });
}

function cacheOf({ watermarks }: Caches, stations: Stations, scope: ReadScope): WatermarkCache {
  const key = JSON.stringify(stations.conversions ? [stations, scope] : stations);
  if (watermarks.size >= CACHES_MAX) watermarks.clear();
  const cache = watermarks.get(key) ?? makeWatermarkCache();
  watermarks.set(key, cache);
  return cache;
}

/** Items are made one by one as they are taken, which is what a stream needs. */
function* mapEach<A, B>(items: Iterable<A>, to: (item: A) => B): Generator<B, void> {
  for (const item of items) yield to(item);
}

function then<A, B>(
  result: Result<A, ReportProblem>,
  next: (value: A) => Result<B, ReportProblem>,
): Result<B, ReportProblem> {
  return result.ok ? next(result.value) : result;
}
