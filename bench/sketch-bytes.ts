/**
 * `node bench/sketch-bytes.ts`: what unique users take in the report database, and what merging them there costs.
 *
 *   node bench/sketch-bytes.ts [--rows 600] [--rounds 9]
 *
 * Bytes are those of the column after real postings. Times are the difference between a statement that merges the sketch
 * of every row, with a delta or with each other, and one that only reads them, per row; the median of the rounds.
 */
import { parseArgs } from "node:util";
import type { D1Database } from "@cloudflare/workers-types";
import { printFault, startRuntime } from "../scripts/local-runtime.ts";
import type { Facts } from "../src/core/facts.ts";
import { toCounts } from "../src/core/measures.ts";
import { ELEMENT_HASH_BYTES, elementOf, Sketch } from "../src/core/sketch.ts";
import { D1Facts } from "../src/facts/d1-facts.ts";
import { MERGED_SKETCH, SKETCH_LISTS, UNITED_SKETCH } from "../src/facts/sketch-sql.ts";
import { BENCH_SECRETS } from "./clicks.ts";
import { describeMachine } from "./machine.ts";
import { medianOf } from "./results.ts";

const MINUTE = 29_000_000;
const STORED_BYTES = `
SELECT min(length(sketch)) AS bytes_min, max(length(sketch)) AS bytes_max
FROM facts_minute
WHERE advertiser_id = ?1`;
const READ_ROWS = `
SELECT sum(length(sketch)) AS bytes
FROM facts_minute
WHERE advertiser_id = ?1 AND ?2 <> ''`;
const MERGE_ROWS = `
SELECT sum(length(${MERGED_SKETCH("facts.sketch", "delta.sketch")})) AS bytes
FROM facts_minute AS facts
CROSS JOIN (SELECT CAST(?2 AS BLOB) AS sketch LIMIT -1) AS delta
WHERE facts.advertiser_id = ?1`;
/** As a roll does: 60 rows make one. */
const UNITE_ROWS = `
SELECT sum(length(${UNITED_SKETCH})) AS bytes
FROM (
  SELECT ${SKETCH_LISTS("sketch")}
  FROM facts_minute
  WHERE advertiser_id = ?1 AND ?2 <> ''
  GROUP BY substr(ad_id, 4) / 60
)`;

type Stored = { readonly bytes_min: number; readonly bytes_max: number };
type Size = { readonly rows: number; readonly rounds: number };

/** Elements of ever new users. */
function nextUsers(count: number): Set<number> {
  const users = new Set<number>();
  while (users.size < count) users.add(elementOf(crypto.getRandomValues(new Uint8Array(ELEMENT_HASH_BYTES))));
  return users;
}

/** Posts one minute of `rows` ads with `users` users each; returns the advertiser. */
async function post(database: D1Database, rows: number, users: number): Promise<string> {
  const advertiserId = `adv_${users}`;
  const facts: Facts = new Map();
  for (let ad = 0; ad < rows; ad++) {
    const cells = new Map([["pub\u001fDE\u001fmobile\u001f", toCounts({ gross: users, valid: users })]]);
    const ids = { advertiserId, window: MINUTE, campaignId: "cmp", adGroupId: "", adId: `ad_${ad}` };
    facts.set(ids.adId, { ...ids, cells, reasons: new Map(), users: nextUsers(users) });
  }
  const to = { seq: 1, chain: "", loggedAtMs: 0, part: "" };
  const posting = { source: `bench/${users}`, shard: "bench", from: null, to, facts, lates: new Map() };
  await new D1Facts(database as never, () => Date.now()).post(posting);
  return advertiserId;
}

/** The line of a statement over all rows of the advertiser with so many users, by the time that reading does not take. */
async function measure(
  database: D1Database,
  { what, sql, users, delta }: { what: string; sql: string; users: number; delta: string },
  { rows, rounds }: Size,
): Promise<string> {
  const samples: number[] = [];
  let read = 0;
  for (let round = 0; round < rounds; round++) {
    const startMs = performance.now();
    const plain = await database.prepare(READ_ROWS).bind(`adv_${users}`, delta).run();
    const middleMs = performance.now();
    const merged = await database.prepare(sql).bind(`adv_${users}`, delta).run();
    samples.push(performance.now() - middleMs - (middleMs - startMs));
    read = merged.meta.rows_read - plain.meta.rows_read;
  }
  return `| ${what} | ${((medianOf(samples) * 1_000) / rows).toFixed(1)} | ${Math.round(read / rows)} |`;
}

/** The tables of both measurements, on a fresh local database. */
export async function measureSketches(size: Size): Promise<string[]> {
  const runtime = await startRuntime({ vars: BENCH_SECRETS, onLog: printFault });
  const { database } = runtime;
  try {
    const bytes: string[] = [];
    for (const users of [1, 60, 400, 500, 1_000, 10_000]) {
      const advertiserId = await post(database, users > 1_000 ? 1 : size.rows, users);
      const found = await database.prepare(STORED_BYTES).bind(advertiserId).first<Stored>();
      if (found === null || found.bytes_min !== found.bytes_max) throw new Error("rows of as many users differ");
      bytes.push(`| ${users} | ${found.bytes_max} |`);
    }
    const merges: string[] = [];
    const cases = [
      [60, 3],
      [60, 30],
      [400, 30],
      [500, 30],
      [1_000, 3],
      [1_000, 30],
      [1_000, 1_000],
    ] as const;
    for (const [users, added] of cases) {
      const what = `${added} new users into ${users}${users < 512 && users + added > 512 ? ", past the limit" : ""}`;
      const delta = Sketch.of(nextUsers(added)).encode();
      merges.push(await measure(database, { what, sql: MERGE_ROWS, users, delta }, size));
    }
    for (const users of [60, 400, 1_000]) {
      const what = `one of 60 rows of ${users} users, united`;
      merges.push(await measure(database, { what, sql: UNITE_ROWS, users, delta: "-" }, size));
    }
    const heads = ["| users of an ad in a minute | bytes stored |", "|---|---|"];
    return [...heads, ...bytes, "", "| merge | µs a row | rows read a row |", "|---|---|---|", ...merges];
  } finally {
    await runtime.stop();
  }
}

async function main(): Promise<void> {
  const options = {
    rows: { type: "string", default: "600" },
    rounds: { type: "string", default: "9" },
  } as const;
  const { values } = parseArgs({ options, strict: true });
  const lines = await measureSketches({ rows: Number(values.rows), rounds: Number(values.rounds) });
  const command = `node bench/sketch-bytes.ts --rows ${values.rows} --rounds ${values.rounds}`;
  console.log([...describeMachine(command), "", ...lines].join("\n"));
}

if (import.meta.main) {
  main().catch((cause: unknown) => {
    console.error(cause);
    process.exit(1);
  });
}
