/**
 * What a row takes in a report database: time and bytes, by the real migration and the real statements of a posting and
 * of rolls, over SQLite in this process. The platform's own time for a transaction comes on top (limits.ts).
 *
 *   npm run simulate -- --measure
 */
import { cellKeyOf, type Facts, factsKeyOf } from "../../src/core/facts.ts";
import { MEASURES } from "../../src/core/fields.ts";
import { zeroCounts } from "../../src/core/measures.ts";

type Database = { rows(sql: string): Record<string, unknown>[] };
type Store = { post(posting: object): Promise<void> };

// Loaded by name: their sources are typed with the platform's globals, which do not mix with Node's (test/platform.d.ts).
const load = async <T>(path: string) => (await import(new URL(path, import.meta.url).href)) as T;
const { SqliteD1 } = await load<{ SqliteD1: new () => Database }>("../../test/simulation/audited/sqlite-d1.ts");
const { D1Facts } = await load<{ D1Facts: new (database: Database, clock: () => number) => Store }>(
  "../../src/facts/d1-facts.ts",
);
const { rollAll } = await load<{ rollAll: (database: Database, nowMs: number) => Promise<number> }>(
  "../../src/facts/roll.ts",
);

const ROWS_PER_POSTING = 1_000;
const FIRST_MINUTE = 29_000_000;
/** Ten advertisers of a hundred ads each, as the capacity model has them. */
const ADS = 1_000;
const DAY = 20_000;
const DAY_MINUTES = 1_440;

export type RowCost = { readonly rowMicros: number; readonly rowBytes: number };

/** Posts so many rows, each of an ad of its own with one click. */
export async function measureRows(postings: number): Promise<RowCost> {
  const database = new SqliteD1();
  const store = new D1Facts(database, () => FIRST_MINUTE * 60_000);
  let from: object | null = null;
  const startMs = performance.now();
  for (let number = 0; number < postings; number++) {
    const to = { seq: number + 1, chain: String(number), loggedAtMs: 0, part: "" };
    await store.post({ source: "clicks-0/a", shard: "clicks-0", from, to, facts: factsOf(number), lates: new Map() });
    from = to;
  }
  const rows = postings * ROWS_PER_POSTING;
  const rowMicros = ((performance.now() - startMs) * 1_000) / rows;
  const [size] = database.rows("SELECT sum(pgsize) AS bytes FROM dbstat WHERE name = 'facts_minute'");
  return { rowMicros, rowBytes: Number(size?.["bytes"]) / rows };
}

/** Bytes of a value of a day in the sums of hours, where each ad has so many clicks in so many of its hours. */
export async function measureHourSums({ hours, clicks }: { hours: number; clicks: number }): Promise<number> {
  const database = new SqliteD1();
  const store = new D1Facts(database, () => (DAY + 1) * DAY_MINUTES * 60_000);
  let from: object | null = null;
  for (let number = 0; number < hours; number++) {
    const to = { seq: number + 1, chain: String(number), loggedAtMs: 0, part: "" };
    const facts = factsOfHour(Math.floor((number * 24) / hours), clicks);
    await store.post({ source: "clicks-0/a", shard: "clicks-0", from, to, facts, lates: new Map() });
    from = to;
  }
  await rollAll(database, (DAY + 2) * DAY_MINUTES * 60_000);
  const [sums] = database.rows(
    "SELECT sum(size) AS sums, (SELECT sum(pgsize) FROM dbstat WHERE name = 'hour_sums') AS bytes FROM hour_sums",
  );
  return Number(sums?.["bytes"]) / Number(sums?.["sums"]);
}

function factsOfHour(hour: number, clicks: number): Facts {
  const facts: Facts = new Map();
  for (let ad = 0; ad < ADS; ad++) {
    const place = { advertiserId: `adv_${ad % 10}`, campaignId: `cmp_${ad % 100}`, adGroupId: "", adId: `ad_${ad}` };
    const values = { publisherId: `pub_${ad % 12}`, country: "DE", device: "mobile" as const, creativeId: `cre_${ad}` };
    const row = {
      ...place,
      ...{ window: DAY * DAY_MINUTES + hour * 60, cells: new Map([[cellKeyOf(values), countsOf(clicks)]]) },
      ...{ reasons: new Map(), users: new Set([ad]) },
    };
    facts.set(factsKeyOf(row), row);
  }
  return facts;
}

function countsOf(clicks: number): number[] {
  const counts = zeroCounts();
  for (const measure of ["valid", "gross", "valid_with_user"] as const) counts[MEASURES.indexOf(measure)] = clicks;
  counts[MEASURES.indexOf("spend_micros")] = 250_000 * clicks;
  return counts;
}

function factsOf(posting: number): Facts {
  const facts: Facts = new Map();
  for (let at = 0; at < ROWS_PER_POSTING; at++) {
    const ad = posting * ROWS_PER_POSTING + at;
    const place = { advertiserId: `adv_${ad % 500}`, campaignId: `cmp_${ad % 5_000}`, adGroupId: "", adId: `ad_${ad}` };
    const cell = cellKeyOf({ publisherId: `pub_${ad % 50}`, country: "DE", device: "mobile" });
    const row = {
      ...place,
      window: FIRST_MINUTE + (posting % 60),
      cells: new Map([[cell, countsOf(1)]]),
      reasons: new Map(),
      users: new Set([ad * 7]),
    };
    facts.set(factsKeyOf(row), row);
  }
  return facts;
}
