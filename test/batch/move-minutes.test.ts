/**
 * Moving minutes: at every moment, after any failure and with several movers, hot and cold rows together are the
 * fold of the events, each row once.
 */
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { runTiers } from "../../src/batch/cron.ts";
import { moveMinutes } from "../../src/batch/move-minutes.ts";
import { ROWS_PER_GROUP } from "../../src/cold/parquet.ts";
import { claimBatch, settleBatch } from "../../src/cold/store.ts";
import { type Facts, foldEntry, widenFacts } from "../../src/core/facts.ts";
import { BATCH_PARTS_COUNT, DAY_MS, HOUR_MS, MINUTE_MS } from "../../src/core/limits.ts";
import { advertiserBucketOf } from "../../src/core/routing.ts";
import { D1Facts } from "../../src/facts/d1-facts.ts";
import { boundDatabases } from "../../src/facts/directory.ts";
import { readMarks, rollAll } from "../../src/facts/roll.ts";
import { NOON_MS } from "../support/builders.ts";
import { readPlaces } from "../support/cold-facts.ts";
import { failingPorts, InjectedOutage } from "../support/failing-ports.ts";
import { anySpec, loggedOf, type Spec } from "../support/logged.ts";
import { postTo } from "../support/post-to.ts";
import { canonical, readFacts } from "../support/read-facts.ts";
import { wipeFacts } from "../support/wipe-facts.ts";

const SEED = 20_261_122;
const HOT_MS = 48 * HOUR_MS;
const ports = { database: env.REPORT_DB, archive: env.ARCHIVE };
const BUCKETS = [1, 2, 3].map((advertiser) => advertiserBucketOf(`adv_${advertiser}`));

let posted: Spec[] = [];

async function wipe(): Promise<void> {
  posted = [];
  await wipeFacts(ports.database);
}

function fold(specs: readonly Spec[]): Facts {
  const facts: Facts = new Map();
  for (const [at, spec] of specs.entries()) foldEntry(facts, loggedOf(spec, at + 1));
  return facts;
}

async function post(specs: readonly Spec[]): Promise<void> {
  posted.push(...specs);
  await postTo(new D1Facts(ports.database, () => NOON_MS), { facts: fold(specs) });
}

function move(nowMs: number, { database, archive } = ports): Promise<number> {
  const clock = () => nowMs;
  const due = { nowMs, hotMinutesMs: HOT_MS, buckets: [...new Set(BUCKETS)], untilMs: Infinity };
  return moveMinutes({ database, archive, clock }, due);
}

/** Rows of batches whose objects do not count yet, by the ledger. */
async function rowsUnderWay(): Promise<number> {
  const sql = "SELECT coalesce(sum(rows), 0) AS rows FROM cold_objects WHERE state = 'moving'";
  return (await ports.database.prepare(sql).first<{ rows: number }>())?.rows ?? 0;
}

/** Every event is counted once, wherever its row stands. */
async function expectTruth(): Promise<Awaited<ReturnType<typeof readPlaces>>> {
  const places = await readPlaces(ports.database, ports.archive);
  expect(canonical(places.facts)).toBe(canonical(fold(posted)));
  return places;
}

function aSpec(overrides: Partial<Spec> = {}): Spec {
  const decision = { verdict: "valid", reason: null } as const;
  return { advertiser: 1, ad: 1, publisher: 1, country: "DE", minute: 0, count: 1, decision, ...overrides };
}

const DAY_3 = NOON_MS + 3 * DAY_MS;

describe("minutes past the hot window", () => {
  beforeEach(wipe);

  it("move to R2 once their day is rolled, and count once", async () => {
    await post([aSpec({ user: 1 }), aSpec({ minute: 61 }), aSpec({ minute: -800, ad: 2 }), aSpec({ advertiser: 2 })]);
    expect(await move(DAY_3)).toBe(0);
    await rollAll(ports.database, DAY_3);
    expect(await move(DAY_3)).toBe(3);
    const { hot, cold } = await expectTruth();
    expect([hot.length, cold.length]).toEqual([0, 4]);
    expect(await move(DAY_3)).toBe(0);
  });

  it("stay while their day has an hour in the hot window", async () => {
    await post([aSpec()]);
    await rollAll(ports.database, DAY_3);
    const endOfDay = Math.ceil(NOON_MS / DAY_MS) * DAY_MS;
    expect(await move(endOfDay + HOT_MS - 1)).toBe(0);
    expect((await expectTruth()).hot).toHaveLength(1);
    expect(await move(endOfDay + HOT_MS)).toBe(1);
    expect((await expectTruth()).hot).toHaveLength(0);
  });

  it("are never taken before the roll has folded them", async () => {
    await post([aSpec()]);
    await rollAll(ports.database, NOON_MS + 2 * HOUR_MS);
    expect(await move(NOON_MS + 30 * DAY_MS)).toBe(0);
    expect((await readFacts(ports.database, "hour")).size).toBe(1);
    await rollAll(ports.database, NOON_MS + 30 * DAY_MS);
    expect(await move(NOON_MS + 30 * DAY_MS)).toBe(1);
    await expectTruth();
  });

  it("are moved in several batches when a day has more than one holds", async () => {
    // 8 ads, 1 100 minutes: more rows than a batch.
    for (let from = 0; from < 1_100; from += 550) {
      const specs = Array.from({ length: 8 * 550 }, (_, at) =>
        aSpec({ ad: at % 8, minute: -700 + from + Math.floor(at / 8), user: at % 100 }),
      );
      await post(specs);
    }
    await rollAll(ports.database, DAY_3);
    expect(await move(DAY_3)).toBe(2);
    const { hot, cold } = await expectTruth();
    expect([hot.length, cold.length]).toEqual([0, 8_800]);
    const { results } = await ports.database
      .prepare("SELECT rows, is_cut, minute_first, minute_last FROM cold_objects ORDER BY sequence")
      .all<Record<string, number>>();
    expect(results.map(({ rows, is_cut: isCut }) => [rows, isCut])).toEqual([
      [8_192, 1],
      [608, 0],
    ]);
    expect(results[0]?.["minute_last"]).toBeLessThanOrEqual(results[1]?.["minute_first"] ?? 0);
    expect(8_192 % ROWS_PER_GROUP).toBe(0);
  });

  it("stop at their time, and go on at the next run", async () => {
    await post([aSpec(), aSpec({ minute: -1_500 })]);
    await rollAll(ports.database, DAY_3);
    let calls = 0;
    const run = { nowMs: DAY_3, hotMinutesMs: HOT_MS, buckets: BUCKETS, untilMs: 1 };
    expect(await moveMinutes({ ...ports, clock: () => calls++ }, run)).toBe(1);
    const { hot, cold } = await expectTruth();
    expect([hot.length, cold.length]).toEqual([1, 1]);
    expect(await move(DAY_3)).toBe(1);
    expect((await expectTruth()).hot).toHaveLength(0);
  });
});

describe("cron", () => {
  beforeEach(wipe);

  it("moves one bucket a minute, and every bucket within sixteen", async () => {
    await post([aSpec(), aSpec({ advertiser: 2 }), aSpec({ advertiser: 3 })]);
    await rollAll(ports.database, DAY_3);
    const tiers = { hotMinutesMs: HOT_MS, minutesKeptDays: 730, hoursKeptDays: 730, daysKeptDays: 730 };
    const left: number[] = [];
    for (let minute = 0; minute < 16; minute++) {
      const databases = boundDatabases(env);
      const settings = { tiers, dedupHorizonMs: 10 * DAY_MS };
      await runTiers({ databases, archive: ports.archive }, DAY_3 + minute * MINUTE_MS, settings);
      left.push((await expectTruth()).hot.length);
    }
    expect(new Set(left)).toEqual(new Set([3, 2, 1, 0]));
    expect((await readFacts(ports.database, "day")).size).toBe(3);
  });
});

describe("what arrives for a moved minute", () => {
  beforeEach(wipe);

  it("makes a new row, counts in the rolled tiers, and moves in a later batch", async () => {
    await post([aSpec({ user: 1 }), aSpec({ publisher: 2 })]);
    await rollAll(ports.database, DAY_3);
    await move(DAY_3);
    await post([aSpec({ user: 2 }), aSpec({ decision: { verdict: "duplicate", reason: "same_impression" } })]);
    const late = await expectTruth();
    expect([late.hot.length, late.cold.length]).toEqual([1, 1]);
    for (const [tier, size] of [["hour", 60] as const, ["day", 1_440] as const]) {
      const rolled = await readFacts(ports.database, tier);
      expect(canonical(rolled)).toBe(canonical(widenFacts(fold(posted), size)));
    }
    // Half of the day's age must have gone by since its last batch: it was 3½ days old.
    expect(await move(DAY_3 + DAY_MS)).toBe(0);
    expect(await move(DAY_3 + 2 * DAY_MS)).toBe(1);
    const { hot, cold } = await expectTruth();
    expect([hot.length, cold.length]).toEqual([0, 2]);
    expect(cold.map(({ part }) => part).sort()).toEqual([0, BATCH_PARTS_COUNT]);
  });
});

/** Runs until a run does all its work; every run may find what another one left. */
async function moveUntilDone(nowMs: number): Promise<void> {
  while ((await move(nowMs)) > 0);
}

describe("a mover that fails", () => {
  const specs = [aSpec({ user: 1 }), aSpec({ minute: 61, user: 2 }), aSpec({ ad: 2, country: null }), aSpec()];

  async function prepare(): Promise<void> {
    await wipe();
    await post(specs);
    await rollAll(ports.database, DAY_3);
  }

  it.each([false, true])(
    "at any call (done: %s) leaves every row in one place, and the next run goes on",
    async (isDone) => {
      await prepare();
      const whole = failingPorts(ports, null);
      await move(DAY_3, whole);
      expect(whole.calls()).toBeGreaterThan(10);
      for (let at = 0; at < whole.calls(); at++) {
        await prepare();
        const failing = failingPorts(ports, { at, isDone });
        const failed = await move(DAY_3, failing).then(
          () => false,
          (fault: Error) => {
            const causes = [fault, fault.cause];
            expect(causes.some((cause) => cause instanceof InjectedOutage)).toBe(true);
            return true;
          },
        );
        await expectTruth();
        // What arrives while the batch lies there is a row of its own.
        await post([aSpec({ user: 3 })]);
        await expectTruth();
        await moveUntilDone(DAY_3);
        const { cold } = await expectTruth();
        expect([await rowsUnderWay(), cold.length >= 3]).toEqual([0, true]);
        // Only a claim whose reply was lost is made good at once.
        if (!failed) expect(isDone).toBe(true);
      }
    },
  );
});

describe("two movers at once", () => {
  it("have one batch under way in a bucket: a second claim takes nothing, and finds the first", async () => {
    await wipe();
    await post([aSpec(), aSpec({ minute: -1_500 })]);
    await rollAll(ports.database, DAY_3);
    const due = { bucket: advertiserBucketOf("adv_1"), beforeDay: Math.floor(DAY_3 / DAY_MS) - 2, nowMs: DAY_3 };
    const first = await claimBatch(ports.database, due);
    expect(first).not.toBeNull();
    expect(await claimBatch(ports.database, due)).toEqual(first);
    expect((await expectTruth()).hot).toHaveLength(2);
    expect(await rowsUnderWay()).toBe(1);
  });

  it("move every row once, however their calls mix", async () => {
    const property = fc.asyncProperty(
      fc.scheduler(),
      fc.array(anySpec, { minLength: 1, maxLength: 12 }),
      async (s, specs) => {
        await wipe();
        await post(specs);
        await rollAll(ports.database, DAY_3);
        const movers = [1, 2].map((name) => {
          const scheduled = failingPorts(ports, null, () => s.schedule(Promise.resolve(), `mover ${name}`));
          return move(DAY_3, scheduled);
        });
        await s.waitFor(Promise.allSettled(movers));
        await expectTruth();
        expect(await rowsUnderWay()).toBe(0);
        await moveUntilDone(DAY_3);
        expect((await expectTruth()).hot).toHaveLength(0);
      },
    );
    await fc.assert(property, { seed: SEED, numRuns: 15 });
  }, 120_000);
});

describe("any history", () => {
  it("of postings, rolls, moves and failures counts every event once", async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("post" as const), specs: fc.array(anySpec, { minLength: 1, maxLength: 5 }) }),
      fc.record({ kind: fc.constant("roll" as const), days: fc.integer({ min: 0, max: 5 }) }),
      fc.record({
        kind: fc.constant("move" as const),
        days: fc.integer({ min: 0, max: 30 }),
        failure: fc.option(fc.record({ at: fc.integer({ min: 0, max: 20 }), isDone: fc.boolean() })),
      }),
    );
    const property = fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 12 }), async (steps) => {
      await wipe();
      for (const current of steps) {
        if (current.kind === "post") await post(current.specs);
        else if (current.kind === "roll") await rollAll(ports.database, NOON_MS + current.days * DAY_MS);
        else await move(NOON_MS + current.days * DAY_MS, failingPorts(ports, current.failure)).catch(() => {});
        await expectTruth();
      }
      const marks = await readMarks(ports.database);
      const minutes = fold(posted);
      for (const [tier, size] of [["hour", 60] as const, ["day", 1_440] as const]) {
        const below = [...widenFacts(minutes, size)].filter(
          ([, row]) => row.window < marks.get(tier, advertiserBucketOf(row.advertiserId)),
        );
        expect(canonical(await readFacts(ports.database, tier))).toBe(canonical(new Map(below)));
      }
    });
    await fc.assert(property, { seed: SEED, numRuns: 20 });
  }, 120_000);
});

describe("a batch under way", () => {
  beforeEach(wipe);

  it("is not changed by what arrives: it makes a row of its own, which moves later", async () => {
    await post([aSpec({ user: 1 }), aSpec({ minute: 5 })]);
    await rollAll(ports.database, DAY_3);
    const due = { bucket: advertiserBucketOf("adv_1"), beforeDay: Math.floor(DAY_3 / DAY_MS) - 2, nowMs: DAY_3 };
    const batch = await claimBatch(ports.database, due);
    expect(batch?.rows).toBe(2);
    await post([aSpec({ user: 2 }), aSpec({ minute: 5 }), aSpec({ minute: 2 })]);
    await post([aSpec({ user: 3 })]);
    const parts = (await expectTruth()).hot.map(({ part }) => part).sort((left, right) => left - right);
    expect(parts).toEqual([0, 0, BATCH_PARTS_COUNT, BATCH_PARTS_COUNT, BATCH_PARTS_COUNT]);
    await move(DAY_3);
    const { hot, cold } = await expectTruth();
    expect([hot.length, cold.length]).toEqual([3, 2]);
  });

  it("is not settled by a call from before its database was set back, whatever number it has", async () => {
    await post([aSpec()]);
    await rollAll(ports.database, DAY_3);
    const due = { bucket: advertiserBucketOf("adv_1"), beforeDay: Math.floor(DAY_3 / DAY_MS) - 2, nowMs: DAY_3 };
    const batch = await claimBatch(ports.database, due);
    if (batch === null) throw new Error("there is a day to move");
    const setBackMeanwhile = async (statements: D1PreparedStatement[]) => {
      await ports.database.prepare("DELETE FROM cold_objects").run();
      await post([aSpec()]);
      const again = await claimBatch(ports.database, { ...due, nowMs: DAY_3 + MINUTE_MS });
      expect(again).toMatchObject({ ...batch, claimedAtMs: DAY_3 + MINUTE_MS });
      return ports.database.batch(statements);
    };
    const database = {
      prepare: (sql: string) => ports.database.prepare(sql),
      batch: setBackMeanwhile,
    } as unknown as D1Database;
    await settleBatch({ database, archive: ports.archive }, batch, DAY_3);
    await expectTruth();
    expect(await rowsUnderWay()).toBe(1);
    await move(DAY_3 + MINUTE_MS);
    const { hot, cold } = await expectTruth();
    expect([hot.length, cold.length]).toEqual([0, 1]);
  });

  it("costs a row for each that it moves, and some for the ledger and the marks", async () => {
    const specs = Array.from({ length: 200 }, (_, at) => aSpec({ ad: at % 4, minute: Math.floor(at / 4) }));
    await post(specs);
    await rollAll(ports.database, DAY_3);
    let written = 0;
    const database = countingWrites(ports.database, (rows) => {
      written += rows;
    });
    expect(await move(DAY_3, { ...ports, database })).toBe(1);
    const { hot, cold } = await expectTruth();
    expect([hot.length, cold.length]).toEqual([0, 200]);
    // The ledger's row is inserted, described and settled, with its index, and the mark advances.
    expect(written - 200).toBeLessThanOrEqual(10);
  });
});

/** A database that tells how many rows each batch has written. */
function countingWrites(database: D1Database, onWritten: (rows: number) => void): D1Database {
  const batch: D1Database["batch"] = async (statements) => {
    const results = await database.batch<never>(statements);
    onWritten(results.reduce((sum, { meta }) => sum + meta.rows_written, 0));
    return results;
  };
  return { prepare: (sql: string) => database.prepare(sql), batch } as unknown as D1Database;
}
