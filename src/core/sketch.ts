/**
 * Unique users: a HyperLogLog sketch of 4 096 registers, which is an exact set as long as it holds at most 512 users.
 *
 *   element, one user   16 bits prefix │ 6 bits rank │ 24 bits tag     cut from a uniform hash of the user's key
 *   register            the first 12 bits of the prefix; it keeps the highest rank seen
 *   rank                1 + leading zeros of 56 further hash bits
 *
 *   stored, exact       8 characters an element: p…DEL │ 0…o │ 0…o │ rank │ 0…o four times     (4, then 6 bits each)
 *   stored, registers   4 096 characters, '0' + rank each
 *
 * Keeps: a sketch is a function of the set of its elements alone, so that merging is set union in any order and
 * grouping, and may be repeated. Only an element's first character is at or above 'p': it tells the two stored forms
 * apart, lets them be concatenated, and no element is found across two others. facts/sketch-sql.ts merges the stored
 * forms in SQL.
 * Relies on: equal users have equal hashes, and the hash bits of different users are independent.
 * Sources: Flajolet, Fusy, Gandouet, Meunier 2007 (HyperLogLog and its error); Heule, Nunkesser, Hall 2013 (sparse
 * form, long hash); Ertl 2017, arXiv:1702.01284 (the improved raw estimator: one formula for every size).
 */
import { assert } from "./result.ts";

export const REGISTERS = 4_096;
/** Users that are counted exactly; as elements they take as many characters as the registers. */
export const EXACT_USERS_MAX = 512;
export const ELEMENT_CHARS = 8;
/** What an element is cut from. */
export const ELEMENT_HASH_BYTES = 12;
/** First characters of elements are this and the 15 after it; all other characters lie below. */
export const ELEMENT_START = 112;
/** The character of digit 0 and of rank 0. */
export const DIGIT_ZERO = 48;

const PREFIX_UNIT = 2 ** 30;
const RANK_UNIT = 2 ** 24;
/** Hash bits that the rank looks at; the highest rank is one more. */
const RANK_BITS = 56;
/** Flajolet 2007: the relative standard error is this over the root of the number of registers. */
const ERROR_FACTOR = Math.sqrt(3 * Math.LN2 - 1);

export type Estimate = {
  /** Users, a whole number. */
  readonly users: number;
  readonly isExact: boolean;
  /** Relative standard error: 0 where exact, else about 0.0162. */
  readonly standardError: number;
};

/** Of a sketch with registers. */
export const STANDARD_ERROR = ERROR_FACTOR / Math.sqrt(REGISTERS);

/** The element of the user with this hash; bytes after the twelfth are not used. */
export function elementOf(hash: Uint8Array): number {
  assert(hash.length >= ELEMENT_HASH_BYTES, "an element is cut from at least 12 bytes");
  const byte = (at: number) => hash[at] ?? 0;
  const prefix = byte(0) * 256 + byte(1);
  const tag = byte(2) * 65_536 + byte(3) * 256 + byte(4);
  let zeros = 0;
  for (let at = 5; at < ELEMENT_HASH_BYTES; at++) {
    zeros += Math.clz32(byte(at)) - 24;
    if (byte(at) !== 0) break;
  }
  return prefix * PREFIX_UNIT + (zeros + 1) * RANK_UNIT + tag;
}

const registerOf = (element: number) => Math.floor(element / (PREFIX_UNIT * 16));
const rankOf = (element: number) => Math.floor(element / RANK_UNIT) % 64;

export class Sketch {
  /** The users as long as they are few, then null. */
  #elements: Set<number> | null = new Set();
  #registers: Uint8Array | null = null;

  static of(elements: Iterable<number>): Sketch {
    const sketch = new Sketch();
    for (const element of elements) sketch.add(element);
    return sketch;
  }

  /** The union of all stored sketches in `text`, which are concatenated in any order and number. */
  static decode(text: string): Sketch {
    const sketch = new Sketch();
    sketch.mergeStored(text);
    return sketch;
  }

  add(element: number): void {
    if (this.#elements === null) {
      this.#raise(registerOf(element), rankOf(element));
      return;
    }
    this.#elements.add(element);
    if (this.#elements.size > EXACT_USERS_MAX) this.#toRegisters();
  }

  /** Adds the users of `other`, which stays as it is. */
  merge(other: Sketch): void {
    if (other.#registers !== null) {
      for (let at = 0; at < REGISTERS; at++) this.#raise(at, other.#registers[at] ?? 0);
    }
    for (const element of other.#elements ?? []) this.add(element);
  }

  /** Adds the users of stored sketches, as `decode` reads them. */
  mergeStored(text: string): void {
    let at = 0;
    while (at < text.length) {
      const isElement = text.charCodeAt(at) >= ELEMENT_START;
      const end = at + (isElement ? ELEMENT_CHARS : REGISTERS);
      assert(end <= text.length, "a stored sketch is whole");
      if (isElement) this.add(decodeElement(text, at));
      else for (let index = 0; index < REGISTERS; index++) this.#raise(index, text.charCodeAt(at + index) - DIGIT_ZERO);
      at = end;
    }
  }

  estimate(): Estimate {
    if (this.#elements !== null) return { users: this.#elements.size, isExact: true, standardError: 0 };
    const users = Math.round(estimateOf(this.#registers ?? new Uint8Array(REGISTERS)));
    return { users, isExact: false, standardError: STANDARD_ERROR };
  }

  /** The stored form; '' without users. Elements are in ascending order. O(users log users), at most the registers. */
  encode(): string {
    if (this.#elements === null) {
      return Array.from(this.#registers ?? [], (rank) => String.fromCharCode(DIGIT_ZERO + rank)).join("");
    }
    return Array.from(this.#elements)
      .sort((a, b) => a - b)
      .map(encodeElement)
      .join("");
  }

  #raise(at: number, rank: number): void {
    const registers = this.#registers ?? this.#toRegisters();
    if (rank > (registers[at] ?? 0)) registers[at] = rank;
  }

  #toRegisters(): Uint8Array {
    const registers = new Uint8Array(REGISTERS);
    const elements = this.#elements ?? [];
    this.#registers = registers;
    this.#elements = null;
    for (const element of elements) this.#raise(registerOf(element), rankOf(element));
    return registers;
  }
}

function encodeElement(element: number): string {
  const digit = (unit: number) => DIGIT_ZERO + (Math.floor(element / unit) % 64);
  return String.fromCharCode(
    ELEMENT_START + Math.floor(element / (PREFIX_UNIT * 4_096)),
    digit(PREFIX_UNIT * 64),
    digit(PREFIX_UNIT),
    digit(RANK_UNIT),
    digit(262_144),
    digit(4_096),
    digit(64),
    digit(1),
  );
}

function decodeElement(text: string, at: number): number {
  let element = text.charCodeAt(at) - ELEMENT_START;
  for (let index = 1; index < ELEMENT_CHARS; index++) element = element * 64 + text.charCodeAt(at + index) - DIGIT_ZERO;
  return element;
}

/** Ertl's improved raw estimator. No register at 0 or at its highest rank needs another formula or a table. */
function estimateOf(registers: Uint8Array): number {
  const histogram: number[] = Array.from({ length: RANK_BITS + 2 }, () => 0);
  for (const rank of registers) histogram[rank] = (histogram[rank] ?? 0) + 1;
  let sum = REGISTERS * tau(1 - (histogram[RANK_BITS + 1] ?? 0) / REGISTERS);
  for (let rank = RANK_BITS; rank >= 1; rank--) sum = (sum + (histogram[rank] ?? 0)) / 2;
  sum += REGISTERS * sigma((histogram[0] ?? 0) / REGISTERS);
  return REGISTERS ** 2 / (2 * Math.LN2 * sum);
}

/** x + Σ x^(2^k) 2^(k−1) over k ≥ 1: what the registers at 0 contribute. */
function sigma(share: number): number {
  if (share === 1) return Number.POSITIVE_INFINITY;
  let power = share;
  let weight = 1;
  let sum = share;
  for (let previous = -1; sum !== previous; weight *= 2) {
    previous = sum;
    power *= power;
    sum += power * weight;
  }
  return sum;
}

/** (1 − x − Σ (1 − x^(2^−k))² 2^−k) / 3 over k ≥ 1: what the registers at the highest rank contribute. */
function tau(share: number): number {
  if (share === 0 || share === 1) return 0;
  let root = share;
  let weight = 1;
  let sum = 1 - share;
  for (let previous = -1; sum !== previous; ) {
    previous = sum;
    root = Math.sqrt(root);
    weight /= 2;
    sum -= (1 - root) ** 2 * weight;
  }
  return sum / 3;
}
