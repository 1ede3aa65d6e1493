/** Trees and proofs of RFC 6962: against vectors of others, an own definition letter for letter, and by properties. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  consistencyRanges,
  emptyRoot,
  hashLeaf,
  hashNode,
  inclusionRanges,
  isConsistent,
  isIncluded,
  joinSubtrees,
  type Range,
  rootOf,
  subtreesOf,
} from "../../src/core/merkle.ts";
import vectors from "../vectors/tlog/merkle.json" with { type: "json" };

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const bytesOf = (text: string | null) => new Uint8Array(Buffer.from(text ?? "", "base64"));
const leavesOf = (count: number) => Array.from({ length: count }, (_, at) => hashLeaf(Buffer.from(`leaf ${at}`)));
const sha256 = (...parts: Uint8Array[]) => new Uint8Array(createHash("sha256").update(Buffer.concat(parts)).digest());

/** RFC 6962 §2.1, as it is written there. */
function mth(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return leaves[0] as Uint8Array;
  const k = 2 ** (Math.ceil(Math.log2(leaves.length)) - 1);
  return sha256(Uint8Array.of(1), mth(leaves.slice(0, k)), mth(leaves.slice(k)));
}

/** RFC 6962 §2.1.2. */
function subproof(m: number, leaves: readonly Uint8Array[], isWhole: boolean): Uint8Array[] {
  const n = leaves.length;
  if (m === n) return isWhole ? [] : [mth(leaves)];
  const k = 2 ** (Math.ceil(Math.log2(n)) - 1);
  if (m <= k) return [...subproof(m, leaves.slice(0, k), isWhole), mth(leaves.slice(k))];
  return [...subproof(m - k, leaves.slice(k), false), mth(leaves.slice(0, k))];
}

/** RFC 6962 §2.1.1. */
function path(m: number, leaves: readonly Uint8Array[]): Uint8Array[] {
  const n = leaves.length;
  if (n <= 1) return [];
  const k = 2 ** (Math.ceil(Math.log2(n)) - 1);
  if (m < k) return [...path(m, leaves.slice(0, k)), mth(leaves.slice(k))];
  return [...path(m - k, leaves.slice(k)), mth(leaves.slice(0, k))];
}

const hashesOf = (ranges: readonly Range[], leaves: readonly Uint8Array[]) =>
  ranges.map(({ from, to }) => rootOf(leaves.slice(from, to)));

describe("hashes of RFC 6962", () => {
  it("are those of its test vectors", () => {
    expect(hex(emptyRoot())).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect(hex(hashLeaf(new Uint8Array()))).toBe("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    expect(hex(hashLeaf(Buffer.from("L123456")))).toBe(
      "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56",
    );
    const [left, right] = [Buffer.alloc(32, "a"), Buffer.alloc(32, "b")];
    expect(hex(hashNode(left, right))).toBe(hex(sha256(Uint8Array.of(1), left, right)));
  });

  it("of trees are those of Certificate Transparency's eight leaves", () => {
    const inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const hashes = inputs.map((input) => hashLeaf(Buffer.from(input, "hex")));
    const roots = hashes.map((_, at) => hex(rootOf(hashes.slice(0, at + 1))));
    expect(roots).toEqual([
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
      "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
      "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
      "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
      "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]);
  });
});

describe("vectors of transparency-dev/merkle", () => {
  it.each(vectors.inclusion)("on inclusion are judged as there: $name", ({ leafIdx, treeSize, ...given }) => {
    const leaf = { hash: bytesOf(given.leafHash), index: leafIdx };
    const proof = (given.proof ?? []).map(bytesOf);
    expect(isIncluded(leaf, { size: treeSize, root: bytesOf(given.root) }, proof)).toBe(!given.isRefused);
  });

  it.each(vectors.consistency)("on consistency are judged as there: $name", ({ size1, size2, ...given }) => {
    const older = { size: size1, root: bytesOf(given.root1) };
    const newer = { size: size2, root: bytesOf(given.root2) };
    // One vector has the root "some hash", which no tree has.
    const isBelieved = !given.isRefused && older.root.length === 32;
    expect(isConsistent(older, newer, (given.proof ?? []).map(bytesOf))).toBe(isBelieved);
  });
});

describe("proofs of every tree up to 40 leaves", () => {
  const all = leavesOf(40);

  it("span the ranges of the RFC's own definitions, and are believed", () => {
    for (let size = 1; size <= all.length; size++) {
      const leaves = all.slice(0, size);
      const root = rootOf(leaves);
      expect(hex(root)).toBe(hex(mth(leaves)));
      for (let at = 0; at < size; at++) {
        const proof = hashesOf(inclusionRanges(at, size), leaves);
        expect(proof).toEqual(path(at, leaves));
        expect(isIncluded({ hash: leaves[at] as Uint8Array, index: at }, { size, root }, proof)).toBe(true);
        const old = at + 1;
        const ranges = consistencyRanges(old, size);
        const consistency = old === size ? [] : hashesOf(ranges, leaves);
        expect(consistency).toEqual(subproof(old, leaves, true));
        expect(isConsistent({ size: old, root: rootOf(leaves.slice(0, old)) }, { size, root }, consistency)).toBe(true);
      }
    }
  });

  it("are of the sizes that 10^6 and 10^9 leaves need, and exact far past 32 bits", () => {
    const longest = (size: number) => Math.max(...[0, 1, size - 1].map((at) => inclusionRanges(at, size).length));
    expect([longest(1e6), longest(1e9), longest(2 ** 53 - 1)]).toEqual([20, 30, 53]);
    const far = inclusionRanges(2 ** 40, 2 ** 40 + 2);
    expect(far).toEqual([
      { from: 2 ** 40 + 1, to: 2 ** 40 + 2 },
      { from: 0, to: 2 ** 40 },
    ]);
    expect(subtreesOf({ from: 0, to: 2 ** 40 + 1 })).toEqual([
      { level: 40, index: 0 },
      { level: 0, index: 2 ** 40 },
    ]);
  });

  it("join the subtrees that tiles hold to the hash of their range", () => {
    for (const range of [...inclusionRanges(13, 40), ...consistencyRanges(37, 40), { from: 0, to: 40 }]) {
      const parts = subtreesOf(range).map(({ level, index }) =>
        rootOf(all.slice(index * 2 ** level, (index + 1) * 2 ** level)),
      );
      expect(joinSubtrees(parts)).toEqual(rootOf(all.slice(range.from, range.to)));
    }
    expect(joinSubtrees([])).toEqual(emptyRoot());
  });
});

describe("a proof that was tampered with", () => {
  const size = 100;
  const leaves = leavesOf(size);
  const root = rootOf(leaves);
  const someByte = fc.record({ hash: fc.nat(), byte: fc.nat(31), flip: fc.integer({ min: 1, max: 255 }) });
  const damaged = (proof: readonly Uint8Array[], { hash, byte, flip }: { hash: number; byte: number; flip: number }) =>
    proof.map((one, at) => {
      if (at !== hash % proof.length) return one;
      const copy = one.slice();
      copy[byte] = (copy[byte] as number) ^ flip;
      return copy;
    });

  it("is not believed for a leaf, nor the right one at another place, of another leaf, or in another tree", () => {
    fc.assert(
      fc.property(fc.nat(size - 1), fc.nat(size - 1), someByte, (index, other, damage) => {
        const proof = hashesOf(inclusionRanges(index, size), leaves);
        const hash = leaves[index] as Uint8Array;
        expect(isIncluded({ hash, index }, { size, root }, damaged(proof, damage))).toBe(false);
        expect(isIncluded({ hash, index }, { size, root }, proof.slice(1))).toBe(false);
        expect(isIncluded({ hash, index }, { size, root }, [...proof, root])).toBe(false);
        expect(isIncluded({ hash, index }, { size: size + 1, root: rootOf(leavesOf(size + 1)) }, proof)).toBe(false);
        if (other === index) return;
        expect(isIncluded({ hash, index: other }, { size, root }, proof)).toBe(false);
        expect(isIncluded({ hash: leaves[other] as Uint8Array, index }, { size, root }, proof)).toBe(false);
      }),
    );
  });

  it("shows no consistency, and no proof does so with a fork", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: size - 1 }), someByte, fc.nat(), (old, damage, changed) => {
        const proof = hashesOf(consistencyRanges(old, size), leaves);
        const older = { size: old, root: rootOf(leaves.slice(0, old)) };
        expect(isConsistent(older, { size, root }, damaged(proof, damage))).toBe(false);
        expect(isConsistent(older, { size, root }, proof.slice(0, -1))).toBe(false);
        expect(isConsistent(older, { size, root }, [...proof, root])).toBe(false);
        const fork = leaves.with(changed % old, hashLeaf(Buffer.from("another")));
        const forkProof = hashesOf(consistencyRanges(old, size), fork);
        expect(isConsistent(older, { size, root: rootOf(fork) }, forkProof)).toBe(false);
      }),
    );
  });

  it.each([
    ["a size that is no number", { size: Number.NaN, root }],
    ["a size below zero", { size: -1, root }],
    ["half a leaf", { size: 99.5, root }],
    ["a root of other bytes", { size, root: root.slice(1) }],
  ])("nor with %s", (_, tree) => {
    expect(isIncluded({ hash: leaves[0] as Uint8Array, index: 0 }, tree, [])).toBe(false);
    expect(isConsistent(tree, { size, root }, [])).toBe(false);
    expect(isConsistent({ size: 1, root: leaves[0] as Uint8Array }, tree, [])).toBe(false);
  });
});
