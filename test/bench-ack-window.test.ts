/**
 * The measurement of the window between redirect and acknowledgement still runs; checked for what it counts and not for
 * how long the window is.
 */
import { expect, it } from "vitest";
import { measureWindow, percentileOf } from "../bench/ack-window.ts";

const MINUTE_MS = 60_000;

it("notes one acknowledgement for each click", { timeout: MINUTE_MS }, async () => {
  const { acknowledged, done } = await measureWindow({ clicks: 60, rate: 100 });
  expect([acknowledged.length, done.length]).toEqual([60, 60]);
  expect(Math.min(...acknowledged)).toBeGreaterThanOrEqual(0);
});

it("takes percentiles by rank", () => {
  const values = [4, 1, 3, 2];
  expect([0.5, 0.75, 0.99, 1].map((share) => percentileOf(values, share))).toEqual([2, 3, 4, 4]);
});
