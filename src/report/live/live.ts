/**
 * Live: server-sent events with the totals of the tenant's last minutes, whenever a posting changed them.
 *
 *   GET /v1/live?minutes=5        with a key, or at /v1/live/tickets/… without (src/report/live/live-tickets.ts)
 *
 *   event: totals
 *   data: {"asOf":"2026-04-20T12:03:07Z","currency":"EUR","state":"open",
 *          "minutes":[{"minute":"2026-04-20T12:03:00Z","impressions":9,"clicks":2,…,"spendMicros":840000}, …]}
 *
 * To a key of several advertisers there is no currency of the event: its minutes name their money by currency,
 * `"byCurrency":[{"currency":"EUR","spendMicros":840000,…}]`.
 *
 * Each event states all the minutes anew, zeros included, so that one that is missed does no harm. Between events a
 * comment keeps the connection open. Keeps: the same rows as a report by the same key, by measure name; nothing of
 * another tenant. A stream ends after ten minutes, and when the key is revoked it is not taken up again: the browser
 * asks anew by itself (`retry`). Streams of one tenant are bounded, and what they read is charged to its budget: a
 * tenant in debt is looked after less often. A reader that takes nothing loses its stream after a while.
 * Relies on: one short look at the report databases every two seconds for all listeners of an isolate that ask the
 * same: at an advertiser's own, else at all.
 */

import type { Principal } from "../../access/api-keys.ts";
import type { Asked, Keyed } from "../../access/asked.ts";
import { fromDatabase } from "../../access/database.ts";
import { type Meter, meteredDatabase } from "../../access/meter.ts";
import type { ReadScope } from "../../access/read-scope.ts";
import { openStream, type StreamPass } from "../../access/stream-pass.ts";
import { encodeUtf8 } from "../../core/base64url.ts";
import type { DayState } from "../../core/day-state.ts";
import { addExact, type Exact, toJsonNumber } from "../../core/exact.ts";
import { isMoney, type Measure, toCamelCase } from "../../core/fields.ts";
import { MINUTE_MS, SECOND_MS } from "../../core/limits.ts";
import { isoSecond, minuteOf } from "../../core/time.ts";
import { Directory, PRIMARY_DATABASE } from "../../facts/directory.ts";
import { logFault } from "../../log.ts";
import { toProblemResponse } from "../problems.ts";
import { readCurrencies } from "../query/currency.ts";
import { SUM_METRICS, sumIn } from "../query/metrics.ts";
import { readScopeOf } from "../tenancy.ts";
import { LIVE_TOTALS } from "./live-sql.ts";
import { admitTicket } from "./live-tickets.ts";

const LOOK_EVERY_MS = 2 * SECOND_MS;
const STREAM_MAX_MS = 10 * MINUTE_MS;
const MINUTES_DEFAULT = 5;
const MINUTES_MAX = 60;
const RETRY_MS = 2_000;
/** A reader that has not asked for the next piece after this long is taken to be gone. */
const STALL_MS = 30 * SECOND_MS;

type MinuteRow = Readonly<Record<string, string | number>>;

/** The minutes as a look found them. */
type Look = {
  readonly atMs: number;
  readonly currency: string | null;
  readonly minutes: readonly Record<string, unknown>[];
};

/** The last looks of an isolate, by what was asked; values only, never another request's promise. */
export type RecentLooks = Map<string, Look>;

export type LivePorts = {
  readonly directory: Pick<Directory, "databasesOf">;
  /** Advertiser → currency, of all that the scope may read. */
  readonly currencies: () => Promise<ReadonlyMap<string, string>>;
  readonly scope: ReadScope;
  readonly minutes: number;
  readonly nowMs: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  readonly recent: RecentLooks;
  readonly keep: StreamPass["keep"];
};

const recentLooks: RecentLooks = new Map();

/** Answers one listener: the stream, or a problem. */
export function handleLive(asked: Keyed): Promise<Response> {
  return answer(asked, asked.principal);
}

/** Answers a listener that brings a ticket instead of a key. */
export async function handleTicketed(asked: Asked): Promise<Response> {
  const admitted = await admitTicket(asked.param("ticket"), asked);
  return admitted.ok ? answer(asked, admitted.value) : admitted.error;
}

async function answer({ request, env, search: searchOf }: Asked, principal: Principal): Promise<Response> {
  const scope = readScopeOf(principal);
  if (!scope.ok) return toProblemResponse(scope.error);
  // A stream has no head alone.
  if (request.method !== "GET") return toProblemResponse({ reason: "method_not_allowed" }, { Allow: "GET" });
  const search = searchOf();
  const unknown = Array.from(search.keys()).find((name) => name !== "minutes");
  if (unknown !== undefined) return toProblemResponse({ reason: "unknown_parameter", field: unknown.slice(0, 64) });
  const minutes = Number(search.get("minutes") ?? MINUTES_DEFAULT);
  if (!Number.isSafeInteger(minutes) || minutes < 1 || minutes > MINUTES_MAX) {
    const detail = `minutes must be an integer from 1 to ${MINUTES_MAX}.`;
    return toProblemResponse({ reason: "invalid_value", field: "minutes", detail });
  }
  return startStream(env, { principal, scope: scope.value, minutes });
}

type Listener = { readonly principal: Principal; readonly scope: ReadScope; readonly minutes: number };

/** The stream from its first look on; a database that does not answer that one is the caller's to know. */
async function startStream(env: Env, { principal, scope, minutes }: Listener): Promise<Response> {
  const directory = new Directory(env);
  const owner = scope.advertiserId === null ? null : [scope.advertiserId];
  const [database = PRIMARY_DATABASE] = await fromDatabase(() => directory.namesOf(owner));
  const opened = await openStream({ gates: env.READ_GATE, principal, database });
  if (!opened.ok) return opened.error;
  const { keep, close } = opened.value;
  const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
  const own = principal.account?.currency ?? null;
  const currencies = () => readCurrencies(env.REPORT_DB, { scope, own });
  const ports = { directory, currencies, scope, minutes, nowMs: () => Date.now(), sleep, recent: recentLooks, keep };
  try {
    const first = await look(ports);
    return new Response(toStream(liveEvents(ports, first), close), {
      headers: {
        "Content-Type": "text/event-stream; charset=utf-8",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
      },
    });
  } catch (fault) {
    await close();
    throw fault;
  }
}

/**
 * The text of the stream, piece by piece. A look that fails is a comment, and the next one is made all the same.
 * `first` was looked at before.
 */
export async function* liveEvents(ports: LivePorts, first: Looked | null = null): AsyncGenerator<string> {
  const { nowMs, sleep, keep } = ports;
  const endsAtMs = nowMs() + STREAM_MAX_MS;
  let last = "";
  let looked = first;
  let lookAgainAtMs = nowMs();
  yield `retry: ${RETRY_MS}\n\n`;
  while (nowMs() < endsAtMs) {
    if (looked === null && nowMs() >= lookAgainAtMs) looked = await tryLook(ports);
    const text = looked === null ? last : JSON.stringify(stated(looked));
    if (looked === null || text === last)
      yield nowMs() < lookAgainAtMs ? ": paused, too much was read\n\n" : NOTHING_NEW;
    else yield `event: totals\ndata: ${JSON.stringify({ asOf: isoSecond(looked.atMs), ...stated(looked) })}\n\n`;
    last = text;
    const waitMs = await keep(looked?.rowsRead ?? 0);
    if (waitMs === null) return;
    if (looked !== null) lookAgainAtMs = nowMs() + waitMs;
    looked = null;
    await sleep(LOOK_EVERY_MS);
  }
}

/** An event without its time. */
function stated({ currency, minutes }: Look): Record<string, unknown> {
  const said = { state: STATE, minutes };
  return currency === null ? said : { currency: currency === "" ? null : currency, ...said };
}

/** The last of the minutes is under way. */
const STATE: DayState = "open";
const NOTHING_NEW = ": nothing new\n\n";

/** A look, and what it cost this listener: nothing where another has just looked. */
type Looked = Look & { readonly rowsRead: number };

async function tryLook(ports: LivePorts): Promise<Looked | null> {
  try {
    return await look(ports);
  } catch (fault) {
    logFault("live_not_read", fault);
    return null;
  }
}

/** The minutes now, or as they were less than one look ago. Throws DatabaseFault. */
async function look({ directory, currencies, scope, minutes, nowMs, recent }: LivePorts): Promise<Looked> {
  const atMs = nowMs();
  const asked = JSON.stringify([scope.advertiserId, scope.publisherId, minutes]);
  const isRecent = (one: Look) => one.atMs <= atMs && atMs - one.atMs < LOOK_EVERY_MS;
  const known = recent.get(asked);
  if (known !== undefined && isRecent(known)) return { ...known, rowsRead: 0 };
  const first = minuteOf(atMs) - minutes + 1;
  const owner = scope.advertiserId === null ? null : [scope.advertiserId];
  const meter: Meter = { rows: 0 };
  const databases = await fromDatabase(() => directory.databasesOf(owner));
  const of = await fromDatabase(currencies);
  const answers = await Promise.all(
    databases.map((database) =>
      fromDatabase(() => statementOf(meteredDatabase(database, meter), { scope, first, of }).all<MinuteRow>()),
    ),
  );
  const rows = answers.flatMap(({ results }) => results);
  const currency = scope.advertiserId === null ? null : (of.get(scope.advertiserId) ?? "");
  const minutesOf = Array.from({ length: minutes }, (_, at) => toMinute(first + at, rows, currency === null));
  const found = { atMs, currency, minutes: minutesOf };
  for (const [other, one] of recent) if (!isRecent(one)) recent.delete(other);
  recent.set(asked, found);
  return { ...found, rowsRead: meter.rows };
}

type LookAt = { readonly scope: ReadScope; readonly first: number; readonly of: ReadonlyMap<string, string> };

function statementOf(database: D1Database, { scope, first, of }: LookAt): D1PreparedStatement {
  if (scope.advertiserId !== null) return LIVE_TOTALS.in(database, scope, first);
  const currencies = JSON.stringify([...of]);
  return LIVE_TOTALS.in(database, scope, first, currencies);
}

/** The sums of a minute over the rows of all databases; money for each currency, where there may be several. */
function toMinute(minute: number, rows: readonly MinuteRow[], isByCurrency: boolean): Record<string, unknown> {
  const ours = rows.filter((row) => row["minute"] === minute);
  const of = isByCurrency ? COUNTS : SUMS;
  return {
    minute: isoSecond(minute * MINUTE_MS),
    ...sumsOf(ours, of),
    ...(isByCurrency ? { byCurrency: moneyOf(ours) } : {}),
  };
}

const SUMS = Object.entries(SUM_METRICS);
const COUNTS = SUMS.filter(([, measure]) => !isMoney(measure));
const MONEY = SUMS.filter(([, measure]) => isMoney(measure));

function sumsOf(rows: readonly MinuteRow[], of: readonly (readonly [string, Measure])[]): Record<string, unknown> {
  const sumOf = (measure: Measure) => rows.reduce((sum: Exact, row) => addExact(sum, sumIn(row, measure)), 0);
  return Object.fromEntries(of.map(([metric, measure]) => [toCamelCase(metric), toJsonNumber(sumOf(measure))]));
}

function moneyOf(rows: readonly MinuteRow[]): Record<string, unknown>[] {
  const byCurrency = Map.groupBy(rows, (row) => String(row["currency"]));
  const ascending = [...byCurrency].toSorted(([left], [right]) => (left < right ? -1 : 1));
  return ascending.map(([currency, some]) => ({ currency, ...sumsOf(some, MONEY) }));
}

/**
 * A stream that asks for the next piece when the reader is ready for it, and stops when the reader goes away, or has
 * taken nothing for a while: so at most one piece waits for a reader, and not for long. `close` is called once, at any
 * end.
 */
export function toStream(
  pieces: AsyncGenerator<string>,
  close: () => Promise<void>,
  stallMs = STALL_MS,
): ReadableStream<Uint8Array> {
  let disarm = () => {};
  let isEnded = false;
  const end = async () => {
    disarm();
    if (isEnded) return;
    isEnded = true;
    await close();
  };
  return new ReadableStream({
    async pull(controller) {
      disarm();
      const { done, value } = await pieces.next();
      if (isEnded) return;
      if (done === true) {
        await end();
        controller.close();
        return;
      }
      controller.enqueue(encodeUtf8(value));
      const timer = setTimeout(() => {
        controller.error(new Error("the reader takes nothing"));
        void end();
      }, stallMs);
      disarm = () => clearTimeout(timer);
    },
    async cancel() {
      await end();
      await pieces.return(undefined);
    },
  });
}
