/**
 * What a log hour is committed by: a Merkle tree over its lines (RFC 6962, merkle.ts), segment by segment, so that one
 * line is shown to have been logged without showing another one.
 *
 *   shown   = the line without its members ip_hash and user_hash, which nobody outside is shown
 *   hash    = SHA-256(0x00 ‖ nonce ‖ shown)                     a leaf of its segment's tree, in the order of the log
 *   segment = {"first_row":1,"last_row":87,"lines":8700,"root":"<hex>"}      a leaf of the hour's tree, in that order
 *   nonce i = bytes 16i to 16i + 15 of AES-256-CTR under HMAC-SHA-256(secret, "<source>/<first row>"), counter 0
 *
 * A line that is erased has its hash from before in what stands in its place (erased-line.ts).
 *
 * Keeps: pure. A nonce tells nothing of another one, so who was shown one line cannot find out by guessing what any
 * other says; hashes, roots and paths have the same bytes whoever computes them, and whatever was erased.
 * Relies on: a source and row number name one segment for ever, and texts of others stand in a line with their quotes
 * escaped, so that the name of a member is found nowhere else.
 */
import { hexToBytes } from "@noble/hashes/utils.js";
import { encodeUtf8 } from "./base64url.ts";
import { erasedMark } from "./erased-line.ts";
import { KeyedHash } from "./keyed-hash.ts";
import { HASH_BYTES, type Hash, hashLeaf, inclusionRanges, rootOf } from "./merkle.ts";

export const NONCE_BYTES = 16;

/** What the hour's tree says of a segment, in the order of RFC 8785. */
export type HourSegment = {
  readonly first_row: number;
  readonly last_row: number;
  readonly lines: number;
  /** Of the tree over its lines, 64 hexadecimal digits. */
  readonly root: string;
};

const HIDDEN = '"ip_hash":';
const BEHIND_HIDDEN = '"user_agent":';

/** The line as those may see it who may see the click. */
export function shownLine(line: string): string {
  const from = line.indexOf(HIDDEN);
  if (from === -1) return line;
  const to = line.indexOf(BEHIND_HIDDEN, from);
  // Nothing writes a line without an agent; what is no such line is not shown from there on.
  return line.slice(0, from) + (to === -1 ? "" : line.slice(to));
}

/** The hash that a line left when it was erased; null for one that is there as it was logged. */
function erasedHash(line: string): Hash | null {
  const leaf = erasedMark(line)?.leaf ?? null;
  return leaf === null ? null : (hexToBytes(leaf) as Hash);
}

/** The nonces of a segment's lines, one behind the other. */
export async function lineNonces(
  secret: Uint8Array,
  { source, firstRow, lines }: { readonly source: string; readonly firstRow: number; readonly lines: number },
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new KeyedHash(secret).digest(`${source}/${firstRow}`).slice();
  const key = await crypto.subtle.importKey("raw", bytes, { name: "AES-CTR" }, false, ["encrypt"]);
  const counter = { name: "AES-CTR", counter: new Uint8Array(16), length: 64 } as const;
  return new Uint8Array(await crypto.subtle.encrypt(counter, key, new Uint8Array(lines * NONCE_BYTES)));
}

/** The hashes of a segment's lines, one behind the other. */
export async function hashLines(lines: readonly string[], nonces: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  const hashes = new Uint8Array(lines.length * HASH_BYTES);
  const encoder = new TextEncoder();
  const head = 1 + NONCE_BYTES;
  let page = new Uint8Array(4_096);
  for (const [at, line] of lines.entries()) {
    let hash: Uint8Array | null = erasedHash(line);
    if (hash === null) {
      const shown = shownLine(line);
      // UTF-8 takes at most three bytes for a unit of UTF-16.
      if (page.length < head + 3 * shown.length) page = new Uint8Array(2 * (head + 3 * shown.length));
      page.set(nonces.subarray(at * NONCE_BYTES, (at + 1) * NONCE_BYTES), 1);
      const { written } = encoder.encodeInto(shown, page.subarray(head));
      // The platform's is three times as fast as one in JavaScript, even one by one.
      hash = new Uint8Array(await crypto.subtle.digest("SHA-256", page.subarray(0, head + written)));
    }
    hashes.set(hash, at * HASH_BYTES);
  }
  return hashes;
}

/** The leaf that a segment is in its hour's tree. */
export function segmentLeaf({ first_row, last_row, lines, root }: HourSegment): Hash {
  return hashLeaf(encodeUtf8(JSON.stringify({ first_row, last_row, lines, root })));
}

/** From the leaf's sibling to the root's child: the hashes that lead from a leaf to the root. */
export function pathOf(hashes: readonly Hash[], index: number): Hash[] {
  return inclusionRanges(index, hashes.length).map(({ from, to }) => rootOf(hashes.slice(from, to)));
}
