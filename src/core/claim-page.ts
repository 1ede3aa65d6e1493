/**
 * A page of claims: impression keys in ascending order, each with the event that has it.
 *
 *   claim  | key: 16 bytes | event id: 18 bytes, all zero where the key was released |
 *
 * What looks at keys reads them as four words, which order them as their bytes do; nothing is unpacked.
 *
 * Keeps: exact, whatever keys it holds: whole keys are compared, from the first word to the last.
 */
import { EVENT_ID_BYTES, type EventId, eventIdAt, writeEventId } from "./event-id.ts";
import { hexAt, hexDigit, writeHex } from "./hex.ts";
import type { ImpressionKey } from "./impression-key.ts";

export const KEY_BYTES = 16;
export const KEY_WORDS = 4;
export const CLAIM_BYTES = KEY_BYTES + EVENT_ID_BYTES;

export type ClaimPage = Uint8Array<ArrayBuffer>;

/** The words of a key, into `words`. */
export function readKey(key: ImpressionKey, words: Uint32Array): void {
  for (let word = 0, at = 0; word < KEY_WORDS; word++) {
    let value = 0;
    for (const end = at + 8; at < end; at++) value = (value << 4) | hexDigit(key.charCodeAt(at));
    words[word] = value;
  }
}

/** The words of the key that stands at `at`, into `words`. */
export function readKeyAt(bytes: DataView, at: number, words: Uint32Array): void {
  for (let word = 0; word < KEY_WORDS; word++) words[word] = bytes.getUint32(at + 4 * word);
}

export function keyAt(bytes: Uint8Array, at: number): ImpressionKey {
  return hexAt(bytes, at, KEY_BYTES) as ImpressionKey;
}

/** Writes a claim; `event` is null for a key that is free again. */
export function writeClaim(to: Uint8Array, at: number, claim: { key: ImpressionKey; event: EventId | null }): void {
  const { key, event } = claim;
  writeHex(key, to, at);
  if (event === null) to.fill(0, at + KEY_BYTES, at + CLAIM_BYTES);
  else writeEventId(event, to, at + KEY_BYTES);
}

/** The event of the claim at `at`; null where its key was released. */
export function claimantAt(bytes: Uint8Array, at: number): EventId | null {
  // An id begins with a bit that is set.
  return bytes[at + KEY_BYTES] === 0 ? null : eventIdAt(bytes, at + KEY_BYTES);
}

/** Whether the claim at `at` says that its key is free again. */
export function isReleasedAt(bytes: DataView, at: number): boolean {
  return bytes.getUint8(at + KEY_BYTES) === 0;
}

/** The event that a page has for a key; null where it was released, undefined where the page has nothing of it. */
export function findClaim(page: ClaimPage, words: Uint32Array): EventId | null | undefined {
  const at = CLAIM_BYTES * claimsBelow(page, words);
  if (at >= page.length || compareKey(viewOf(page), at, words) !== 0) return undefined;
  return claimantAt(page, at);
}

/** How many claims of a page have keys below that one. O(log claims). */
export function claimsBelow(page: ClaimPage, words: Uint32Array): number {
  const view = viewOf(page);
  let [low, high] = [0, page.length / CLAIM_BYTES];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareKey(view, middle * CLAIM_BYTES, words) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

function viewOf(page: ClaimPage): DataView {
  return new DataView(page.buffer, page.byteOffset, page.byteLength);
}

/** Below 0 where the key at `at` comes before the other. */
export function compareKey(bytes: DataView, at: number, words: Uint32Array): number {
  for (let word = 0; word < KEY_WORDS; word++) {
    const difference = bytes.getUint32(at + 4 * word) - (words[word] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}
