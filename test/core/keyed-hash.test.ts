import { createHmac } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { KeyedHash } from "../../src/core/keyed-hash.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("a keyed hash", () => {
  it("is HMAC-SHA-256 of the text's UTF-8, whatever was hashed before", () => {
    const key = Uint8Array.from({ length: 32 }, (_, index) => index);
    const keyed = new KeyedHash(key);
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 1_200 }), (text) => {
        expect(hex(keyed.digest(text))).toBe(createHmac("sha256", key).update(text, "utf8").digest("hex"));
      }),
      { seed: 20261122 },
    );
  });

  it.each([0, 1, 63, 64, 65, 1_023, 1_024, 1_025, 5_000])("takes %d characters of three bytes each", (length) => {
    const key = new Uint8Array(40).fill(7);
    const text = "語".repeat(length);
    expect(hex(new KeyedHash(key).digest(text))).toBe(createHmac("sha256", key).update(text).digest("hex"));
  });

  it("hands out bytes of its own: a later digest does not change an earlier one", () => {
    const keyed = new KeyedHash(new Uint8Array(32));
    const first = keyed.digest("a");
    const before = hex(first);
    keyed.digest("b");
    expect(hex(first)).toBe(before);
  });
});
