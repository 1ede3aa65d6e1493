/**
 * Seeded randomness for the demonstrations: the same seed gives the same traffic.
 *
 * Sources: mulberry32 (Tommy Ettinger); Zipf by inversion over the summed weights 1/rank.
 */
import { encodeBase64url } from "../core/base64url.ts";

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A number in [0, 1). */
  unit(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A number in [from, to). */
  between(from: number, to: number): number {
    return from + this.unit() * (to - from);
  }

  /** An integer in [0, end). */
  below(end: number): number {
    return Math.floor(this.unit() * end);
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  }

  octets(length: number): Uint8Array<ArrayBuffer> {
    return Uint8Array.from({ length }, () => this.below(256));
  }

  /** `length` characters of the base64url alphabet. */
  letters(length: number): string {
    return encodeBase64url(this.octets(length)).slice(0, length);
  }
}

/** Picks by weight; preparing costs O(items), a pick O(log items). */
export class Weighted<T> {
  readonly #items: readonly T[];
  readonly #sums: number[] = [];

  constructor(items: readonly T[], weightOf: (item: T, index: number) => number) {
    this.#items = items;
    let sum = 0;
    for (const [index, item] of items.entries()) {
      sum += weightOf(item, index);
      this.#sums.push(sum);
    }
  }

  /** The part of all picks that an item makes up. */
  shareOf(index: number): number {
    const total = this.#sums.at(-1) ?? 1;
    return ((this.#sums[index] ?? 0) - (this.#sums[index - 1] ?? 0)) / total;
  }

  pick(random: Random): T {
    const at = random.unit() * (this.#sums.at(-1) ?? 0);
    let low = 0;
    let high = this.#sums.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sums[middle] ?? 0) > at) high = middle;
      else low = middle + 1;
    }
    const item = this.#items[low];
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  }
}

/** Zipf with exponent 1: the item of rank r is picked in proportion to 1/r. */
export function zipf<T>(items: readonly T[]): Weighted<T> {
  return new Weighted(items, (_, index) => 1 / (index + 1));
}
