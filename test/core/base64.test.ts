/** Base64 with one spelling for one byte string. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { decodeBase64, encodeBase64 } from "../../src/core/base64.ts";

it("writes bytes as Node does, and reads them back", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
      const text = encodeBase64(bytes);
      expect(text).toBe(Buffer.from(bytes).toString("base64"));
      expect(decodeBase64(text)).toEqual(bytes);
    }),
  );
});

it.each([
  ["unpadded", "AA"],
  ["padded too much", "AAA==="],
  ["padded inside", "A=AA"],
  ["of the other alphabet", "_-8="],
  ["with stray last bits", "AB=="],
  ["with a newline", "AAAA\n"],
  ["with a space", "AA A"],
  ["nothing but padding", "===="],
])("refuses text that is %s", (_, text) => {
  expect(decodeBase64(text)).toBeNull();
});
