/**
 * What has changed since the caller last asked, so that whoever keeps a copy of its reports reads those days again and
 * no others.
 *
 *   GET /v1/changes?after=<cursor>&limit=1000&timezone=Europe/Berlin[&advertiser_id=…]
 *     → {"changes":[{"day":"2026-04-20","advertiserId":…,"campaignId":…,"adGroupId":…,"adId":…}, …],
 *        "cursor":"…","hasMore":false,"timezone":"Europe/Berlin"}
 *
 * Without `after` it names nothing: the cursor is that of this moment, and everything is to be read behind it.
 *
 * Keeps: what is posted behind a reading is named by an answer behind it, at any interleaving and over any number of
 * pages (src/facts/changed-days-sql.ts): pages follow the keys of rows, and the next round begins at the tick in which
 * this one began. A day of a zone is named when one of the UTC days that it touches has changed, so more may be named
 * than has changed, and never less. A database that was set back behind a cursor is noticed by its clock.
 */

import type { Keyed } from "../../access/asked.ts";
import { fromDatabase } from "../../access/database.ts";
import { ReadScope } from "../../access/read-scope.ts";
import { DAY_MS, MINUTE_MS } from "../../core/limits.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { SELECT_TICK, tick } from "../../facts/changed-days-sql.ts";
import { Directory } from "../../facts/directory.ts";
import { CHANGES_DEFAULT } from "../limits.ts";
import { type ReportProblem, toProblemResponse } from "../problems.ts";
import { changesParameters, parseSearch } from "../query/params.ts";
import { datesOf, type Zone } from "../query/zone.ts";
import { CHANGES, passRead } from "../read/read-pass.ts";
import { ringOf } from "../ring.ts";
import { defaultZoneOf } from "../tenancy.ts";
import {
  type ChangeCursorContext,
  type ChangeKey,
  isYoung,
  openChanges,
  type Position,
  type Positions,
  sealChanges,
  staleChanges,
} from "./change-cursor.ts";
import { CHANGED_DAYS } from "./changes-sql.ts";

const MINUTES_PER_DAY = DAY_MS / MINUTE_MS;

/** One that a database was never read from, and the key before all keys. */
const UNREAD: Position = { from: 0, to: null, key: null };
const FIRST: ChangeKey = ["", -1, "", "", ""];

type Asked = { readonly scope: ReadScope; readonly limit: number; readonly nowMs: number };
type Read = { readonly rows: readonly ChangeKey[]; readonly positions: Positions; readonly hasMore: boolean };
type Row = {
  readonly advertiser_id: string;
  readonly day: number;
  readonly campaign_id: string;
  readonly ad_group_id: string;
  readonly ad_id: string;
};

/** Answers one who asks what has changed. */
export async function handleChanges(asked: Keyed): Promise<Response> {
  const { env, config, principal, nowMs, search } = asked;
  const parsed = parseSearch(search(), changesParameters);
  if (!parsed.ok) return toProblemResponse(parsed.error);
  const { after, limit = CHANGES_DEFAULT, timezone, advertiser_id: filter } = parsed.value;
  const own = ReadScope.of(principal);
  const asking = narrowed(own, filter?.[0]);
  if (!asking.ok) return toProblemResponse(asking.error);
  const scope = asking.value;
  if (scope.advertiserId !== null) asked.whose.note({ advertiserId: scope.advertiserId });
  const of = `${own.advertiserId ?? ""}\n${scope.advertiserId ?? ""}`;
  const context = { ring: await ringOf(config), of, nowMs };
  const opened = after === undefined ? ok(null) : await openChanges(after, context);
  if (!opened.ok) return toProblemResponse(opened.error);

  const way = { gates: env.READ_GATE, principal, scope: own };
  const passed = await passRead(new Directory(env), way, CHANGES, async ({ directory }) => {
    const databases = await directory.namedOf(scope.advertiserId === null ? null : [scope.advertiserId]);
    return readChanges(databases, opened.value, { scope, limit, nowMs });
  });
  if (!passed.ok) return passed.error;
  if (!passed.value.ok) return toProblemResponse(passed.value.error);
  const { rows, hasMore } = passed.value.value;
  const cursor = await cursorOf(passed.value.value, { after, before: opened.value, context });
  const zone = timezone ?? defaultZoneOf(principal).zone;
  const body = { changes: toChanges(rows, zone), cursor, hasMore, timezone: zone.name };
  return Response.json(body, {
    headers: { "Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff" },
  });
}

/** Whose changes are told. */
function narrowed(own: ReadScope, filter: string | undefined): Result<ReadScope, ReportProblem> {
  if (filter === undefined || filter === own.advertiserId) return ok(own);
  if (own.advertiserId === null) return ok(own.within(filter));
  const detail = `This key reads the changes of ${own.advertiserId} alone: leave advertiser_id out.`;
  return err({ reason: "invalid_value", detail, field: "advertiser_id" });
}

/** A page of what has changed since the positions; without them, nothing as of now. Throws DatabaseFault. */
export async function readChanges(
  databases: ReadonlyMap<string, D1Database>,
  before: Positions | null,
  asked: Asked,
): Promise<Result<Read, ReportProblem>> {
  const positions = new Map<string, Position>();
  const rows: ChangeKey[] = [];
  for (const [name, database] of databases) {
    const position = before?.get(name) ?? UNREAD;
    const isRead = position.to !== null && position.key === null;
    const left = before === null || isRead ? 0 : asked.limit - rows.length;
    if (before !== null && left === 0) {
      positions.set(name, position);
      continue;
    }
    const page = await readPage(database, position, { ...asked, limit: left });
    if (Math.max(position.from, position.to ?? 0) > page.tick) return err(staleChanges(SET_BACK));
    rows.push(...page.rows);
    const to = position.to ?? page.tick;
    positions.set(name, { from: before === null ? to : position.from, to, key: page.next });
  }
  const hasMore = Array.from(positions.values()).some(({ to, key }) => to === null || key !== null);
  return ok({ rows, positions: hasMore ? positions : nextRound(positions), hasMore });
}

const SET_BACK = "The report database was set back to a moment before this cursor.";

/** Everything is read: the next answers begin where these began. */
function nextRound(positions: Positions): Positions {
  return new Map(Array.from(positions, ([name, { from, to }]) => [name, { from: to ?? from, to: null, key: null }]));
}

/** The next rows of one database with its clock, at one moment; `next` is where a further page goes on. */
async function readPage(
  database: D1Database,
  { from, key }: Position,
  { scope, limit, nowMs }: Asked,
): Promise<{ rows: readonly ChangeKey[]; next: ChangeKey | null; tick: number }> {
  const [, clock, found] = await fromDatabase(() =>
    database.batch<Row & { tick_ms: number }>([
      tick(database, nowMs),
      database.prepare(SELECT_TICK),
      ...(limit === 0 ? [] : [selectChanges(database, scope, { from, key: key ?? FIRST, limit: limit + 1 })]),
    ]),
  );
  const rows = (found?.results ?? []).map((row): ChangeKey => {
    return [row.advertiser_id, row.day, row.campaign_id, row.ad_group_id, row.ad_id];
  });
  const isCut = rows.length > limit;
  const page = rows.slice(0, limit);
  return { rows: page, next: isCut ? (page.at(-1) ?? null) : null, tick: clock?.results[0]?.tick_ms ?? 0 };
}

function selectChanges(
  database: D1Database,
  scope: ReadScope,
  { from, key, limit }: { from: number; key: ChangeKey; limit: number },
): D1PreparedStatement {
  return CHANGED_DAYS.in(database, scope, from, limit, ...(scope.advertiserId === null ? key : key.slice(1)));
}

/** The cursor of what comes behind a page: where nothing has changed, the one that was sent. */
function cursorOf(
  { rows, positions, hasMore }: Read,
  sent: {
    readonly after: string | undefined;
    readonly before: Positions | null;
    readonly context: ChangeCursorContext;
  },
): string | Promise<string> {
  const { after, before, context } = sent;
  const isUnchanged = rows.length === 0 && !hasMore && before !== null && isRoundBegin(before);
  if (isUnchanged && after !== undefined && isYoung(before, context.nowMs)) return after;
  return sealChanges(positions, context);
}

function isRoundBegin(positions: Positions): boolean {
  return Array.from(positions.values()).every(({ to }) => to === null);
}

type Change = Readonly<Record<"day" | "advertiserId" | "campaignId" | "adGroupId" | "adId", string>>;

/** Each ad and date of the zone once. */
function toChanges(rows: readonly ChangeKey[], zone: Zone): Change[] {
  const dates = new Map<number, readonly string[]>();
  const changes = new Map<string, Change>();
  for (const [advertiserId, day, campaignId, adGroupId, adId] of rows) {
    const touched = dates.get(day) ?? datesOf(day * MINUTES_PER_DAY, (day + 1) * MINUTES_PER_DAY, zone);
    dates.set(day, touched);
    for (const date of touched) {
      const change = { day: date, advertiserId, campaignId, adGroupId, adId };
      changes.set(Object.values(change).join(" "), change);
    }
  }
  return [...changes.values()];
}
