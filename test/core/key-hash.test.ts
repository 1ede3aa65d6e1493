import { expect, it } from "vitest";
import { KeyHash } from "../../src/core/key-hash.ts";

const SALT = Uint8Array.from({ length: 8 }, (_, n) => n);

it("is HalfSipHash-2-4: the vector of its reference implementation for 16 bytes", () => {
  const message = new DataView(Uint8Array.from({ length: 16 }, (_, n) => n).buffer);
  const words = Uint32Array.from({ length: 4 }, (_, word) => message.getUint32(4 * word, true));
  const { low, high } = new KeyHash(SALT).of(words);
  const digest = new DataView(new ArrayBuffer(8));
  digest.setUint32(0, low, true);
  digest.setUint32(4, high, true);
  expect(Array.from(new Uint8Array(digest.buffer))).toEqual([0x73, 0x36, 0xaa, 0xd2, 0x5f, 0x7b, 0xf3, 0xb5]);
});

it("differs by salt, and reads the words from where it is told", () => {
  const words = Uint32Array.from([9, 1, 2, 3, 4]);
  const hash = new KeyHash(SALT);
  const { low } = hash.of(words, 1);
  expect(hash.of(words.subarray(1)).low).toBe(low);
  expect(new KeyHash(new Uint8Array(8)).of(words, 1).low).not.toBe(low);
});
