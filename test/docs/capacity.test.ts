/** The capacity model: what it says of loads whose answer is known, and the table of docs/OPERATIONS.md. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Ads } from "../../bench/capacity/ads.ts";
import { roomySettings } from "../../bench/capacity/advice.ts";
import { main, sizesOf, tableOf } from "../../bench/capacity/cli.ts";
import * as limits from "../../bench/capacity/limits.ts";
import { runCapacity } from "../../bench/capacity/model.ts";
import { measureHourSums, measureRows } from "../../bench/capacity/rows.ts";
import { type CapacitySettings, deployedSettings } from "../../bench/capacity/settings.ts";
import { storageOf } from "../../bench/capacity/storage.ts";

const deployed = await deployedSettings();
const runOf = (given: Partial<CapacitySettings>) =>
  runCapacity({ ...deployed, ...{ minutes: 2, queues: 3, shards: 8, databases: 2 }, ...given });
const busyOf = (name: string, { stations }: ReturnType<typeof runCapacity>) =>
  stations.find((one) => one.name === name)?.busy ?? Number.NaN;

describe("a load against the limits of the platform", () => {
  it("saturates one queue at 5 000 messages a second: what is more goes straight to shards", () => {
    const { ways, ...rest } = runOf({ clicksPerSecond: 10_000, queues: 1, shards: 32 });
    expect(busyOf("queues", { ways, ...rest })).toBeCloseTo(2, 5);
    expect(ways.queue).toBeCloseTo(0.5, 1);
    expect(ways.shard + ways.spool).toBeCloseTo(1 - ways.queue, 5);
    const within = runOf({ clicksPerSecond: 4_900, queues: 1 });
    expect(within.ways).toEqual({ queue: 1, other_queue: 0, shard: 0, spool: 0 });
  });

  it("goes by any queue while all together are within their rate, and every click is seen", () => {
    for (const perMessage of [1, 10]) {
      const { ways, unseen, seenMs } = runOf({ clicksPerSecond: 10_000, perMessage });
      expect(ways.queue + ways.other_queue).toBeCloseTo(1, 9);
      expect(unseen).toBeLessThan(1e-9);
      expect(seenMs.p50).toBeLessThanOrEqual(seenMs.p99);
      expect(seenMs.p99).toBeLessThanOrEqual(5_000);
    }
  });

  it("keeps a click waiting for a batch that is never full, and for the next flush, and no longer", () => {
    const { seenMs } = runOf({ clicksPerSecond: 1, ads: 10 });
    expect(seenMs.worst).toBeLessThanOrEqual(deployed.batchWaitMs + deployed.flushMs + 200);
    expect(seenMs.worst).toBeGreaterThan(deployed.batchWaitMs);
  });

  it("saturates a database by rows where each click is of another ad, and a shard by an ad that all click", () => {
    const rows = runOf({
      clicksPerSecond: 20_000,
      minutes: 1,
      queues: 8,
      shards: 16,
      ads: 1e9,
      skew: 0,
      databases: 1,
      postMs: deployed.flushMs,
    });
    expect(busyOf("databases", rows)).toBeGreaterThan(1);
    expect(rows.rowsPerClick).toBeCloseTo(1, 1);
    expect(rows.unseen).toBeGreaterThan(0.2);
    const hot = { ...deployed, clicksPerSecond: 30_000, ads: 1, queues: 12 };
    expect(busyOf("shards", runOf(hot))).toBeGreaterThan(1);
    expect(roomySettings(hot)).toBeNull();
  });

  it("has room with what it advises, and not with a station less", () => {
    const roomy = roomySettings({ ...deployed, queues: 1, shards: 1, databases: 1 });
    expect(roomy?.result.stations.every(({ busy }) => busy <= 0.6)).toBe(true);
    const { queues = 0 } = roomy?.settings ?? {};
    expect(queues).toBeGreaterThan(2);
    expect(busyOf("queues", runOf({ queues: Math.floor(queues / 2) }))).toBeGreaterThan(0.6);
  });
});

describe("ads", () => {
  it("are clicked as Zipf says: distinct ones, rows by window, and shares of shards that add up to all", () => {
    const [equal, skewed] = [new Ads(1_000, 0), new Ads(1_000, 1)];
    expect(equal.distinct(1e6)).toBeCloseTo(1_000, 3);
    expect(equal.distinct(1)).toBeCloseTo(1, 2);
    expect(equal.distinct(1_000)).toBeCloseTo(1_000 * (1 - Math.exp(-1)), 3);
    expect(skewed.distinct(1_000)).toBeLessThan(equal.distinct(1_000));
    expect(equal.rows(1_000, 10)).toBeCloseTo(10 * equal.distinct(100), 9);
    for (const ads of [equal, skewed, new Ads(1e7, 0.8)]) {
      const shares = ads.sharesOf(8);
      expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 1);
    }
  });

  it("fill databases by what each tier keeps", () => {
    const one = storageOf({ ...deployed, clicksPerSecond: 100, ads: 1_000, skew: 0 });
    const longer = storageOf({
      ...deployed,
      clicksPerSecond: 100,
      ads: 1_000,
      skew: 0,
      hoursKeptDays: 2 * deployed.hoursKeptDays,
    });
    expect(one.rowsPerDay.day).toBeCloseTo(1_000, 3);
    expect(longer.bytes.hour).toBeCloseTo(2 * one.bytes.hour, 3);
    expect(longer.bytes.day).toBe(one.bytes.day);
    // Two for each ad, two for each of 100 campaigns, and 30 for each of 10 advertisers.
    expect(one.sumsPerDay).toBeCloseTo(2_000 + 200 + 300, 3);
    expect([one, longer].map(({ daysKept }) => daysKept.hourSums)).toEqual([100, 100]);
    expect(storageOf({ ...deployed, hoursKeptDays: 30 }).daysKept.hourSums).toBe(30);
    expect(one.bytes.hourSums).toBeCloseTo(100 * one.sumsPerDay * limits.D1_HOUR_SUM_BYTES, 3);
    // The day that goes on, and those that ended less than 48 hours ago.
    expect(one.bytes.minute).toBeCloseTo(3 * one.rowsPerDay.minute * limits.D1_ROW_BYTES, 3);
    const full = storageOf({ ...deployed, ads: 10e6 });
    const bytes = Object.values(full.bytes).reduce((sum, each) => sum + each, 0);
    expect(full.databases).toBe(Math.ceil(bytes / limits.D1_BYTES_USED_MAX));
  });

  it("take as many bytes as the statements of production make them take", async () => {
    const { rowBytes } = await measureRows(3);
    expect(rowBytes).toBeGreaterThan(0.9 * limits.D1_ROW_BYTES);
    expect(rowBytes).toBeLessThan(1.1 * limits.D1_ROW_BYTES);
    expect(await measureHourSums({ hours: 1, clicks: 1 })).toBeLessThan(limits.D1_HOUR_SUM_BYTES);
    expect(await measureHourSums({ hours: 24, clicks: 100 })).toBeGreaterThan(limits.D1_HOUR_SUM_BYTES);
  });
});

it("the command says what saturates, what would keep up, and what it does not understand", async () => {
  const said: string[] = [];
  const run = (...args: string[]) => main(args, (line) => said.push(line));
  expect(await run("--rate", "10000", "--minutes", "1", "--queues", "1")).toBe(1);
  expect(said.join("\n")).toMatch(/Saturated: queues.*\nIt keeps up, with room, with \d+ queues/s);
  expect(await run("--rate", "10", "--minutes", "1")).toBe(0);
  expect(said.at(-1)).toBe("Nothing saturates.");
  expect(await run("--rate", "many")).toBe(2);
  expect(said.at(-1)).toBe("--rate takes a positive integer");
});

it("docs/OPERATIONS.md has the tables that `npm run simulate -- --table` prints, and what it says of them", () => {
  const document = readFileSync("docs/OPERATIONS.md", "utf8");
  for (const table of [tableOf(deployed), sizesOf(deployed)]) expect(document).toContain(table.join("\n"));
  const load = { ...deployed, clicksPerSecond: 10_000, ads: 10e6 };
  const { bytes, databases } = storageOf(load);
  const all = Object.values(bytes).reduce((sum, each) => sum + each, 0);
  const said = (count: number) => Math.round(count).toLocaleString("en").replaceAll(",", " ");
  const full = Math.ceil(all / limits.D1_BYTES_MAX);
  expect(document).toContain(`Together ${said(all / 1e9)} GB, in ${said(databases)} databases of 7 GB`);
  expect(document).toContain(`to the last byte of 10 GB, ${said(full)}.`);
  const dense = (bytes.hourSums * 1_200) / limits.D1_HOUR_SUM_BYTES;
  const ofDense = Math.ceil((all - bytes.hourSums + dense) / limits.D1_BYTES_USED_MAX);
  expect(document).toContain(`sums of hours are ${said(dense / 1e9)} GB and the databases ${said(ofDense)}`);
  const shorter = storageOf({ ...load, hoursKeptDays: 90 });
  expect(document).toContain(`of their sums, ${said(shorter.databases)} databases`);
});
