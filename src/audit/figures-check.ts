/**
 * Figures against the log: what a report database holds of a service day and bucket, and what all folds say that it
 * holds, cut at the place up to which the database has each log.
 *
 *   one transaction: ledger, minutes (hot, moving), which objects are cold, hours, days ─▶ compared with
 *   folds of all scanned days + rows behind them up to the ledger's places
 *
 * Keeps: exact at the moment of its reading, beside shards that go on posting. Hours and days are compared with the
 * minutes that they were rolled from, as far as these are kept; sums of days with the days. Memory: one service day of
 * one bucket.
 */

import { KEY_COLUMNS, type MinuteRow, toMinuteRow } from "../cold/parquet.ts";
import type { ColdObject } from "../cold/reader.ts";
import { readColdMinutes } from "../cold/reader.ts";
import { SELECT_COLD_OBJECTS } from "../cold/sql.ts";
import { MEASURES } from "../core/fields.ts";
import { DAY_MS, MINUTE_MS } from "../core/limits.ts";
import type { Position } from "../core/position.ts";
import { advertiserBucketOf } from "../core/routing.ts";
import type { Tier } from "../facts/facts-schema.ts";
import { TIER_MINUTES } from "../facts/facts-sql.ts";
import { SELECT_ALL_LEDGER, SELECT_MARKS, SELECT_STORED } from "./audit-sql.ts";
import { Figures, type Lack, toStored } from "./figures.ts";
import { getRows, keysBelow, ofAttempts, truthPrefix } from "./objects.ts";
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
};

type Row = Record<string, string | number | null>;

/** What differs, each with the row that has to be added. */
export async function checkFigures(archive: R2Bucket, of: FiguresOf): Promise<{ found: Finding[]; rows: number }> {
  const have = await readStored(archive, of);
  const truth = await truthOf(archive, of, await of.tail(have.ledger), have.ledger);
  const day = Date.parse(of.serviceDay) / DAY_MS;
  const found: Finding[] = [];
  const { minute, hour, day: days, marks } = have;
  const tiers: { tier: Tier; figures: Figures }[] = [];
  if (day >= of.minutesKeptFrom) tiers.push({ tier: "minute", figures: minute });
  if (day >= of.hoursKeptFrom && marks.hour >= (day + 1) * 24) tiers.push({ tier: "hour", figures: hour });
  if (marks.day > day) tiers.push({ tier: "day", figures: days });
  const [finest, ...coarser] = tiers;
  if (finest === undefined) return { found, rows: have.rows };
  for (const lack of finest.figures.lacks(truth.widened(TIER_MINUTES[finest.tier]))) {
    found.push(findingOf(of, finest.tier, lack, "log"));
  }
  for (const { tier, figures } of coarser) {
    const ratio = TIER_MINUTES[tier] / TIER_MINUTES[finest.tier];
    for (const lack of figures.lacks(finest.figures.widened(ratio))) found.push(findingOf(of, tier, lack, finest.tier));
  }
  found.push(...have.torn.map((where): Finding => ({ kind: "tier", where, detail: "Its totals are not its cells." })));
  return { found, rows: have.rows };
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

async function readStored(archive: R2Bucket, { database: { d1 }, serviceDay, bucket }: FiguresOf) {
  const day = Date.parse(serviceDay) / DAY_MS;
  const minutes = [day * MINUTES_PER_DAY, (day + 1) * MINUTES_PER_DAY] as const;
  const [ledgerRows, markRows, hot, moving, cold, hours, days] = await d1.batch<Row>([
    d1.prepare(SELECT_ALL_LEDGER),
    d1.prepare(SELECT_MARKS).bind(bucket),
    d1.prepare(SELECT_STORED.minute).bind(bucket, ...minutes),
    d1.prepare(SELECT_STORED.moving).bind(bucket, ...minutes),
    d1.prepare(SELECT_COLD_OBJECTS).bind(JSON.stringify([bucket]), ...minutes, OBJECTS_MAX),
    d1.prepare(SELECT_STORED.hour).bind(bucket, day * 24, (day + 1) * 24),
    d1.prepare(SELECT_STORED.day).bind(bucket, day, day + 1),
  ]);
  const torn: string[] = [];
  const [minute, hour, dayFigures] = [new Figures(), new Figures(), new Figures()];
  const add = (figures: Figures, row: MinuteRow, tier: Tier) => {
    const own = new Figures();
    own.addStored(row);
    const [whole] = own.rows.values();
    if (whole !== undefined && toStored(whole).counts.join() !== row.counts.join()) {
      torn.push(`facts_${tier}/${row.advertiserId}/${row.minute}/${row.adId}/${row.part}`);
    }
    figures.addStored(row);
  };
  for (const row of [...(hot?.results ?? []), ...(moving?.results ?? [])]) add(minute, toMinuteRow(row), "minute");
  const wanted = { minutes: [{ from: minutes[0], to: minutes[1] }], ...ANYBODY };
  const objects = (cold?.results ?? []) as unknown as ColdObject[];
  const take = (row: Parameters<typeof toMinuteRow>[0]) => add(minute, toMinuteRow(row), "minute");
  await readColdMinutes(archive, objects, { wanted, columns: COLUMNS, take });
  for (const row of hours?.results ?? []) add(hour, toMinuteRow(row), "hour");
  for (const row of days?.results ?? []) add(dayFigures, toMinuteRow(row), "day");
  const ledger = new Map<string, Position>();
  for (const { source, seq, chain, logged_at_ms: loggedAtMs } of ledgerRows?.results ?? []) {
    ledger.set(String(source), { seq: Number(seq), chain: String(chain), loggedAtMs: Number(loggedAtMs) });
  }
  const marks = { hour: 0, day: 0 };
  for (const { tier, mark } of markRows?.results ?? []) marks[tier as "hour" | "day"] = Number(mark);
  const rows = [hot, moving, hours, days].reduce((sum, part) => sum + (part?.results.length ?? 0), 0);
  return { ledger, minute, hour, day: dayFigures, marks, torn, rows };
}

const ANYBODY = { advertiserIds: null, campaignIds: null, adGroupIds: null, adIds: null } as const;

function findingOf({ database, serviceDay }: FiguresOf, tier: Tier, { row }: Lack, against: "log" | Tier): Finding {
  const stored = toStored(row);
  const { advertiserId, minute, campaignId, adId } = stored;
  const differs = MEASURES.flatMap((measure, at) => {
    const count = stored.counts[at] ?? 0;
    return count === 0 ? [] : [`${measure} ${count > 0 ? "+" : ""}${count}`];
  });
  const isMore = stored.counts.some((count) => count < 0);
  return {
    kind: against === "log" ? (isMore ? "fact_extra" : "fact_missing") : "tier",
    where: `${database.name}/facts_${tier}/${advertiserId}/${campaignId}/${adId}/${minute}`,
    detail: `On ${serviceDay} it lacks, to be what the ${against} says: ${differs.join(", ") || "reasons or users"}.`,
    advertiserId,
    repair: { database: database.name, tier, row: stored },
  };
}
