/** Checkpoints and proofs as C2SP writes them, against one of the Go checksum database's own. */
import { describe, expect, it } from "vitest";
import {
  checkProof,
  claimedCheckpoint,
  decodeCheckpoint,
  decodeProof,
  encodeCheckpoint,
  encodeProof,
  openCheckpoint,
} from "../../src/core/checkpoint.ts";
import { type Hash, hashLeaf, inclusionRanges, rootOf } from "../../src/core/merkle.ts";
import { noteSigner, parseVerifierKey, signNote, type VerifierKey } from "../../src/core/signed-note.ts";

const GO_KEY = parseVerifierKey("sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8") as VerifierKey;
const GO_CHECKPOINT = `go.sum database tree
35225469
vt5T6GaLCXvyHFl9VUvvItR43XZxfLgftEcTyO3eJCQ=

— sum.golang.org Az3grpukl5AXaVfYkLiDGORx/DN2nlcS5kZHR5uYOBV2KA2HgXpD+gu9HHONebHLAyaKbbTM75QTtPydhKCExixSfwQ=
`;
const ROOT = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";

describe("a checkpoint", () => {
  it("of the Go checksum database opens with its key and origin", async () => {
    const log = { origin: "go.sum database tree", keys: [GO_KEY] };
    const opened = await openCheckpoint(GO_CHECKPOINT, log);
    expect(opened).toMatchObject({ ok: true, value: { origin: log.origin, size: 35_225_469, signedBy: [GO_KEY] } });
    expect(await openCheckpoint(GO_CHECKPOINT, { ...log, origin: "example.com/log" })).toEqual({
      ok: false,
      error: "origin_other",
    });
    expect(await openCheckpoint(GO_CHECKPOINT.replace("35225469", "35225468"), log)).toEqual({
      ok: false,
      error: "signature_wrong",
    });
    expect(await openCheckpoint(GO_CHECKPOINT, { ...log, keys: [] })).toEqual({ ok: false, error: "key_unknown" });
  });

  it("is written as the specification's example, and read back", () => {
    const text = `example.com/behind-the-sofa\n20852163\n${ROOT}\n`;
    const checkpoint = decodeCheckpoint(text);
    expect(checkpoint).toMatchObject({ origin: "example.com/behind-the-sofa", size: 20_852_163 });
    expect(checkpoint === null ? "" : encodeCheckpoint(checkpoint)).toBe(text);
    expect(decodeCheckpoint(`${text}an extension\nanother\n`)).toEqual(checkpoint);
  });

  it("says its size also to who has no key, as a claim", () => {
    expect(claimedCheckpoint(GO_CHECKPOINT)).toMatchObject({ origin: "go.sum database tree", size: 35_225_469 });
    expect(claimedCheckpoint("log\n1\n")).toBeNull();
  });

  it.each([
    ["no origin", `\n1\n${ROOT}\n`],
    ["a size with a zero before it", `log\n01\n${ROOT}\n`],
    ["a negative size", `log\n-1\n${ROOT}\n`],
    ["a size in other digits", `log\n0x10\n${ROOT}\n`],
    ["a size past 2^53", `log\n9007199254740992\n${ROOT}\n`],
    ["a root of 31 bytes", `log\n1\n${Buffer.alloc(31).toString("base64")}\n`],
    ["a root in base64url", `log\n1\n${ROOT.replaceAll("/", "_")}\n`],
    ["an empty extension line", `log\n1\n${ROOT}\n\n`],
    ["a last line without an end", `log\n1\n${ROOT}`],
    ["two lines", "log\n1\n"],
  ])("with %s is none", async (_, text) => {
    expect(decodeCheckpoint(text)).toBeNull();
    if (!text.endsWith("\n")) return;
    const signer = await noteSigner("log", new Uint8Array(32));
    const note = await signNote(text, [signer]);
    expect(await openCheckpoint(note, { origin: "log", keys: [signer.key] })).toEqual({
      ok: false,
      error: "checkpoint_malformed",
    });
  });
});

describe("a proof", () => {
  const leaves = Array.from({ length: 7 }, (_, at) => hashLeaf(Uint8Array.of(at)));
  const make = async (index: number) => {
    const signer = await noteSigner("log", new Uint8Array(32));
    const text = encodeCheckpoint({ origin: "log", size: leaves.length, root: rootOf(leaves) });
    const hashes = inclusionRanges(index, leaves.length).map(({ from, to }) => rootOf(leaves.slice(from, to)));
    const proof = encodeProof({ index, hashes, checkpoint: await signNote(text, [signer]) });
    return { proof, log: { origin: "log", keys: [signer.key] } };
  };

  it("is believed for its leaf, and for no other", async () => {
    for (const [index, leafHash] of leaves.entries()) {
      const { proof, log } = await make(index);
      const checked = await checkProof(proof, { ...log, leafHash });
      expect(checked).toMatchObject({ ok: true, value: { index, checkpoint: { size: 7 } } });
      for (const other of leaves) {
        if (other === leafHash) continue;
        expect(await checkProof(proof, { ...log, leafHash: other })).toEqual({ ok: false, error: "proof_wrong" });
      }
    }
  });

  it("is lines that begin as the specification says, with the checkpoint as it was signed", async () => {
    const { proof } = await make(6);
    const [mark, index, first, second, empty, origin] = proof.split("\n");
    expect([mark, index, empty, origin]).toEqual(["c2sp.org/tlog-proof@v1", "index 6", "", "log"]);
    expect([first, second]).toEqual([
      Buffer.from(rootOf(leaves.slice(4, 6))).toString("base64"),
      Buffer.from(rootOf(leaves.slice(0, 4))).toString("base64"),
    ]);
  });

  it("may carry an extra line, and has no hashes in a tree of one leaf", async () => {
    const { proof, log } = await make(2);
    const leafHash = leaves[2] as Hash;
    const extra = proof.replace("\nindex", "\nextra AAAA\nindex");
    expect(await checkProof(extra, { ...log, leafHash })).toMatchObject({ ok: true });
    const alone = encodeProof({ index: 0, hashes: [], checkpoint: "a note" });
    expect(decodeProof(alone)).toEqual({ index: 0, hashes: [], checkpoint: "a note" });
  });

  it.each([
    ["another version", (proof: string) => proof.replace("@v1", "@v2")],
    ["its index after a zero", (proof: string) => proof.replace("index 2", "index 02")],
    ["no index", (proof: string) => proof.replace("index 2\n", "")],
    ["an extra that is no base64", (proof: string) => proof.replace("\nindex", "\nextra ???\nindex")],
    [
      "a hash of 31 bytes",
      (proof: string) => proof.replace(/\n\S{44}\n/, `\n${Buffer.alloc(31).toString("base64")}\n`),
    ],
    ["no checkpoint", (proof: string) => proof.split("\n\n")[0] as string],
    ["nothing", () => ""],
  ])("with %s is none", async (_, change) => {
    const { proof, log } = await make(2);
    const checked = await checkProof(change(proof), { ...log, leafHash: leaves[2] as Hash });
    expect(checked).toEqual({ ok: false, error: "proof_malformed" });
  });

  it("with an index behind the tree, hashes in another order, or another checkpoint proves nothing", async () => {
    const { proof, log } = await make(2);
    const leafHash = leaves[2] as Hash;
    const [mark, index, first, second, ...others] = proof.split("\n");
    const swapped = [mark, index, second, first, ...others].join("\n");
    for (const text of [proof.replace("index 2", "index 7"), proof.replace("index 2", "index 3"), swapped]) {
      expect(await checkProof(text, { ...log, leafHash })).toEqual({ ok: false, error: "proof_wrong" });
    }
    const resized = proof.replace("\n7\n", "\n8\n");
    expect(await checkProof(resized, { ...log, leafHash })).toEqual({ ok: false, error: "signature_wrong" });
  });
});
