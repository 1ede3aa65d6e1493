/**
 * A seal on a text that leaves the Worker and comes back: HMAC-SHA-256 with a key of the token ring, over a prefix that
 * no token begins with, so that a seal is never a token's signature and a token's signature never a seal.
 *
 * Keeps: constant-time comparison; the kid says which key sealed. A text whose key is retired cannot be verified.
 */
import { decodeBase64url, encodeBase64url, encodeUtf8 } from "./base64url.ts";
import type { KeyRing } from "./key-ring.ts";

export type Seal = { readonly kid: string; readonly mac: string };

const PREFIX = "clickledger seal v1\n";

export async function sealText(ring: KeyRing, text: string): Promise<Seal> {
  const mac = await crypto.subtle.sign("HMAC", ring.signing.key, encodeUtf8(PREFIX + text));
  return { kid: ring.signing.kid, mac: encodeBase64url(new Uint8Array(mac)) };
}

/** True when `seal` was made over exactly this text by a key that is still in force. */
export async function isSealed(ring: KeyRing, text: string, { kid, mac }: Seal): Promise<boolean> {
  const key = ring.keys.get(kid);
  const bytes = decodeBase64url(mac);
  // A key with limits is in other hands, and seals nothing of ours.
  if (key === undefined || !ring.derived.has(kid) || bytes === null) return false;
  return crypto.subtle.verify("HMAC", key.key, bytes, encodeUtf8(PREFIX + text));
}
