/**
 * Who a valid click is counted for as a unique user: 12 bytes that say nothing else.
 *
 *   token claim `uid`   SHA-256 over the length-prefixed `adv` and `uid`     the same person as long as the id lives
 *   else                the edge's keyed hash of address and agent           one browser, for a day
 *   `Sec-GPC: 1`        nobody: the click is counted, its user is not
 *
 * Keeps: a key never leaves the advertiser it was made for, and no key can be turned back into a `uid` that is not
 * guessed.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { decodeBase64url, encodeUtf8 } from "./base64url.ts";
import type { OpenedEvent } from "./message.ts";

export const USER_KEY_BYTES = 12;

/** The key of the event's user, or null when there is none. */
export function userKeyOf({ event, claims }: OpenedEvent): Uint8Array | null {
  if (event.gpc) return null;
  if (claims.uid !== null) {
    const text = `user${String.fromCharCode(claims.adv.length)}${claims.adv}${claims.uid}`;
    return sha256(encodeUtf8(text)).subarray(0, USER_KEY_BYTES);
  }
  const hash = event.userHash === null ? null : decodeBase64url(event.userHash);
  return hash?.length === USER_KEY_BYTES ? hash : null;
}
