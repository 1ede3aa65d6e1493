/** Days summed over advertisers are the fold of the days of facts, at every moment, whatever arrives and fails. */
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { cellKeyOfStored, type Facts, type FactsRow, mergeFacts, widenFacts } from "../../src/core/facts.ts";
import { ADVERTISER_BUCKETS, HOUR_MS } from "../../src/core/limits.ts";
import { toCounts } from "../../src/core/measures.ts";
import { advertiserBucketOf } from "../../src/core/routing.ts";
import { D1Facts } from "../../src/facts/d1-facts.ts";
import {
  DELETE_OLD_PUBLISHER_SUMS,
  DELETE_OLD_SUMS,
  ROLL_SUMS,
  SUMS_OF_ALL,
  UPSERT_SUMS,
} from "../../src/facts/day-sums-sql.ts";
import { readMarks, rollAll } from "../../src/facts/roll.ts";
import { anyStep, takeSteps } from "../support/any-steps.ts";
import { NOON_MS } from "../support/builders.ts";
import { readSums, sumsOf } from "../support/day-sums.ts";
import { postTo } from "../support/post-to.ts";
import { readFacts } from "../support/read-facts.ts";
import { wipeFacts } from "../support/wipe-facts.ts";

const SEED = 20_261_122;
const MINUTES_PER_DAY = 1_440;
const database = env.REPORT_DB;
const NOON = NOON_MS / 60_000;
const ADVERTISERS = ["adv_1", "adv_2", "adv_3", "adv_4", "adv_5"];

const wipe = () => wipeFacts(database);

/** What one posting says of one cell; counts may be negative, as corrections are. */
type Delta = Readonly<
  Record<"advertiser" | "campaign" | "ad" | "publisher" | "country" | "device" | "creative", string> &
    Record<"hour" | "valid" | "late" | "micros", number>
>;

const anyDelta: fc.Arbitrary<Delta> = fc.record({
  advertiser: fc.constantFrom(...ADVERTISERS),
  campaign: fc.constantFrom("", "cmp_1", "cmp_2"),
  ad: fc.constantFrom("ad_1", "ad_2"),
  publisher: fc.constantFrom("", "pub_1", "pub_2"),
  country: fc.constantFrom("", "DE", "US"),
  device: fc.constantFrom("mobile", "desktop"),
  creative: fc.constantFrom("", "cre_1"),
  hour: fc.integer({ min: -60, max: 60 }),
  valid: fc.integer({ min: -3, max: 9 }),
  late: fc.integer({ min: -3, max: 3 }),
  micros: fc.integer({ min: -1_000, max: 1_000 }),
});

function factsOf(deltas: readonly Delta[]): Facts {
  const facts: Facts = new Map();
  for (const { valid, late, ...delta } of deltas) {
    const counts = toCounts({ gross: valid + late, valid, late, spend_micros: delta.micros, impressions: 1 });
    const row = {
      advertiserId: delta.advertiser,
      window: NOON + delta.hour * 60,
      campaignId: delta.campaign,
      adGroupId: "",
      adId: delta.ad,
      cells: new Map([[cellKeyOfStored([delta.publisher, delta.country, delta.device, delta.creative]), counts]]),
      reasons: new Map(),
      users: new Set<number>(),
    };
    mergeFacts(facts, [row]);
  }
  return facts;
}

/** What was posted of days before their bucket's mark of sums is in the sums, and nothing else. */
async function expectExact(posted: readonly Delta[]): Promise<number> {
  const marks = await readMarks(database);
  const isSummed = ({ window, advertiserId }: FactsRow) =>
    window < marks.get("day_sum", advertiserBucketOf(advertiserId));
  const days = Array.from(widenFacts(factsOf(posted), MINUTES_PER_DAY)).filter(([, row]) => isSummed(row));
  const stored = Array.from(await readFacts(database, "day")).filter(([, row]) => isSummed(row));
  const sums = await readSums(database);
  expect(sums).toEqual(sumsOf(new Map(days)));
  expect(sums).toEqual(sumsOf(new Map(stored)));
  for (let bucket = 0; bucket < ADVERTISER_BUCKETS; bucket++) {
    expect(marks.get("day_sum", bucket)).toBeLessThanOrEqual(marks.get("day", bucket));
  }
  return days.length;
}

const STEPS = anyStep(anyDelta, { hoursMax: 80, callsMax: 60 });

describe("sums of days", () => {
  beforeEach(wipe);

  it("are the fold of every bucket's days below its mark, after any posting and any roll", async () => {
    let summedDays = 0;
    let unevenMarks = 0;
    let behind = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(STEPS, { minLength: 3, maxLength: 10 }), async (steps) => {
        await wipe();
        await takeSteps(steps, factsOf, async (posted) => {
          summedDays += await expectExact(posted);
          const marks = await readMarks(database);
          const ofBuckets = ADVERTISERS.map((id) => marks.get("day_sum", advertiserBucketOf(id)));
          if (new Set(ofBuckets).size > 1) unevenMarks++;
          if (ADVERTISERS.some((id, at) => marks.get("day", advertiserBucketOf(id)) !== ofBuckets[at])) behind++;
        });
      }),
      { seed: SEED, numRuns: 60 },
    );
    expect(summedDays).toBeGreaterThan(500);
    expect(unevenMarks).toBeGreaterThan(20);
    expect(behind).toBeGreaterThan(10);
    expect(new Set(ADVERTISERS.map(advertiserBucketOf)).size).toBeGreaterThan(3);
  });

  it("take a bucket's day once from two rolls at the same time, and its later deltas", async () => {
    const store = new D1Facts(database, () => NOON_MS);
    const posted = Array.from({ length: 40 }, (_, at) => aDelta({ advertiser: ADVERTISERS[at % 5] ?? "", valid: at }));
    const post = (deltas: readonly Delta[]) => postTo(store, { facts: factsOf(deltas) });
    await post(posted);
    await Promise.all([1, 2, 3].map(() => rollAll(database, NOON_MS + 48 * HOUR_MS)));
    const later = [aDelta({ valid: -7, late: 7 }), aDelta({ country: "FR" }), aDelta({ hour: 47, valid: 5 })];
    await post(later);
    expect(await expectExact([...posted, ...later])).toBe(5);
    expect(await readSums(database)).toHaveProperty(`country|pub_1|${Math.floor(NOON / MINUTES_PER_DAY)}|FR`);
  });

  it("take days that were rolled before there were sums, and what arrives for them meanwhile, once", async () => {
    const store = new D1Facts(database, () => NOON_MS);
    const deltas = Array.from({ length: 60 }, (_, at) =>
      aDelta({
        advertiser: ADVERTISERS[at % 5] ?? "",
        publisher: ["", "pub_1", "pub_2"][at % 3] ?? "",
        country: ["DE", "US"][at % 2] ?? "",
        hour: (at % 7) * 9 - 27,
      }),
    );
    const post = (some: readonly Delta[]) => postTo(store, { facts: factsOf(some) });
    await post(deltas);
    await rollAll(database, NOON_MS + 20 * HOUR_MS);
    // As it was before the migration: days are rolled, and there are neither sums nor marks of them.
    await database.batch(["day_sums", "day_sum_marks"].map((table) => database.prepare(`DELETE FROM ${table}`)));
    await post(deltas.slice(0, 20));
    expect(await expectExact([])).toBe(0);
    await rollAll(database, NOON_MS + 20 * HOUR_MS);
    const posted = [...deltas, ...deltas.slice(0, 20)];
    expect(await expectExact(posted)).toBeGreaterThan(8);
    await post(deltas.slice(20));
    await rollAll(database, NOON_MS + 20 * HOUR_MS);
    expect(await expectExact([...posted, ...deltas.slice(20)])).toBeGreaterThan(8);
  });

  it("leave by day in small steps, none before what leads to it, and with those of all buckets", async () => {
    const posted = Array.from({ length: 80 }, (_, at) =>
      aDelta({
        advertiser: ADVERTISERS[at % 5] ?? "",
        publisher: at % 7 === 0 ? "" : `pub_${at % 9}`,
        country: `C${at % 11}`,
        hour: (at % 4) * 24 - 48,
      }),
    );
    await postTo(new D1Facts(database, () => NOON_MS), { facts: factsOf(posted) });
    await rollAll(database, NOON_MS + 60 * HOUR_MS);
    const whole = await readSums(database);
    const cut = Math.floor(NOON / MINUTES_PER_DAY);
    const isKept = (name: string) => Number(name.split("|")[2]) >= cut;
    let left = Object.keys(whole).length;
    for (let changes = 1; changes > 0; ) {
      const steps = [DELETE_OLD_PUBLISHER_SUMS, DELETE_OLD_SUMS].map((sql) => database.prepare(sql).bind(cut, 7));
      changes = (await database.batch(steps)).reduce((sum, { meta }) => sum + meta.changes, 0);
      expect(changes).toBeLessThanOrEqual(14);
      const names = Object.keys(await readSums(database));
      const known = new Set(names);
      for (const name of names) {
        const [, publisher = "", day] = name.split("|");
        if (publisher !== "") expect(known).toContain(`publisher_id||${day}|${publisher}`);
      }
      expect(names.length).toBe(left - changes);
      left = names.length;
    }
    expect(await readSums(database)).toEqual(
      Object.fromEntries(Object.entries(whole).filter(([name]) => isKept(name))),
    );
    expect(Math.min(left, Object.keys(whole).length - left)).toBeGreaterThan(50);
  });

  it("cost nothing where no delta is for a rolled day, and no scan where a bucket has none", async () => {
    const rows = Array.from({ length: 200 }, (_, at) => aDelta({ country: `C${at}` }));
    await postTo(new D1Facts(database, () => NOON_MS), { facts: factsOf(rows) });
    await rollAll(database, NOON_MS + 48 * HOUR_MS);
    const details = async (sql: string, ...bound: (string | number)[]) =>
      (
        await database
          .prepare("EXPLAIN QUERY PLAN ".concat(sql))
          .bind(...bound)
          .all<{ detail: string }>()
      ).results.map(({ detail }) => detail);
    const day = Math.floor(NOON / MINUTES_PER_DAY);
    expect(await details(ROLL_SUMS, 3, day, day + 1)).toContain(
      "SEARCH facts USING PRIMARY KEY (advertiser_id=? AND day>? AND day<?)",
    );
    const delta = JSON.stringify([["adv_1", advertiserBucketOf("adv_1"), day + 9, "", "", "ad_1", 0, [], {}, null]]);
    const { meta } = await database.prepare(UPSERT_SUMS).bind(delta).run();
    expect([meta.rows_written, meta.changes]).toEqual([0, 0]);
    expect(meta.rows_read).toBeLessThan(5);
    for (const sql of [DELETE_OLD_PUBLISHER_SUMS, DELETE_OLD_SUMS]) {
      const dropped = await database
        .prepare(sql)
        .bind(day - 100, 1_000)
        .run();
      expect([dropped.meta.changes, dropped.meta.rows_written]).toEqual([0, 0]);
      expect(dropped.meta.rows_read).toBeLessThan(3 * SUMS_OF_ALL.length);
    }
  });
});

function aDelta(overrides: Partial<Delta>): Delta {
  const dimensions = { advertiser: "adv_1", campaign: "cmp_1", ad: "ad_1", publisher: "pub_1", country: "DE" };
  return { ...dimensions, device: "mobile", creative: "", hour: 0, valid: 3, late: 0, micros: 10, ...overrides };
}
