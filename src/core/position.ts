/**
 * A place in a shard's log: the number of a row, and a chain of hashes over all rows up to it.
 *
 *   chain(n) = SHA-256(chain(n − 1) ‖ SHA-256(lines of row n)), as 64 hexadecimal digits; "" before the first row
 *
 * Numbers alone do not tell two logs apart that went on differently after the same beginning, as happens when storage
 * is set back to an earlier moment. Two places with the same number and chain lie behind the same rows.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import { encodeUtf8 } from "./base64url.ts";

export type Position = {
  readonly seq: number;
  readonly chain: string;
  /** Of the row; 0 before the first. */
  readonly loggedAtMs: number;
};

/** Before the first row. */
export const LOG_START: Position = { seq: 0, chain: "", loggedAtMs: 0 };

export function isSamePosition(a: Position, b: Position): boolean {
  return a.seq === b.seq && a.chain === b.chain;
}

/** The chain behind a row whose lines have that digest (64 hexadecimal digits). */
export function nextChain(chain: string, digest: string): string {
  return bytesToHex(sha256(hexToBytes(chain + digest)));
}

/** SHA-256 of a row's lines as UTF-8, 64 hexadecimal digits. */
export async function digestOfLines(lines: string): Promise<string> {
  return bytesToHex(new Uint8Array(await crypto.subtle.digest("SHA-256", encodeUtf8(lines))));
}

/** The place behind a row that follows `before`. */
export async function positionAfter(
  before: Position,
  row: { readonly seq: number; readonly loggedAtMs: number; digest(): Promise<string> },
): Promise<Position> {
  return { seq: row.seq, chain: nextChain(before.chain, await row.digest()), loggedAtMs: row.loggedAtMs };
}
