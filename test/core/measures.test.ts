import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MEASURES } from "../../src/core/fields.ts";
import { CONVERSION_VALUE_MICROS_MAX } from "../../src/core/limits.ts";
import { addCounts, isZero, MICROS_PER_HUNDRED, moneyOf, toCounts, zeroCounts } from "../../src/core/measures.ts";

describe("counts", () => {
  it("start at zero, each its own", () => {
    expect(zeroCounts()).toEqual(MEASURES.map(() => 0));
    expect(zeroCounts()).not.toBe(zeroCounts());
  });

  it("are set by name and zero elsewhere", () => {
    const expected = zeroCounts();
    expected[MEASURES.indexOf("gross")] = 3;
    expected[MEASURES.indexOf("late")] = 1;
    expect(toCounts({ gross: 3, late: 1 })).toEqual(expected);
  });

  it("add up in place", () => {
    const sum = toCounts({ gross: 1, valid: 1 });
    addCounts(sum, toCounts({ gross: 2, duplicate: 2 }));
    expect(sum).toEqual(toCounts({ gross: 3, valid: 1, duplicate: 2 }));
  });

  it("may be negative, as corrections are", () => {
    const sum = toCounts({ gross: 1, valid: 1 });
    addCounts(sum, toCounts({ gross: -1, valid: -1 }));
    expect(isZero(sum)).toBe(true);
  });

  it("are zero only when each is", () => {
    expect(isZero(toCounts({}))).toBe(true);
    expect(isZero(toCounts({ valid: 1, duplicate: -1 }))).toBe(false);
  });
});

describe("an amount of money", () => {
  const amount = fc.oneof(
    fc.integer({ min: 0, max: CONVERSION_VALUE_MICROS_MAX }),
    fc.integer({ min: -CONVERSION_VALUE_MICROS_MAX, max: 200_000_000 }),
    fc.constantFrom(MICROS_PER_HUNDRED - 1, MICROS_PER_HUNDRED, -1, CONVERSION_VALUE_MICROS_MAX),
  );

  it("[fault A6b] is hundreds and what is left of them, and many add up in doubles to what integers give", () => {
    const property = fc.property(fc.array(amount, { minLength: 1, maxLength: 50 }), (amounts) => {
      const sum = zeroCounts();
      for (const micros of amounts) addCounts(sum, toCounts(moneyOf("spend_micros", micros)));
      const [left, hundreds] = [sum[MEASURES.indexOf("spend_micros")], sum[MEASURES.indexOf("spend_hundreds")]];
      const expected = amounts.reduce((total, micros) => total + BigInt(micros), 0n);
      expect(BigInt(hundreds ?? 0) * BigInt(MICROS_PER_HUNDRED) + BigInt(left ?? 0)).toBe(expected);
      expect(sum.every((count) => Math.abs(count) <= 50 * MICROS_PER_HUNDRED)).toBe(true);
    });
    fc.assert(property, { seed: 20_260_420, numRuns: 500 });
  });
});
