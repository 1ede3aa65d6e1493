/**
 * The evidence log's objects in R2.
 *
 *   evidence-log/v1/pending/<leaf hash>     a leaf that waits for its place; put if absent, deleted once it has one
 *   evidence-log/v1/leaves/<leaf hash>      the place that it got
 *   evidence-log/v1/tile/…                  tiles and entry bundles, named as they are served (core/tiles.ts)
 *   evidence-log/v1/head.json               the tree that was decided on, and the leaves that it adds; replaced by etag
 *   evidence-log/v1/checkpoint              the signed checkpoint, as it is served; replaced by etag
 *   evidence-log/v1/settled                 up to which size leaves have their place and wait no more
 *   evidence-log/v1/keys.json               the keys of the log, in the order in which they came; replaced by etag
 *
 * Keeps: a leaf hash has one spelling, hex in lower case. A tile of a name has the same bytes whoever writes it.
 */
import { bytesToHex } from "@noble/hashes/utils.js";
import { HASH_BYTES } from "../core/merkle.ts";
import { assert } from "../core/result.ts";
import { decodeEntries, type TileName, type TileReader, tilePath } from "../core/tiles.ts";

const PREFIX = "evidence-log/v1/";
export const PENDING_PREFIX = `${PREFIX}pending/`;
export const CHECKPOINT_KEY = `${PREFIX}checkpoint`;
export const HEAD_KEY = `${PREFIX}head.json`;
export const SETTLED_KEY = `${PREFIX}settled`;
export const KEYS_KEY = `${PREFIX}keys.json`;

export const pendingKey = (leafHash: Uint8Array) => `${PENDING_PREFIX}${bytesToHex(leafHash)}`;
export const placeKey = (leafHash: Uint8Array) => `${PREFIX}leaves/${bytesToHex(leafHash)}`;
export const tileKey = (tile: TileName) => `${PREFIX}${tilePath(tile)}`;

export type Stored = { readonly text: string; readonly etag: string };

export async function readText(bucket: R2Bucket, key: string): Promise<Stored | null> {
  const object = await bucket.get(key);
  return object === null ? null : { text: await object.text(), etag: object.etag };
}

/** Puts an object where it still is as it was read, null for not there; null where it is not. */
export async function replace(
  bucket: R2Bucket,
  key: string,
  { was, text }: { readonly was: Stored | null; readonly text: string },
): Promise<Stored | null> {
  const onlyIf = was === null ? { etagDoesNotMatch: "*" } : { etagMatches: was.etag };
  const put = await bucket.put(key, text, { onlyIf });
  return put === null ? null : { text, etag: put.etag };
}

/** A tile or a bundle that the tree has is not in R2, or is not what it must be. */
export class LostTile extends Error {
  override readonly name = "LostTile";

  constructor(tile: TileName) {
    super(`the evidence log has lost ${tilePath(tile)}`);
  }
}

/** Reads tiles of the log; throws LostTile for one that is not there in its width, since whoever asks knows of it. */
export function tileReader(bucket: R2Bucket): TileReader {
  return async (tile) => {
    const object = await bucket.get(tileKey(tile));
    if (object?.size !== tile.width * HASH_BYTES) throw new LostTile(tile);
    return new Uint8Array(await object.arrayBuffer());
  };
}

/** The leaves of a bundle; throws LostTile where they are not there in their number. */
export async function readEntries(bucket: R2Bucket, index: number, width: number): Promise<Uint8Array<ArrayBuffer>[]> {
  const bundle = { level: "entries", index, width } as const;
  const object = await bucket.get(tileKey(bundle));
  const entries = object === null ? null : decodeEntries(new Uint8Array(await object.arrayBuffer()));
  if (entries?.length !== width) throw new LostTile(bundle);
  return entries;
}

/** What stands at a leaf's place key. */
export const encodePlace = (index: number) => String(index);

export function parsePlace(text: string): number {
  const index = Number(text);
  assert(Number.isSafeInteger(index) && String(index) === text, "a leaf's place is an index");
  return index;
}
