/** The price table: each line once, with a price and where it is published. */
import { expect, it } from "vitest";
import { PRICED_UNITS, PRICES, PRICES_READ } from "../../src/core/prices.ts";

it("has for each line what is counted, a price, and its source", () => {
  for (const unit of PRICED_UNITS) {
    const { what, perMillion, source } = PRICES[unit];
    expect(what, unit).not.toBe("");
    expect(perMillion, unit).toBeGreaterThan(0);
    expect(source, unit).toMatch(/pricing$/);
  }
  expect(new Set(PRICED_UNITS.map((unit) => PRICES[unit].what)).size).toBe(PRICED_UNITS.length);
  expect(PRICES_READ).toMatch(/^\d{4}-\d\d-\d\d$/);
});
