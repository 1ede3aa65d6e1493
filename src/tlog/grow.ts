/**
 * The tree that the log decided on, in R2, and writing what it adds to the one before.
 *
 *   head.json {"v":1,"size":300,"root":"<base64url>","leaves":["<base64url>", …]}      the last leaves of the tree
 *
 * Keeps: replaced by its etag, so that of two decisions one counts; it carries the leaves that it adds, so that whoever
 * finds it can carry it out. What is written of it is the same bytes whoever writes it, and again.
 */
import { decodeBase64url, encodeBase64url, parseJson } from "../core/base64url.ts";
import type { TreeHead } from "../core/checkpoint.ts";
import { emptyRoot, HASH_BYTES, type Hash, hashLeaf, isSameHash } from "../core/merkle.ts";
import { assert } from "../core/result.ts";
import { encodeEntries, growTiles, rootFromTiles, splitHashes, TILE_WIDTH, tilePath } from "../core/tiles.ts";
import { HEAD_KEY, readEntries, readText, replace, type Stored, tileKey, tileReader } from "./objects.ts";

/** One decision holds no more leaves: half a megabyte, and about 800 calls of R2 to carry it out. */
export const BATCH_LEAVES = 256;

export type StoredHead = TreeHead & {
  readonly leaves: readonly Uint8Array<ArrayBuffer>[];
  /** As it is in R2; null where it is not yet. */
  readonly stored: Stored | null;
};

type Wire = { readonly v: 1; readonly size: number; readonly root: string; readonly leaves: readonly string[] };

export async function readHead(bucket: R2Bucket): Promise<StoredHead | null> {
  const stored = await readText(bucket, HEAD_KEY);
  if (stored === null) return null;
  const wire = parseJson(stored.text) as Wire | null;
  const root = decodeBase64url(wire?.root ?? "");
  assert(wire?.v === 1 && root?.length === HASH_BYTES, "a head of the log has version 1");
  const leaves = wire.leaves.map((text) => {
    const leaf = decodeBase64url(text);
    assert(leaf !== null, "a head of the log has leaves");
    return leaf;
  });
  return { size: wire.size, root, leaves, stored };
}

/** Decides that `leaves` come next; null where another decision came first. */
export async function decide(
  bucket: R2Bucket,
  head: StoredHead | null,
  leaves: readonly Uint8Array<ArrayBuffer>[],
): Promise<StoredHead | null> {
  const size = (head?.size ?? 0) + leaves.length;
  const root = await rootWith(bucket, head?.size ?? 0, leaves.map(hashLeaf));
  const wire: Wire = { v: 1, size, root: encodeBase64url(root), leaves: leaves.map(encodeBase64url) };
  const stored = await replace(bucket, HEAD_KEY, { was: head?.stored ?? null, text: JSON.stringify(wire) });
  return stored === null ? null : { size, root, leaves, stored };
}

/**
 * Writes the bundles and tiles that a decided tree adds; false where what they go on from is not the tree's. Throws
 * LostTile where that is not there.
 */
export async function writeTiles(bucket: R2Bucket, { size, leaves }: StoredHead): Promise<boolean> {
  const from = size - leaves.length;
  const known = await entriesBefore(bucket, from);
  if (known === null) return false;
  const entries = [...known, ...leaves];
  const first = Math.floor(from / TILE_WIDTH);
  const bundles = Array.from({ length: Math.ceil(entries.length / TILE_WIDTH) }, (_, at) => {
    const own = entries.slice(at * TILE_WIDTH, (at + 1) * TILE_WIDTH);
    return { tile: { level: "entries", index: first + at, width: own.length } as const, bytes: encodeEntries(own) };
  });
  const tiles = await growTiles(from, leaves.map(hashLeaf), tileReader(bucket));
  if (leaves.length === 0) return true;
  await Promise.all(bundles.map(({ tile, bytes }) => bucket.put(tileKey(tile), bytes)));
  await Promise.all(tiles.map(({ tile, bytes }) => bucket.put(tileKey(tile), bytes)));
  return true;
}

/** The root of the tree of `size` leaves with more of them. */
async function rootWith(bucket: R2Bucket, size: number, hashes: readonly Hash[]): Promise<Hash> {
  if (size + hashes.length === 0) return emptyRoot();
  const read = tileReader(bucket);
  const grown = new Map((await growTiles(size, hashes, read)).map(({ tile, bytes }) => [tilePath(tile), bytes]));
  return rootFromTiles(size + hashes.length, async (tile) => grown.get(tilePath(tile)) ?? (await read(tile)));
}

/** The entries of the bundle that a tree of `size` leaves has begun; null where they are not those of its hashes. */
async function entriesBefore(bucket: R2Bucket, size: number): Promise<Uint8Array<ArrayBuffer>[] | null> {
  const index = Math.floor(size / TILE_WIDTH);
  const width = size % TILE_WIDTH;
  if (width === 0) return [];
  const [entries, hashes] = await Promise.all([
    readEntries(bucket, index, width),
    tileReader(bucket)({ level: 0, index, width }),
  ]);
  const isSame = splitHashes(hashes).every((hash, at) => isSameHash(hash, hashLeaf(entries[at] ?? new Uint8Array())));
  return isSame ? entries : null;
}
