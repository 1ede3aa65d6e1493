import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { addExact, multiplyAdd, parseExact, stringifyExact, toExact, toJsonNumber } from "../../src/core/exact.ts";

const SEED = { seed: 20_260_420, numRuns: 1_000 };
const edge = 2n ** 53n;
const integer = fc.oneof(
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
  fc.bigInt({ min: edge - 3n, max: edge + 3n }),
  fc.bigInt({ min: -edge - 3n, max: 3n - edge }),
  fc.bigInt({ min: -5n, max: 5n }),
);

describe("an exact integer", () => {
  it("is a number while it is a safe one, else a bigint, wherever it came from", () => {
    expect([toExact(0n), toExact("9007199254740991"), toExact(-7)]).toEqual([0, 9_007_199_254_740_991, -7]);
    expect([toExact("9007199254740992"), toExact(-(2n ** 53n))]).toEqual([2n ** 53n, -(2n ** 53n)]);
    expect(Object.is(toExact(-0), 0) && Object.is(toExact("-0"), 0)).toBe(true);
    expect(() => toExact(2 ** 53)).toThrow("rounded");
    expect(() => toExact(0.5)).toThrow("rounded");
  });

  it("[fault A6b] adds, multiplies, compares and is equal as integers are", () => {
    const property = fc.property(integer, integer, fc.integer({ min: 1, max: 100_000_000 }), (a, b, factor) => {
      const [left, right] = [toExact(a), toExact(b)];
      expect(BigInt(addExact(left, right))).toBe(a + b);
      expect(addExact(left, right)).toBe(toExact(a + b));
      expect(multiplyAdd(left, factor, right)).toBe(toExact(a * BigInt(factor) + b));
      expect([left < right, left > right, left === right]).toEqual([a < b, a > b, a === b]);
    });
    fc.assert(property, SEED);
  });
});

describe("JSON with exact integers", () => {
  it("[fault A6b] has every digit, at any depth, and is read back as it was", () => {
    const value = fc.oneof(integer.map(toExact), fc.string(), fc.double({ noNaN: true }), fc.constantFrom(null, true));
    const property = fc.property(fc.array(fc.dictionary(fc.string(), fc.array(value))), (values) => {
      const text = stringifyExact(values);
      expect(stringifyExact(parseExact(text))).toBe(text);
    });
    fc.assert(property, { ...SEED, numRuns: 300 });
    expect(stringifyExact({ a: [9_100_999_999_990_899n, -1], b: 1 })).toBe('{"a":[9100999999990899,-1],"b":1}');
    expect(parseExact('{"a":[9100999999990899,-1],"b":"9100999999990899"}')).toEqual({
      ...{ a: [9_100_999_999_990_899n, -1], b: "9100999999990899" },
    });
  });

  it("keeps fractions and exponents as numbers", () => {
    expect(parseExact("[0.1234567890123456789,1e300,1234567890123456.5]")).toEqual([
      ...[0.123_456_789_012_345_68, 1e300, 1_234_567_890_123_456.5],
    ]);
  });

  it("needs no special writer for a member that was prepared", () => {
    const members = { big: toJsonNumber(2n ** 63n), small: toJsonNumber(3) };
    expect(JSON.stringify(members)).toBe('{"big":9223372036854775808,"small":3}');
  });
});
