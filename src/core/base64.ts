/**
 * Strict base64 with padding (RFC 4648 §4), as notes, checkpoints and proofs of a log are written.
 *
 * Keeps: `decodeBase64` accepts exactly what `encodeBase64` produces, so one byte string has one spelling.
 */
import { decodeBase64url, encodeBase64url } from "./base64url.ts";

const SPELLED = /^[A-Za-z0-9+/]*={0,2}$/;

export function encodeBase64(bytes: Uint8Array): string {
  const text = encodeBase64url(bytes).replaceAll("-", "+").replaceAll("_", "/");
  return text.padEnd(Math.ceil(text.length / 4) * 4, "=");
}

/** The bytes, or null when `text` is not how they are written. */
export function decodeBase64(text: string): Uint8Array<ArrayBuffer> | null {
  if (text.length % 4 !== 0 || !SPELLED.test(text)) return null;
  return decodeBase64url(text.replace(/=+$/, "").replaceAll("+", "-").replaceAll("/", "_"));
}
