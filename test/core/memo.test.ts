import fc from "fast-check";
import { expect, it } from "vitest";
import { remembering } from "../../src/core/memo.ts";

it("says what the function says, of any texts in any order, and asks it once while it remembers", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ maxLength: 2 })), fc.integer({ min: 1, max: 5 }), (texts, most) => {
      let asked = 0;
      const lengthOf = remembering((text) => {
        asked++;
        return text.length;
      }, most);
      for (const text of texts) {
        expect(lengthOf(text)).toBe(text.length);
        const before = asked;
        expect(lengthOf(text)).toBe(text.length);
        expect(asked).toBe(before);
      }
    }),
  );
});

it("forgets before it holds more than it may", () => {
  let asked = 0;
  const remembered = remembering((text) => {
    asked++;
    return text;
  }, 2);
  for (const text of ["a", "b", "c", "a"]) remembered(text);
  expect(asked).toBe(4);
});
