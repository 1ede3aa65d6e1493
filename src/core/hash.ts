/**
 * 32-bit string hash for placement, never for identity: FNV-1a over UTF-16 code units, finished with MurmurHash3's
 * mixer so that the low bits, which a modulus uses, depend on every character.
 *
 * Keeps: the value of a string never changes; `test/vectors/routing.json` fixes it, since stored data depends on it.
 * Sources: FNV-1a (Fowler, Noll, Vo), fmix32 (MurmurHash3, Austin Appleby).
 */
export function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return mix32(hash);
}

/** Spreads 32 bits over 32 bits, one to one (MurmurHash3's fmix32). */
export function mix32(bits: number): number {
  let hash = bits;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
