/** The arithmetic of a bill. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { creditOf, minorDigitsOf, roundToMinor, spellMinor } from "../../src/core/billing.ts";

describe("minor units", () => {
  it.each([
    ["EUR", 2],
    ["JPY", 0],
    ["KWD", 3],
    ["CLF", 4],
    ["HUF", 2],
  ])("of %s have %i digits", (currency, digits) => {
    expect(minorDigitsOf(currency)).toBe(digits);
  });
});

describe("rounding", () => {
  it.each([
    ["EUR", "1234567", "1.23", "4567"],
    ["EUR", "1235000", "1.24", "-5000"],
    ["EUR", "1225000", "1.22", "5000"],
    ["EUR", "-1225000", "-1.22", "-5000"],
    ["EUR", "-5000", "0.00", "-5000"],
    ["EUR", "-15000", "-0.02", "5000"],
    ["JPY", "500000", "0", "500000"],
    ["JPY", "1500000", "2", "-500000"],
    ["KWD", "1234500", "1.234", "500"],
    ["CLF", "123450", "0.1234", "50"],
    ["VND", "98765432109876543210500000", "98765432109876543210", "500000"],
  ])("%s %s micros is %s and %s over", (currency, micros, spelled, over) => {
    const digits = minorDigitsOf(currency);
    const { minor, remainderMicros } = roundToMinor(BigInt(micros), digits);
    expect([spellMinor(minor, digits), String(remainderMicros)]).toEqual([spelled, over]);
  });

  it("of many statements together loses nothing, and each is off by half a unit at most", () => {
    const anAmount = fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n });
    fc.assert(
      fc.property(fc.array(anAmount, { maxLength: 12 }), fc.constantFrom(0, 2, 3, 4), (amounts, digits) => {
        const unit = 10n ** BigInt(6 - digits);
        let [billed, carried] = [0n, 0n];
        for (const amount of amounts) {
          const { minor, remainderMicros } = roundToMinor(amount + carried, digits);
          billed += minor * unit;
          carried = remainderMicros;
          expect(2n * (carried < 0n ? -carried : carried) <= unit).toBe(true);
        }
        expect(billed + carried).toBe(amounts.reduce((sum, amount) => sum + amount, 0n));
      }),
    );
  });
});

describe("a budget", () => {
  it("takes off what is spent above it", () => {
    expect([creditOf(5n, null), creditOf(5n, 5n), creditOf(9n, 5n), creditOf(3n, 5n)]).toEqual([0n, 0n, 4n, 0n]);
  });
});
