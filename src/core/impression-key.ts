/**
 * The identity that is billed at most once: the first 16 bytes of SHA-256 over the event type and the length-prefixed
 * claims `adv`, `ad`, `pub`, `jti`, `iat`, as 32 hexadecimal digits.
 *
 *   "click" · len adv · adv · len ad · ad · len pub · pub · len jti · jti · len iat · iat    (len: one character, ≤ 64)
 *
 * The showing of an impression ("impression") and its click ("click") have keys of their own.
 *
 * Keeps: two impressions share a key only if those claims are equal (length prefixes leave no ambiguity); 128 bits make
 * an accidental collision among 1e11 impressions less likely than 1e-16. A `jti` minted twice with another `iat` is two
 * impressions. The publisher is part of it: who may mint for one publisher cannot take the impression of another by
 * signing its `jti` and `iat`.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeUtf8 } from "./base64url.ts";
import type { Claims } from "./claims.ts";
import { hexAt } from "./hex.ts";
import type { EventType } from "./token-event.ts";

declare const impressionKeyBrand: unique symbol;
export type ImpressionKey = string & { readonly [impressionKeyBrand]: true };

const KEY_BYTES = 16;

export function impressionKeyOf(
  type: EventType,
  { adv, ad, pub, jti, iat }: Pick<Claims, "adv" | "ad" | "pub" | "jti" | "iat">,
): ImpressionKey {
  let text: string = type;
  for (const part of [adv, ad, pub, jti, String(iat)]) text += String.fromCharCode(part.length) + part;
  return hexAt(sha256(encodeUtf8(text)), 0, KEY_BYTES) as ImpressionKey;
}
