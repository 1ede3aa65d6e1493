/**
 * Strict base64url without padding (RFC 4648 §5), as JWS demands (RFC 7515 §2).
 *
 * Keeps: `decodeBase64url` accepts exactly what `encodeBase64url` produces, so one byte string has one spelling
 * and a signature cannot be re-spelled.
 */
const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const FOREIGN = 64;
/** Character code → 6-bit value; FOREIGN where a character is not of the alphabet. */
const VALUES = new Uint8Array(128).fill(FOREIGN);
for (const [value, character] of Array.from(ALPHABET).entries()) VALUES[character.charCodeAt(0)] = value;

const encoder = new TextEncoder();
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Two characters for each 12 bits: half the steps of one character for each 6. */
const PAIRS = Array.from({ length: 4_096 }, (_, bits) => ALPHABET.charAt(bits >> 6) + ALPHABET.charAt(bits & 63));

export function encodeBase64url(bytes: Uint8Array): string {
  const pair = (bits: number) => PAIRS[bits] ?? "";
  const byte = (at: number) => bytes[at] ?? 0;
  const left = bytes.length % 3;
  const whole = bytes.length - left;
  let text = "";
  for (let at = 0; at < whole; at += 3) {
    const bits = (byte(at) << 16) | (byte(at + 1) << 8) | byte(at + 2);
    text += pair(bits >> 12) + pair(bits & 4_095);
  }
  if (left === 1) return text + pair(byte(whole) << 4);
  if (left === 0) return text;
  const bits = (byte(whole) << 10) | (byte(whole + 1) << 2);
  return text + pair(bits >> 6) + ALPHABET.charAt(bits & 63);
}

/**
 * The bytes, or null when `text` is padded, has a foreign character, an impossible length or stray last bits: checked
 * in the one pass that makes them.
 */
export function decodeBase64url(text: string): Uint8Array<ArrayBuffer> | null {
  if (text.length % 4 === 1) return null;
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let bits = 0;
  let pending = 0;
  let at = 0;
  for (let index = 0; index < text.length; index++) {
    const value = VALUES[text.charCodeAt(index)] ?? FOREIGN;
    if (value === FOREIGN) return null;
    bits = ((bits << 6) | value) & 0xffff;
    pending += 6;
    if (pending >= 8) {
      pending -= 8;
      bytes[at++] = (bits >> pending) & 0xff;
    }
  }
  const strayBits = bits & ((1 << pending) - 1);
  return strayBits === 0 ? bytes : null;
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
