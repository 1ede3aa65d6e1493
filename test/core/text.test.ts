import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cutText } from "../../src/core/text.ts";

describe("a text from outside", () => {
  it.each([
    ["abc", 3, "abc"],
    ["abcd", 3, "abc"],
    ["", 3, ""],
    ["ab\u{1f600}", 4, "ab\u{1f600}"],
    ["ab\u{1f600}", 3, "ab"],
    ["\u{1f600}", 1, ""],
    ["a\ud800b", 3, "a\ufffdb"],
    ["a\udc00", 3, "a\ufffd"],
    ["ab\udc00d", 3, "ab\ufffd"],
  ])("%j cut to %d is %j", (text, lengthMax, expected) => {
    expect(cutText(text, lengthMax)).toBe(expected);
  });

  it("[attack 3] is whole characters of bounded length, and itself where it was so already", () => {
    const anyUnits = fc.array(fc.nat({ max: 0xffff })).map((units) => String.fromCharCode(...units));
    fc.assert(
      fc.property(anyUnits, fc.integer({ min: 1, max: 12 }), (text, lengthMax) => {
        const cut = cutText(text, lengthMax);
        expect(cut.length).toBeLessThanOrEqual(lengthMax);
        expect(cut.isWellFormed()).toBe(true);
        if (text.length <= lengthMax && text.isWellFormed()) expect(cut).toBe(text);
        if (text.isWellFormed()) expect(text.startsWith(cut)).toBe(true);
      }),
      { seed: 20_261_128 },
    );
  });
});
