/** Sums of hours are read for 93 days and kept for 100: answers are the same on both sides, whatever leaves and when. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { dropOld, type Kept } from "../../src/batch/retention.ts";
import { ADVERTISER_BUCKETS, DAY_MS, HOUR_MS } from "../../src/core/limits.ts";
import { dayOf } from "../../src/core/time.ts";
import { HOUR_SUMS_BY } from "../../src/facts/hour-sums-sql.ts";
import { rollHourSums } from "../../src/facts/roll-hour-sums.ts";
import { wipeFacts } from "../support/wipe-facts.ts";
import { askJson } from "./ask.ts";
import { aCell, type Cell, clicks, postCells, seedCells } from "./seed.ts";

const START_MS = Date.UTC(2026, 1, 20);
const START = dayOf(START_MS);
const DAYS = 24;
/** The first day that is not in the sums. */
const MARK = START + DAYS - 2;
const KEPT: Kept = { minutesKeptDays: 730, hoursKeptDays: 730, daysKeptDays: 1_826 };
const BUCKETS = Array.from({ length: ADVERTISER_BUCKETS }, (_, bucket) => bucket);
/** The first day whose sums are read, and an instant of the day when that is so. */
const FIRST = START + 11;
const NOW_MS = (FIRST + 93) * DAY_MS + 7 * HOUR_MS;
const WEEK_MS = 7 * DAY_MS;

const CELLS: Cell[] = Array.from({ length: DAYS * 3 }, (_, at) => at).flatMap((at) =>
  ["adv_1", "adv_2", "adv_3"].map((advertiser_id, nth) =>
    aCell({
      advertiser_id,
      atMs: START_MS + at * 8 * HOUR_MS + ((nth * 5 + at) % 8) * HOUR_MS,
      ad_id: `ad_${at % 2}`,
      publisher_id: ["pub_1", "pub_2", ""][(at + nth) % 3] as string,
      country: ["DE", "US"][at % 2] as string,
      counts: { ...clicks(((at * 7 + nth) % 11) - 2), impressions: 20 + nth, spend_micros: 1_000 * at },
    }),
  ),
);
const LATE = [2, 9, 10, 11, 12, DAYS - 1].map((day) =>
  aCell({ atMs: START_MS + day * DAY_MS + 15 * HOUR_MS, country: "FR", counts: clicks(100) }),
);

const RANGES = ["from=2026-02-20&to=2026-03-15", "from=2026-03-02T21:00Z&to=2026-03-04T05:00Z"];
const SEARCHES = [
  "group_by=day",
  ...HOUR_SUMS_BY.filter((by) => by !== "").map((by) => `group_by=day,${by}`),
  "group_by=week,device&order=-clicks",
  "group_by=month&publisher_id=pub_2",
  "group_by=day,advertiser_id&country=US&totals=true",
];
const PATHS = RANGES.flatMap((range) =>
  ["Asia/Tokyo", "Asia/Kolkata"].flatMap((zone) =>
    SEARCHES.map((search) => `/v1/reports/clicks?${range}&timezone=${zone}&metrics=clicks,impressions&${search}`),
  ),
);

async function answersAt(nowMs: number, sliceWeight?: number) {
  const answers: unknown[] = [];
  for (const path of PATHS) {
    const { rows, meta } = await askJson(path, { nowMs, sliceWeight });
    answers.push([path, rows, meta.totals, meta.tiers, meta.warnings.map(({ code }) => code)]);
  }
  return answers;
}

const roll = (nowMs: number) => rollHourSums(env.REPORT_DB, () => MARK, nowMs);

/** All that may be dropped. */
async function drop(nowMs: number, kept: Partial<Kept> = {}): Promise<void> {
  await dropOld(
    { database: env.REPORT_DB, archive: env.ARCHIVE },
    { nowMs, kept: { ...KEPT, ...kept }, buckets: BUCKETS },
  );
}

/** As before there were sums. */
async function withoutSums(): Promise<void> {
  await env.REPORT_DB.batch(
    ["hour_sums", "hour_sum_marks"].map((name) => env.REPORT_DB.prepare(`DELETE FROM ${name}`)),
  );
}

async function daysSummed() {
  const sql = "SELECT min(day) AS first, max(day) AS last, count(DISTINCT day) AS days FROM hour_sums";
  return env.REPORT_DB.prepare(sql).first();
}

const ALL_DAYS = { first: START, last: MARK - 1, days: DAYS - 2 };

beforeEach(async () => {
  await wipeFacts(env.REPORT_DB);
  await seedCells(env.REPORT_DB, CELLS, () => ({ hour: MARK * 24 + 12, day: MARK }));
});

describe("answers over sums of hours that are kept for 100 days", () => {
  it("are those of hours, before and after older sums have left", { timeout: 120_000 }, async () => {
    const fromHours = await answersAt(NOW_MS);
    // As long ago as they are older than nothing.
    await roll(START_MS + 24 * DAY_MS);
    expect(await daysSummed()).toEqual(ALL_DAYS);
    expect(await answersAt(NOW_MS), "all are kept").toEqual(fromHours);
    await drop(NOW_MS);
    expect(await daysSummed()).toEqual({ ...ALL_DAYS, first: FIRST - 7, days: MARK - FIRST + 7 });
    expect(await answersAt(NOW_MS), "of 100 days").toEqual(fromHours);
    await drop(NOW_MS + WEEK_MS);
    expect(await daysSummed()).toEqual({ ...ALL_DAYS, first: FIRST, days: MARK - FIRST });
    expect(await answersAt(NOW_MS, 300), "by a clock that is a week ahead").toEqual(fromHours);
  });

  it("are those of hours where rolls begin late, and pass over what nobody reads", { timeout: 120_000 }, async () => {
    const fromHours = await answersAt(NOW_MS);
    await roll(NOW_MS);
    expect(await daysSummed()).toEqual({ ...ALL_DAYS, first: FIRST - 7, days: MARK - FIRST + 7 });
    expect(await answersAt(NOW_MS)).toEqual(fromHours);
    await withoutSums();
    await roll(NOW_MS + WEEK_MS);
    expect(await daysSummed()).toEqual({ ...ALL_DAYS, first: FIRST, days: MARK - FIRST });
    expect(await answersAt(NOW_MS)).toEqual(fromHours);
  });

  it("hold what is late for days whose sums have left, or never were", { timeout: 120_000 }, async () => {
    await roll(NOW_MS + WEEK_MS);
    await postCells(env.REPORT_DB, LATE, undefined, "late/1");
    expect(await daysSummed(), "harmless").toEqual({ ...ALL_DAYS, first: START + 2, days: MARK - FIRST + 3 });
    const withLate = await answersAt(NOW_MS);
    await drop(NOW_MS + WEEK_MS);
    expect(await daysSummed(), "and gone").toEqual({ ...ALL_DAYS, first: FIRST, days: MARK - FIRST });
    expect(await answersAt(NOW_MS)).toEqual(withLate);
    await withoutSums();
    expect(await answersAt(NOW_MS)).toEqual(withLate);
    expect(JSON.stringify(withLate)).toContain('"FR"');
  });

  it("are of sums alone from the first of 93 days on, and of hours alone before", async () => {
    const path = "/v1/reports/clicks?from=2026-02-24&to=2026-03-10&timezone=Asia/Tokyo&group_by=day,country";
    const before = await askJson(path, { nowMs: NOW_MS });
    await roll(NOW_MS);
    await env.REPORT_DB.batch([
      env.REPORT_DB.prepare(`DELETE FROM hour_sums WHERE day < ${FIRST}`),
      env.REPORT_DB.prepare(`DELETE FROM facts_hour WHERE hour >= ${FIRST * 24} AND hour < ${MARK * 24}`),
    ]);
    expect((await askJson(path, { nowMs: NOW_MS })).rows).toEqual(before.rows);
    for (const otherMs of [NOW_MS - DAY_MS, NOW_MS + DAY_MS]) {
      expect((await askJson(path, { nowMs: otherMs })).rows, "a day apart").not.toEqual(before.rows);
    }
  });

  it("are those without sums where hours are kept for less", { timeout: 120_000 }, async () => {
    const nowMs = START_MS + 60 * DAY_MS;
    const fromHours = await answersAt(nowMs);
    await roll(nowMs);
    await drop(nowMs, { minutesKeptDays: 40, hoursKeptDays: 50 });
    expect(await daysSummed()).toEqual({ ...ALL_DAYS, first: START + 10, days: DAYS - 12 });
    const shortened = await answersAt(nowMs);
    await withoutSums();
    expect(shortened).toEqual(await answersAt(nowMs));
    expect(shortened).not.toEqual(fromHours);
  });
});
