/**
 * Merkle trees as RFC 6962 §2.1 has them, over leaves that are opaque bytes: hashes of leaves and nodes, which ranges
 * of leaves the hashes of a proof span, and checking proofs. How subtrees are read from tiles: tiles.ts.
 *
 *   leaf = SHA-256(0x00 ‖ bytes)      node = SHA-256(0x01 ‖ left ‖ right)      empty tree = SHA-256()
 *   range = leaves [from, to), whose hash is MTH(D[from:to])
 *
 * Keeps: pure, and exact for every size that a number holds (2^53): no operation on 32 bits. A proof of another length
 * than index and sizes ask for proves nothing.
 * Sources: RFC 6962 §2.1.1 (inclusion), §2.1.2 (consistency).
 */
import { sha256 } from "@noble/hashes/sha2.js";

export const HASH_BYTES = 32;

/** 32 bytes. */
export type Hash = Uint8Array<ArrayBuffer>;

/** Leaves `from` up to, not with, `to`. */
export type Range = { readonly from: number; readonly to: number };

/** A complete subtree: leaves `index * 2^level` up to `(index + 1) * 2^level`. */
export type Subtree = { readonly level: number; readonly index: number };

const LEAF = 0;
const NODE = 1;

export function hashLeaf(leaf: Uint8Array): Hash {
  const bytes = new Uint8Array(1 + leaf.length);
  bytes[0] = LEAF;
  bytes.set(leaf, 1);
  return sha256(bytes);
}

export function hashNode(left: Uint8Array, right: Uint8Array): Hash {
  const bytes = new Uint8Array(1 + 2 * HASH_BYTES);
  bytes[0] = NODE;
  bytes.set(left, 1);
  bytes.set(right, 1 + HASH_BYTES);
  return sha256(bytes);
}

/** The root of a tree without leaves. */
export function emptyRoot(): Hash {
  return sha256(new Uint8Array());
}

/** The root over leaf hashes that are all at hand. */
export function rootOf(hashes: readonly Uint8Array[]): Hash {
  const [only] = hashes;
  if (only === undefined) return emptyRoot();
  if (hashes.length === 1) return only as Hash;
  const middle = splitOf(hashes.length);
  return hashNode(rootOf(hashes.slice(0, middle)), rootOf(hashes.slice(middle)));
}

/** The complete subtrees of a range of a proof, from left to right. */
export function subtreesOf({ from, to }: Range): Subtree[] {
  const subtrees: Subtree[] = [];
  let at = from;
  while (at < to) {
    let [level, leaves] = [0, 1];
    while (leaves * 2 <= to - at) [level, leaves] = [level + 1, leaves * 2];
    subtrees.push({ level, index: at / leaves });
    at += leaves;
  }
  return subtrees;
}

/** The hash of a range, from those of its complete subtrees. */
export function joinSubtrees(hashes: readonly Uint8Array[]): Hash {
  const last = hashes.at(-1);
  if (last === undefined) return emptyRoot();
  return hashes.slice(0, -1).reduceRight<Hash>((right, left) => hashNode(left, right), last as Hash);
}

/** What the hashes of an inclusion proof span, from the leaf's sibling to the root's child; `index` is below `size`. */
export function inclusionRanges(index: number, size: number): Range[] {
  const ranges: Range[] = [];
  let [from, to] = [0, size];
  while (to - from > 1) {
    const middle = from + splitOf(to - from);
    if (index < middle) {
      ranges.push({ from: middle, to });
      to = middle;
    } else {
      ranges.push({ from, to: middle });
      from = middle;
    }
  }
  return ranges.reverse();
}

/** What the hashes of a consistency proof span; `old` is at most `size`, and at least 1. */
export function consistencyRanges(old: number, size: number): Range[] {
  const { ranges, own } = consistencyPath(old, size);
  return own === null ? ranges : [own, ...ranges];
}

/** Whether the proof leads from the leaf at `index` to the root of the tree of `size` leaves. */
export function isIncluded(
  leaf: { readonly hash: Uint8Array; readonly index: number },
  tree: { readonly size: number; readonly root: Uint8Array },
  proof: readonly Uint8Array[],
): boolean {
  if (!isSize(leaf.index) || !isSize(tree.size) || leaf.index >= tree.size) return false;
  const ranges = inclusionRanges(leaf.index, tree.size);
  if (ranges.length !== proof.length || !areHashes([leaf.hash, tree.root, ...proof])) return false;
  let hash = leaf.hash;
  for (const [at, { from }] of ranges.entries()) {
    const beside = proof[at] as Uint8Array;
    hash = from > leaf.index ? hashNode(hash, beside) : hashNode(beside, hash);
  }
  return isSameHash(hash, tree.root);
}

/** Whether the proof shows that the newer tree has the older one's leaves, in their places, and only adds to them. */
export function isConsistent(
  older: { readonly size: number; readonly root: Uint8Array },
  newer: { readonly size: number; readonly root: Uint8Array },
  proof: readonly Uint8Array[],
): boolean {
  if (!isSize(older.size) || !isSize(newer.size) || older.size > newer.size) return false;
  if (!areHashes([older.root, newer.root, ...proof])) return false;
  if (older.size === newer.size) return proof.length === 0 && isSameHash(older.root, newer.root);
  if (older.size === 0) return proof.length === 0 && isSameHash(older.root, emptyRoot());
  const { ranges, own } = consistencyPath(older.size, newer.size);
  const [first = older.root, ...others] = own === null ? [older.root, ...proof] : proof;
  if (others.length !== ranges.length) return false;
  let [old, grown] = [first, first];
  for (const [at, { from }] of ranges.entries()) {
    const beside = others[at] as Uint8Array;
    const isBehind = from >= older.size;
    grown = isBehind ? hashNode(grown, beside) : hashNode(beside, grown);
    if (!isBehind) old = hashNode(beside, old);
  }
  return isSameHash(old, older.root) && isSameHash(grown, newer.root);
}

export function isSameHash(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

/**
 * The ranges of a consistency proof behind its start. The start is the last complete subtree of the older tree: `own`,
 * or null where that is the whole older tree, whose root the verifier has.
 */
function consistencyPath(old: number, size: number): { readonly ranges: Range[]; readonly own: Range | null } {
  const ranges: Range[] = [];
  let [from, to] = [0, size];
  while (to !== old) {
    const middle = from + splitOf(to - from);
    if (old <= middle) {
      ranges.push({ from: middle, to });
      to = middle;
    } else {
      ranges.push({ from, to: middle });
      from = middle;
    }
  }
  return { ranges: ranges.reverse(), own: from === 0 ? null : { from, to } };
}

/** The largest power of two that is smaller than `leaves`, which are two or more. */
function splitOf(leaves: number): number {
  let split = 1;
  while (split * 2 < leaves) split *= 2;
  return split;
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function areHashes(values: readonly Uint8Array[]): boolean {
  return values.every(({ length }) => length === HASH_BYTES);
}
