/** Where a conversion is counted: in its click's minute and in its own, in every tier, however old the minute is. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { type Facts, totalsOf as sumOf, widenFacts } from "../../src/core/facts.ts";
import { MEASURES, type Measure } from "../../src/core/fields.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../src/core/limits.ts";
import { minuteOf } from "../../src/core/time.ts";
import { rollAll } from "../../src/facts/roll.ts";
import { anEncodedEvent } from "../support/builders.ts";
import { canonical, readFacts } from "../support/read-facts.ts";
import { aClickId, aRow, convert, daysAgo, sweepAll } from "./send.ts";

const SIZES = { minute: 1, hour: 60, day: 1_440 } as const;
type Tier = keyof typeof SIZES;

/** A valid click of an ad at an instant of the past, posted. */
async function click(ad: string, atMs: number): Promise<void> {
  const iat = atMs / 1_000 - 10;
  const shard = env.EVENT_SHARD.getByName("clicks-0");
  await shard.ingest([anEncodedEvent({ receivedAtMs: atMs }, { ad, jti: `jti_${ad}`, iat, exp: iat + 3_600 })]);
  await shard.sweep();
}

async function factsOf(ad: string, tier: Tier): Promise<Facts> {
  const facts = await readFacts(env.REPORT_DB, tier);
  return new Map([...facts].filter(([, row]) => row.adId === ad));
}

/** A measure of an ad by window, zeros left out. */
async function series(ad: string, tier: Tier, measure: Measure): Promise<Record<string, number>> {
  const rows = Array.from((await factsOf(ad, tier)).values());
  const counts = rows.map((row): [string, number] => [String(row.window), sumOf(row)[MEASURES.indexOf(measure)] ?? 0]);
  return Object.fromEntries(counts.filter(([, count]) => count !== 0));
}

async function expectSeries(ad: string, measure: Measure, byInstant: readonly (readonly [number, number])[]) {
  for (const tier of ["minute", "hour", "day"] as const) {
    const expected: Record<string, number> = {};
    for (const [atMs, count] of byInstant) {
      const window = Math.floor(minuteOf(atMs) / SIZES[tier]);
      expected[window] = (expected[window] ?? 0) + count;
    }
    expect([tier, await series(ad, tier, measure)]).toEqual([tier, expected]);
  }
}

describe("a conversion of a click of a week ago", () => {
  const clickedAtMs = daysAgo(7) + MINUTE_MS;
  const occurredAtMs = daysAgo(3);

  it("lands in its click's minute, hour and day, and in its own, all of which are rolled already", async () => {
    const ad = "ad_week";
    await click(ad, clickedAtMs);
    await click("ad_other", occurredAtMs);
    await rollAll(env.REPORT_DB, Date.now());
    await expectSeries(ad, "gross", [[clickedAtMs, 1]]);
    const row = aRow({ click_id: aClickId({ adId: ad, clickedAtMs }), occurred_at: occurredAtMs });
    expect(await convert([row])).toEqual(["recorded"]);
    await sweepAll();
    await expectSeries(ad, "conversions", [[clickedAtMs, 1]]);
    await expectSeries(ad, "conversion_value_micros", [[clickedAtMs, 5_000_000]]);
    await expectSeries(ad, "conversions_by_time", [[occurredAtMs, 1]]);
    await expectSeries(ad, "conversion_value_by_time_micros", [[occurredAtMs, 5_000_000]]);

    expect(await convert([{ ...row, value_micros: -2_000_000 }])).toEqual(["corrected"]);
    await sweepAll();
    await expectSeries(ad, "conversions", [[clickedAtMs, 1]]);
    await expectSeries(ad, "conversion_value_micros", [[clickedAtMs, 3_000_000]]);
    await expectSeries(ad, "conversion_value_by_time_micros", [[occurredAtMs, 3_000_000]]);

    expect(await convert([{ ...row, retract: true }])).toEqual(["retracted"]);
    await sweepAll();
    for (const measure of ["conversions", "conversions_by_time", "conversion_value_micros"] as const) {
      await expectSeries(ad, measure, []);
    }
    await expectSeries(ad, "gross", [[clickedAtMs, 1]]);
    expect(canonical(await factsOf(ad, "day"))).toBe(canonical(widenFacts(await factsOf(ad, "minute"), SIZES.day)));
  });

  it("lands there also when the minute's row has left the minute tier", async () => {
    const ad = "ad_moved";
    await click(ad, clickedAtMs);
    await rollAll(env.REPORT_DB, Date.now());
    await env.REPORT_DB.prepare("DELETE FROM facts_minute WHERE ad_id = ?1").bind(ad).run();
    const row = aRow({ click_id: aClickId({ adId: ad, clickedAtMs }), occurred_at: occurredAtMs });
    expect(await convert([row])).toEqual(["recorded"]);
    await sweepAll();
    await expectSeries(ad, "conversions", [[clickedAtMs, 1]]);
    await expectSeries(ad, "conversions_by_time", [[occurredAtMs, 1]]);
    expect(Object.values(await series(ad, "hour", "gross"))).toEqual([1]);
  });

  it("moves with its order from one old minute to another when a later click turns up", async () => {
    const laterMs = clickedAtMs + DAY_MS + HOUR_MS;
    const ads = { early: "ad_first_touch", late: "ad_last_touch" };
    await click(ads.early, clickedAtMs);
    await rollAll(env.REPORT_DB, Date.now());
    const early = aRow({ click_id: aClickId({ adId: ads.early, clickedAtMs }), occurred_at: occurredAtMs });
    const late = { ...early, click_id: aClickId({ adId: ads.late, clickedAtMs: laterMs }) };
    expect(await convert([early])).toEqual(["recorded"]);
    await sweepAll();
    expect(await convert([late])).toEqual(["reattributed"]);
    await sweepAll();
    await expectSeries(ads.early, "conversions", []);
    await expectSeries(ads.early, "conversions_by_time", []);
    await expectSeries(ads.late, "conversions", [[laterMs, 1]]);
    await expectSeries(ads.late, "conversions_by_time", [[occurredAtMs, 1]]);
  });
});

describe("what is not credited is counted by its reason, in its click's minute", () => {
  it.each([
    ["outside_window", { clickedAtMs: daysAgo(9) }],
    ["test", { clickedAtMs: daysAgo(1), isTest: true }],
  ])("conversion.%s", async (reason, fields) => {
    const adId = `ad_${reason}`;
    expect(await convert([aRow({ click_id: aClickId({ adId, ...fields }) })])).toEqual(["not_attributed"]);
    await sweepAll();
    const [row, ...others] = (await factsOf(adId, "minute")).values();
    expect(others).toEqual([]);
    expect(row?.window).toBe(minuteOf(fields.clickedAtMs));
    expect(Object.fromEntries(row?.reasons ?? [])).toEqual({ [`conversion.${reason}`]: 1 });
    expect(row === undefined ? null : sumOf(row).every((count) => count === 0)).toBe(true);
  });
});
