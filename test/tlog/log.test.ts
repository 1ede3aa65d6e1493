/** Handing in leaves, finding their places and proving them, over R2 in memory. */
import { beforeEach, describe, expect, it } from "vitest";
import { checkProof, encodeCheckpoint } from "../../src/core/checkpoint.ts";
import { hashLeaf, rootOf } from "../../src/core/merkle.ts";
import { noteSigner, signNote } from "../../src/core/signed-note.ts";
import { growTiles } from "../../src/core/tiles.ts";
import { enqueueLeaf, locateLeaf, proofOf } from "../../src/tlog/log.ts";
import { CHECKPOINT_KEY, encodePlace, pendingKey, placeKey, tileKey } from "../../src/tlog/objects.ts";
import { MemoryR2 } from "../support/memory-r2.ts";

const leafOf = (name: string) => new Uint8Array(Buffer.from(name));
let memory = new MemoryR2();

beforeEach(() => {
  memory = new MemoryR2();
});

/** A log with these leaves, as a sequencer leaves it. */
async function sequenced(names: readonly string[]) {
  const hashes = names.map((name) => hashLeaf(leafOf(name)));
  const never = async () => new Uint8Array();
  for (const { tile, bytes } of await growTiles(0, hashes, never)) memory.set(tileKey(tile), bytes);
  for (const [index, hash] of hashes.entries()) memory.set(placeKey(hash), encodePlace(index));
  const signer = await noteSigner("log.example", new Uint8Array(32));
  const text = encodeCheckpoint({ origin: "log.example", size: hashes.length, root: rootOf(hashes) });
  memory.set(CHECKPOINT_KEY, await signNote(text, [signer]));
  return { origin: "log.example", keys: [signer.key] };
}

describe("a leaf", () => {
  it("waits under its hash, once, however often it is handed in", async () => {
    const leaf = leafOf("a manifest");
    await enqueueLeaf(memory.bucket, leaf);
    await enqueueLeaf(memory.bucket, leaf);
    expect(memory.keys()).toEqual([pendingKey(hashLeaf(leaf))]);
    expect(memory.text(pendingKey(hashLeaf(leaf)))).toBe("a manifest");
    expect(await locateLeaf(memory.bucket, hashLeaf(leaf))).toBeNull();
  });

  it("that is in the log does not wait again, and has its place", async () => {
    await sequenced(["a", "b"]);
    await enqueueLeaf(memory.bucket, leafOf("b"));
    expect(memory.keys().filter((key) => key.includes("pending"))).toEqual([]);
    expect(await locateLeaf(memory.bucket, hashLeaf(leafOf("b")))).toBe(1);
    expect(await locateLeaf(memory.bucket, hashLeaf(leafOf("c")))).toBeNull();
  });

  it("of more than 1 kB is refused, and one of no bytes is not", async () => {
    await expect(enqueueLeaf(memory.bucket, new Uint8Array(1_025))).rejects.toThrow("at most 1024 bytes");
    await enqueueLeaf(memory.bucket, new Uint8Array(1_024));
    await enqueueLeaf(memory.bucket, new Uint8Array());
    expect(memory.keys()).toHaveLength(2);
  });

  it("is proved against the checkpoint that is in force", async () => {
    const names = Array.from({ length: 300 }, (_, at) => `leaf ${at}`);
    const log = await sequenced(names);
    for (const index of [0, 255, 256, 299]) {
      const proof = await proofOf(memory.bucket, index);
      const checked = await checkProof(proof, { ...log, leafHash: hashLeaf(leafOf(`leaf ${index}`)) });
      expect(checked).toMatchObject({ ok: true, value: { index, checkpoint: { size: 300 } } });
    }
  });

  it("is not proved by tiles that are another tree's, or lost", async () => {
    await sequenced(["a", "b", "c"]);
    const key = tileKey({ level: 0, index: 0, width: 3 });
    const bytes = memory.objects.get(key)?.bytes ?? new Uint8Array();
    memory.set(key, bytes.with(40, (bytes[40] as number) ^ 1));
    await expect(proofOf(memory.bucket, 0)).rejects.toThrow("do not prove leaf 0");
    memory.objects.delete(key);
    await expect(proofOf(memory.bucket, 0)).rejects.toThrow("has lost tile/0/000.p/3");
    await expect(proofOf(memory.bucket, 3)).rejects.toThrow("has a checkpoint with that leaf");
  });
});
