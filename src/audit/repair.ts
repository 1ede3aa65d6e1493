/**
 * Repairs: postings of a source of their own that add to a report database what an audit found it to lack. They stand
 * in the ledger like any posting, and count 0 in the truth: they are in no log, and a database that is filled anew from
 * the archive needs none.
 *
 *   ledger: repair/2026-11-27-0001.000007     one row for each repair that was applied
 *
 * Keeps: compare-and-set: a repair applies once, and only where the rows of its key still add up to what the audit
 * read; else nothing of it happens, and the next audit sees what there is. Each tier was compared by itself and is
 * repaired by itself: what was wrong with minutes may never have reached the hours.
 */
import type { MinuteRow } from "../cold/parquet.ts";
import { parseExact, stringifyExact } from "../core/exact.ts";
import { MEASURES } from "../core/fields.ts";
import { advertiserBucketOf } from "../core/routing.ts";
import { NAME_CHANGED, tick } from "../facts/changed-days-sql.ts";
import type { Tier } from "../facts/facts-schema.ts";
import { MOVE_LEDGER, REGISTER_ADVERTISERS, TIER_MINUTES, UPSERT_FACTS } from "../facts/facts-sql.ts";
import { firstHourSumsKept } from "../facts/hour-sums-days.ts";
import { HOUR_SUMS_BY } from "../facts/hour-sums-sql.ts";
import { bucketBit } from "../facts/touched.ts";
import {
  ADD_TO_SUM,
  FOLD_HOURS_OF_DAY,
  FORGET_HOUR_SUMS,
  GUARD_ROWS,
  GUARD_SUM,
  SELECT_REPAIRED,
  SUM_KEY,
} from "./audit-sql.ts";

/** What one repair adds, and what the rows of its key added up to when the audit read them. */
export type Repair =
  | { readonly tier: Tier; readonly database: string; readonly row: MinuteRow; readonly audited: Totals }
  | { readonly tier: "day_sum"; readonly database: string; readonly row: SumRow; readonly audited: Totals }
  | { readonly tier: "hour_sum"; readonly database: string; readonly row: HourSumsRow; readonly audited: Totals };

/** One for each measure; what a double does not hold is text. */
export type Totals = readonly (string | number)[];

export type SumRow = Readonly<Record<string, string | number>>;

/**
 * An advertiser's day by a dimension, which is folded anew from its hours: no guard, since that is always right. Where
 * the day is no longer kept by now, its sums are left to retention.
 */
type HourSumsRow = { readonly advertiserId: string; readonly dimension: string; readonly day: number };

/** What became of a repair: applied now or before, or refused because the rows are others than the audit read. */
export type RepairOutcome = "applied" | "moved_on";

/** Applies the repairs of an audit to one database, in their order; those that are applied already are left alone. */
export async function repairDatabase(
  database: D1Database,
  { audit, repairs, nowMs }: { audit: string; repairs: readonly Repair[]; nowMs: number },
): Promise<RepairOutcome[]> {
  const source = `repair/${audit.replace("/", "-")}.`;
  const outcomes: RepairOutcome[] = [];
  let done = await repaired(database, source);
  for (const [at, repair] of repairs.entries()) {
    if (done.has(at + 1)) {
      outcomes.push("applied");
      continue;
    }
    try {
      await database.batch(statementsOf(database, { source, number: at + 1, repair, nowMs }));
      outcomes.push("applied");
    } catch (fault) {
      // Whatever went wrong, the ledger knows.
      const stands = await repaired(database, source);
      if (!stands.has(at + 1) && !isGuarded(fault)) throw fault;
      outcomes.push(stands.has(at + 1) ? "applied" : "moved_on");
    }
    done = await repaired(database, source);
  }
  return outcomes;
}

/** The numbers of an audit's repairs that are applied. */
async function repaired(database: D1Database, source: string): Promise<ReadonlySet<number>> {
  const { results } = await database.prepare(SELECT_REPAIRED).bind(source).all<{ seq: number }>();
  return new Set(results.map(({ seq }) => seq));
}

/** A guard aborts by a NULL that the ledger refuses. */
function isGuarded(fault: unknown): boolean {
  return String(fault).includes("ledger.seq");
}

type One = { source: string; number: number; repair: Repair; nowMs: number };

function statementsOf(database: D1Database, { source, number, repair, nowMs }: One): D1PreparedStatement[] {
  const audited = JSON.stringify(repair.audited);
  const move = database
    .prepare(MOVE_LEDGER)
    .bind(
      `${source}${String(number).padStart(6, "0")}`,
      number,
      "",
      nowMs,
      "",
      nowMs,
      0,
      null,
      null,
      null,
      touchedBy(repair),
    );
  if (repair.tier === "day_sum") {
    const key = SUM_KEY.map((column) => repair.row[column] ?? "");
    const added = JSON.stringify(MEASURES.map((measure) => repair.row[measure] ?? 0));
    return [move, database.prepare(GUARD_SUM).bind(...key, audited), database.prepare(ADD_TO_SUM).bind(...key, added)];
  }
  if (repair.tier === "hour_sum") {
    const { advertiserId, dimension, day } = repair.row;
    if (day < firstHourSumsKept(nowMs)) return [move];
    const by = HOUR_SUMS_BY.find((known) => known === dimension) ?? "";
    const bound = [advertiserId, day] as const;
    return [
      move,
      database.prepare(FORGET_HOUR_SUMS).bind(...bound, by),
      database.prepare(FOLD_HOURS_OF_DAY[by]).bind(...bound),
    ];
  }
  const { tier, row } = repair;
  const { advertiserId, minute, campaignId, adGroupId, adId } = row;
  const key = [advertiserId, minute, campaignId, adGroupId, adId];
  const advertisers = JSON.stringify([[advertiserId, advertiserBucketOf(advertiserId)]]);
  return [
    move,
    database.prepare(GUARD_ROWS[tier]).bind(...key, audited),
    database.prepare(REGISTER_ADVERTISERS).bind(advertisers, nowMs),
    database.prepare(UPSERT_FACTS[tier]).bind(deltasOf(row, 1)),
    tick(database, nowMs),
    database.prepare(NAME_CHANGED).bind(deltasOf(row, TIER_MINUTES.day / TIER_MINUTES[tier])),
  ];
}

/** What a repair changes, for reports that are read in slices (facts/touched.ts). */
function touchedBy(repair: Repair): string {
  if (repair.tier === "day_sum") return "[]";
  if (repair.tier === "hour_sum") {
    const { advertiserId, day } = repair.row;
    const size = TIER_MINUTES.day;
    return JSON.stringify([[day * size, (day + 1) * size - 1, bucketBit(advertiserBucketOf(advertiserId))]]);
  }
  const size = TIER_MINUTES[repair.tier];
  const { minute, advertiserId } = repair.row;
  return JSON.stringify([[minute * size, (minute + 1) * size - 1, bucketBit(advertiserBucketOf(advertiserId))]]);
}

/** A row as the upserts read it (facts/facts-sql.ts), in windows `size` times as long. */
function deltasOf(row: MinuteRow, size: number): string {
  const { advertiserId, campaignId, adGroupId, adId, minute, cells, reasons, sketch, counts } = row;
  const delta = [
    ...[advertiserId, advertiserBucketOf(advertiserId), Math.floor(minute / size), campaignId, adGroupId, adId, 0],
    ...[parseExact(cells), parseExact(reasons), sketch, ...counts],
  ];
  return stringifyExact([delta]);
}
