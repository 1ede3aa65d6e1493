/**
 * SipHash-2-4 with 128 bits (Aumasson and Bernstein, 2012): a keyed pseudo-random function that is quick for short
 * texts.
 *
 *   new SipHash(key of 16 bytes).digest(text) → 16 bytes
 *
 * Keeps: the value is the reference implementation's over the text's UTF-8. Calls do not overlap: nothing here waits.
 * Relies on: the key is secret and random. What is hashed stays hidden while the key is secret, and for ever once it is
 * destroyed; a code is no signature that anybody else could check.
 */
import { assert } from "./result.ts";

const KEY_BYTES = 16;
const DIGEST_BYTES = 16;
const BLOCK_BYTES = 8;
const ROUNDS_OF_BLOCK = 2;
const ROUNDS_AT_END = 4;

const encoder = new TextEncoder();
/** The text's bytes and, over the same memory, its words: this code runs on machines with the lowest byte first. */
let bytes = new Uint8Array(4_096);
let words = new Int32Array(bytes.buffer);
/** Four words of 64 bits, each as its lower and its upper half. */
const state = new Int32Array(8);

export class SipHash {
  readonly #initial = new Int32Array(8);

  constructor(key: Uint8Array) {
    assert(key.length === KEY_BYTES, "a key has 16 bytes");
    const view = new DataView(key.buffer, key.byteOffset, KEY_BYTES);
    const [k0, k1, k2, k3] = [0, 4, 8, 12].map((at) => view.getInt32(at, true)) as [number, number, number, number];
    // "somepseudorandomlygeneratedbytes", and 0xee for 128 bits, as the authors have it.
    this.#initial.set([k0 ^ 0x70736575, k1 ^ 0x736f6d65, k2 ^ 0x6e646f6d ^ 0xee, k3 ^ 0x646f7261]);
    this.#initial.set([k0 ^ 0x6e657261, k1 ^ 0x6c796765, k2 ^ 0x79746573, k3 ^ 0x74656462], 4);
  }

  /** The 16 bytes of the text's code. */
  digest(text: string): Uint8Array {
    state.set(this.#initial);
    const blocks = fill(text);
    for (let block = 0; block < blocks; block++) absorb(words[2 * block] as number, words[2 * block + 1] as number);
    const code = new Uint8Array(DIGEST_BYTES);
    const out = new DataView(code.buffer);
    state[4] = (state[4] as number) ^ 0xee;
    squeeze(out, 0);
    state[2] = (state[2] as number) ^ 0xdd;
    squeeze(out, BLOCK_BYTES);
    return code;
  }
}

/** Lays out a text with its padding: zeros, and the length as the last byte. Gives its blocks. */
function fill(text: string): number {
  const most = 3 * text.length + 2 * BLOCK_BYTES;
  if (most > bytes.length) {
    bytes = new Uint8Array(2 * BLOCK_BYTES * Math.ceil(most / BLOCK_BYTES));
    words = new Int32Array(bytes.buffer);
  }
  const { written } = encoder.encodeInto(text, bytes);
  const blocks = Math.floor(written / BLOCK_BYTES) + 1;
  bytes.fill(0, written, blocks * BLOCK_BYTES);
  bytes[blocks * BLOCK_BYTES - 1] = written;
  return blocks;
}

function absorb(low: number, high: number): void {
  state[6] = (state[6] as number) ^ low;
  state[7] = (state[7] as number) ^ high;
  mix(ROUNDS_OF_BLOCK);
  state[0] = (state[0] as number) ^ low;
  state[1] = (state[1] as number) ^ high;
}

function squeeze(out: DataView, at: number): void {
  mix(ROUNDS_AT_END);
  const half = (at: 0 | 1) =>
    (state[at] as number) ^ (state[at + 2] as number) ^ (state[at + 4] as number) ^ (state[at + 6] as number);
  out.setInt32(at, half(0), true);
  out.setInt32(at + 4, half(1), true);
}

/** SipRound, so many times, over halves in registers. */
function mix(rounds: number): void {
  // By index: an array pattern would walk an iterator.
  let al = state[0] as number;
  let ah = state[1] as number;
  let bl = state[2] as number;
  let bh = state[3] as number;
  let cl = state[4] as number;
  let ch = state[5] as number;
  let dl = state[6] as number;
  let dh = state[7] as number;
  for (let round = 0; round < rounds; round++) {
    let sum = (al >>> 0) + (bl >>> 0);
    al = sum | 0;
    ah = (ah + bh + (sum > 0xffffffff ? 1 : 0)) | 0;
    sum = (cl >>> 0) + (dl >>> 0);
    cl = sum | 0;
    ch = (ch + dh + (sum > 0xffffffff ? 1 : 0)) | 0;
    let low = ((bl << 13) | (bh >>> 19)) ^ al;
    bh = ((bh << 13) | (bl >>> 19)) ^ ah;
    bl = low;
    low = ((dl << 16) | (dh >>> 16)) ^ cl;
    dh = ((dh << 16) | (dl >>> 16)) ^ ch;
    dl = low;
    low = al;
    al = ah;
    ah = low;
    sum = (al >>> 0) + (dl >>> 0);
    al = sum | 0;
    ah = (ah + dh + (sum > 0xffffffff ? 1 : 0)) | 0;
    sum = (cl >>> 0) + (bl >>> 0);
    cl = sum | 0;
    ch = (ch + bh + (sum > 0xffffffff ? 1 : 0)) | 0;
    low = ((dl << 21) | (dh >>> 11)) ^ al;
    dh = ((dh << 21) | (dl >>> 11)) ^ ah;
    dl = low;
    low = ((bl << 17) | (bh >>> 15)) ^ cl;
    bh = ((bh << 17) | (bl >>> 15)) ^ ch;
    bl = low;
    low = cl;
    cl = ch;
    ch = low;
  }
  state[0] = al;
  state[1] = ah;
  state[2] = bl;
  state[3] = bh;
  state[4] = cl;
  state[5] = ch;
  state[6] = dl;
  state[7] = dh;
}
