/**
 * Strict base64url without padding (RFC 4648 §5), as JWS demands (RFC 7515 §2).
 *
 * Keeps: `decodeBase64url` accepts exactly what `encodeBase64url` produces, so one byte string has one spelling
 * and a signature cannot be re-spelled.
 */
const ALPHABET = /^[A-Za-z0-9_-]*$/;
const encoder = new TextEncoder();
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function encodeBase64url(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The bytes, or null when `text` is padded, has a foreign character, an impossible length or stray last bits. */
export function decodeBase64url(text: string): Uint8Array<ArrayBuffer> | null {
  if (!ALPHABET.test(text) || text.length % 4 === 1) return null;
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = new Uint8Array(binary.length);
  for (let index = 0; index < binary.length; index++) bytes[index] = binary.charCodeAt(index);
  return hasStrayBits(text, bytes) ? null : bytes;
}

/** The last character of a text of length 4n+2 or 4n+3 carries bits that no byte uses; they must be zero. */
function hasStrayBits(text: string, bytes: Uint8Array): boolean {
  const tail = bytes.length % 3;
  if (tail === 0) return false;
  return encodeBase64url(bytes.subarray(bytes.length - tail)) !== text.slice(text.length - tail - 1);
}

export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text) as Uint8Array<ArrayBuffer>;
}

/** The text, or null when the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return utf8.decode(bytes);
  } catch {
    // A fatal TextDecoder throws TypeError on malformed input and nothing else.
    return null;
  }
}

/** `JSON.parse` as a value: null when `text` is not JSON (the text `null` is null as well). */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // JSON.parse throws SyntaxError on malformed input and nothing else.
    return null;
  }
}
