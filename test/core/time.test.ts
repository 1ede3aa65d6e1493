import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../src/core/limits.ts";
import { dayOf, hourOf, isoDay, isoSecond, minuteOf } from "../../src/core/time.ts";
import { NOON_MS } from "../support/builders.ts";

describe("windows", () => {
  it.each([
    ["minute", minuteOf, MINUTE_MS],
    ["hour", hourOf, HOUR_MS],
    ["day", dayOf, DAY_MS],
  ] as const)("an instant lies in exactly one %s", (_, windowOf, sizeMs) => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 48 }), (instantMs) => {
        const start = windowOf(instantMs) * sizeMs;
        expect(start <= instantMs && instantMs < start + sizeMs).toBe(true);
      }),
      { seed: 20261122 },
    );
  });

  it("start with their first millisecond and end before the next one's", () => {
    expect(minuteOf(NOON_MS - 1)).toBe(minuteOf(NOON_MS) - 1);
    expect(minuteOf(NOON_MS + MINUTE_MS - 1)).toBe(minuteOf(NOON_MS));
    expect(hourOf(NOON_MS)).toBe(NOON_MS / HOUR_MS);
    expect(dayOf(NOON_MS + 12 * HOUR_MS)).toBe(dayOf(NOON_MS) + 1);
  });

  it("nest: an hour is 60 minutes and a day is 24 hours", () => {
    for (const instantMs of [0, NOON_MS, NOON_MS + 1, Date.UTC(2028, 1, 29, 23, 59, 59, 999)]) {
      expect(Math.floor(minuteOf(instantMs) / 60)).toBe(hourOf(instantMs));
      expect(Math.floor(hourOf(instantMs) / 24)).toBe(dayOf(instantMs));
    }
  });
});

describe("spelling", () => {
  it.each([
    [0, "1970-01-01", "1970-01-01T00:00:00Z"],
    [NOON_MS + 999, "2026-04-20", "2026-04-20T12:00:00Z"],
    [Date.UTC(2028, 1, 29, 23, 59, 59, 999), "2028-02-29", "2028-02-29T23:59:59Z"],
  ])("of %d is %s and %s", (instantMs, day, second) => {
    expect(isoDay(instantMs)).toBe(day);
    expect(isoSecond(instantMs)).toBe(second);
  });
});
