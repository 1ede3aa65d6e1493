/** SipHash-2-4 with 128 bits against the vectors of its authors (github.com/veorq/SipHash, vectors.h). */
import { createHash } from "node:crypto";
import { expect, it } from "vitest";
import { SipHash } from "../../src/core/siphash.ts";

/** Key 00 01 … 0f and texts 00 01 … as the vectors have them. */
const KEY = Uint8Array.from({ length: 16 }, (_, at) => at);
const textOf = (length: number) => String.fromCharCode(...Array.from({ length }, (_, at) => at));
const hexOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

it("gives the codes of the reference implementation", () => {
  const hash = new SipHash(KEY);
  expect(hexOf(hash.digest(""))).toBe("a3817f04ba25a8e66df67214c7550293");
  expect(hexOf(hash.digest(textOf(15)))).toBe("5493e99933b0a8117e08ec0f97cfc3d9");
  const all = Array.from({ length: 64 }, (_, length) => hexOf(hash.digest(textOf(length)))).join("");
  // SHA-256 of all 64 vectors, one behind the other.
  expect(createHash("sha256").update(all, "hex").digest("hex")).toBe(
    "ecfaa9fe47ff788fa834a9863ea2715a2880cd37d2b8c3c194402838428119b9",
  );
});

it("hashes UTF-8 of any length, and forgets the text before", () => {
  const hash = new SipHash(KEY);
  const long = "ü€😀".repeat(4_000);
  const codes = [long, "", "a", `${long}a`, "ä", "\0", "\0\0"].map((text) => hexOf(hash.digest(text)));
  expect(new Set(codes).size).toBe(codes.length);
  for (const [at, text] of [long, "", "a", `${long}a`, "ä", "\0", "\0\0"].entries()) {
    expect(hexOf(new SipHash(KEY).digest(text))).toBe(codes[at]);
  }
  // A lone surrogate is written as U+FFFD, as every encoder of UTF-8 does.
  expect(hexOf(hash.digest("\ud800"))).toBe(hexOf(hash.digest("\ufffd")));
});

it("depends on each byte of the key, and takes no other length", () => {
  const codes = Array.from({ length: 16 }, (_, at) => hexOf(new SipHash(KEY.with(at, 255)).digest("x")));
  expect(new Set([...codes, hexOf(new SipHash(KEY).digest("x"))]).size).toBe(17);
  for (const length of [0, 15, 17, 32]) expect(() => new SipHash(new Uint8Array(length))).toThrow("16 bytes");
});
