/** Windows: numbers and starts are inverse, weeks start on Monday. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GRANULARITIES, hasPartialWindow, windowOf, windowStartMs, windowsIn } from "../../src/report/windows.ts";

const RANGE = { fromMs: Date.UTC(2026, 0, 1), toMs: Date.UTC(2027, 0, 1) };

describe("windows", () => {
  it("hold every instant in exactly one", () => {
    const instant = fc.integer({ min: 0, max: Date.UTC(2100, 0, 1) });
    const property = fc.property(instant, fc.constantFrom(...GRANULARITIES), (instantMs, granularity) => {
      if (granularity === "all") return;
      const window = windowOf(instantMs, granularity);
      const startMs = windowStartMs(window, granularity, RANGE);
      expect(startMs).toBeLessThanOrEqual(instantMs);
      expect(windowStartMs(window + 1, granularity, RANGE)).toBeGreaterThan(instantMs);
      expect(windowOf(startMs, granularity)).toBe(window);
      if (granularity === "week") expect(new Date(startMs).getUTCDay()).toBe(1);
      if (granularity === "month") expect(new Date(startMs).getUTCDate()).toBe(1);
    });
    fc.assert(property, { seed: 20_260_420, numRuns: 500 });
  });

  it("are counted over a range", () => {
    const counts = GRANULARITIES.map((granularity) => windowsIn(RANGE, granularity).count);
    expect(counts).toEqual([525_600, 8_760, 365, 53, 12, 1]);
  });

  it("are partial when an edge of the range cuts one", () => {
    const partial = GRANULARITIES.map((granularity) => hasPartialWindow(RANGE, granularity));
    expect(partial).toEqual([false, false, false, true, false, false]);
  });
});
