/**
 * The data set in the file that D1 reads: all migrations applied by a local runtime, then, while none runs, rows written
 * straight into its SQLite file, front to back. The upserts of postings would take hours for as many.
 *
 *   startRuntime(folder) ─▶ schema ─▶ stop ─▶ node:sqlite: facts, advertisers, sums, roll marks ─▶ startRuntime(folder)
 *
 * Sums of hours are those of the last months, which recipes ask for: for two years of them the roll would take as long
 * as all the rest.
 *
 * Keeps: the tables are those of the migrations, CHECKs included, and columns are named in each insert. Every window is
 * rolled: the marks stand at the end of the data, and days and hours are summed by the statements of the roll.
 * Relies on: Miniflare keeps a D1 database as one SQLite file in its folder.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { startRuntime } from "../../scripts/local-runtime.ts";
import { MEASURES, ROW_DIMENSIONS } from "../../src/core/fields.ts";
import { ADVERTISER_BUCKETS } from "../../src/core/limits.ts";
import { advertiserBucketOf } from "../../src/core/routing.ts";
import { ADD_TO_SUMS } from "../../src/facts/day-sums-sql.ts";
import type { Tier } from "../../src/facts/facts-schema.ts";
import { ADVANCE_HOUR_SUM_MARKS, HOUR_SUMS_BY, ROLL_HOUR_SUMS } from "../../src/facts/hour-sums-sql.ts";
import { BENCH_SECRETS } from "../clicks.ts";
import type { Calendar } from "./calendar.ts";
import type { Catalog } from "./catalog.ts";
import { type FactsRow, generateRows } from "./generate.ts";

export const TIERS: readonly Tier[] = ["minute", "hour", "day"];
const DATABASES = "v3/d1/miniflare-D1DatabaseObject";
const ROWS_PER_COMMIT = 200_000;
/** The file is worth nothing until it is whole: no journal, no syncing, and half a gigabyte of cache. */
const FAST =
  "PRAGMA journal_mode = DELETE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -500000;";

export type Built = {
  readonly file: string;
  readonly bytes: number;
  readonly rows: Readonly<Record<Tier, number>>;
  readonly cells: Readonly<Record<Tier, number>>;
  /** Minute rows of the last day. */
  readonly lastDay: number;
  /** Rows of days summed over advertisers. */
  readonly sums: number;
  /** Rows that rolling the last day would write into the sums, bucket by bucket. */
  readonly sumsWritten: number;
  readonly hours: HourSums;
  readonly seconds: number;
};

/** Sums of hours: days that have them, rows, their bytes, rows and seconds that rolling the last day took. */
type HourSums = {
  readonly days: number;
  readonly rows: number;
  readonly bytes: number;
  readonly lastDay: number;
  readonly lastDaySeconds: number;
};

/** Writes the data set into a new state folder. */
export async function buildFacts(statePath: string, catalog: Catalog, plan: Plan): Promise<Built> {
  const startMs = performance.now();
  const runtime = await startRuntime({ statePath, vars: BENCH_SECRETS, hasConsumers: false });
  await runtime.stop();
  const file = findDatabase(statePath);
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(file);
  try {
    const written = writeFacts(database, catalog, plan);
    const seconds = (performance.now() - startMs) / 1_000;
    return { file, ...written, bytes: statSync(file).size, seconds };
  } finally {
    database.close();
  }
}

export type Plan = { readonly calendar: Calendar; readonly seed: number };

function writeFacts(database: DatabaseSync, catalog: Catalog, { calendar, seed }: Plan) {
  database.exec(FAST);
  const inserts = Object.fromEntries(TIERS.map((tier) => [tier, database.prepare(INSERT(tier))]));
  const rows = { minute: 0, hour: 0, day: 0 };
  const cells = { minute: 0, hour: 0, day: 0 };
  let lastDay = 0;
  let pending = 0;
  database.exec("BEGIN");
  for (const row of generateRows(catalog, calendar, seed)) {
    write(inserts[row.tier] as StatementSync, row);
    rows[row.tier]++;
    cells[row.tier] += row.cellCount;
    if (row.tier === "minute" && row.window >= (calendar.toDay - 1) * 1_440) lastDay++;
    if (++pending % ROWS_PER_COMMIT === 0) database.exec("COMMIT; BEGIN");
  }
  writeRegistry(database, catalog, calendar);
  database.exec("COMMIT");
  const { sums, sumsWritten } = writeSums(database, calendar);
  const hours = writeHourSums(database, calendar);
  database.exec("PRAGMA journal_mode = WAL;");
  return { rows, cells, lastDay, sums, sumsWritten, hours };
}

const SUM_DAYS = ADD_TO_SUMS(`
  SELECT *
  FROM cells_day
  WHERE advertiser_id IN (SELECT advertiser_id FROM advertisers WHERE bucket = ?1) AND day >= ?2 AND day < ?3`);

/** Sums the days of each bucket as its rolls would. */
function writeSums(database: DatabaseSync, { fromDay, toDay }: Calendar): Pick<Built, "sums" | "sumsWritten"> {
  const sum = database.prepare(SUM_DAYS);
  let sumsWritten = 0;
  for (let bucket = 0; bucket < ADVERTISER_BUCKETS; bucket++) {
    database.exec("BEGIN");
    sum.run(bucket, fromDay, toDay - 1);
    sumsWritten += Number(sum.run(bucket, toDay - 1, toDay).changes);
    database.exec("COMMIT");
  }
  const row = database.prepare("SELECT count(*) AS count FROM day_sums").get();
  return { sums: Number(row?.["count"]), sumsWritten };
}

const HOUR_SUM_DAYS = 120;

/** Rolls sums of hours day by day, bucket by bucket and dimension by dimension, as cron does. */
function writeHourSums(database: DatabaseSync, { fromDay, toDay }: Calendar): HourSums {
  const first = Math.max(fromDay, toDay - HOUR_SUM_DAYS);
  const rolls = HOUR_SUMS_BY.map((by) => ({ by, roll: database.prepare(ROLL_HOUR_SUMS[by]) }));
  const mark = database.prepare("INSERT INTO hour_sum_marks (dimension, bucket, mark) VALUES (?, ?, ?)");
  const advance = database.prepare(ADVANCE_HOUR_SUM_MARKS);
  let [lastDay, lastDaySeconds] = [0, 0];
  for (let bucket = 0; bucket < ADVERTISER_BUCKETS; bucket++) {
    database.exec("BEGIN");
    for (const { by, roll } of rolls) {
      mark.run(by, bucket, first);
      for (let day = first; day < toDay; day++) {
        const startMs = performance.now();
        const { changes } = roll.run(bucket, day, day + 1);
        advance.run(bucket, day, day + 1, JSON.stringify([by]));
        if (day !== toDay - 1) continue;
        lastDay += Number(changes);
        lastDaySeconds += (performance.now() - startMs) / 1_000;
      }
    }
    database.exec("COMMIT");
  }
  const { rows, bytes } = database
    .prepare("SELECT count(*) AS rows, sum(octet_length(sums)) AS bytes FROM hour_sums")
    .get() as { rows: number; bytes: number };
  return { days: toDay - first, rows, bytes, lastDay, lastDaySeconds };
}

const INSERT = (tier: Tier) => {
  const columns = ["advertiser_id", tier, ...ROW_DIMENSIONS, "part", ...MEASURES, "cells", "reasons", "sketch"];
  return `INSERT INTO facts_${tier} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`;
};

function write(insert: StatementSync, { ad, totals, ...row }: FactsRow): void {
  const sketch = row.sketch === null ? null : Buffer.from(row.sketch, "latin1");
  const key = [row.advertiserId, row.window, ad.campaignId, ad.adGroupId, ad.adId, 0];
  insert.run(...key, ...totals, row.cells, row.reasons, sketch);
}

function writeRegistry(database: DatabaseSync, { advertisers }: Catalog, { toDay }: Calendar): void {
  const register = database.prepare("INSERT INTO advertisers (advertiser_id, bucket, first_seen_ms) VALUES (?, ?, 0)");
  for (const { advertiserId } of advertisers) register.run(advertiserId, advertiserBucketOf(advertiserId));
  const mark = database.prepare("INSERT INTO roll_marks (tier, bucket, mark) VALUES (?, ?, ?)");
  const sumMark = database.prepare("INSERT INTO day_sum_marks (bucket, mark) VALUES (?, ?)");
  for (let bucket = 0; bucket < ADVERTISER_BUCKETS; bucket++) {
    mark.run("hour", bucket, toDay * 24);
    mark.run("day", bucket, toDay);
    sumMark.run(bucket, toDay);
  }
}

/** The SQLite file of the only D1 database in a state folder. */
export function findDatabase(statePath: string): string {
  const folder = join(statePath, DATABASES);
  const files = readdirSync(folder).filter((name) => /^[0-9a-f]{64}\.sqlite$/.test(name));
  const [file] = files;
  if (file === undefined || files.length > 1) throw new Error(`${files.length} databases in ${folder}`);
  return join(folder, file);
}
