/**
 * The evidence log's objects in R2.
 *
 *   evidence-log/v1/pending/<leaf hash>     a leaf that waits for its place; put if absent, deleted once it has one
 *   evidence-log/v1/leaves/<leaf hash>      the place that it got
 *   evidence-log/v1/tile/…                  tiles and entry bundles, named as they are served (core/tiles.ts)
 *   evidence-log/v1/checkpoint              the signed checkpoint, as it is served
 *
 * Keeps: a leaf hash has one spelling, hex in lower case. A tile of a name has the same bytes whoever writes it.
 */
import { bytesToHex } from "@noble/hashes/utils.js";
import { assert } from "../core/result.ts";
import { type TileName, type TileReader, tilePath } from "../core/tiles.ts";

const PREFIX = "evidence-log/v1/";
export const PENDING_PREFIX = `${PREFIX}pending/`;
export const CHECKPOINT_KEY = `${PREFIX}checkpoint`;

export const pendingKey = (leafHash: Uint8Array) => `${PENDING_PREFIX}${bytesToHex(leafHash)}`;
export const placeKey = (leafHash: Uint8Array) => `${PREFIX}leaves/${bytesToHex(leafHash)}`;
export const tileKey = (tile: TileName) => `${PREFIX}${tilePath(tile)}`;

/** Reads tiles of the log; one that is missing throws, since whoever asks knows that the tree has it. */
export function tileReader(bucket: R2Bucket): TileReader {
  return async (tile) => {
    const object = await bucket.get(tileKey(tile));
    if (object === null) throw new Error(`the evidence log has lost ${tilePath(tile)}`);
    return new Uint8Array(await object.arrayBuffer());
  };
}

/** What stands at a leaf's place key. */
export const encodePlace = (index: number) => String(index);

export function parsePlace(text: string): number {
  const index = Number(text);
  assert(Number.isSafeInteger(index) && String(index) === text, "a leaf's place is an index");
  return index;
}
