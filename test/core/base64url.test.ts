import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBase64url, decodeUtf8, encodeBase64url, encodeUtf8, parseJson } from "../../src/core/base64url.ts";

const SEED = { seed: 20261122 };

describe("base64url", () => {
  it.each([
    ["", []],
    ["AA", [0]],
    ["_w", [255]],
    ["AAA", [0, 0]],
    ["-_8", [251, 255]],
    ["AAAA", [0, 0, 0]],
    ["____", [255, 255, 255]],
    ["Zm9vYmFy", [102, 111, 111, 98, 97, 114]],
  ])("spells %j as the bytes %j, both ways", (text, bytes) => {
    expect(encodeBase64url(Uint8Array.from(bytes))).toBe(text);
    expect(decodeBase64url(text)).toEqual(Uint8Array.from(bytes));
  });

  it.each([
    ["one pad", "AAA="],
    ["two pads", "AA=="],
    ["a length that no bytes have", "A"],
    ["a length that no bytes have", "AAAAA"],
    ["stray bits after one byte", "AB"],
    ["stray bits after one byte", "_x"],
    ["stray bits after two bytes", "AAB"],
    ["stray bits after whole groups", "Zm9vAB"],
    ["the plus of standard base64", "A+AA"],
    ["the slash of standard base64", "A/AA"],
    ["a space", "AA A"],
    ["a line end", "AAAA\n"],
    ["a dot", "AA.A"],
    ["a letter outside ASCII", "AAAé"],
    ["NUL", "AAA\u0000"],
  ])("refuses %s: %j", (_, text) => {
    expect(decodeBase64url(text)).toBeNull();
  });

  it("decodes what it encodes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(decodeBase64url(encodeBase64url(bytes))).toEqual(new Uint8Array(bytes));
      }),
      SEED,
    );
  });

  it("has one spelling for every byte string: what decodes, encodes to itself", () => {
    const text = fc.string({ unit: fc.constantFrom(..."ABCwxyz0189-_=+/."), maxLength: 12 });
    fc.assert(
      fc.property(text, (spelling) => {
        const bytes = decodeBase64url(spelling);
        if (bytes !== null) expect(encodeBase64url(bytes)).toBe(spelling);
      }),
      { ...SEED, numRuns: 2_000 },
    );
  });
});

describe("UTF-8", () => {
  it("decodes what it encodes", () => {
    for (const text of ["", "click", "Zürich", "\u20ac", "\u{1f600}", "\ufeffbyte order mark"]) {
      expect(decodeUtf8(encodeUtf8(text))).toBe(text);
    }
  });

  it.each([
    ["a lone continuation byte", [0x80]],
    ["a cut sequence", [0xe2, 0x82]],
    ["an overlong slash", [0xc0, 0xaf]],
    ["a surrogate", [0xed, 0xa0, 0x80]],
  ])("refuses %s", (_, bytes) => {
    expect(decodeUtf8(Uint8Array.from(bytes))).toBeNull();
  });
});

describe("parseJson", () => {
  it("returns the value of JSON text", () => {
    expect(parseJson('{"a":[1,null]}')).toEqual({ a: [1, null] });
  });

  it.each(["", "{", "undefined", "{'a':1}", "NaN", "01"])("is null for %j", (text) => {
    expect(parseJson(text)).toBeNull();
  });
});
