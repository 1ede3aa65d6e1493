/** Units and their dollars, against sums that were made by hand. */
import { describe, expect, it } from "vitest";
import { OPERATIONS_OF_MESSAGE, PRICED_UNITS, PRICES } from "../../src/core/prices.ts";
import { gbSecondsOf, microsByUnit, microsOf, plusUnits, unitsSince } from "../../src/core/spending.ts";

describe("spending", () => {
  it("prices a line by the table: 1 000 messages and 2 000 rows", () => {
    const units = { queueOperations: 1_000 * OPERATIONS_OF_MESSAGE, d1RowsWritten: 2_000 };
    expect(microsByUnit(units)).toEqual([
      ["queueOperations", 1_200],
      ["d1RowsWritten", 2_000],
    ]);
    expect(microsOf(units)).toBe(3_200);
  });

  it("of a million units is the table's dollars, and nothing for what is only announced", () => {
    for (const unit of PRICED_UNITS) {
      const dollars = unit === "points" ? 0 : PRICES[unit].perMillion;
      expect(microsOf({ [unit]: 1_000_000 }) / 1e6).toBeCloseTo(dollars, 9);
    }
  });

  it("adds up, and tells what is more", () => {
    const sum = plusUnits({ requests: 1, classA: 2 }, { requests: 3, classB: 4 });
    expect(sum).toEqual({ requests: 4, classA: 2, classB: 4 });
    expect(unitsSince(sum, { requests: 1, classA: 5 })).toEqual({ requests: 3, classB: 4 });
    expect(unitsSince(sum)).toEqual(sum);
  });

  it("bills an object by the memory that is billed", () => {
    expect(gbSecondsOf(10_000)).toBeCloseTo(1.28, 9);
  });
});
