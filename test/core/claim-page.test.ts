import { expect, it } from "vitest";
import {
  CLAIM_BYTES,
  claimantAt,
  claimsBelow,
  compareKey,
  findClaim,
  isReleasedAt,
  keyAt,
  readKey,
  readKeyAt,
  writeClaim,
} from "../../src/core/claim-page.ts";
import { makeEventId } from "../../src/core/event-id.ts";
import type { ImpressionKey } from "../../src/core/impression-key.ts";
import { Chance } from "../simulation/chance.ts";

const anId = (n: number) => makeEventId({ receivedAtMs: n, routingHash: n }, new Uint8Array(8).fill(n));

function wordsOf(key: ImpressionKey): Uint32Array {
  const words = new Uint32Array(4);
  readKey(key, words);
  return words;
}

function pageOf(claims: readonly { key: ImpressionKey; event: ReturnType<typeof anId> | null }[]) {
  const page = new Uint8Array(claims.length * CLAIM_BYTES);
  for (const [n, claim] of claims.entries()) writeClaim(page, n * CLAIM_BYTES, claim);
  return page;
}

it("finds what it holds and nothing else: keys of any bytes, and those that differ in one bit", () => {
  const chance = new Chance(3, "claims");
  const drawn = Array.from({ length: 60 }, () => Array.from({ length: 4 }, () => chance.bits()));
  const flipped = Array.from({ length: 128 }, (_, bit) =>
    [0x80000000, 0x7fffffff, 0, 0xffffffff].map(
      (word, at) => (at === bit >> 5 ? word ^ (1 << (bit & 31)) : word) >>> 0,
    ),
  );
  const spell = (words: number[]) => words.map((word) => word.toString(16).padStart(8, "0")).join("") as ImpressionKey;
  const keys = [...drawn, ...flipped].map(spell).sort();
  const held = keys.filter((_, n) => n % 2 === 0);
  const page = pageOf(held.map((key, n) => ({ key, event: n % 5 === 0 ? null : anId(n) })));
  const view = new DataView(page.buffer);
  for (const key of keys) {
    const at = held.indexOf(key);
    const claimant = () => (at % 5 === 0 ? null : anId(at));
    expect(findClaim(page, wordsOf(key))).toBe(at < 0 ? undefined : claimant());
    expect(claimsBelow(page, wordsOf(key))).toBe(held.filter((other) => other < key).length);
  }
  const words = new Uint32Array(4);
  for (const [n, key] of held.entries()) {
    expect(keyAt(page, n * CLAIM_BYTES)).toBe(key);
    readKeyAt(view, n * CLAIM_BYTES, words);
    expect(words).toEqual(wordsOf(key));
    expect(compareKey(view, n * CLAIM_BYTES, words)).toBe(0);
    expect(isReleasedAt(view, n * CLAIM_BYTES)).toBe(n % 5 === 0);
    expect(claimantAt(page, n * CLAIM_BYTES)).toBe(n % 5 === 0 ? null : anId(n));
  }
});

it("of no claims has nothing of a key", () => {
  expect(findClaim(new Uint8Array(0), new Uint32Array(4))).toBeUndefined();
});
