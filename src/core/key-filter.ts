/**
 * A filter over keys: says of a key that it is certainly not among them, or that they must be looked at (Bloom).
 *
 *   16 bits a key, 8 of them set: of keys that are not there one in 1 700 must be looked at
 *
 * Keeps: never a "no" for a key that it was made of. Two keys of one hash are alike to it, which costs a look.
 * Sources: [1] Kirsch and Mitzenmacher, Less Hashing, Same Performance (2006): all places from two halves of a hash.
 */

const BITS_PER_KEY = 16;
const PLACES = 8;
const WORD = 2 ** 32;

/** The filter of `count` keys, whose hashes stand in pairs in `hashes`. */
export function makeFilter(hashes: Uint32Array, count: number): Uint8Array<ArrayBuffer> {
  const filter = new Uint8Array(Math.ceil((count * BITS_PER_KEY) / 8));
  const bits = filter.length * 8;
  for (let key = 0; key < count; key++) {
    let place = hashes[2 * key] as number;
    const step = (hashes[2 * key + 1] as number) | 1;
    for (let n = 0; n < PLACES; n++) {
      const bit = Math.floor((place * bits) / WORD);
      (filter[bit >>> 3] as number) |= 1 << (bit & 7);
      place = (place + step) >>> 0;
    }
  }
  return filter;
}

/** Whether the key of that hash may be among those of the filter. */
export function mayHold(filter: Uint8Array, { low, high }: { readonly low: number; readonly high: number }): boolean {
  const bits = filter.length * 8;
  const step = high | 1;
  let place = low;
  for (let n = 0; n < PLACES; n++) {
    const bit = Math.floor((place * bits) / WORD);
    if (((filter[bit >>> 3] as number) & (1 << (bit & 7))) === 0) return false;
    place = (place + step) >>> 0;
  }
  return true;
}
