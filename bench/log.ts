/**
 * `npm run bench:log`: what a month of the evidence log asks of R2: leaves handed in, places, tiles, checkpoints.
 *
 *   npm run bench:log -- [--advertisers N] [--publishers N] [--shards N] [--save FILE]
 *
 * Each hour has a leaf a click shard, each day one a manifest of an advertiser and of a publisher; the log is sequenced
 * every hour until nothing waits. A month has 30 days.
 *
 * Keeps: the sequencer is the real one, on R2 in memory that counts what it is asked; nothing is timed.
 */
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { PRICES, PRICES_READ } from "../src/core/prices.ts";
import { enqueueLeaf } from "../src/tlog/log.ts";
import { PENDING_PREFIX } from "../src/tlog/objects.ts";
import { MemoryR2 } from "../test/support/memory-r2.ts";
import { makeLog } from "../test/verify/world.ts";
import { describeMachine } from "./machine.ts";

const DAYS = 30;
const HOURS = 24;

const number = { type: "string" } as const;
const options = { advertisers: number, publishers: number, shards: number, save: number } as const;
const { values } = parseArgs({ options, strict: true });
const [advertisers, publishers, shards] = [
  values.advertisers ?? 1_000,
  values.publishers ?? 100,
  values.shards ?? 8,
].map(Number) as [number, number, number];

const r2 = new MemoryR2();
const { publish } = await makeLog(r2);
let leaves = 0;
const handIn = async (count: number) => {
  for (let at = 0; at < count; at++) {
    await enqueueLeaf(r2.bucket, createHash("sha512").update(`leaf ${leaves++}`).digest());
  }
};
// Looked at behind the counter: R2 is asked by the sequencer alone.
const waits = () => Array.from(r2.objects.keys()).some((key) => key.startsWith(PENDING_PREFIX));
for (let day = 0; day < DAYS; day++) {
  for (let hour = 0; hour < HOURS; hour++) {
    await handIn(shards + (hour === 0 ? advertisers + publishers : 0));
    do await publish();
    while (waits());
  }
}
const { writes, lists, reads } = r2.asked;
const tiles = r2.keys().filter((key) => key.includes("/tile/"));
const bytes = tiles.reduce((sum, key) => sum + (r2.objects.get(key)?.bytes.length ?? 0), 0);
const dollars = ((writes + lists) * PRICES.classA.perMillion + reads * PRICES.classB.perMillion) / 1_000_000;
const command = `npm run bench:log -- --advertisers ${advertisers} --publishers ${publishers} --shards ${shards}`;
const page = [
  "# What a month of the evidence log asks of R2",
  "",
  ...describeMachine(command).map((line) => `- ${line}`),
  "",
  "| of a month | |",
  "|---|--:|",
  `| leaves | ${leaves} |`,
  `| R2 writes | ${writes} |`,
  `| R2 lists | ${lists} |`,
  `| R2 reads | ${reads} |`,
  `| objects of tiles that stay | ${tiles.length} |`,
  `| MB of them | ${(bytes / 1_000_000).toFixed(1)} |`,
  `| dollars at list prices of ${PRICES_READ} | ${dollars.toFixed(2)} |`,
  "",
].join("\n");
console.log(page);
if (values.save !== undefined) await writeFile(values.save, page);
