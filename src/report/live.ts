/**
 * Live: server-sent events with the totals of the tenant's last minutes, whenever a posting changed them.
 *
 *   GET /v1/live?minutes=5
 *
 *   event: totals
 *   data: {"asOf":"2026-04-20T12:03:07Z","minutes":[{"minute":"2026-04-20T12:03:00Z","impressions":9,"clicks":2,…}, …]}
 *
 * Each event states all the minutes anew, zeros included, so that one that is missed does no harm. Between events a
 * comment keeps the connection open. Keeps: the same rows as a report by the same key, by measure name; nothing of
 * another tenant. A stream ends after ten minutes, and when the key is revoked it is not taken up again: the browser asks
 * anew by itself (`retry`).
 * Relies on: one short look at the report databases every two seconds per listener: at an advertiser's own, else at all.
 */
import { authenticate } from "../access/api-keys.ts";
import { refuseHaste } from "../access/rate-limit.ts";
import { readConfig } from "../config.ts";
import { MINUTE_MS, SECOND_MS } from "../core/limits.ts";
import type { Measure } from "../core/measures.ts";
import { isoSecond, minuteOf } from "../core/time.ts";
import { logFault } from "../log.ts";
import { Directory } from "../sinks/directory.ts";
import { fromDatabase } from "./database.ts";
import { toCamelCase } from "./fields.ts";
import { SELECT_LIVE_OF_ADVERTISER, SELECT_LIVE_OF_ALL, SELECT_LIVE_OF_PUBLISHER } from "./live-sql.ts";
import { SUM_METRICS } from "./metrics.ts";
import { toProblemResponse } from "./problems.ts";
import type { ReadScope } from "./segments-sql.ts";
import { readScopeOf } from "./tenancy.ts";

const LOOK_EVERY_MS = 2 * SECOND_MS;
const STREAM_MAX_MS = 10 * MINUTE_MS;
const MINUTES_DEFAULT = 5;
const MINUTES_MAX = 60;
const RETRY_MS = 2_000;

type MinuteRow = Readonly<Record<string, number>>;

export type LivePorts = {
  readonly directory: Pick<Directory, "databasesOf">;
  readonly scope: ReadScope;
  readonly minutes: number;
  readonly nowMs: () => number;
  readonly sleep: (ms: number) => Promise<void>;
};

export async function handleLive(request: Request, env: Env): Promise<Response> {
  const { adminApiKey } = readConfig(env);
  const access = { database: env.REPORT_DB, adminApiKey };
  const principal = await authenticate(request.headers.get("Authorization"), access);
  if (principal === null) return toProblemResponse({ reason: "authentication_required" });
  const hasty = await refuseHaste(principal, env.API_RATE);
  if (hasty !== null) return hasty;
  const scope = readScopeOf(principal);
  if (!scope.ok) return toProblemResponse(scope.error);
  if (request.method !== "GET") return toProblemResponse({ reason: "method_not_allowed" }, { Allow: "GET" });
  const search = new URL(request.url).searchParams;
  const unknown = Array.from(search.keys()).find((name) => name !== "minutes");
  if (unknown !== undefined) return toProblemResponse({ reason: "unknown_parameter", parameter: unknown.slice(0, 64) });
  const minutes = Number(search.get("minutes") ?? MINUTES_DEFAULT);
  if (!Number.isSafeInteger(minutes) || minutes < 1 || minutes > MINUTES_MAX) {
    const detail = `minutes must be an integer from 1 to ${MINUTES_MAX}.`;
    return toProblemResponse({ reason: "invalid_value", parameter: "minutes", detail });
  }
  const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
  const directory = new Directory(env);
  const events = liveEvents({ directory, scope: scope.value, minutes, nowMs: () => Date.now(), sleep });
  return new Response(toStream(events), {
    headers: {
      "Content-Type": "text/event-stream; charset=utf-8",
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
    },
  });
}

/** The text of the stream, piece by piece. A look that fails is a comment, and the next one is made all the same. */
export async function* liveEvents(ports: LivePorts): AsyncGenerator<string> {
  const { nowMs, sleep } = ports;
  const endsAtMs = nowMs() + STREAM_MAX_MS;
  let last = "";
  yield `retry: ${RETRY_MS}\n\n`;
  while (nowMs() < endsAtMs) {
    const minutes = await look(ports);
    const text = JSON.stringify(minutes);
    if (minutes === null || text === last) yield ": nothing new\n\n";
    else yield `event: totals\ndata: ${JSON.stringify({ asOf: isoSecond(nowMs()), minutes })}\n\n`;
    if (minutes !== null) last = text;
    await sleep(LOOK_EVERY_MS);
  }
}

async function look({ directory, scope, minutes, nowMs }: LivePorts): Promise<Record<string, unknown>[] | null> {
  const first = minuteOf(nowMs()) - minutes + 1;
  const owner = scope.advertiserId === null ? null : [scope.advertiserId];
  try {
    const databases = await fromDatabase(() => directory.databasesOf(owner));
    const answers = await Promise.all(
      databases.map((database) => fromDatabase(() => statementOf(database, scope, first).all<MinuteRow>())),
    );
    const rows = answers.flatMap(({ results }) => results);
    return Array.from({ length: minutes }, (_, at) => toMinute(first + at, rows));
  } catch (fault) {
    logFault("live_not_read", fault);
    return null;
  }
}

function statementOf(database: D1Database, scope: ReadScope, first: number): D1PreparedStatement {
  if (scope.advertiserId !== null) return database.prepare(SELECT_LIVE_OF_ADVERTISER).bind(first, scope.advertiserId);
  if (scope.publisherId !== null) return database.prepare(SELECT_LIVE_OF_PUBLISHER).bind(first, scope.publisherId);
  return database.prepare(SELECT_LIVE_OF_ALL).bind(first);
}

/** The sums of a minute over the rows of all databases. */
function toMinute(minute: number, rows: readonly MinuteRow[]): Record<string, unknown> {
  const ours = rows.filter((row) => row["minute"] === minute);
  const sumOf = (measure: Measure) => ours.reduce((sum, row) => sum + (row[measure] ?? 0), 0);
  const metrics = Object.entries(SUM_METRICS).map(([metric, measure]) => [toCamelCase(metric), sumOf(measure)]);
  return { minute: isoSecond(minute * MINUTE_MS), ...Object.fromEntries(metrics) };
}

/** A stream that asks for the next piece when the reader is ready for it, and stops when the reader goes away. */
function toStream(pieces: AsyncGenerator<string>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next();
      if (done === true) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      await pieces.return(undefined);
    },
  });
}
