/** Users for tests of sketches: elements of uniform hashes, from a seed. */
import { ELEMENT_HASH_BYTES, elementOf } from "../../src/core/sketch.ts";

/** A generator of elements of ever new users: xorshift128 (Marsaglia 2003), twelve bytes each. */
export function usersFrom(seed: number): () => number {
  let [x, y, z, w] = [seed ^ 0x075bcd15, seed ^ 0x159a55e5, seed ^ 0x1f123bb5, seed ^ 0x05491333];
  const hash = new Uint8Array(ELEMENT_HASH_BYTES);
  const view = new DataView(hash.buffer);
  const next = () => {
    const mixed = x ^ (x << 11);
    [x, y, z] = [y, z, w];
    w = w ^ (w >>> 19) ^ mixed ^ (mixed >>> 8);
    return w;
  };
  for (let warmUp = 0; warmUp < 20; warmUp++) next();
  return () => {
    for (let at = 0; at < ELEMENT_HASH_BYTES; at += 4) view.setInt32(at, next());
    return elementOf(hash);
  };
}

/** Elements of `count` different users. */
export function someElements(count: number, seed: number): number[] {
  const next = usersFrom(seed);
  const elements = new Set<number>();
  while (elements.size < count) elements.add(next());
  return Array.from(elements);
}
