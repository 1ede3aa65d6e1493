/**
 * Leaves that wait, and what follows once the checkpoint has them: their places are written, and they wait no more.
 *
 * Keeps: a place is written before its leaf stops waiting, and both only of leaves that a checkpoint has: so a leaf
 * that is handed in again meanwhile is found to be in the log, and a place that is given out can be proved. `settled`
 * says up to where all that was done; what lies behind it may be done twice.
 */
import { hashLeaf } from "../core/merkle.ts";
import { TILE_WIDTH, tileWidth } from "../core/tiles.ts";
import {
  encodePlace,
  PENDING_PREFIX,
  parsePlace,
  pendingKey,
  placeKey,
  readEntries,
  readText,
  SETTLED_KEY,
} from "./objects.ts";

/** Bundles that one run settles: more are there only where marks were lost. */
const BUNDLES_MAX = 4;

/** The first leaves that wait, by the order of their hashes, and whether more do. */
export async function waitingLeaves(
  bucket: R2Bucket,
  max: number,
): Promise<{ leaves: Uint8Array<ArrayBuffer>[]; isMore: boolean }> {
  const page = await bucket.list({ prefix: PENDING_PREFIX, limit: max });
  const read = await Promise.all(
    page.objects.map(async ({ key }) => {
      const object = await bucket.get(key);
      if (object === null) return null;
      const leaf = new Uint8Array(await object.arrayBuffer());
      const place = placeKey(hashLeaf(leaf));
      return { key, leaf, place, isPlaced: (await bucket.head(place)) !== null };
    }),
  );
  const found = read.filter((one) => one !== null);
  const placed = found.filter(({ isPlaced }) => isPlaced);
  if (placed.length > 0) await bucket.delete(placed.map(({ key }) => key));
  const waiting = new Map(found.filter(({ isPlaced }) => !isPlaced).map(({ place, leaf }) => [place, leaf]));
  return { leaves: Array.from(waiting.values()), isMore: page.truncated };
}

/** Writes places up to `size`; false where there are more to write than one run does. */
export async function settle(bucket: R2Bucket, size: number): Promise<boolean> {
  const mark = await readText(bucket, SETTLED_KEY);
  const marked = mark === null ? 0 : parsePlace(mark.text);
  // A mark behind the tree is of another one.
  const from = marked <= size ? marked : 0;
  if (from === size) return true;
  const first = Math.floor(from / TILE_WIDTH);
  const last = Math.min(Math.ceil(size / TILE_WIDTH), first + BUNDLES_MAX);
  for (let index = first; index < last; index++) {
    const entries = await readEntries(bucket, index, tileWidth({ level: "entries", index }, size));
    const hashes = entries.map((entry, at) => ({ hash: hashLeaf(entry), place: index * TILE_WIDTH + at }));
    const unsettled = hashes.filter(({ place }) => place >= from);
    await Promise.all(unsettled.map(({ hash, place }) => bucket.put(placeKey(hash), encodePlace(place))));
    await bucket.delete(unsettled.map(({ hash }) => pendingKey(hash)));
  }
  const reached = Math.min(size, last * TILE_WIDTH);
  await bucket.put(SETTLED_KEY, encodePlace(reached));
  return reached === size;
}
