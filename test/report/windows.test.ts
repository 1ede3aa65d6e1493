/** Windows: they tile, whatever the zone; days of 23 and 25 hours; half-hour zones; a test of SQL is in facts-reader. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { rangeYearBefore } from "../../src/report/query/range.ts";
import {
  GRANULARITIES,
  type Granularity,
  hasPartialWindow,
  windowEdges,
  windowsAtLeast,
} from "../../src/report/query/windows.ts";
import { instantSpeller, toZone, UTC } from "../../src/report/query/zone.ts";

const MINUTE = 60_000;
const RANGE = { fromMs: Date.UTC(2026, 0, 1), toMs: Date.UTC(2027, 0, 1) };
const ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Africa/Cairo", "Asia/Kolkata", "Asia/Kathmandu"];
const MORE_ZONES = ["Australia/Lord_Howe", "America/St_Johns", "Pacific/Apia", "Pacific/Chatham", "America/Havana"];

const zoneOf = (name: string) => toZone(name) ?? UTC;

/** Labels of all edges of a range that is given by instants. */
function labels(from: string, to: string, granularity: Granularity, name: string): string[] {
  const zone = zoneOf(name);
  const edges = windowEdges({ fromMs: Date.parse(from), toMs: Date.parse(to) }, { granularity, zone });
  return edges.map(instantSpeller({ from: edges[0] ?? 0, to: edges.at(-1) ?? 0 }, zone));
}

describe("windows", () => {
  it("tile the range in every zone: they ascend, hold its edges, and each starts where a label says", () => {
    const instant = fc.integer({ min: 0, max: Date.UTC(2040, 0, 1) / MINUTE });
    const property = fc.property(
      instant,
      fc.integer({ min: 1, max: 90 * 1_440 }),
      fc.constantFrom(...GRANULARITIES),
      fc.constantFrom(...ZONES, ...MORE_ZONES),
      (from, length, granularity, name) => {
        const zone = zoneOf(name);
        const range = { fromMs: from * MINUTE, toMs: (from + length) * MINUTE };
        const edges = windowEdges(range, { granularity, zone });
        expect(edges.length - 1).toBeGreaterThanOrEqual(windowsAtLeast(range, granularity));
        expect(edges.every((edge, index) => index === 0 || edge > (edges[index - 1] ?? edge))).toBe(true);
        expect(edges[0]).toBeLessThanOrEqual(from);
        expect(edges[1]).toBeGreaterThan(from);
        expect(edges.at(-2)).toBeLessThan(from + length);
        expect(edges.at(-1)).toBeGreaterThanOrEqual(from + length);
        if (granularity === "all") return;
        // The windows of a part are those of the whole.
        const middle = from + Math.floor(length / 2);
        const half = windowEdges({ fromMs: from * MINUTE, toMs: (middle + 1) * MINUTE }, { granularity, zone });
        expect(edges.slice(0, half.length)).toEqual(half);
      },
    );
    fc.assert(property, { seed: 20_260_420, numRuns: 300 });
  });

  it("are counted over a range", () => {
    const counts = GRANULARITIES.map((granularity) => windowEdges(RANGE, { granularity, zone: UTC }).length - 1);
    expect(counts).toEqual([525_600, 8_760, 365, 53, 12, 1]);
  });

  it("are partial when an edge of the range cuts one", () => {
    const partial = GRANULARITIES.map((granularity) =>
      hasPartialWindow(RANGE, windowEdges(RANGE, { granularity, zone: UTC })),
    );
    expect(partial).toEqual([false, false, false, true, false, false]);
  });

  it("start weeks on Monday and months on their first", () => {
    const weeks = labels("2026-03-30T00:00Z", "2026-05-04T00:00Z", "week", "UTC");
    expect(weeks.map((label) => new Date(label).getUTCDay())).toEqual([1, 1, 1, 1, 1, 1]);
    expect(labels("2026-01-15T00:00Z", "2026-03-02T00:00Z", "month", "Europe/Berlin")).toEqual([
      "2026-01-01T00:00:00+01:00",
      "2026-02-01T00:00:00+01:00",
      "2026-03-01T00:00:00+01:00",
      "2026-04-01T00:00:00+02:00",
    ]);
  });
});

describe("days on which clocks change", () => {
  const hoursOf = (day: string, next: string, name: string) => labels(day, next, "hour", name).length - 1;

  it("have 23 and 25 hours", () => {
    expect(labels("2026-03-28T23:00Z", "2026-03-30T22:00Z", "day", "Europe/Berlin")).toEqual([
      "2026-03-29T00:00:00+01:00",
      "2026-03-30T00:00:00+02:00",
      "2026-03-31T00:00:00+02:00",
    ]);
    expect(hoursOf("2026-03-28T23:00Z", "2026-03-29T22:00Z", "Europe/Berlin")).toBe(23);
    expect(hoursOf("2026-10-24T22:00Z", "2026-10-25T23:00Z", "Europe/Berlin")).toBe(25);
    expect(hoursOf("2026-11-01T04:00Z", "2026-11-02T05:00Z", "America/New_York")).toBe(25);
  });

  it("name their hours by local time and offset: none is skipped, none is named twice", () => {
    expect(labels("2026-03-29T00:00Z", "2026-03-29T02:00Z", "hour", "Europe/Berlin")).toEqual([
      "2026-03-29T01:00:00+01:00",
      "2026-03-29T03:00:00+02:00",
      "2026-03-29T04:00:00+02:00",
    ]);
    expect(labels("2026-10-25T00:00Z", "2026-10-25T02:00Z", "hour", "Europe/Berlin")).toEqual([
      "2026-10-25T02:00:00+02:00",
      "2026-10-25T02:00:00+01:00",
      "2026-10-25T03:00:00+01:00",
    ]);
  });

  it("start at one o'clock where midnight does not exist", () => {
    expect(labels("2026-04-23T22:00Z", "2026-04-24T21:00Z", "day", "Africa/Cairo")).toEqual([
      "2026-04-24T01:00:00+03:00",
      "2026-04-25T00:00:00+03:00",
    ]);
  });

  it("cut an hour short where the offset changes by half an hour", () => {
    // Clocks go back from 02:00 to 01:30: two hours named one, the second of 30 minutes.
    expect(labels("2026-04-04T14:00Z", "2026-04-04T16:30Z", "hour", "Australia/Lord_Howe")).toEqual([
      "2026-04-05T01:00:00+11:00",
      "2026-04-05T01:30:00+10:30",
      "2026-04-05T02:00:00+10:30",
      "2026-04-05T03:00:00+10:30",
    ]);
    expect(labels("2026-10-03T14:30Z", "2026-10-03T17:00Z", "hour", "Australia/Lord_Howe")).toEqual([
      "2026-10-04T01:00:00+10:30",
      "2026-10-04T02:30:00+11:00",
      "2026-10-04T03:00:00+11:00",
      "2026-10-04T04:00:00+11:00",
    ]);
  });

  it("have the names of the whole range in any part of it, as a further page is read", () => {
    const zone = zoneOf("Australia/Lord_Howe");
    for (const [from, to] of [
      ["2026-04-04T12:00Z", "2026-04-04T18:00Z"],
      ["2026-10-03T12:00Z", "2026-10-03T18:00Z"],
    ] as const) {
      const range = { fromMs: Date.parse(from), toMs: Date.parse(to) };
      const whole = windowEdges(range, { granularity: "hour", zone });
      for (let minute = range.fromMs / MINUTE; minute < range.toMs / MINUTE; minute++) {
        const part = windowEdges({ fromMs: minute * MINUTE, toMs: range.toMs }, { granularity: "hour", zone });
        const first = whole.findLastIndex((edge) => edge <= minute);
        expect(part, `from ${minute}`).toEqual(whole.slice(first));
      }
    }
  });

  it("leave out a day that the zone skipped", () => {
    expect(labels("2011-12-29T10:00Z", "2012-01-01T10:00Z", "day", "Pacific/Apia")).toEqual([
      "2011-12-29T00:00:00-10:00",
      "2011-12-31T00:00:00+14:00",
      "2012-01-01T00:00:00+14:00",
      "2012-01-02T00:00:00+14:00",
    ]);
  });
});

describe("zones with half hours", () => {
  it("start their days and hours between ours", () => {
    expect(labels("2026-04-19T18:30Z", "2026-04-19T20:30Z", "hour", "Asia/Kolkata")).toEqual([
      "2026-04-20T00:00:00+05:30",
      "2026-04-20T01:00:00+05:30",
      "2026-04-20T02:00:00+05:30",
    ]);
    expect(labels("2026-04-19T18:15Z", "2026-04-20T18:15Z", "day", "Asia/Kathmandu")).toEqual([
      "2026-04-20T00:00:00+05:45",
      "2026-04-21T00:00:00+05:45",
    ]);
  });
});

describe("names of zones", () => {
  it("are IANA names in any case, and nothing else", () => {
    expect(toZone("europe/berlin")).toEqual({ name: "Europe/Berlin", isUtc: false });
    expect([toZone("utc"), toZone("Etc/UTC")]).toEqual([UTC, UTC]);
    for (const bad of ["", "+02:00", "Europe/Nowhere", "Mars/Olympus", "UTC+2", "a".repeat(65), "Europe/Berlin;"]) {
      expect(toZone(bad), bad).toBeNull();
    }
  });
});

describe("the range a year before", () => {
  const yearBefore = (from: string, to: string, name: string) => {
    const zone = zoneOf(name);
    const { fromMs, toMs } = rangeYearBefore({ fromMs: Date.parse(from), toMs: Date.parse(to) }, zone);
    const spell = instantSpeller({ from: fromMs / MINUTE, to: toMs / MINUTE }, zone);
    return [spell(fromMs / MINUTE), spell(toMs / MINUTE)];
  };

  it("has the same dates and times of day, whatever the clocks did", () => {
    const berlin = yearBefore("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", "Europe/Berlin");
    expect(berlin).toEqual(["2025-03-29T00:00:00+01:00", "2025-03-30T00:00:00+01:00"]);
    const part = yearBefore("2026-07-01T10:00:00Z", "2026-07-01T10:30:00Z", "Asia/Kolkata");
    expect(part).toEqual(["2025-07-01T15:30:00+05:30", "2025-07-01T16:00:00+05:30"]);
  });

  it("takes 29 February for the 28th, and loses no day at either edge of it", () => {
    const of = (from: string, to: string) =>
      yearBefore(`${from}T00:00:00Z`, `${to}T00:00:00Z`, "UTC").map((edge) => edge.slice(0, 10));
    expect(of("2024-02-29", "2024-03-01")).toEqual(["2023-02-28", "2023-03-01"]);
    expect(of("2024-02-20", "2024-02-29")).toEqual(["2023-02-20", "2023-03-01"]);
    expect(of("2024-02-01", "2024-03-01")).toEqual(["2023-02-01", "2023-03-01"]);
    expect(of("2025-02-28", "2025-03-01")).toEqual(["2024-02-28", "2024-02-29"]);
    expect(of("2025-01-01", "2026-01-01")).toEqual(["2024-01-01", "2025-01-01"]);
    const noons = yearBefore("2024-02-28T12:00:00Z", "2024-02-29T12:00:00Z", "UTC");
    expect(noons).toEqual(["2023-02-28T12:00:00Z", "2023-03-01T12:00:00Z"]);
  });

  it("is never empty, and as long as its range but for a day and a change of clocks", () => {
    const DAY = 1_440 * MINUTE;
    fc.assert(
      fc.property(
        fc.integer({ min: Date.UTC(2000, 0, 1) / MINUTE, max: Date.UTC(2040, 0, 1) / MINUTE }),
        fc.integer({ min: 1, max: 800 * 1_440 }),
        fc.constantFrom(...ZONES, ...MORE_ZONES),
        (from, length, name) => {
          const before = rangeYearBefore({ fromMs: from * MINUTE, toMs: (from + length) * MINUTE }, zoneOf(name));
          const off = before.toMs - before.fromMs - length * MINUTE;
          expect(before.toMs).toBeGreaterThan(before.fromMs);
          expect(Math.abs(off)).toBeLessThanOrEqual(DAY + 2 * 60 * MINUTE);
        },
      ),
      { numRuns: 300 },
    );
  });
});
