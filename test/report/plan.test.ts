/** The planner alone: which tier answers which part. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Marks, NOTHING_ROLLED, planSegments, type Segment, TIER_MS } from "../../src/report/plan.ts";
import { GRANULARITIES, windowOf, windowStartMs } from "../../src/report/windows.ts";

const DAY = 1_440 * 60_000;
const HOUR = 3_600_000;
const from = 20_000 * DAY;
const ALL_ROLLED: Marks = { hour: 30_000 * 24, day: 30_000 };

const spans = (segments: Segment[]) => segments.map(({ tier, from, to }) => `${to - from} ${tier}`);

describe("planSegments", () => {
  it("reads minutes where nothing is rolled", () => {
    const range = { fromMs: from, toMs: from + 2 * DAY };
    expect(spans(planSegments(range, "day", NOTHING_ROLLED))).toEqual(["2880 minute"]);
  });

  it("reads minutes for a table by minute, hours and minutes for one by hour", () => {
    const range = { fromMs: from, toMs: from + 2 * DAY };
    expect(spans(planSegments(range, "minute", ALL_ROLLED))).toEqual(["2880 minute"]);
    expect(spans(planSegments(range, "hour", ALL_ROLLED))).toEqual(["48 hour"]);
    expect(spans(planSegments(range, "hour", { hour: 20_000 * 24 + 25, day: 30_000 }))).toEqual([
      "25 hour",
      "1380 minute",
    ]);
  });

  it("reads days, and finer tiers at unaligned edges", () => {
    const range = { fromMs: from + HOUR / 2, toMs: from + 3 * DAY + 2 * HOUR + HOUR / 4 };
    const expected = ["30 minute", "23 hour", "2 day", "2 hour", "15 minute"];
    for (const granularity of ["day", "week", "month", "all"] as const) {
      expect(spans(planSegments(range, granularity, ALL_ROLLED))).toEqual(expected);
    }
  });

  it("stops each tier at its mark", () => {
    const range = { fromMs: from, toMs: from + 3 * DAY };
    const marks = { day: 20_001, hour: 20_002 * 24 + 5 };
    expect(spans(planSegments(range, "day", marks))).toEqual(["1 day", "29 hour", "1140 minute"]);
  });

  it("covers a range exactly once, ascending, in at most seven segments that no window of the granularity cuts", () => {
    const minute = fc.integer({ min: 0, max: 40 * 1_440 });
    const property = fc.property(
      fc.tuple(minute, minute).filter(([a, b]) => a !== b),
      fc.constantFrom(...GRANULARITIES),
      fc.record({ hour: fc.integer({ min: 0, max: 41 * 24 }), day: fc.integer({ min: 0, max: 41 }) }),
      ([a, b], granularity, offsets) => {
        const range = { fromMs: from + Math.min(a, b) * 60_000, toMs: from + Math.max(a, b) * 60_000 };
        const marks = { hour: 20_000 * 24 + offsets.hour, day: 20_000 + offsets.day };
        const segments = planSegments(range, granularity, marks);
        expect(segments.length).toBeLessThanOrEqual(7);
        let atMs = range.fromMs;
        for (const { tier, from: first, to } of segments) {
          expect(first * TIER_MS[tier]).toBe(atMs);
          expect(to).toBeGreaterThan(first);
          if (tier !== "minute") expect(to).toBeLessThanOrEqual(marks[tier]);
          if (granularity !== "all") {
            const startMs = windowStartMs(windowOf(atMs, granularity), granularity, range);
            expect(startMs % TIER_MS[tier]).toBe(0);
          }
          atMs = to * TIER_MS[tier];
        }
        expect(atMs).toBe(range.toMs);
      },
    );
    fc.assert(property, { seed: 20_260_420, numRuns: 500 });
  });
});
