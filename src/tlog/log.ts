/**
 * The evidence log for those who put something into it: hand in a leaf, find its place, prove that it is there. A leaf
 * is opaque bytes; the log knows nothing of clicks.
 *
 *   enqueueLeaf ──▶ pending/<hash> ──sequencer──▶ entries, tiles, checkpoint, leaves/<hash> ──▶ locateLeaf, proofOf
 *
 * Keeps: a leaf of the same bytes is in the log once, whenever and however often it is handed in. Who wants each of
 * several equal leaves to have a place makes them differ. Nothing here needs a key: what is proved, a verifier checks.
 */
import { claimedCheckpoint, encodeProof } from "../core/checkpoint.ts";
import { hashLeaf, inclusionRanges, isIncluded } from "../core/merkle.ts";
import { assert } from "../core/result.ts";
import { hashRanges } from "../core/tiles.ts";
import { CHECKPOINT_KEY, parsePlace, pendingKey, placeKey, tileReader } from "./objects.ts";

/** A leaf says what was said elsewhere, by its hash; what is larger does not belong here. */
const LEAF_BYTES_MAX = 1_024;

/** Has the leaf sequenced, unless it is in the log or waits for it. A crash leaves it waiting, or not handed in. */
export async function enqueueLeaf(bucket: R2Bucket, leaf: Uint8Array): Promise<void> {
  assert(leaf.length <= LEAF_BYTES_MAX, `a leaf has at most ${LEAF_BYTES_MAX} bytes`);
  const hash = hashLeaf(leaf);
  if ((await bucket.head(placeKey(hash))) !== null) return;
  await bucket.put(pendingKey(hash), leaf, { onlyIf: { etagDoesNotMatch: "*" } });
}

/** The index of the leaf with this hash (`hashLeaf`), once the checkpoint has it; null before. */
export async function locateLeaf(bucket: R2Bucket, leafHash: Uint8Array): Promise<number | null> {
  const object = await bucket.get(placeKey(leafHash));
  return object === null ? null : parsePlace(await object.text());
}

/**
 * A C2SP tlog-proof that the leaf at `index`, a place that `locateLeaf` gave, is in the checkpoint's tree.
 * Throws where the log has lost what that takes, or its tiles are not those of its checkpoint.
 */
export async function proofOf(bucket: R2Bucket, index: number): Promise<string> {
  const object = await bucket.get(CHECKPOINT_KEY);
  const note = object === null ? "" : await object.text();
  const checkpoint = claimedCheckpoint(note);
  assert(checkpoint !== null && index < checkpoint.size, "who has a leaf's place has a checkpoint with that leaf");
  const ranges = [{ from: index, to: index + 1 }, ...inclusionRanges(index, checkpoint.size)];
  const [hash, ...hashes] = await hashRanges(ranges, checkpoint.size, tileReader(bucket));
  if (hash === undefined || !isIncluded({ hash, index }, checkpoint, hashes)) {
    throw new Error(`the evidence log's tiles do not prove leaf ${index}`);
  }
  return encodeProof({ index, hashes, checkpoint: note });
}
