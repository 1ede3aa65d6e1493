/**
 * Which object decides on an order or a batch: by a keyed hash, so that nobody can choose names that all meet in one.
 *
 *   keys/v1/submission-routing   32 random bytes in R2, put if absent by whichever isolate is first, never
 *                                changed or deleted
 *
 *   object = HMAC-SHA-256(key, order key), its first four bytes, mod 256
 *
 * Keeps: the same key for ever, whatever other keys are rotated, since an order's copies of 400 days must meet. It is
 * read once for an isolate. While it cannot be read by one that has not, nothing is routed: a conversion is not taken,
 * and its sender sends it again (docs/decisions/0022-submissions-by-tenant.md).
 */
import { KeyedHash } from "../core/keyed-hash.ts";
import { assert } from "../core/result.ts";

export const SUBMISSION_ROUTING_KEY = "keys/v1/submission-routing";
const KEY_BYTES = 32;

/** From the name of an order or a batch to the number that its object is found by. */
export type SubmissionHash = (name: string) => number;

let current: { readonly bucket: R2Bucket; readonly hash: SubmissionHash } | null = null;

/** The hash of this deployment; made at its first use. Rejects with R2's fault. */
export async function submissionHashOf(bucket: R2Bucket): Promise<SubmissionHash> {
  if (current?.bucket === bucket) return current.hash;
  const hash = submissionHashUnder(new Uint8Array(await readKey(bucket)));
  current = { bucket, hash };
  return hash;
}

/** The hash under a key. */
export function submissionHashUnder(key: Uint8Array): SubmissionHash {
  const keyed = new KeyedHash(key);
  return (name) => {
    const { buffer, byteOffset } = keyed.digest(name);
    return new DataView(buffer, byteOffset).getUint32(0);
  };
}

async function readKey(bucket: R2Bucket): Promise<ArrayBuffer> {
  const object = await bucket.get(SUBMISSION_ROUTING_KEY);
  if (object !== null) return checked(await object.arrayBuffer());
  const made = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
  const stored = await bucket.put(SUBMISSION_ROUTING_KEY, made, { onlyIf: { etagDoesNotMatch: "*" } });
  if (stored !== null) return made.buffer;
  const winner = await bucket.get(SUBMISSION_ROUTING_KEY);
  assert(winner !== null, "the key that was there a moment ago is never deleted");
  return checked(await winner.arrayBuffer());
}

function checked(key: ArrayBuffer): ArrayBuffer {
  assert(key.byteLength === KEY_BYTES, "the routing key has its length");
  return key;
}
