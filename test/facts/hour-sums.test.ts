/** Running sums by hour are the fold of the hours of facts, at every moment, whatever arrives and fails. */
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { cellKeyOfStored, type Facts, type FactsRow, mergeFacts, widenFacts } from "../../src/core/facts.ts";
import { MEASURES } from "../../src/core/fields.ts";
import { ADVERTISER_BUCKETS, DAY_MS, HOUR_MS } from "../../src/core/limits.ts";
import { toCounts } from "../../src/core/measures.ts";
import { advertiserBucketOf } from "../../src/core/routing.ts";
import { D1Facts } from "../../src/facts/d1-facts.ts";
import {
  DELETE_OLD_HOUR_SUMS,
  HOUR_SUMS_BY,
  type HourSumsBy,
  ROLL_HOUR_SUMS,
  UPSERT_HOUR_SUMS,
} from "../../src/facts/hour-sums-sql.ts";
import { readMarks, rollAll } from "../../src/facts/roll.ts";
import { readHourSumMarks, rollHourSums } from "../../src/facts/roll-hour-sums.ts";
import { anyStep, takeSteps } from "../support/any-steps.ts";
import { NOON_MS } from "../support/builders.ts";
import { failingPorts } from "../support/failing-ports.ts";
import { hourSumsOf, readHourSums } from "../support/hour-sums.ts";
import { postTo } from "../support/post-to.ts";
import { readFacts } from "../support/read-facts.ts";
import { wipeFacts } from "../support/wipe-facts.ts";

const SEED = 20_261_129;
const database = env.REPORT_DB;
const NOON = NOON_MS / 60_000;
const TODAY = Math.floor(NOON / 1_440);
const ADVERTISERS = ["adv_1", "adv_2", "adv_3"];

/** What one posting says of one cell; counts may be negative, as corrections are. */
type Delta = Readonly<
  Record<"advertiser" | "campaign" | "ad" | "publisher" | "country" | "creative" | "format", string> &
    Record<"hour" | "valid" | "late" | "micros", number>
>;

const anyDelta: fc.Arbitrary<Delta> = fc.record({
  advertiser: fc.constantFrom(...ADVERTISERS),
  campaign: fc.constantFrom("", "cmp_1"),
  ad: fc.constantFrom("ad_1", "ad_2"),
  publisher: fc.constantFrom("", "pub_1", 'p"[\\é'),
  country: fc.constantFrom("", "DE", "US"),
  creative: fc.constantFrom("", "cre_1"),
  format: fc.constantFrom("", "banner"),
  hour: fc.integer({ min: -60, max: 40 }),
  valid: fc.integer({ min: -3, max: 9 }),
  late: fc.integer({ min: -3, max: 3 }),
  micros: fc.constantFrom(-1_000, 0, 7, 2 ** 51),
});

function factsOf(deltas: readonly Delta[]): Facts {
  const facts: Facts = new Map();
  for (const { valid, late, ...delta } of deltas) {
    const cell = [delta.publisher, delta.country, "mobile", delta.creative, "", delta.format];
    const counts = toCounts({ gross: valid + late, valid, late, spend_micros: delta.micros });
    const row = {
      advertiserId: delta.advertiser,
      window: NOON + delta.hour * 60,
      campaignId: delta.campaign,
      adGroupId: "",
      adId: delta.ad,
      cells: new Map([[cellKeyOfStored(cell), counts]]),
      reasons: new Map(),
      users: new Set<number>(),
    };
    mergeFacts(facts, [row]);
  }
  return facts;
}

const post = (deltas: readonly Delta[]) => postTo(new D1Facts(database, () => NOON_MS), { facts: factsOf(deltas) });

/** What was posted of days from `first` to the mark of their bucket and dimension is in the sums, and nothing else. */
async function expectExact(posted: readonly Delta[], first = 0): Promise<number> {
  const markOf = await readHourSumMarks(database);
  const isSummed = ({ window, advertiserId }: FactsRow, by: HourSumsBy) =>
    window >= 24 * first && window < 24 * markOf(by, advertiserBucketOf(advertiserId));
  const stored = Object.entries(await readHourSums(database));
  const sums = Object.fromEntries(stored.filter(([name]) => Number(name.split("|")[2]) >= 24 * first));
  expect(sums).toEqual(hourSumsOf(widenFacts(factsOf(posted), 60), isSummed));
  expect(sums).toEqual(hourSumsOf(await readFacts(database, "hour"), isSummed));
  const marks = await readMarks(database);
  for (let bucket = 0; bucket < ADVERTISER_BUCKETS; bucket++) {
    for (const by of HOUR_SUMS_BY) expect(markOf(by, bucket) * 24).toBeLessThanOrEqual(marks.get("hour", bucket));
  }
  return Object.keys(sums).length;
}

const STEPS = anyStep(anyDelta, { hoursMax: 60, callsMax: 200 });

describe("sums of hours", () => {
  beforeEach(() => wipeFacts(database));

  it("are the fold of the hours below each mark, after any posting and any roll", { timeout: 300_000 }, async () => {
    let summed = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(STEPS, { minLength: 3, maxLength: 8 }), async (steps) => {
        await wipeFacts(database);
        await takeSteps(steps, factsOf, async (posted) => {
          summed += await expectExact(posted);
        });
      }),
      { seed: SEED, numRuns: 25 },
    );
    expect(summed).toBeGreaterThan(1_000);
    expect(new Set(ADVERTISERS.map(advertiserBucketOf)).size).toBeGreaterThan(1);
  });

  it("are the fold of the hours of the last 100 days, whatever is posted behind them", {
    timeout: 300_000,
  }, async () => {
    let [summed, passed] = [0, 0];
    const agoHours = 100 * 24;
    const old = anyDelta.map((delta) => ({ ...delta, hour: delta.hour - agoHours }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyStep(old, { hoursMax: 60, callsMax: 200 }), { minLength: 3, maxLength: 8 }),
        async (steps) => {
          await wipeFacts(database);
          await takeSteps(steps, factsOf, async (posted, rolledAtMs) => {
            const first = Math.max(0, Math.floor(rolledAtMs / DAY_MS) - 100);
            summed += await expectExact(posted, first);
            passed += posted.filter(({ hour }) => (NOON / 60 + hour) / 24 < first).length;
          });
        },
      ),
      { seed: SEED, numRuns: 15 },
    );
    expect(summed).toBeGreaterThan(300);
    expect(passed).toBeGreaterThan(30);
  });

  it("are not folded of days that are older than 100, and their mark is", async () => {
    const posted = [-101, -100, -99].flatMap((day) =>
      ADVERTISERS.map((advertiser) => aDelta({ advertiser, hour: day * 24 })),
    );
    await post(posted);
    await rollAll(database, NOON_MS);
    expect(await expectExact(posted, TODAY - 100)).toBe(2 * ADVERTISERS.length * HOUR_SUMS_BY.length);
    expect(Object.keys(await readHourSums(database)).length).toBe(2 * ADVERTISERS.length * HOUR_SUMS_BY.length);
    const markOf = await readHourSumMarks(database);
    for (const by of HOUR_SUMS_BY) expect(markOf(by, advertiserBucketOf("adv_1"))).toBe(TODAY);
    // A bucket without anything, too, and never ahead of its hours.
    await wipeFacts(database);
    await post([aDelta({ hour: -120 * 24 })]);
    await rollAll(database, NOON_MS - 110 * 24 * HOUR_MS);
    await database.batch(["hour_sums", "hour_sum_marks"].map((table) => database.prepare(`DELETE FROM ${table}`)));
    await rollHourSums(database, () => TODAY - 111, NOON_MS);
    expect((await readHourSumMarks(database))("country", advertiserBucketOf("adv_1"))).toBe(TODAY - 111);
    expect(await readHourSums(database)).toEqual({});
  });

  it("are exact whichever call of a roll fails", async () => {
    const posted = ADVERTISERS.map((advertiser, at) => aDelta({ advertiser, hour: at * 20 - 40 }));
    let uneven = 0;
    for (let at = 95; at < 180; at += 7) {
      await wipeFacts(database);
      await post(posted);
      const ports = failingPorts({ database, archive: env.ARCHIVE }, { at, isDone: at % 2 === 0 });
      await rollAll(ports.database, NOON_MS + 30 * HOUR_MS).catch(() => 0);
      await expectExact(posted);
      const markOf = await readHourSumMarks(database);
      const marks = ADVERTISERS.flatMap((id) => HOUR_SUMS_BY.map((by) => markOf(by, advertiserBucketOf(id))));
      if (new Set(marks).size > 1) uneven++;
      await post(posted);
      await expectExact([...posted, ...posted]);
      await rollAll(database, NOON_MS + 30 * HOUR_MS);
      expect(await expectExact([...posted, ...posted])).toBe(ADVERTISERS.length * HOUR_SUMS_BY.length);
    }
    expect(uneven).toBeGreaterThan(5);
  });

  it("take a day once from rolls at the same time, and its later deltas", async () => {
    const posted = Array.from({ length: 30 }, (_, at) => aDelta({ advertiser: ADVERTISERS[at % 3] ?? "", valid: at }));
    await post(posted);
    await Promise.all([1, 2, 3].map(() => rollAll(database, NOON_MS + 48 * HOUR_MS)));
    const later = [aDelta({ valid: -7, late: 7 }), aDelta({ country: "FR" }), aDelta({ hour: 47, valid: 5 })];
    await post(later);
    expect(await expectExact([...posted, ...later])).toBeGreaterThan(20);
    expect(await readHourSums(database)).toHaveProperty(`adv_1|country|${NOON / 60}|FR`);
  });

  it("take days that were rolled before there were sums, or a dimension, and what arrives meanwhile, once", async () => {
    const deltas = Array.from({ length: 40 }, (_, at) =>
      aDelta({ advertiser: ADVERTISERS[at % 3] ?? "", country: ["DE", "US"][at % 2] ?? "", hour: (at % 7) * 9 - 50 }),
    );
    await post(deltas);
    await rollAll(database, NOON_MS + 20 * HOUR_MS);
    await database.batch(["hour_sums", "hour_sum_marks"].map((table) => database.prepare(`DELETE FROM ${table}`)));
    await post(deltas.slice(0, 20));
    expect(await expectExact([...deltas, ...deltas.slice(0, 20)])).toBe(0);
    await rollAll(database, NOON_MS + 20 * HOUR_MS);
    // As with a catalogue that did not have the dimension yet.
    const isOfDevice = "WHERE dimension = 'device'";
    await database.batch(
      ["hour_sums", "hour_sum_marks"].map((table) => database.prepare(`DELETE FROM ${table} ${isOfDevice}`)),
    );
    const posted = [...deltas, ...deltas.slice(0, 20)];
    const without = await expectExact(posted);
    await post(deltas.slice(20));
    await rollAll(database, NOON_MS + 20 * HOUR_MS);
    expect(await expectExact([...posted, ...deltas.slice(20)])).toBeGreaterThan(without);
  });

  it("go on in further parts, of values and of what is late, and late deltas join what is small", async () => {
    const many = Array.from({ length: 450 }, (_, at) => aDelta({ publisher: `pub_${at}`, hour: -24 - (at % 12) }));
    await post(many);
    await rollAll(database, NOON_MS + 20 * HOUR_MS);
    const parts = async (dimension: string) => {
      const sql = `SELECT part, size FROM hour_sums WHERE dimension = '${dimension}' ORDER BY part`;
      return (await database.prepare(sql).all<{ part: number; size: number }>()).results.map(({ size }) => size);
    };
    expect(await parts("publisher_id")).toEqual([200, 200, 50]);
    expect(await parts("country")).toEqual([1]);
    const full = MEASURES.map((_, at) => 10 ** 12 + at);
    const posted = [...many];
    for (let at = 0; at < 4; at++) {
      const late = Array.from({ length: 120 }, (_, nth) =>
        aDelta({ publisher: `pub_${at * 100 + nth}`, hour: -24 - (nth % 5), micros: full[nth % full.length] ?? 0 }),
      );
      await post(late);
      posted.push(...late);
      await expectExact(posted);
    }
    expect((await parts("publisher_id")).length).toBeGreaterThan(3);
    expect(await parts("country")).toEqual([1]);
  });

  it("leave by day in small steps", async () => {
    const posted = Array.from({ length: 60 }, (_, at) =>
      aDelta({ advertiser: ADVERTISERS[at % 3] ?? "", country: `C${at % 11}`, hour: (at % 4) * 24 - 48 }),
    );
    await post(posted);
    await rollAll(database, NOON_MS + 40 * HOUR_MS);
    const whole = Object.entries(await readHourSums(database));
    for (const bucket of new Set(ADVERTISERS.map(advertiserBucketOf))) {
      for (let changes = 1; changes > 0; ) {
        changes = (await database.prepare(DELETE_OLD_HOUR_SUMS).bind(bucket, TODAY, 7).run()).meta.changes;
        expect(changes).toBeLessThanOrEqual(7);
      }
    }
    const kept = whole.filter(([name]) => Number(name.split("|")[2]) >= TODAY * 24);
    expect(await readHourSums(database)).toEqual(Object.fromEntries(kept));
    expect(Math.min(kept.length, whole.length - kept.length)).toBeGreaterThan(25);
  });

  it("cost nothing where no delta is for a rolled day, and no scan where a bucket has none", async () => {
    await post(Array.from({ length: 100 }, (_, at) => aDelta({ country: `C${at}` })));
    await rollAll(database, NOON_MS + 48 * HOUR_MS);
    for (const by of HOUR_SUMS_BY) {
      const explained = database.prepare("EXPLAIN QUERY PLAN ".concat(ROLL_HOUR_SUMS[by])).bind(3, TODAY, TODAY + 1);
      const details = (await explained.all<{ detail: string }>()).results.map(({ detail }) => detail);
      expect(details).toContain("SEARCH facts USING PRIMARY KEY (advertiser_id=? AND hour>? AND hour<?)");
    }
    const hour = (TODAY + 9) * 24;
    const delta = JSON.stringify([["adv_1", advertiserBucketOf("adv_1"), hour, "", "", "ad_1", 0, [], {}, null]]);
    const { meta } = await database.prepare(UPSERT_HOUR_SUMS).bind(delta).run();
    expect([meta.rows_written, meta.changes]).toEqual([0, 0]);
    expect(meta.rows_read).toBeLessThan(HOUR_SUMS_BY.length * ADVERTISER_BUCKETS + 50);
    const dropped = await database
      .prepare(DELETE_OLD_HOUR_SUMS)
      .bind(advertiserBucketOf("adv_1"), TODAY - 9, 1_000)
      .run();
    expect([dropped.meta.changes, dropped.meta.rows_written]).toEqual([0, 0]);
    expect(dropped.meta.rows_read).toBeLessThan(5 * HOUR_SUMS_BY.length);
  });
});

function aDelta(overrides: Partial<Delta>): Delta {
  const dimensions = { advertiser: "adv_1", campaign: "cmp_1", ad: "ad_1", publisher: "pub_1", country: "DE" };
  return { ...dimensions, creative: "", format: "", hour: 0, valid: 3, late: 0, micros: 10, ...overrides };
}
