/**
 * The leaf of the evidence log that stands for an advertiser's manifest.
 *
 *   HMAC-SHA-256(secret of the advertiser, "<day>/<revision>") ‖ SHA-256(manifest)        64 bytes
 *
 * So an advertiser finds its leaves and sees that a day's revision has one manifest; who does not have its secret sees
 * neither whose a leaf is nor of what day, and learns nothing of anybody's volume.
 *
 *   keys/v1/evidence-leaf   32 random bytes in R2, put if absent, never changed; the secret of an advertiser is HMAC of
 *                           its id under them
 */
import { KeyedHash } from "../core/keyed-hash.ts";
import { assert } from "../core/result.ts";
import type { StoredManifest } from "./manifest.ts";

const LEAF_KEY = "keys/v1/evidence-leaf";
const KEY_BYTES = 32;

/** The secrets of advertisers, by their id. Rejects with R2's fault. */
export async function leafSecretsOf(bucket: R2Bucket): Promise<(advertiserId: string) => Uint8Array> {
  const keyed = new KeyedHash(await readKey(bucket));
  return (advertiserId) => keyed.digest(advertiserId).slice();
}

async function readKey(bucket: R2Bucket): Promise<Uint8Array> {
  const made = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  if ((await bucket.head(LEAF_KEY)) === null) await bucket.put(LEAF_KEY, made, { onlyIf: { etagDoesNotMatch: "*" } });
  const object = await bucket.get(LEAF_KEY);
  assert(object !== null && object.size === KEY_BYTES, "the key of leaves has 32 bytes and is never deleted");
  return new Uint8Array(await object.arrayBuffer());
}

/** The leaf of a manifest under its advertiser's secret. */
export function leafOf(secret: Uint8Array, { manifest, sha256 }: StoredManifest): Uint8Array {
  const { day, revision } = manifest;
  const leaf = new Uint8Array(2 * KEY_BYTES);
  leaf.set(new KeyedHash(secret).digest(`${day}/${revision}`));
  leaf.set(
    Uint8Array.from(sha256.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16)),
    KEY_BYTES,
  );
  return leaf;
}
