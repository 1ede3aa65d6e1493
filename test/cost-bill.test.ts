/**
 * The bill of `npm run cost` is a function of counters: every line against a case that was calculated by hand, and the
 * consumer's batches by what its settings say.
 */
import { describe, expect, it } from "vitest";
import { packed } from "../bench/cost/batches.ts";
import {
  billOf,
  idleMonth,
  linesOf,
  type Measured,
  NOTHING,
  queueOperations,
  unitsOf,
  withoutIdle,
} from "../bench/cost/bill.ts";
import { COST_SIZES, dollarsWanted, rowsMissed } from "../bench/cost/cases.ts";
import { type Counted, type Counters, plus, times } from "../bench/cost/counters.ts";
import { type Billed, figuresOf, toCostPage } from "../bench/cost/page.ts";
import { PRICED_UNITS, PRICES, type PricedUnit } from "../src/core/prices.ts";

const counted = (some: Partial<Counters>): Counters => ({ ...NOTHING, ...some });

const NONE: Measured = {
  clicksPerSecond: 50,
  carried: counted({ clicks: 1_000 }),
  idleMinute: NOTHING,
  hourly: NOTHING,
  daily: NOTHING,
  moved: NOTHING,
  cpuMicros: { edge: 0, carried: 0 },
};

function dollarsOf(measured: Partial<Measured>, unit: PricedUnit): number {
  const bill = billOf({ ...NONE, ...measured });
  return bill.lines.find((line) => line.unit === unit)?.dollars ?? Number.NaN;
}

describe("a line of the bill", () => {
  it.each<[PricedUnit, Partial<Counters>, number]>([
    // 1 000 clicks, 10 batches, 1 cron: 1 011 000 requests of a million clicks.
    ["requests", { consumerRuns: 10, cronRuns: 1 }, 0.3033],
    // 3 operations a click.
    ["queueOperations", { queueOperations: 3_000 }, 1.2],
    // 80 calls and 20 alarms: 100 000 of a million.
    ["objectRequests", { objectCalls: 80, alarmsRun: 20 }, 0.015],
    // 100 runs of 10 ms, 4 calls to D1 of 50, 3 to R2 of 100: 1.5 s; × 1 000 × 0.128 GB = 192 GB-s.
    ["objectGbS", { objectCalls: 80, alarmsRun: 20, objectD1Calls: 4, objectR2Calls: 3 }, 0.0024],
    ["objectRowsWritten", { objectRowsWritten: 900, alarmsSet: 100 }, 1],
    ["objectRowsRead", { objectRowsRead: 5_000 }, 0.005],
    ["d1RowsWritten", { d1RowsWritten: 250 }, 0.25],
    ["d1RowsRead", { d1RowsRead: 20_000 }, 0.02],
    ["classA", { classA: 2 }, 0.009],
    ["classB", { classB: 10 }, 0.0036],
    ["points", { points: 1_000 }, 0.25],
    // 100 bytes a click are 100 MB of a million.
    ["logMb", { logBytes: 100_000 }, 0.025],
  ])("for %s is its units of a million clicks times its price", (unit, some, dollars) => {
    const bill = billOf({ ...NONE, carried: counted({ clicks: 1_000, ...some }) });
    expect(bill.lines.find((line) => line.unit === unit)?.dollars).toBeCloseTo(dollars, 10);
    expect(bill.lines.map((line) => line.unit)).toEqual(PRICED_UNITS);
  });

  it("for CPU is of the edge and of what follows, 300 µs being 300 000 ms of a million clicks", () => {
    expect(dollarsOf({ cpuMicros: { edge: 120, carried: 180 } }, "cpuMs")).toBeCloseTo(0.006, 10);
  });

  it("is in the sum, unless its price is only announced", () => {
    const bill = billOf({ ...NONE, carried: counted({ clicks: 1_000, d1RowsWritten: 250, points: 1_000 }) });
    expect(bill.dollars).toBeCloseTo(0.3 + 0.25, 10);
  });
});

describe("what is done once for many clicks", () => {
  it("is shared by the clicks of an hour or of a day, whatever came while it was counted", () => {
    // 1 000 rows an hour at 50 clicks/s: 180 000 clicks; a day: 4 320 000.
    expect(dollarsOf({ hourly: counted({ d1RowsWritten: 1_000 }) }, "d1RowsWritten")).toBeCloseTo(1 / 180, 10);
    expect(dollarsOf({ daily: counted({ d1RowsWritten: 1_000 }) }, "d1RowsWritten")).toBeCloseTo(1 / 4_320, 10);
  });

  it("moves rows with their clicks and objects with their day, and says what that costs apart", () => {
    const moved = counted({ clicks: 6_000, d1RowsWritten: 3_000, classA: 16 });
    const bill = billOf({ ...NONE, moved });
    expect(bill.moves).toBeCloseTo(0.5 + (16 / 4_320_000) * 4.5, 10);
    expect(bill.dollars).toBeCloseTo(0.3 + bill.moves, 10);
    expect(bill.rows.d1).toBe(0);
  });

  it("is counted without what cron costs with nothing to do", () => {
    const idle = counted({ cronRuns: 1, classA: 6, d1RowsRead: 200 });
    const phase = counted({ cronRuns: 16, classA: 98, d1RowsRead: 3_200, d1RowsWritten: 40 });
    expect(withoutIdle(phase, idle)).toEqual(counted({ classA: 2, d1RowsWritten: 40 }));
  });

  it("costs, of cron alone, 43 200 runs a month", () => {
    // 43 200 requests, and 259 200 operations of class A.
    expect(idleMonth(counted({ cronRuns: 1, classA: 6 }))).toBeCloseTo(0.01296 + 1.1664, 10);
  });
});

describe("messages", () => {
  it.each([
    [0, 3],
    [63_900, 3],
    [63_901, 6],
    [96_000, 6],
    [128_000, 9],
  ])(
    "of %i bytes are %i operations: written, read and deleted by 64 KB with 100 bytes of the platform's",
    (bytes, operations) => {
      expect(queueOperations(bytes)).toBe(operations);
    },
  );

  it("come in batches of a hundred, or a second after the first", () => {
    const every = (ms: number, count: number) =>
      packed(Array.from({ length: count }, (_, index) => ({ atMs: index * ms, body: "" })));
    expect(every(1, 250).map(({ messages }) => messages.length)).toEqual([100, 100, 50]);
    expect(every(20, 100).map(({ messages }) => messages.length)).toEqual([51, 49]);
    expect(every(20, 100).map(({ closesAtMs }) => closesAtMs)).toEqual([1_000, 2_020]);
    expect(every(5_000, 3).map(({ closesAtMs }) => closesAtMs)).toEqual([1_000, 6_000, 11_000]);
  });
});

describe("rows wanted", () => {
  const billed = (clicksPerSecond: number, objects: number, d1: number): Billed => {
    const one = { clicksPerSecond, perMessage: 10, seconds: 1, warm: { clicksPerSecond, seconds: 1 }, idleMinutes: 1 };
    const measured = { ...NONE, carried: counted({ clicks: 1_000, objectRowsWritten: objects, d1RowsWritten: d1 }) };
    return { one, measured, bill: billOf(measured) };
  };

  it("are missed above 0.15 a click at 1 157 clicks a second, in objects and D1 together, and said so", () => {
    expect(rowsMissed([billed(1_157, 80, 70)])).toEqual([]);
    expect(rowsMissed([billed(1_157, 81, 70)])).toEqual([
      "1157 clicks/s, 10 a message: 0.151 rows written a click (objects 0.081, D1 0.070), wanted at most 0.15",
    ]);
    expect(rowsMissed([billed(50, 1_000, 1_000)])).toEqual([]);
  });

  it("stand beside dollars, which are printed and not judged", () => {
    expect([1_157, 50, 1].map((clicksPerSecond) => dollarsWanted({ clicksPerSecond, perMessage: 10 }))).toEqual([
      0.65,
      2.2,
      null,
    ]);
    const page = toCostPage({ ours: [billed(1_157, 1_000, 500)], naive: [] }, ["machine: any"]);
    expect(page).toContain("≤ $0.65, missed");
    expect(page).toContain("1157 clicks/s, 10 a message: 1.500 rows written a click");
    expect(figuresOf({ ours: [billed(50, 500, 100)], naive: [] }).ours[0]).toEqual({
      clicksPerSecond: 50,
      perMessage: 10,
      dollars: 0.9,
      rows: 0.6,
    });
  });

  it("are asked of both numbers of clicks a message", () => {
    const asked = COST_SIZES.full.cases.filter(({ clicksPerSecond }) => clicksPerSecond === 1_157);
    expect(asked.map(({ perMessage }) => perMessage)).toEqual([10, 1]);
  });
});

it("adds and scales every counter", () => {
  const one = Object.fromEntries(Object.keys(NOTHING).map((name, at) => [name, at + 1])) as Record<Counted, number>;
  expect(plus(one, times(one, 2), -1)).toEqual(times(one, -1));
  expect(linesOf(unitsOf(one)).every(({ units, unit }) => units > 0 || unit === "cpuMs")).toBe(true);
});

it("says where each price is published", () => {
  for (const unit of PRICED_UNITS) expect(PRICES[unit].source).toMatch(/pricing$/);
});
