/**
 * Seeded randomness of the simulation. A stream per concern: what one kind of fault draws never shifts what another or
 * the workload draws, so that a failure survives the removal of everything that did not cause it.
 *
 * Keeps: the same seed and name give the same numbers for ever. Source: mulberry32 (Tommy Ettinger).
 */
import { hash32 } from "../../src/core/hash.ts";

export class Chance {
  #state: number;

  constructor(seed: number, name: string) {
    this.#state = hash32(`${seed}/${name}`);
  }

  /** A number in [0, 1). */
  unit(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** True with probability `p`. */
  is(p: number): boolean {
    return p > 0 && this.unit() < p;
  }

  /** An integer in [from, to). */
  between(from: number, to: number): number {
    return from + Math.floor(this.unit() * (to - from));
  }

  pick<T>(items: readonly T[]): T {
    const item = items[Math.floor(this.unit() * items.length)];
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  }

  /** 32 random bits. */
  bits(): number {
    return Math.floor(this.unit() * 4_294_967_296);
  }
}
