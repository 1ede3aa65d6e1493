/**
 * The leaf of the evidence log that stands for an object of an advertiser or a publisher: a manifest, a statement.
 *
 *   HMAC-SHA-256(secret of the tenant, name) ‖ SHA-256(object)        64 bytes
 *
 *   2026-11-27/1         the manifest of that day, its first revision
 *   statement/000001     the first statement; of a publisher, statement/EUR/000001
 *
 * So a tenant finds its leaves and sees that each name has one object; who does not have its secret sees neither
 * whose a leaf is nor what it stands for, and learns nothing of anybody's volume.
 *
 *   keys/v1/evidence-leaf   32 random bytes in R2, put if absent, never changed; the secret of an advertiser is HMAC of
 *                           its id under them
 */
import { concatBytes, hexToBytes } from "@noble/hashes/utils.js";
import { secretAt } from "../audit/objects.ts";
import { KeyedHash } from "../core/keyed-hash.ts";
import { enqueueLeaf } from "../tlog/log.ts";

const LEAF_KEY = "keys/v1/evidence-leaf";

/** Secrets of advertisers by their id, of publishers by `pub=<id>`, which is nobody's id. Rejects with R2's fault. */
export async function leafSecretsOf(bucket: R2Bucket): Promise<(owner: string) => Uint8Array> {
  const keyed = new KeyedHash(await secretAt(bucket, LEAF_KEY));
  return (owner) => keyed.digest(owner).slice();
}

/** The leaf of an object by its name and its hash in hexadecimal. */
export function leafOf(secret: Uint8Array, name: string, sha256: string): Uint8Array {
  return concatBytes(new KeyedHash(secret).digest(name), hexToBytes(sha256));
}

/** Puts leaves of tenants' objects into the evidence log of a bucket; the same again changes nothing. */
export function leafWriter(bucket: R2Bucket): (owner: string, name: string, sha256: string) => Promise<void> {
  let secrets: ReturnType<typeof leafSecretsOf> | undefined;
  return async (owner, name, sha256) => {
    secrets ??= leafSecretsOf(bucket);
    await enqueueLeaf(bucket, leafOf((await secrets)(owner), name, sha256));
  };
}
