/**
 * Figures against the log: what a report database holds of a service day and bucket, and what all folds say that it
 * holds, cut at the place up to which the database has each log.
 *
 *   one transaction: ledger, minutes (hot, moving), which objects are cold, hours, days ─▶ compared with
 *   folds of all scanned days + rows behind them up to the ledger's places
 *
 * Keeps: exact at the moment of its reading, beside shards that go on posting. Each tier is compared with the log by
 * itself, as far as it is kept and rolled; a difference of the finest is one of facts, of another one of tiers. Memory:
 * one service day of one bucket.
 */

import { KEY_COLUMNS, type MinuteRow, toMinuteRow } from "../cold/parquet.ts";
import type { ColdObject } from "../cold/reader.ts";
import { readColdMinutes } from "../cold/reader.ts";
import { SELECT_COLD_OBJECTS } from "../cold/sql.ts";
import { addExact, type Exact, toExact } from "../core/exact.ts";
import { MEASURES } from "../core/fields.ts";
import { DAY_MS, MINUTE_MS } from "../core/limits.ts";
import type { Position } from "../core/position.ts";
import { advertiserBucketOf } from "../core/routing.ts";
import type { Tier } from "../facts/facts-schema.ts";
import { TIER_MINUTES } from "../facts/facts-sql.ts";
import { SELECT_ALL_LEDGER, SELECT_MARKS, SELECT_STORED } from "./audit-sql.ts";
import { Figures, type Lack, toStored } from "./figures.ts";
import { getRows, keysBelow, ofAttempts, truthPrefix } from "./objects.ts";
import type { Totals } from "./repair.ts";
import type { Finding } from "./scan.ts";
import type { TailRow } from "./tail.ts";

const MINUTES_PER_DAY = DAY_MS / MINUTE_MS;
const COLUMNS = [...KEY_COLUMNS, ...MEASURES, "reasons", "sketch", "cells"];
const OBJECTS_MAX = 10_000;

export type FiguresOf = {
  readonly database: { readonly name: string; readonly d1: D1Database };
  /** `YYYY-MM-DD` */
  readonly serviceDay: string;
  readonly bucket: number;
  readonly attempts: ReadonlyMap<string, number>;
  /** Those of the rows whose advertisers stand in this database. */
  readonly ofDatabase: (rows: readonly MinuteRow[]) => Promise<readonly MinuteRow[]>;
  /** Up to where each source's log is in the folds. */
  readonly foldedTo: ReadonlyMap<string, Position>;
  /** Rows behind that, up to at least where the ledger stands. */
  readonly tail: (ledger: ReadonlyMap<string, Position>) => Promise<readonly TailRow[]>;
  /** Before that day minutes are no longer kept; hours. */
  readonly minutesKeptFrom: number;
  readonly hoursKeptFrom: number;
  /** Is told what the statements say of themselves. */
  readonly onRead: (results: readonly D1Result[]) => void;
};

type Row = Record<string, string | number | null>;

/** What differs, each with the row that has to be added. */
export async function checkFigures(archive: R2Bucket, of: FiguresOf): Promise<Finding[]> {
  const have = await readStored(archive, of);
  const truth = await truthOf(archive, of, await of.tail(have.ledger), have.ledger);
  const day = Date.parse(of.serviceDay) / DAY_MS;
  const found: Finding[] = [];
  const { minute, hour, day: days, marks } = have;
  const tiers: { tier: Tier; figures: Figures }[] = [];
  if (day >= of.minutesKeptFrom) tiers.push({ tier: "minute", figures: minute });
  if (day >= of.hoursKeptFrom && marks.hour >= (day + 1) * 24) tiers.push({ tier: "hour", figures: hour });
  if (marks.day > day) tiers.push({ tier: "day", figures: days });
  for (const [at, { tier, figures }] of tiers.entries()) {
    const kind = at === 0 ? null : "tier";
    for (const lack of figures.lacks(truth.widened(TIER_MINUTES[tier]))) {
      found.push(findingOf(of, tier, lack, { kind, totals: have.totals }));
    }
  }
  for (const { tier, row } of have.torn) found.push(tornRow(of, tier, row, have.totals));
  return found;
}

/** What all scanned days say of the service day, and the tail up to the ledger's places. */
async function truthOf(
  archive: R2Bucket,
  { serviceDay, bucket, attempts, ofDatabase, foldedTo }: FiguresOf,
  tail: readonly TailRow[],
  ledger: ReadonlyMap<string, Position>,
): Promise<Figures> {
  const truth = new Figures();
  const prefix = truthPrefix(serviceDay, bucket);
  for (const key of ofAttempts(await keysBelow(archive, prefix), prefix, attempts)) {
    for (const row of await ofDatabase((await getRows(archive, key)) ?? [])) truth.addStored(row);
  }
  const posted: MinuteRow[] = [];
  const fromMinute = (Date.parse(serviceDay) / DAY_MS) * MINUTES_PER_DAY;
  for (const { source, seq, row } of tail) {
    const isPosted = seq <= (ledger.get(source)?.seq ?? 0) && seq > (foldedTo.get(source)?.seq ?? 0);
    const isOfDay = row.minute >= fromMinute && row.minute < fromMinute + MINUTES_PER_DAY;
    if (isPosted && isOfDay && advertiserBucketOf(row.advertiserId) === bucket) posted.push(row);
  }
  for (const row of await ofDatabase(posted)) truth.addStored(row);
  return truth;
}

async function readStored(archive: R2Bucket, { database: { d1 }, serviceDay, bucket, onRead }: FiguresOf) {
  const day = Date.parse(serviceDay) / DAY_MS;
  const minutes = [day * MINUTES_PER_DAY, (day + 1) * MINUTES_PER_DAY] as const;
  const results = await d1.batch<Row>([
    d1.prepare(SELECT_ALL_LEDGER),
    d1.prepare(SELECT_MARKS).bind(bucket),
    d1.prepare(SELECT_STORED.minute).bind(bucket, ...minutes),
    d1.prepare(SELECT_COLD_OBJECTS).bind(JSON.stringify([bucket]), ...minutes, OBJECTS_MAX),
    d1.prepare(SELECT_STORED.hour).bind(bucket, day * 24, (day + 1) * 24),
    d1.prepare(SELECT_STORED.day).bind(bucket, day, day + 1),
  ]);
  onRead(results);
  const [ledgerRows, markRows, hot, cold, hours, days] = results;
  const torn: { tier: Tier; row: MinuteRow }[] = [];
  const totals = new Map<string, Exact[]>();
  const [minute, hour, dayFigures] = [new Figures(), new Figures(), new Figures()];
  const add = (figures: Figures, row: MinuteRow, tier: Tier) => {
    const own = new Figures();
    own.addStored(row);
    const [whole] = own.rows.values();
    const isTorn = whole !== undefined && toStored(whole).counts.join() !== row.counts.join();
    if (isTorn) torn.push({ tier, row });
    figures.addStored(row);
  };
  const addOwn = (figures: Figures, stored: Row, tier: Tier) => {
    const row = toMinuteRow(stored);
    const key = totalsKey(tier, row);
    const sum = totals.get(key);
    totals.set(key, sum === undefined ? [...row.counts] : sum.map((total, at) => addExact(total, row.counts[at] ?? 0)));
    add(figures, row, tier);
  };
  for (const row of hot?.results ?? []) addOwn(minute, row, "minute");
  const wanted = { minutes: [{ from: minutes[0], to: minutes[1] }], ...ANYBODY };
  const objects = (cold?.results ?? []) as unknown as ColdObject[];
  const take = (row: Parameters<typeof toMinuteRow>[0]) => add(minute, toMinuteRow(row), "minute");
  await readColdMinutes(archive, objects, { wanted, columns: COLUMNS, take });
  for (const row of hours?.results ?? []) addOwn(hour, row, "hour");
  for (const row of days?.results ?? []) addOwn(dayFigures, row, "day");
  const ledger = new Map<string, Position>();
  for (const { source, seq, chain, logged_at_ms: loggedAtMs } of ledgerRows?.results ?? []) {
    ledger.set(String(source), { seq: Number(seq), chain: String(chain), loggedAtMs: Number(loggedAtMs) });
  }
  const marks = { hour: 0, day: 0 };
  for (const { tier, mark } of markRows?.results ?? []) marks[tier as "hour" | "day"] = Number(mark);
  return { ledger, minute, hour, day: dayFigures, marks, torn, totals };
}

const ANYBODY = { advertiserIds: null, campaignIds: null, adGroupIds: null, adIds: null } as const;

/** What the database itself has of each key, which a repair is guarded by. */
type TotalsByKey = ReadonlyMap<string, readonly Exact[]>;

function totalsKey(tier: Tier, { advertiserId, minute, campaignId, adGroupId, adId }: MinuteRow): string {
  return [tier, advertiserId, minute, campaignId, adGroupId, adId].join(" ");
}

function auditedOf(totals: TotalsByKey, tier: Tier, row: MinuteRow): Totals {
  const known = totals.get(totalsKey(tier, row)) ?? MEASURES.map(() => 0);
  return known.map((total) => (typeof total === "bigint" ? String(total) : total));
}

function findingOf(
  { database: { name }, serviceDay }: FiguresOf,
  tier: Tier,
  { row: lack }: Lack,
  { kind, totals }: { kind: "tier" | null; totals: TotalsByKey },
): Finding {
  const row = toStored(lack);
  const isMore = row.counts.some((count) => count < 0);
  return {
    kind: kind ?? (isMore ? "fact_extra" : "fact_missing"),
    where: whereOf(name, tier, row),
    detail: `On ${serviceDay} it lacks, to be what the log says: ${differencesOf(row) || "reasons or users"}.`,
    advertiserId: row.advertiserId,
    repair: { database: name, tier, row, audited: auditedOf(totals, tier, row) },
  };
}

/** A row whose totals are not the sum of its cells: the cells are what reports read. */
function tornRow({ database: { name } }: FiguresOf, tier: Tier, row: MinuteRow, totals: TotalsByKey): Finding {
  const figures = new Figures();
  figures.addStored(row);
  const [whole] = Array.from(figures.rows.values(), toStored);
  const counts = row.counts.map((total, at) => addExact(whole?.counts[at] ?? 0, negated(total)));
  const lack: MinuteRow = { ...row, counts, cells: "[]", reasons: "{}", sketch: null };
  return {
    kind: "tier",
    where: whereOf(name, tier, row),
    detail: `Its totals lack, to be the sum of its cells: ${differencesOf(lack)}.`,
    advertiserId: row.advertiserId,
    repair: { database: name, tier, row: lack, audited: auditedOf(totals, tier, row) },
  };
}

function negated(value: Exact): Exact {
  return toExact(-BigInt(value));
}

function whereOf(name: string, tier: Tier, { advertiserId, campaignId, adGroupId, adId, minute }: MinuteRow): string {
  return `${name}/facts_${tier}/${[advertiserId, campaignId, adGroupId, adId, minute].join("/")}`;
}

function differencesOf({ counts }: MinuteRow): string {
  return MEASURES.flatMap((measure, at) => {
    const count = counts[at] ?? 0;
    return count === 0 ? [] : [`${measure} ${count > 0 ? "+" : ""}${count}`];
  }).join(", ");
}
