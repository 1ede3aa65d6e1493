/** Days as texts: which there are, what it is in a zone, and steps that no change of clocks moves. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addDays, dayIn, daysBetween, firstOfMonth, isDay, lastOfMonth } from "../../../src/dashboard/calendar.ts";

const days = fc
  .integer({ min: Date.UTC(1970, 0, 1), max: Date.UTC(2199, 11, 31) })
  .map((ms) => new Date(ms).toISOString().slice(0, 10));

describe("a day", () => {
  it.each(["2026-11-28", "2024-02-29", "2000-02-29", "2026-12-31"])("%s exists", (text) =>
    expect(isDay(text)).toBe(true),
  );

  it.each([
    ...["2026-02-29", "2100-02-29", "2026-04-31", "2026-00-10", "2026-13-01", "2026-11-00", "2026-11-32"],
    ...["", "today", "2026-11-28T00:00:00Z", "2026-11-28 ", " 2026-11-28", "26-11-28", "2026-1-8", "+02026-11-28"],
    ...["2026-11-28\n", "２０２６-11-28"],
  ])("%j is none", (text) => expect(isDay(text)).toBe(false));

  it.each([
    ["Pacific/Kiritimati", "2026-11-29"],
    ["Asia/Tokyo", "2026-11-28"],
    ["UTC", "2026-11-28"],
    ["Pacific/Pago_Pago", "2026-11-27"],
  ])("is that of the zone: %s", (zone, day) => expect(dayIn(zone, Date.UTC(2026, 10, 28, 10, 30))).toBe(day));

  it("changes at midnight of the zone, on the days that have 23 and 25 hours too", () => {
    const midnights = [
      "2026-03-29T00:00+01:00",
      "2026-03-30T00:00+02:00",
      "2026-10-25T00:00+02:00",
      "2026-10-26T00:00+01:00",
    ];
    for (const midnight of midnights.map(Date.parse)) {
      const day = dayIn("Europe/Berlin", midnight);
      expect(dayIn("Europe/Berlin", midnight - 1)).toBe(addDays(day, -1));
    }
  });
});

describe("steps", () => {
  it("forward and back are the same, and counted", () => {
    fc.assert(
      fc.property(days, fc.integer({ min: -2_000, max: 2_000 }), (day, steps) => {
        const there = addDays(day, steps);
        expect(addDays(there, -steps)).toBe(day);
        expect(daysBetween(day, there)).toBe(steps + 1);
      }),
    );
  });

  it("stay within a month from its first to its last day", () => {
    fc.assert(
      fc.property(days, (day) => {
        const [first, last] = [firstOfMonth(day), lastOfMonth(day)];
        expect(first <= day && day <= last).toBe(true);
        expect([first, last].map((one) => one.slice(0, 7))).toEqual([day.slice(0, 7), day.slice(0, 7)]);
        expect(addDays(first, -1).slice(0, 7) < day.slice(0, 7) && addDays(last, 1).slice(0, 7) > day.slice(0, 7)).toBe(
          true,
        );
      }),
    );
    expect(lastOfMonth("2024-02-10")).toBe("2024-02-29");
  });
});
