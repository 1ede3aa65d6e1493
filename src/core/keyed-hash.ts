/**
 * HMAC-SHA-256 under a key that is mixed in once, for many short texts: the click path makes three of them, and what a
 * fresh hash would allocate for each costs as much as the hashing.
 *
 * Keeps: the value is that of RFC 2104 over the text's UTF-8. Calls do not overlap, since nothing here waits.
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeUtf8 } from "./base64url.ts";

const DIGEST_BYTES = 32;
const SHORT_CHARS_MAX = 1_024;

const encoder = new TextEncoder();
/** UTF-8 takes at most three bytes for a character. */
const page = new Uint8Array(3 * SHORT_CHARS_MAX);

export class KeyedHash {
  readonly #keyed: ReturnType<typeof hmac.create>;
  readonly #scratch: ReturnType<typeof hmac.create>;

  constructor(key: Uint8Array) {
    this.#keyed = hmac.create(sha256, key);
    this.#scratch = hmac.create(sha256, key);
  }

  /** The 32 bytes of the text's code. */
  digest(text: string): Uint8Array {
    const scratch = this.#keyed._cloneInto(this.#scratch);
    const code = new Uint8Array(DIGEST_BYTES);
    scratch.update(bytesOf(text)).digestInto(code);
    return code;
  }
}

function bytesOf(text: string): Uint8Array {
  if (text.length > SHORT_CHARS_MAX) return encodeUtf8(text);
  return page.subarray(0, encoder.encodeInto(text, page).written);
}
