/**
 * Bytes as hexadecimal digits in lower case, and back, at places of longer arrays: keys are spelled for every event.
 *
 * Keeps: `writeHex(hexAt(b, at, n), b, at)` changes nothing.
 * Relies on: what is read are such digits.
 */
const PAIRS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));
const NINE = 57;
const ZERO = 48;
/** Before "a", as many characters as "a" is worth. */
const LETTERS = 87;

/** The digits of `length` bytes from `at` on. */
export function hexAt(bytes: Uint8Array, at: number, length: number): string {
  let text = "";
  for (let byte = at; byte < at + length; byte++) text += PAIRS[bytes[byte] as number];
  return text;
}

/** Writes what the digits spell to `at`. */
export function writeHex(text: string, to: Uint8Array, at: number): void {
  for (let digit = 0, byte = at; digit < text.length; digit += 2, byte++) {
    to[byte] = (hexDigit(text.charCodeAt(digit)) << 4) | hexDigit(text.charCodeAt(digit + 1));
  }
}

/** What a digit is worth, by its character's code. */
export function hexDigit(code: number): number {
  return code <= NINE ? code - ZERO : code - LETTERS;
}
