/**
 * The meter of cost still runs, in small; checked for what it counts, and for what is counted when nothing happens.
 */
import { afterAll, beforeAll, expect, it } from "vitest";
import { COST_SIZES } from "../bench/cost/cases.ts";
import { namesCounted } from "../bench/cost/counters.ts";
import { bundleScripts, type Carried, measureNaive, measureOurs, startCost } from "../bench/cost/measure.ts";
import { toCostPage } from "../bench/cost/page.ts";
import { billedOf } from "../bench/cost.ts";
import type { LocalRuntime } from "../scripts/local-runtime.ts";

const MINUTES_MS = 60_000;
const { cases, naive } = COST_SIZES.small;
let runtime: LocalRuntime;

beforeAll(async () => {
  runtime = await startCost(await bundleScripts());
}, 3 * MINUTES_MS);

afterAll(() => runtime?.stop());

async function onlyOne(measured: AsyncGenerator<Carried>): Promise<Carried> {
  for await (const one of measured) return one;
  throw new Error("nothing was measured");
}

it("counts every click of ours, and at rest bills nothing but the cron's", { timeout: 5 * MINUTES_MS }, async () => {
  const measured = await onlyOne(measureOurs(runtime, cases));
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

it("counts every click of the naive Worker: two rows in the object of its ad, and one or two in D1", {
  timeout: 3 * MINUTES_MS,
}, async () => {
  const { carried } = await onlyOne(measureNaive(runtime, naive));
  // 3 s at 20 clicks/s, each of another ad, whose object is new and writes three rows for its table.
  expect(carried).toMatchObject({ clicks: 60, messages: 60, queueOperations: 180, objectCalls: 60 });
  expect(carried).toMatchObject({ objectRowsWritten: 60 * (2 + 3), d1RowsWritten: 60 * 2, alarmsSet: 0, classA: 0 });
});
