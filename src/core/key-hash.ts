/**
 * A keyed hash of impression keys, for filters: HalfSipHash-2-4 with 64 bits, over the 16 bytes of a key.
 *
 * Each shard has a salt of its own, which nobody outside knows. So who signs tokens, and may try keys until they suit
 * him, cannot find any that meet in a filter.
 *
 * Keeps: the value of a key under a salt never changes: stored filters depend on it.
 * Sources: [1] Aumasson and Bernstein, SipHash (2012); halfsiphash.c of its reference implementation, whose vectors
 * test/core/key-hash.test.ts holds.
 */

export const KEY_SALT_BYTES = 8;
const ROUNDS = 2;
const FINAL_ROUNDS = 4;
const KEY_WORDS = 4;
/** The last word of a message of 16 bytes. */
const LENGTH_WORD = (KEY_WORDS * 4) << 24;

export class KeyHash {
  /** Of the key that was hashed last: its two halves, as unsigned numbers. */
  low = 0;
  high = 0;
  readonly #salt0: number;
  readonly #salt1: number;
  #v0 = 0;
  #v1 = 0;
  #v2 = 0;
  #v3 = 0;

  constructor(salt: Uint8Array) {
    const view = new DataView(salt.buffer, salt.byteOffset, KEY_SALT_BYTES);
    this.#salt0 = view.getInt32(0, true);
    this.#salt1 = view.getInt32(4, true);
  }

  /** Hashes the four words of `words` from `at` on. */
  of(words: Uint32Array, at = 0): this {
    this.#v0 = this.#salt0;
    this.#v1 = this.#salt1 ^ 0xee;
    this.#v2 = 0x6c796765 ^ this.#salt0;
    this.#v3 = 0x74656462 ^ this.#salt1;
    for (let word = 0; word <= KEY_WORDS; word++) {
      const message = word === KEY_WORDS ? LENGTH_WORD : (words[at + word] as number);
      this.#v3 ^= message;
      this.#mix(ROUNDS);
      this.#v0 ^= message;
    }
    this.#v2 ^= 0xee;
    this.#mix(FINAL_ROUNDS);
    this.low = (this.#v1 ^ this.#v3) >>> 0;
    this.#v1 ^= 0xdd;
    this.#mix(FINAL_ROUNDS);
    this.high = (this.#v1 ^ this.#v3) >>> 0;
    return this;
  }

  #mix(rounds: number): void {
    let [v0, v1, v2, v3] = [this.#v0, this.#v1, this.#v2, this.#v3];
    for (let round = 0; round < rounds; round++) {
      v0 = (v0 + v1) | 0;
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
      v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0;
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
      v2 = (v2 << 16) | (v2 >>> 16);
    }
    this.#v0 = v0;
    this.#v1 = v1;
    this.#v2 = v2;
    this.#v3 = v3;
  }
}
