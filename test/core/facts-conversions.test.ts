import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cellKeyOfStored, type Facts, mergeFacts, widenFacts } from "../../src/core/facts.ts";
import { MINUTE_MS } from "../../src/core/limits.ts";
import type { ConversionContent, CountsContent, LogContent } from "../../src/core/log-line.ts";
import { toCounts } from "../../src/core/measures.ts";
import type { ConversionReason, Credit } from "../../src/core/order.ts";
import { minuteOf } from "../../src/core/time.ts";
import { anOpenedClick, NOON_MS } from "../support/builders.ts";
import { fold, plain, reasonsIn, totalsByMeasure } from "../support/folding.ts";
import { aClickIdentity, aConversion, someCounts } from "../support/submissions.ts";

const CLICK = aClickIdentity({ adGroupId: "grp_2", creativeId: "crt_3", device: "mobile" });
const LATER = aClickIdentity({ clickedAtMs: NOON_MS + 5 * MINUTE_MS, campaignId: "cmp_8", publisherId: "pub_2" });
const OCCURRED_AT_MS = NOON_MS + 10 * MINUTE_MS;

const creditOf = (click = CLICK, valueMicros = 5_000_000, occurredAtMs = OCCURRED_AT_MS): Credit => {
  const { clickId } = aConversion({}, click);
  return { clickId, click, valueMicros, occurredAtMs };
};

function aLine(
  prior: Credit | null,
  next: Credit | null,
  reason: ConversionReason | null = null,
  click = CLICK,
): ConversionContent {
  const verdict = reason === "same_order" ? "duplicate" : prior === null && next === null ? "invalid" : "valid";
  return { event: aConversion({ occurredAtMs: OCCURRED_AT_MS }, click), verdict, reason, prior, next };
}

/** Non-zero measures of each window, from noon. */
function byMinute(facts: Facts): Record<string, unknown> {
  const rows = [...facts.values()].map((row) => [
    `${row.campaignId} +${row.window - minuteOf(NOON_MS)}`,
    totalsByMeasure(new Map([["", row]])),
  ]);
  return Object.fromEntries(rows.filter(([, totals]) => Object.keys(totals as object).length > 0));
}

describe("a conversion", () => {
  it("counts in its click's minute, and by measures of their own in the minute when it occurred", () => {
    const facts = fold([aLine(null, creditOf())]);
    expect(byMinute(facts)).toEqual({
      "cmp_7 +0": { conversions: 1, conversion_value_micros: 5_000_000 },
      "cmp_7 +10": { conversions_by_time: 1, conversion_value_by_time_micros: 5_000_000 },
    });
    const cell = cellKeyOfStored(["pub_1", "DE", "mobile", "crt_3"]);
    expect([...facts.values()].map(({ adGroupId, cells }) => [adGroupId, [...cells.keys()]])).toEqual([
      ["grp_2", [cell]],
      ["grp_2", [cell]],
    ]);
    expect(reasonsIn(facts)).toEqual({});
  });

  it("is one cell where click and conversion fall into one minute", () => {
    const [row, ...others] = fold([aLine(null, creditOf(CLICK, 7, NOON_MS + 59_999))]).values();
    expect(others).toEqual([]);
    const counts = { conversions: 1, conversions_by_time: 1, conversion_value_micros: 7 };
    expect([...(row?.cells.values() ?? [])]).toEqual([toCounts({ ...counts, conversion_value_by_time_micros: 7 })]);
  });

  it("of no value counts as one", () => {
    expect(totalsByMeasure(fold([aLine(null, creditOf(CLICK, 0))]))).toEqual({
      conversions: 1,
      conversions_by_time: 1,
    });
  });

  it("that moves takes away what it was before, to the last measure", () => {
    const moved = aLine(creditOf(), creditOf(LATER), "later_click", LATER);
    const facts = fold([aLine(null, creditOf()), moved]);
    expect(byMinute(facts)).toEqual({
      "cmp_8 +5": { conversions: 1, conversion_value_micros: 5_000_000 },
      "cmp_8 +10": { conversions_by_time: 1, conversion_value_by_time_micros: 5_000_000 },
    });
    const reasons = [...facts.values()].filter((row) => row.reasons.size > 0);
    expect(reasons.map(({ campaignId, window, reasons: of }) => [campaignId, window, [...of]])).toEqual([
      ["cmp_8", minuteOf(LATER.clickedAtMs), [["conversion.later_click", 1]]],
    ]);
  });

  it("that is corrected changes its value, and not its number", () => {
    const facts = fold([
      aLine(null, creditOf()),
      aLine(creditOf(), creditOf(CLICK, 3_000_000), "corrected"),
      aLine(creditOf(CLICK, 3_000_000), creditOf(CLICK, 2_000_000), "corrected"),
    ]);
    expect(totalsByMeasure(facts)).toEqual({
      conversions: 1,
      conversions_by_time: 1,
      conversion_value_micros: 2_000_000,
      conversion_value_by_time_micros: 2_000_000,
    });
    expect(reasonsIn(facts)).toEqual({ "conversion.corrected": 2 });
  });

  it("that is taken back leaves its reason alone", () => {
    const facts = fold([aLine(null, creditOf()), aLine(creditOf(), null, "retracted")]);
    expect(totalsByMeasure(facts)).toEqual({});
    expect(plain(facts)).toMatchObject([{ cells: [], reasons: [["conversion.retracted", 1]] }]);
  });

  it.each(["outside_window", "test", "same_order"] as const)(
    "that is not credited (%s) leaves its reason with its own click",
    (reason) => {
      const facts = fold([aLine(null, null, reason, LATER)]);
      expect(totalsByMeasure(facts)).toEqual({});
      expect(plain(facts)).toMatchObject([
        { key: expect.stringContaining("cmp_8"), reasons: [[`conversion.${reason}`, 1]] },
      ]);
    },
  );

  it("never touches clicks, impressions and users", () => {
    const lines = [
      aLine(null, creditOf()),
      aLine(creditOf(), creditOf(LATER), "later_click"),
      aLine(creditOf(LATER), null),
    ];
    for (const row of fold(lines).values()) {
      expect(row.users.size).toBe(0);
      for (const measure of [
        "gross",
        "valid",
        "duplicate",
        "invalid",
        "late",
        "impressions",
        "spend_micros",
      ] as const) {
        expect(totalsByMeasure(new Map([["", row]]))[measure]).toBeUndefined();
      }
    }
  });
});

describe("a log of clicks, impressions, conversions and counts", () => {
  const minute = fc.nat({ max: 3_000 }).map((minutes) => NOON_MS + minutes * MINUTE_MS);
  const credit = fc.option(
    fc
      .record({
        campaignId: fc.constantFrom("cmp_1", "cmp_2"),
        clickedAtMs: minute,
        value: fc.nat({ max: 9 }),
        at: minute,
      })
      .map(({ value, at, ...click }) => creditOf(aClickIdentity(click), value, at)),
  );
  const content: fc.Arbitrary<LogContent> = fc.oneof(
    fc
      .record({ prior: credit, next: credit, reason: fc.constantFrom(null, "later_click", "retracted", "test") })
      .map(({ prior, next, reason }) => aLine(prior, next, reason as ConversionReason | null)),
    fc.record({ minuteAtMs: minute, impressions: fc.nat({ max: 9 }), filtered: fc.nat({ max: 9 }) }).map(
      ({ filtered, ...counts }): CountsContent => ({
        event: someCounts({ ...counts, grossImpressions: counts.impressions + filtered }),
        verdict: "valid",
        reason: null,
        batch: { key: "b", content: "c" },
      }),
    ),
    fc
      .record({ type: fc.constantFrom("click" as const, "impression" as const), occurredAtMs: minute })
      .map((event) => ({ ...anOpenedClick(event), verdict: "valid" as const, reason: null, review: null })),
  );

  it("gives the same facts however it is split into postings and in whatever order they are applied", () => {
    const split = fc.array(content, { maxLength: 20 }).chain((contents) =>
      fc.record({
        contents: fc.constant(contents),
        parts: fc.array(fc.nat({ max: 3 }), { minLength: contents.length, maxLength: contents.length }),
        order: fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }),
      }),
    );
    fc.assert(
      fc.property(split, ({ contents, parts, order }) => {
        const merged: Facts = new Map();
        const hours: Facts = new Map();
        for (const part of order) {
          const facts = fold(contents.filter((_, at) => parts[at] === part));
          mergeFacts(merged, facts.values());
          mergeFacts(hours, widenFacts(facts, 60).values());
        }
        const whole = fold(contents);
        expect(plain(merged)).toEqual(plain(whole));
        expect(plain(hours)).toEqual(plain(widenFacts(whole, 60)));
      }),
      { seed: 20261122, numRuns: 300 },
    );
  });
});
