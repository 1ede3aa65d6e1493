/**
 * A log's tree as tiles of 256 hashes and its leaves as entry bundles, as C2SP tlog-tiles has them: names, reading the
 * hashes of proofs from tiles, and which tiles a tree gains with new leaves.
 *
 *   tile/0/x001/x234/067        256 hashes of leaves; tile/1/… of complete tiles of level 0, and so on
 *   tile/0/x001/x234/067.p/7    the same tile while it has 7: a prefix of what it will be
 *   tile/entries/x001/234       the leaves of a tile of level 0, each behind its length (uint16, big-endian)
 *
 * Keeps: one tile has one name. A name that is well formed says nothing on whether a log has that tile.
 * Relies on: a reader answers exactly the tile that it was asked for, `width` hashes, or throws.
 */
import { HASH_BYTES, type Hash, joinSubtrees, type Range, rootOf, type Subtree, subtreesOf } from "./merkle.ts";
import { assert } from "./result.ts";

export const TILE_WIDTH = 256;
const TILE_LEVELS = 8;
const LEVEL_MAX = 63;
/** Bytes that a bundle's length prefix can say. */
export const ENTRY_BYTES_MAX = 0xffff;
const LENGTH_BYTES = 2;

/** Hashes or, at level "entries", leaves: `width` of 256 from `index * 256` on. */
export type TileName = { readonly level: number | "entries"; readonly index: number; readonly width: number };
export type Tile = TileName & { readonly level: number };
export type TileReader = (tile: Tile) => Promise<Uint8Array>;

export type GrownTile = { readonly tile: Tile; readonly bytes: Uint8Array };

/** Where a tile stands below a log's prefix. */
export function tilePath({ level, index, width }: TileName): string {
  const groups: string[] = [];
  for (let left = index; groups.length === 0 || left > 0; left = Math.floor(left / 1_000)) {
    groups.unshift(`${groups.length === 0 ? "" : "x"}${String(left % 1_000).padStart(3, "0")}`);
  }
  const partial = width === TILE_WIDTH ? "" : `.p/${width}`;
  return `tile/${level}/${groups.join("/")}${partial}`;
}

const PATH = /^tile\/(entries|\d{1,2})\/((?:x\d{3}\/)*\d{3})(?:\.p\/(\d{1,3}))?$/;

/** The tile that a path names, or null where it is none, or not how it is written. */
export function parseTilePath(path: string): TileName | null {
  const [, first = "", groups = "", partial] = PATH.exec(path) ?? [];
  if (first === "") return null;
  const level: TileName["level"] = first === "entries" ? first : Number(first);
  const tile = { level, index: Number(groups.replaceAll(/\D/g, "")), width: Number(partial ?? TILE_WIDTH) };
  const isWidth = tile.width > 0 && tile.width <= TILE_WIDTH;
  const isTile = Number.isSafeInteger(tile.index) && (level === "entries" || level <= LEVEL_MAX);
  return isTile && isWidth && tilePath(tile) === path ? tile : null;
}

/** Of a tree of `size` leaves: how wide the tile is there, 0 where the tree does not reach it. */
export function tileWidth({ level, index }: Pick<TileName, "level" | "index">, size: number): number {
  const hashes = Math.floor(size / TILE_WIDTH ** (level === "entries" ? 0 : level));
  return Math.max(0, Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH));
}

/** The hashes of ranges of a tree of `size` leaves; each tile is read once, all at once. */
export async function hashRanges(ranges: readonly Range[], size: number, read: TileReader): Promise<Hash[]> {
  const reading = new Map<string, Promise<Uint8Array>>();
  const hashOf = async (subtree: Subtree): Promise<Hash> => {
    const place = placeOf(subtree);
    const tile: Tile = { ...place.tile, width: tileWidth(place.tile, size) };
    const path = tilePath(tile);
    const answer = reading.get(path) ?? read(tile);
    reading.set(path, answer);
    const bytes = await answer;
    assert(bytes.length === tile.width * HASH_BYTES, "a reader answers the tile that it was asked for");
    return rootOf(splitHashes(bytes).slice(place.from, place.from + place.count));
  };
  return Promise.all(ranges.map(async (range) => joinSubtrees(await Promise.all(subtreesOf(range).map(hashOf)))));
}

/** The root of a tree of `size` leaves. */
export async function rootFromTiles(size: number, read: TileReader): Promise<Hash> {
  const [root] = await hashRanges([{ from: 0, to: size }], size, read);
  assert(root !== undefined, "one range has one hash");
  return root;
}

/** The tiles that a tree of `size` leaves gains with more of them, the lowest level first. */
export async function growTiles(size: number, leaves: readonly Hash[], read: TileReader): Promise<GrownTile[]> {
  const grown: GrownTile[] = [];
  let [before, added] = [size, leaves];
  for (let level = 0; added.length > 0; level++) {
    const index = Math.floor(before / TILE_WIDTH);
    const width = before % TILE_WIDTH;
    const known = width === 0 ? [] : splitHashes(await read({ level, index, width }));
    const hashes = [...known, ...added];
    const above: Hash[] = [];
    for (let at = 0; at < hashes.length; at += TILE_WIDTH) {
      const own = hashes.slice(at, at + TILE_WIDTH);
      const tile = { level, index: index + at / TILE_WIDTH, width: own.length };
      grown.push({ tile, bytes: concat(own) });
      if (own.length === TILE_WIDTH) above.push(rootOf(own));
    }
    [before, added] = [index, above];
  }
  return grown;
}

/** Entries as a bundle; each has at most ENTRY_BYTES_MAX bytes. */
export function encodeEntries(entries: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return concat(
    entries.flatMap((entry) => {
      assert(entry.length <= ENTRY_BYTES_MAX, "an entry's length has 16 bits");
      return [Uint8Array.of(entry.length >> 8, entry.length & 0xff), entry];
    }),
  );
}

/** The entries of a bundle, or null where it is cut or runs over. */
export function decodeEntries(bytes: Uint8Array): Uint8Array<ArrayBuffer>[] | null {
  const entries: Uint8Array<ArrayBuffer>[] = [];
  let at = 0;
  while (at < bytes.length) {
    const [high = 0, low = 0] = bytes.subarray(at, at + LENGTH_BYTES);
    const end = at + LENGTH_BYTES + high * 256 + low;
    if (end > bytes.length) return null;
    entries.push(bytes.slice(at + LENGTH_BYTES, end));
    at = end;
  }
  return entries;
}

export function splitHashes(bytes: Uint8Array): Hash[] {
  return Array.from({ length: bytes.length / HASH_BYTES }, (_, at) =>
    bytes.slice(at * HASH_BYTES, (at + 1) * HASH_BYTES),
  );
}

/** In which tile a subtree's hash is, or the hashes that it is made of. */
function placeOf({ level, index }: Subtree): { tile: { level: number; index: number }; from: number; count: number } {
  const count = 2 ** (level % TILE_LEVELS);
  const first = index * count;
  const tile = { level: Math.floor(level / TILE_LEVELS), index: Math.floor(first / TILE_WIDTH) };
  return { tile, from: first % TILE_WIDTH, count };
}

/** The parts as one, in their order. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
