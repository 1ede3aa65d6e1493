import fc from "fast-check";
import { expect, it } from "vitest";
import { hexAt, hexDigit, writeHex } from "../../src/core/hex.ts";

it("spells bytes as Node does, at any place, and reads them back", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(8), (bytes, at) => {
      const text = Buffer.from(bytes).toString("hex");
      const longer = new Uint8Array(at + bytes.length + 3).fill(7);
      writeHex(text, longer, at);
      expect(Array.from(longer)).toEqual([...new Array(at).fill(7), ...bytes, 7, 7, 7]);
      expect(hexAt(longer, at, bytes.length)).toBe(text);
    }),
  );
});

it("knows what each digit is worth", () => {
  const digits = Array.from("0123456789abcdef", (digit) => hexDigit(digit.charCodeAt(0)));
  expect(digits).toEqual(Array.from({ length: 16 }, (_, value) => value));
});
