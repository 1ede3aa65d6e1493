/** What is past its time leaves, step by step, and what is not stays. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { moveMinutes } from "../../src/batch/move-minutes.ts";
import { dropOld } from "../../src/batch/retention.ts";
import { COLD_PREFIX } from "../../src/cold/store.ts";
import { type Facts, foldEntry } from "../../src/core/facts.ts";
import { DAY_MS, HOUR_MS } from "../../src/core/limits.ts";
import { advertiserBucketOf } from "../../src/core/routing.ts";
import { D1Facts } from "../../src/facts/d1-facts.ts";
import { HOUR_SUMS_BY } from "../../src/facts/hour-sums-sql.ts";
import { rollAll } from "../../src/facts/roll.ts";
import { NOON_MS } from "../support/builders.ts";
import { readPlaces } from "../support/cold-facts.ts";
import { readSums } from "../support/day-sums.ts";
import { failingPorts } from "../support/failing-ports.ts";
import { readHourSums } from "../support/hour-sums.ts";
import { loggedOf } from "../support/logged.ts";
import { postTo } from "../support/post-to.ts";
import { readFacts } from "../support/read-facts.ts";
import { wipeFacts } from "../support/wipe-facts.ts";

const ports = { database: env.REPORT_DB, archive: env.ARCHIVE };
const KEPT = { minutesKeptDays: 20, hoursKeptDays: 30, daysKeptDays: 40 };
const BUCKETS = [advertiserBucketOf("adv_1")];
const SPEC = { advertiser: 1, ad: 1, publisher: 1, country: "DE", count: 1 };

async function objectsLeft(): Promise<number> {
  return (await ports.archive.list({ prefix: COLD_PREFIX })).objects.length;
}

async function tiersLeft(): Promise<number[]> {
  const { cold, hot } = await readPlaces(ports.database, ports.archive);
  const [hours, days] = [await readFacts(ports.database, "hour"), await readFacts(ports.database, "day")];
  return [hot.length + cold.length, hours.size, days.size];
}

async function sumsLeft(): Promise<number> {
  return Object.keys(await readSums(ports.database)).length;
}

/** Two days of facts, rolled and moved: one of noon, one ten days later. */
async function prepare(): Promise<void> {
  await wipeFacts(ports.database);
  const { objects } = await ports.archive.list({ prefix: COLD_PREFIX });
  if (objects.length > 0) await ports.archive.delete(objects.map(({ key }) => key));
  const facts: Facts = new Map();
  const decision = { verdict: "valid", reason: null } as const;
  for (const [at, minute] of [0, 61, 14_400].entries())
    foldEntry(facts, loggedOf({ ...SPEC, decision, minute }, at + 1));
  await postTo(new D1Facts(ports.database, () => NOON_MS), { facts });
  const nowMs = NOON_MS + 15 * DAY_MS;
  await rollAll(ports.database, nowMs);
  const due = { nowMs, hotMinutesMs: 48 * HOUR_MS, buckets: BUCKETS, untilMs: Infinity };
  await moveMinutes({ ...ports, clock: () => nowMs }, due);
}

describe("retention", () => {
  beforeEach(prepare);

  const drop = (days: number, at = ports) =>
    dropOld(at, { nowMs: NOON_MS + days * DAY_MS, kept: KEPT, buckets: BUCKETS });

  it("drops each tier by its own number of days", async () => {
    expect(await tiersLeft()).toEqual([3, 3, 2]);
    expect(await drop(20)).toEqual({ rows: 0, objects: 0 });
    expect(await drop(21)).toEqual({ rows: 0, objects: 1 });
    expect(await tiersLeft()).toEqual([1, 3, 2]);
    expect(await objectsLeft()).toBe(1);
    expect(await drop(31)).toEqual({ rows: 2 + HOUR_SUMS_BY.length, objects: 1 });
    // Two hours and their day in sums by each dimension; the other day stays, in all of them.
    expect(await tiersLeft()).toEqual([0, 1, 2]);
    expect(Object.keys(await readHourSums(ports.database)).length).toBe(HOUR_SUMS_BY.length);
    // An hour, two days, and what these days add to: sixteen sums each.
    expect(await sumsLeft()).toBe(32);
    expect(await drop(60)).toEqual({ rows: 3 + 32 + HOUR_SUMS_BY.length, objects: 0 });
    expect(await tiersLeft()).toEqual([0, 0, 0]);
    expect(await sumsLeft()).toBe(0);
    const { results } = await ports.database.prepare("SELECT day FROM cold_objects").all();
    expect(results).toEqual([]);
  });

  it.each([false, true])(
    "finishes what a failure interrupted (done: %s), and never counts an object that is gone",
    async (isDone) => {
      const whole = failingPorts(ports, null);
      await drop(25, whole);
      for (let at = 0; at < whole.calls(); at++) {
        await prepare();
        await drop(25, failingPorts(ports, { at, isDone })).catch(() => {});
        await tiersLeft();
        await drop(25);
        expect(await objectsLeft()).toBe(1);
        expect(await tiersLeft()).toEqual([1, 3, 2]);
      }
    },
  );
});
