import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ELEMENT_HASH_BYTES,
  ELEMENT_START,
  EXACT_USERS_MAX,
  elementOf,
  REGISTERS,
  Sketch,
  STANDARD_ERROR,
} from "../../src/core/sketch.ts";
import { someElements, usersFrom } from "../support/users.ts";

const SEED = 20_261_122;

/** A sketch of the next `count` users of the generator. */
function sketchOf(nextElement: () => number, count: number): Sketch {
  const sketch = new Sketch();
  for (let user = 0; user < count; user++) sketch.add(nextElement());
  return sketch;
}

/** Root of the mean squared relative error over independent sets of users. */
function rmsError(users: number, { trials, seed }: { trials: number; seed: number }): number {
  const next = usersFrom(seed);
  let squares = 0;
  for (let trial = 0; trial < trials; trial++) {
    squares += (sketchOf(next, users).estimate().users / users - 1) ** 2;
  }
  return Math.sqrt(squares / trials);
}

const bytes = (...values: number[]) => Uint8Array.from({ length: ELEMENT_HASH_BYTES }, (_, at) => values[at] ?? 0);

describe("an element", () => {
  it("is prefix, rank and tag of the hash", () => {
    const hash = bytes(0xab, 0xcd, 1, 2, 3, 0x80);
    expect(elementOf(hash)).toBe(0xabcd * 2 ** 30 + 1 * 2 ** 24 + 0x010203);
    expect(Sketch.of([elementOf(hash)]).encode()).toMatchInlineSnapshot(`"z_=10@83"`);
  });

  it.each([
    { zeros: 0, hash: bytes(0, 0, 0, 0, 0, 0xff) },
    { zeros: 7, hash: bytes(0, 0, 0, 0, 0, 1) },
    { zeros: 8, hash: bytes(0, 0, 0, 0, 0, 0, 0xff) },
    { zeros: 55, hash: bytes(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1) },
    { zeros: 56, hash: bytes(0, 0, 0, 0, 0) },
  ])("has rank one more than $zeros leading zeros", ({ zeros, hash }) => {
    expect(elementOf(hash) / 2 ** 24).toBe(zeros + 1);
  });

  it("needs twelve bytes and uses no more", () => {
    expect(() => elementOf(new Uint8Array(11))).toThrow("12 bytes");
    expect(elementOf(new Uint8Array(12))).toBe(
      elementOf(Uint8Array.from({ length: 32 }, (_, at) => (at < 12 ? 0 : 9))),
    );
  });
});

describe("the estimate", () => {
  it("is exact up to the limit, whatever is repeated", () => {
    for (const users of [0, 1, 10, 256, EXACT_USERS_MAX]) {
      const elements = someElements(users, SEED);
      expect(Sketch.of([...elements, ...elements]).estimate()).toEqual({ users, isExact: true, standardError: 0 });
    }
  });

  it("lies within four standard errors of the truth from the first inexact count to five million users", () => {
    const next = usersFrom(SEED);
    const sketch = new Sketch();
    let added = 0;
    for (const users of [EXACT_USERS_MAX + 1, 1_000, 3_000, 10_000, 30_000, 100_000, 1_000_000, 5_000_000]) {
      for (; added < users; added++) sketch.add(next());
      const { users: estimated, isExact, standardError } = sketch.estimate();
      expect(isExact).toBe(false);
      expect(standardError).toBe(STANDARD_ERROR);
      expect(Math.abs(estimated / users - 1)).toBeLessThan(4 * STANDARD_ERROR);
    }
  });

  it("has a root mean squared error of at most 1.7 %, where registers are few, half and all used", () => {
    expect(STANDARD_ERROR).toBeLessThan(0.017);
    expect(rmsError(1_000, { trials: 1_000, seed: 1 })).toBeLessThan(0.017);
    expect(rmsError(10_000, { trials: 1_000, seed: 2 })).toBeLessThan(0.017);
    expect(rmsError(50_000, { trials: 200, seed: 3 })).toBeLessThan(0.017);
  });

  it("has no bias to speak of", () => {
    const next = usersFrom(4);
    let sum = 0;
    for (let trial = 0; trial < 1_000; trial++) sum += sketchOf(next, 5_000).estimate().users;
    // Four standard errors of the mean.
    expect(Math.abs(sum / 1_000 / 5_000 - 1)).toBeLessThan((4 * STANDARD_ERROR) / Math.sqrt(1_000));
  });

  it("is finite unless every register is at its highest rank", () => {
    const full = Sketch.decode(String.fromCharCode(48 + 57).repeat(REGISTERS));
    expect(full.estimate().users).toBe(Number.POSITIVE_INFINITY);
    const almost = Sketch.decode(`1${String.fromCharCode(48 + 57).repeat(REGISTERS - 1)}`);
    expect(Number.isFinite(almost.estimate().users)).toBe(true);
  });
});

describe("merging", () => {
  /** Sets on both sides of the limit, with overlaps: slices of one list of users. */
  const pool = someElements(3_000, SEED);
  const slice = fc
    .tuple(fc.nat({ max: 2_400 }), fc.oneof(fc.nat({ max: 20 }), fc.nat({ max: 600 })))
    .map(([from, count]) => pool.slice(from, from + count));
  const merged = (...parts: (readonly number[])[]) => {
    const sketch = new Sketch();
    for (const part of parts) sketch.merge(Sketch.of(part));
    return sketch.encode();
  };

  it("is the union, in any order and grouping, however often", () => {
    fc.assert(
      fc.property(slice, slice, slice, (a, b, c) => {
        const union = Sketch.of([...a, ...b, ...c]).encode();
        expect(merged(a, b, c)).toBe(union);
        expect(merged(c, a, b)).toBe(union);
        expect(merged(a, b, a, c, b)).toBe(union);
        const right = Sketch.of(b);
        right.merge(Sketch.of(c));
        const grouped = Sketch.of(a);
        grouped.merge(right);
        expect(grouped.encode()).toBe(union);
      }),
      { seed: SEED, numRuns: 150 },
    );
  });

  it("reads stored sketches one after the other, of either form", () => {
    fc.assert(
      fc.property(fc.array(slice, { maxLength: 4 }), (parts) => {
        const stored = parts.map((part) => Sketch.of(part).encode()).join("");
        expect(Sketch.decode(stored).encode()).toBe(Sketch.of(parts.flat()).encode());
      }),
      { seed: SEED, numRuns: 150 },
    );
  });

  it("leaves the other sketch as it is", () => {
    const other = Sketch.of(pool.slice(0, 5));
    const before = other.encode();
    const sketch = Sketch.of(pool.slice(5, 900));
    sketch.merge(other);
    sketch.add(pool[1_000] ?? 0);
    expect(other.encode()).toBe(before);
  });
});

describe("the stored form", () => {
  it("is read back as it was, and is never longer than the registers", () => {
    for (const users of [0, 1, 60, EXACT_USERS_MAX, EXACT_USERS_MAX + 1, 20_000]) {
      const stored = Sketch.of(someElements(users, users)).encode();
      expect(stored).toHaveLength(users > EXACT_USERS_MAX ? REGISTERS : users * 8);
      expect(Sketch.decode(stored).encode()).toBe(stored);
    }
  });

  it("marks the start of each element and nothing else", () => {
    const isStart = (char: string) => char.charCodeAt(0) >= ELEMENT_START;
    const exact = Sketch.of(someElements(EXACT_USERS_MAX, SEED)).encode();
    expect([...exact].every((char, at) => isStart(char) === (at % 8 === 0))).toBe(true);
    expect([...Sketch.of(someElements(2_000, SEED)).encode()].some(isStart)).toBe(false);
    expect(/^[\x30-\x7f]*$/.test(exact)).toBe(true);
  });

  it("is refused when it is cut", () => {
    expect(() => Sketch.decode(Sketch.of(someElements(3, SEED)).encode().slice(0, -1))).toThrow("whole");
    expect(() => Sketch.decode(Sketch.of(someElements(900, SEED)).encode().slice(1))).toThrow("whole");
  });
});
