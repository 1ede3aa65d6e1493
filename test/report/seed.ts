/**
 * Facts as postings and rolls leave them: cells folded into minute rows, rolled rows as the fold of the minutes.
 *
 * Keeps: a row that is split over parts sums to the same; hours and days below a mark stand in both tiers.
 */

import { hashApiKey } from "../../src/access/api-keys.ts";
import { withCheck } from "../../src/core/api-key.ts";
import {
  cellDimensionsOf,
  cellKeyOfStored,
  type Facts,
  type FactsRow,
  mergeFacts,
  totalsOf,
  widenFacts,
} from "../../src/core/facts.ts";
import { CELL_DIMENSIONS, MEASURES, type Measure } from "../../src/core/fields.ts";
import { ADVERTISER_BUCKETS } from "../../src/core/limits.ts";
import { toCounts } from "../../src/core/measures.ts";
import { advertiserBucketOf } from "../../src/core/routing.ts";
import { Sketch } from "../../src/core/sketch.ts";
import { D1Facts } from "../../src/facts/d1-facts.ts";
import { ADD_TO_SUMS } from "../../src/facts/day-sums-sql.ts";
import { NOON_MS } from "../support/builders.ts";
import { aPosting, postTo } from "../support/post-to.ts";

/** What one cell of one minute counts. */
export type Cell = {
  readonly atMs: number;
  readonly advertiser_id: string;
  readonly campaign_id: string;
  readonly ad_group_id: string;
  readonly ad_id: string;
  readonly publisher_id: string;
  readonly country: string;
  readonly device: string;
  readonly creative_id: string;
  readonly placement_id: string;
  readonly ad_format: string;
  readonly counts: Partial<Record<Measure, number>>;
  readonly reasons?: Readonly<Record<string, number>>;
  /** Elements of the sketch (core/sketch.ts). */
  readonly users?: readonly number[];
};

/** A cell with one click at noon unless told. */
export function aCell(overrides: Partial<Cell> = {}): Cell {
  return {
    atMs: NOON_MS,
    advertiser_id: "adv_1",
    campaign_id: "cmp_7",
    ad_group_id: "grp_1",
    ad_id: "ad_9",
    publisher_id: "pub_1",
    country: "DE",
    device: "mobile",
    creative_id: "crt_1",
    placement_id: "",
    ad_format: "",
    counts: clicks(1),
    ...overrides,
  };
}

/** Counts of valid clicks only. */
export function clicks(valid: number): Partial<Record<Measure, number>> {
  return { gross: valid, valid };
}

export type Mark = { readonly hour: number; readonly day: number };

/** Writes cells with their rolled tiers; `markOf` tells each bucket's marks (nothing rolled unless given). */
export async function seedCells(
  database: D1Database,
  cells: readonly Cell[],
  markOf: (bucket: number) => Mark = () => ({ hour: 0, day: 0 }),
): Promise<void> {
  await seedFacts(database, cells, markOf);
  const marks = Array.from({ length: ADVERTISER_BUCKETS }, (_, bucket) => ({ bucket, ...markOf(bucket) }));
  const rows = marks.flatMap(({ bucket, hour, day }) => [
    { tier: "hour", bucket, mark: hour },
    { tier: "day", bucket, mark: day },
  ]);
  const known = rows.filter(({ mark }) => mark > 0);
  await database.batch([
    database.prepare(INSERT_MARKS).bind(JSON.stringify(known)),
    database.prepare(INSERT_SUM_MARKS),
  ]);
}

/** Writes the facts of cells, and which advertisers there are, but no marks. */
export async function seedFacts(
  database: D1Database,
  cells: readonly Cell[],
  markOf: (bucket: number) => Mark,
): Promise<void> {
  const minutes = factsOf(cells);
  const isRolled = (row: FactsRow, tier: keyof Mark) => row.window < markOf(advertiserBucketOf(row.advertiserId))[tier];
  const hours = [...widenFacts(minutes, 60).values()].filter((row) => isRolled(row, "hour"));
  const days = [...widenFacts(minutes, 1_440).values()].filter((row) => isRolled(row, "day"));
  await database.batch([
    insertFacts(database, INSERT_FACTS("minute"), [...minutes.values()]),
    insertFacts(database, INSERT_FACTS("hour"), hours),
    insertFacts(database, INSERT_FACTS("day"), days),
    database.prepare("DELETE FROM day_sums"),
    database.prepare(ADD_TO_SUMS("SELECT * FROM cells_day")),
    insertAdvertisers(database, [...new Set(cells.map((cell) => cell.advertiser_id))]),
  ]);
}

/** Posts cells as a shard does: added to what is there, in every tier below its mark. */
export async function postCells(
  database: D1Database,
  cells: readonly Cell[],
  store = new D1Facts(database, () => NOON_MS),
  source = "s/1",
): Promise<void> {
  await postTo(store, { source, facts: factsOf(cells) });
}

/** Shows cells as a shard does that has not posted them. */
export async function openCells(database: D1Database, cells: readonly Cell[], source = "open/1"): Promise<void> {
  const store = new D1Facts(database, () => NOON_MS);
  await store.open(aPosting(null, { source, facts: factsOf(cells) }));
}

/** Stores what is known of advertisers, and assigns each, as the first posting of its events does. */
export async function seedProfiles(
  primary: D1Database,
  profiles: readonly { id: string; currency: string | null; timeZone?: string; database?: string }[],
): Promise<void> {
  const list = JSON.stringify(profiles.map((profile) => ({ timeZone: "UTC", database: "REPORT_DB", ...profile })));
  await primary.batch([
    primary.prepare(INSERT_PROFILES).bind(list, NOON_MS),
    primary.prepare(INSERT_ASSIGNMENTS).bind(list),
  ]);
}

/** Stores a key and gives its bearer header. `name` makes the key. */
export async function seedKey(
  database: D1Database,
  {
    name,
    advertiserId = null,
    publisherId = null,
    scopes,
  }: { name: string; advertiserId?: string | null; publisherId?: string | null; scopes: string[] },
): Promise<string> {
  const key = withCheck("clk_".concat(name.padEnd(43, "0")));
  await database
    .prepare(INSERT_KEY)
    .bind(hashApiKey(key), name, advertiserId, publisherId, JSON.stringify(scopes), NOON_MS)
    .run();
  return "Bearer ".concat(key);
}

function factsOf(cells: readonly Cell[]): Facts {
  const facts: Facts = new Map();
  for (const cell of cells) {
    mergeFacts(facts, [
      {
        advertiserId: cell.advertiser_id,
        window: Math.floor(cell.atMs / 60_000),
        campaignId: cell.campaign_id,
        adGroupId: cell.ad_group_id,
        adId: cell.ad_id,
        cells: new Map([[cellKeyOfStored(CELL_DIMENSIONS.map((name) => cell[name])), toCounts(cell.counts)]]),
        reasons: new Map(Object.entries(cell.reasons ?? {})),
        users: new Set(cell.users ?? []),
      },
    ]);
  }
  return facts;
}

/** Rows with several cells are split over two parts, as rows with too many cells are. */
function insertFacts(database: D1Database, sql: string, rows: readonly FactsRow[]): D1PreparedStatement {
  const parts = rows.flatMap((row) => {
    const cells = [...row.cells];
    const half = Math.ceil(cells.length / 2);
    return [cells.slice(0, half), cells.slice(half)]
      .filter((some, part) => part === 0 || some.length > 0)
      .map((some, part) => {
        const totals = totalsOf({ cells: new Map(some) });
        return {
          ...Object.fromEntries(MEASURES.map((measure, index) => [measure, totals[index]])),
          advertiser_id: row.advertiserId,
          time: row.window,
          campaign_id: row.campaignId,
          ad_group_id: row.adGroupId,
          ad_id: row.adId,
          part,
          cells: some.map(([key, counts]) => [cellDimensionsOf(key), counts]),
          reasons: part === 0 ? Object.fromEntries(row.reasons) : {},
          sketch: part === 0 && row.users.size > 0 ? Sketch.of(row.users).encode() : null,
        };
      });
  });
  return database.prepare(sql).bind(JSON.stringify(parts));
}

function insertAdvertisers(database: D1Database, ids: readonly string[]): D1PreparedStatement {
  const rows = ids.map((id) => ({ id, bucket: advertiserBucketOf(id) }));
  return database.prepare(INSERT_ADVERTISERS).bind(JSON.stringify(rows), NOON_MS);
}

const INSERT_FACTS = (tier: "minute" | "hour" | "day") => `
INSERT INTO facts_${tier} (
  advertiser_id, ${tier}, campaign_id, ad_group_id, ad_id, part, ${MEASURES.join(", ")}, cells, reasons,
  sketch
)
SELECT
  value ->> 'advertiser_id', value ->> 'time', value ->> 'campaign_id', value ->> 'ad_group_id', value ->> 'ad_id',
  value ->> 'part', ${MEASURES.map((measure) => `value ->> '${measure}'`).join(", ")}, value -> 'cells', value -> 'reasons',
  CAST(value ->> 'sketch' AS BLOB)
FROM json_each(?1)`;
const INSERT_ADVERTISERS = `
INSERT INTO advertisers (advertiser_id, bucket, first_seen_ms)
SELECT value ->> 'id', value ->> 'bucket', ?2
FROM json_each(?1)`;
const INSERT_MARKS = `
INSERT INTO roll_marks (tier, bucket, mark)
SELECT value ->> 'tier', value ->> 'bucket', value ->> 'mark'
FROM json_each(?1)`;
const INSERT_PROFILES = `
INSERT OR REPLACE INTO advertiser_profiles (advertiser_id, name, currency, time_zone, created_at_ms, updated_at_ms)
SELECT value ->> 'id', value ->> 'id', value ->> 'currency', value ->> 'timeZone', ?2, ?2
FROM json_each(?1)`;
const INSERT_ASSIGNMENTS = `
INSERT OR IGNORE INTO advertiser_directory (advertiser_id, database, pinned_at_ms)
SELECT value ->> 'id', value ->> 'database', 0
FROM json_each(?1)`;
/** Sums of days as far as days are rolled. */
const INSERT_SUM_MARKS = `
INSERT INTO day_sum_marks (bucket, mark)
SELECT bucket, mark
FROM roll_marks
WHERE tier = 'day'`;
const INSERT_KEY = `
INSERT INTO api_keys (key_hash, key_id, advertiser_id, publisher_id, scopes, created_at_ms)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)`;
