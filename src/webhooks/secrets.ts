/**
 * The secrets that webhooks are signed with: derived from a key, the endpoint and a version, and stored nowhere.
 *
 *   keys/v1/webhooks   32 random bytes in R2, put if absent, never changed
 *   secret             HMAC of "webhook secret\n<id>\n<version>" under them
 *
 * Keeps: a version that was ended is no secret any more, and no row of a database holds one.
 */
import { KeyedHash } from "../core/keyed-hash.ts";
import { assert } from "../core/result.ts";

const WEBHOOKS_KEY = "keys/v1/webhooks";
const KEY_BYTES = 32;

type Secrets = (webhookId: string, version: number) => Uint8Array;

/** Rejects with R2's fault. */
export async function webhookSecretsOf(bucket: R2Bucket): Promise<Secrets> {
  const keyed = new KeyedHash(await readKey(bucket));
  return (webhookId, version) => keyed.digest(`webhook secret\n${webhookId}\n${version}`).slice();
}

async function readKey(bucket: R2Bucket): Promise<Uint8Array> {
  const found = await bucket.get(WEBHOOKS_KEY);
  if (found !== null) return bytesOf(found);
  await bucket.put(WEBHOOKS_KEY, crypto.getRandomValues(new Uint8Array(KEY_BYTES)), {
    onlyIf: { etagDoesNotMatch: "*" },
  });
  return bytesOf(await bucket.get(WEBHOOKS_KEY));
}

async function bytesOf(object: R2ObjectBody | null): Promise<Uint8Array> {
  assert(object !== null && object.size === KEY_BYTES, "the key of webhooks has 32 bytes and is never deleted");
  return new Uint8Array(await object.arrayBuffer());
}
