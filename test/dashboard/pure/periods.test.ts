/** Periods by their words and keys, and what lies beside each. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addDays, daysBetween, isDay } from "../../../src/dashboard/calendar.ts";
import { daysOf, neighbourOf, PERIODS, type PeriodName, periodOf } from "../../../src/dashboard/periods.ts";

const TODAY = "2026-11-28";
const NAMES = Object.keys(PERIODS) as PeriodName[];
const found = (query: string) => periodOf(new URLSearchParams(query));

describe("a period", () => {
  it.each<[PeriodName, string, string]>([
    ["day", "2026-11-28", "2026-11-28"],
    ["yesterday", "2026-11-27", "2026-11-27"],
    ["7d", "2026-11-22", "2026-11-28"],
    ["30d", "2026-10-30", "2026-11-28"],
    ["90d", "2026-08-31", "2026-11-28"],
    ["month", "2026-11-01", "2026-11-28"],
    ["last_month", "2026-10-01", "2026-10-31"],
    ["12mo", "2025-12-01", "2026-11-28"],
  ])("called %s is %s to %s", (name, from, to) => expect(daysOf(name, TODAY)).toEqual({ from, to }));

  it("of twelve months begins with the first of a month eleven before, on any day", () => {
    for (let day = "2024-01-01"; day < "2025-03-01"; day = addDays(day, 1)) {
      const { from } = daysOf("12mo", day);
      const [months = 0, years = 0] = [5, 0].map(
        (at) => Number(day.slice(at, at === 0 ? 4 : 7)) - Number(from.slice(at, at === 0 ? 4 : 7)),
      );
      expect([years * 12 + months, from.slice(8)], day).toEqual([11, "01"]);
    }
  });

  it("has a key of its own", () => {
    const keys = NAMES.map((name) => PERIODS[name].key);
    expect(new Set(keys).size).toBe(keys.length);
    expect(PERIODS).toMatchObject({
      day: { key: "d" },
      yesterday: { key: "y" },
      month: { key: "m" },
      last_month: { key: "l" },
    });
  });

  it.each([
    ["2026-11-28", "2026-11-16", "2026-11-22"],
    ["2026-11-23", "2026-11-16", "2026-11-22"],
    ["2026-11-22", "2026-11-09", "2026-11-15"],
    ["2027-01-01", "2026-12-21", "2026-12-27"],
  ])("of last week is from Monday to Sunday: on %s", (today, from, to) => {
    expect(daysOf("last_week", today)).toEqual({ from, to });
  });

  it("is what the address says, and the last 30 days where it says nothing", () => {
    expect(found("")).toBe("30d");
    for (const name of NAMES) expect(found(`period=${name}`)).toBe(name);
    expect(found("from=2026-11-01&to=2026-11-03")).toEqual({ from: "2026-11-01", to: "2026-11-03" });
    expect(found("from=2026-11-01"), "one day").toEqual({ from: "2026-11-01", to: "2026-11-01" });
    expect(found("to=2026-11-01")).toEqual({ from: "2026-11-01", to: "2026-11-01" });
    expect(found("period=day&from=2026-11-01"), "days say more").toEqual({ from: "2026-11-01", to: "2026-11-01" });
  });

  it.each([
    ...["period=decade", "period=", "period=constructor", "period=Day", "from=&to=", "from=today"],
    ...["from=2026-11-03&to=2026-11-01", "from=2026-02-30", "from=2026-11-01&to=", "from=2021-11-01&to=2026-11-03"],
  ])("is not %s", (query) => expect(found(query)).toBeNull());

  it("has as many days at most as a report takes", () => {
    const from = "2020-01-01";
    expect(found(`from=${from}&to=${addDays(from, 1_825)}`)).not.toBeNull();
    expect(found(`from=${from}&to=${addDays(from, 1_826)}`)).toBeNull();
  });
});

describe("the period beside", () => {
  it("is as long, and touches it", () => {
    expect(neighbourOf({ from: "2026-11-22", to: "2026-11-28" }, -1, TODAY)).toEqual({
      from: "2026-11-15",
      to: "2026-11-21",
    });
    expect(neighbourOf({ from: "2026-11-20", to: "2026-11-20" }, 1, TODAY)).toEqual({
      from: "2026-11-21",
      to: "2026-11-21",
    });
  });

  it("of a month is a month", () => {
    expect(neighbourOf({ from: "2026-10-01", to: "2026-10-31" }, -1, TODAY)).toEqual({
      from: "2026-09-01",
      to: "2026-09-30",
    });
    expect(neighbourOf({ from: "2026-01-01", to: "2026-01-31" }, 1, TODAY)).toEqual({
      from: "2026-02-01",
      to: "2026-02-28",
    });
    expect(neighbourOf({ from: "2026-11-01", to: TODAY }, -1, TODAY), "this month, so far").toEqual({
      from: "2026-10-01",
      to: "2026-10-31",
    });
  });

  it("is none in the future", () => {
    expect(neighbourOf({ from: TODAY, to: TODAY }, 1, TODAY)).toBeNull();
    expect(neighbourOf({ from: "2026-11-27", to: "2026-11-27" }, 1, TODAY)).toEqual({ from: TODAY, to: TODAY });
  });

  it.each([
    ["9999-12-31", 1],
    ["0000-01-01", -1],
  ] as const)("is none where the calendar ends: %s", (day, step) => {
    expect(neighbourOf({ from: day, to: day }, step, TODAY)).toBeNull();
  });

  it("leads back to where it came from, unless months differ in length", () => {
    const lengths = fc.integer({ min: 1, max: 400 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_000 }), lengths, (ago, length) => {
        const to = addDays(TODAY, -ago);
        const days = { from: addDays(to, 1 - length), to };
        const before = neighbourOf(days, -1, TODAY);
        expect(before).not.toBeNull();
        expect(isDay(before?.from ?? "") && before?.to === addDays(days.from, -1)).toBe(true);
        const after = neighbourOf(before ?? days, 1, TODAY);
        expect(after?.from).toBe(days.from);
        if (before !== null && daysBetween(before.from, before.to) === length) expect(after?.to).toBe(to);
      }),
    );
  });
});
