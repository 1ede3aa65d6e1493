/** A day's minutes from a file, as the minute explorer draws them. */
import { expect, it } from "vitest";
import { hourHolding, minutesOf } from "../../../src/dashboard/minutes.ts";

const CSV = [
  "minute,clicks,spend_micros",
  "2026-04-20T00:00:00Z,3,1260000",
  "2026-04-20T00:01:00Z,,",
  "2026-04-20T00:02:00Z,0,0",
  "2026-04-20T00:03:00Z,5,2100000",
  "",
].join("\r\n");
const nowMs = Date.UTC(2026, 3, 20, 0, 3, 30);

it("has each minute by its start, gaps where nothing is known, and none that has not ended", () => {
  const [starts, values] = minutesOf(CSV, { metric: "clicks", nowMs, parts: 1 });
  expect(starts).toEqual([0, 60, 120, 180].map((seconds) => Date.UTC(2026, 3, 20) / 1_000 + seconds));
  expect(values).toEqual([3, null, 0, null]);
});

it("has money in whole units, by the column of its name", () => {
  expect(minutesOf(CSV, { metric: "spend_micros", nowMs, parts: 1_000_000 })[1]).toEqual([1.26, null, 0, null]);
  expect(minutesOf("", { metric: "clicks", nowMs, parts: 1 })).toEqual([[], []]);
});

it("leads from an instant to the hour that holds it", () => {
  const hours = [0, 3_600_000, 7_200_000];
  expect(hourHolding(3_600_000 + 59_999, hours)).toBe("1970-01-01T01:00:00Z");
  expect(hourHolding(9_000_000, hours)).toBe("1970-01-01T02:00:00Z");
  expect(hourHolding(-1, hours)).toBeNull();
});
