import { describe, expect, it } from "vitest";
import { isIssuedKey, isOperatorKey, withCheck } from "../../src/core/api-key.ts";

const SECRET = `clk_${"A-_9".repeat(10)}abc`;
const WRONG = [
  ...["", "clk_", "x", `clk_${"A".repeat(42)}`, `clk_${"A".repeat(44)}`, `clk_${"A".repeat(42)}+`],
  ...[`CLK_${"A".repeat(43)}`, ` clk_${"A".repeat(43)}`, `clk_${"A".repeat(43)}\n`, `clk_${"A".repeat(42)}é`],
];

describe("the operator's key", () => {
  it("is clk_ and 43 characters base64url", () => {
    expect(isOperatorKey(SECRET)).toBe(true);
  });

  it.each([...WRONG, withCheck(SECRET)])("is not %j", (text) => {
    expect(isOperatorKey(text)).toBe(false);
  });
});

describe("[attack 19] an issued key", () => {
  it("ends with the check of what stands before it", () => {
    expect(withCheck(SECRET)).toMatch(new RegExp(`^${SECRET}[A-Za-z0-9_-]{6}$`));
    expect(isIssuedKey(withCheck(SECRET))).toBe(true);
    // printf %s clk_AAA… | openssl dgst -sha256 -binary | base64 | tr +/ -_ | cut -c1-6
    expect(withCheck(`clk_${"A".repeat(43)}`)).toBe(`clk_${"A".repeat(43)}SvTXny`);
  });

  it.each([...WRONG, SECRET])("is not %j, nor that with any character more", (text) => {
    for (const more of ["", "A", "AAAAAA", "AAAAAAA", "\n"]) expect(isIssuedKey(text + more)).toBe(false);
  });

  it("is none any more when one character differs, two are exchanged, or one is lost", () => {
    const key = withCheck(SECRET);
    for (let at = 0; at < key.length; at++) {
      const other = key[at] === "B" ? "C" : "B";
      expect(isIssuedKey(key.slice(0, at) + other + key.slice(at + 1))).toBe(false);
      expect(isIssuedKey(key.slice(0, at) + key.slice(at + 1))).toBe(false);
      const [one = "", two = ""] = [key[at], key[at + 1]];
      if (two !== "" && one !== two) {
        expect(isIssuedKey(key.slice(0, at) + two + one + key.slice(at + 2))).toBe(false);
      }
    }
  });
});
