/**
 * The meter of cost still runs, in small; checked for what it counts, for what is counted when nothing happens, and for the
 * rows that a click may write.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { COST_SIZES, ROWS_WANTED } from "../bench/cost/cases.ts";
import { namesCounted } from "../bench/cost/counters.ts";
import { bundleScripts, type Carried, measureNaive, measureOurs, startCost } from "../bench/cost/measure.ts";
import { toCostPage } from "../bench/cost/page.ts";
import { billedOf } from "../bench/cost.ts";
import type { LocalRuntime } from "../scripts/local-runtime.ts";

const MINUTES_MS = 60_000;
const { cases, naive } = COST_SIZES.small;
/** One event a message, which is what writes most rows; part of a minute. */
const BUSY = { ...cases[0], clicksPerSecond: ROWS_WANTED.clicksPerSecond, perMessage: 1, seconds: 6 };
let runtime: LocalRuntime;
/** Of all cases, in one run, since time does not go back. */
const ours: Carried[] = [];

beforeAll(async () => {
  runtime = await startCost(await bundleScripts());
  for await (const one of measureOurs(runtime, [cases[0], BUSY])) ours.push(one);
}, 5 * MINUTES_MS);

afterAll(() => runtime?.stop());

async function onlyOne(measured: AsyncGenerator<Carried>): Promise<Carried> {
  for await (const one of measured) return one;
  throw new Error("nothing was measured");
}

it("counts every click of ours, and at rest bills nothing but the cron's", () => {
  const measured = ours[0] as Carried;
  // 20 clicks/s for 6 s, ten a message of three operations.
  expect(measured.carried).toMatchObject({ clicks: 120, messages: 12, queueOperations: 36 });
  for (const name of ["objectRowsWritten", "d1RowsWritten", "objectCalls", "alarmsRun", "classA"] as const) {
    expect(measured.carried[name], name).toBeGreaterThan(0);
  }
  expect(measured.hourly.d1RowsWritten).toBeGreaterThan(100);
  expect(measured.daily.d1RowsWritten).toBeGreaterThan(100);

  expect(namesCounted(measured.quietDay)).toEqual([]);
  for (const minute of [measured.restMinute, measured.idleMinute]) {
    expect(minute).toMatchObject({ cronRuns: 1, consumerRuns: 0, messages: 0, alarmsRun: 0, alarmsSet: 0, points: 0 });
  }
  const billed = billedOf(cases[0], measured, 100);
  expect(toCostPage({ ours: [billed], naive: [] }, ["machine: any"])).toContain("Nothing clicked, cron alone: $");
});

it("writes no more rows a click than are wanted, one event a message", () => {
  const { carried, hourly } = ours[1] as Carried;
  expect(carried).toMatchObject({ clicks: 6 * BUSY.clicksPerSecond, messages: 6 * BUSY.clicksPerSecond });
  const inObjects = (carried.objectRowsWritten + carried.alarmsSet) / carried.clicks;
  // An ad's row of a minute is written once, and what an hour writes once an hour, whatever came.
  const inD1 = (carried.d1RowsWritten / 60 + hourly.d1RowsWritten / 3_600) / BUSY.clicksPerSecond;
  expect(inObjects).toBeGreaterThan(0);
  expect(inD1).toBeGreaterThan(0);
  expect(inObjects + inD1).toBeLessThanOrEqual(ROWS_WANTED.max);
  // Ten calls a second of each object share a row of its log, at the price of holding them.
  expect(carried.objectRowsWritten).toBeLessThan(carried.objectCalls);
  expect(carried.objectHeldMs).toBeGreaterThan(0);
});

it("counts every click of the naive Worker: two rows in the object of its ad, and one or two in D1", {
  timeout: 3 * MINUTES_MS,
}, async () => {
  const { carried } = await onlyOne(measureNaive(runtime, naive));
  // 3 s at 20 clicks/s, each of another ad, whose object is new and writes three rows for its table.
  expect(carried).toMatchObject({ clicks: 60, messages: 60, queueOperations: 180, objectCalls: 60 });
  expect(carried).toMatchObject({ objectRowsWritten: 60 * (2 + 3), d1RowsWritten: 60 * 2, alarmsSet: 0, classA: 0 });
});
