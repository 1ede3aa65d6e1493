/** The planner alone: which tier answers which part. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Marks, planReads, type Segment, segmentsOf, TIER_MS } from "../../src/report/plan/plan.ts";
import { GRANULARITIES, type Granularity, type Range, windowEdges } from "../../src/report/query/windows.ts";
import { toZone, UTC } from "../../src/report/query/zone.ts";

const DAY = 1_440 * 60_000;
const HOUR = 3_600_000;
const from = 20_000 * DAY;
const ALL_ROLLED: Marks = { hour: 30_000 * 24, day: 30_000 };

const planSegments = (range: Range, granularity: Granularity, marks: Marks) =>
  segmentsOf(planReads(range, { granularity, zone: UTC }, marks));
const spans = (segments: Segment[]) => segments.map(({ tier, from, to }) => `${to - from} ${tier}`);

describe("the plan", () => {
  it("reads minutes where nothing is rolled", () => {
    const range = { fromMs: from, toMs: from + 2 * DAY };
    expect(spans(planSegments(range, "day", { hour: 0, day: 0 }))).toEqual(["2880 minute"]);
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

  it("reads a day in Kolkata as half an hour of minutes, hours, and half an hour", () => {
    const zone = toZone("Asia/Kolkata") ?? UTC;
    const range = { fromMs: Date.parse("2026-04-19T18:30Z"), toMs: Date.parse("2026-04-20T18:30Z") };
    expect(spans(segmentsOf(planReads(range, { granularity: "day", zone }, ALL_ROLLED)))).toEqual([
      "30 minute",
      "23 hour",
      "30 minute",
    ]);
    expect(spans(segmentsOf(planReads(range, { granularity: "hour", zone }, ALL_ROLLED)))).toEqual(["1440 minute"]);
  });

  it("reads whole UTC days inside of a zone's week, and one statement for each tier", () => {
    const zone = toZone("Europe/Berlin") ?? UTC;
    const range = { fromMs: Date.parse("2026-03-22T23:00Z"), toMs: Date.parse("2026-04-05T22:00Z") };
    const reads = planReads(range, { granularity: "week", zone }, ALL_ROLLED);
    expect(spans(segmentsOf(reads))).toEqual(["1 hour", "6 day", "24 hour", "6 day", "22 hour"]);
    expect(reads.length).toBe(2);
  });

  it("covers a range exactly once, in few statements, none over an edge of a window, none past a mark", () => {
    const minute = fc.integer({ min: 0, max: 40 * 1_440 });
    const property = fc.property(
      fc.tuple(minute, minute).filter(([a, b]) => a !== b),
      fc.constantFrom(...GRANULARITIES),
      fc.constantFrom("UTC", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo"),
      fc.record({ hour: fc.integer({ min: 0, max: 41 * 24 }), day: fc.integer({ min: 0, max: 41 }) }),
      ([a, b], granularity, name, offsets) => {
        const zone = toZone(name) ?? UTC;
        const range = { fromMs: from + Math.min(a, b) * 60_000, toMs: from + Math.max(a, b) * 60_000 };
        const marks = { hour: 20_000 * 24 + offsets.hour, day: 20_000 + offsets.day };
        const reads = planReads(range, { granularity, zone }, marks);
        expect(reads.length).toBeLessThanOrEqual(9);
        const edges = windowEdges(range, { granularity, zone });
        const parts = reads.flatMap((read): Segment[] => (read.kind === "span" ? [read.segment] : [...read.pieces]));
        let atMs = range.fromMs;
        for (const part of parts.toSorted((x, y) => x.from * TIER_MS[x.tier] - y.from * TIER_MS[y.tier])) {
          expect(part.from * TIER_MS[part.tier]).toBe(atMs);
          expect(part.to).toBeGreaterThan(part.from);
          if (part.tier !== "minute") expect(part.to).toBeLessThanOrEqual(marks[part.tier]);
          atMs = part.to * TIER_MS[part.tier];
        }
        expect(atMs).toBe(range.toMs);
        const inner = edges.slice(1, -1);
        for (const { tier, from: first, to } of parts) {
          // An edge of a window never lies inside of a tier's window.
          const cut = inner.filter(
            (edge) => edge * 60_000 > first * TIER_MS[tier] && edge * 60_000 < to * TIER_MS[tier],
          );
          expect(cut.filter((edge) => (edge * 60_000) % TIER_MS[tier] !== 0)).toEqual([]);
        }
        for (const read of reads) {
          if (read.kind === "span") continue;
          for (const { window, tier, from: first, to } of read.pieces) {
            expect(edges).toContain(window);
            const end = edges.find((edge) => edge > window) ?? 0;
            expect(first * TIER_MS[tier]).toBeGreaterThanOrEqual(Math.max(window * 60_000, range.fromMs));
            expect(to * TIER_MS[tier]).toBeLessThanOrEqual(end * 60_000);
          }
        }
      },
    );
    fc.assert(property, { seed: 20_260_420, numRuns: 500 });
  });
});
