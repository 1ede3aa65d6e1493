import { describe, expect, it } from "vitest";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../../src/core/limits.ts";
import { afterFailure, dueAfter, FAILURES_MAX, HEALTHY, TRIES_MAX } from "../../src/core/webhook-schedule.ts";

describe("the schedule of deliveries", () => {
  it("has ten tries in 75 hours and 35 minutes", () => {
    let atMs = 0;
    let tries = 1;
    for (let due = dueAfter({ tries, failures: 1 }, atMs); due !== null; due = dueAfter({ tries, failures: 1 }, atMs)) {
      expect(due).toBeGreaterThan(atMs);
      atMs = due;
      tries++;
    }
    expect([tries, TRIES_MAX]).toEqual([10, 10]);
    expect(dueAfter({ tries: 10, failures: 10 }, atMs)).toBe(atMs + DAY_MS);
    expect(atMs).toBe(75 * HOUR_MS + 35 * MINUTE_MS + 5 * SECOND_MS);
  });

  it("spaces an endpoint's tries by its failures in a row, and gives it up after 13 days", () => {
    let health = HEALTHY;
    let nowMs = 1_000;
    const first = nowMs;
    while (health.failures < FAILURES_MAX) {
      health = afterFailure(health, nowMs);
      expect(health.failingSinceMs).toBe(first);
      if (health.failures < FAILURES_MAX) nowMs = health.notBeforeMs;
    }
    expect(Math.round((nowMs - first) / DAY_MS)).toBe(13);
  });
});
