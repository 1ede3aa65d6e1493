/**
 * A log in memory as whoever watches it from outside sees it: what was signed, and what is in R2, against each other.
 *
 * Keeps: reads bundles and signed notes alone, and makes trees of leaves by `rootOf`: it shares no tile arithmetic with
 * what it watches.
 */
import { expect } from "vitest";
import { type Checkpoint, checkProof, claimedCheckpoint } from "../../src/core/checkpoint.ts";
import { type Hash, hashLeaf, rootOf } from "../../src/core/merkle.ts";
import { type NoteSigner, noteSigner } from "../../src/core/signed-note.ts";
import { decodeEntries, tilePath } from "../../src/core/tiles.ts";
import { enqueueLeaf, locateLeaf, proofOf } from "../../src/tlog/log.ts";
import { CHECKPOINT_KEY, PENDING_PREFIX, tileKey } from "../../src/tlog/objects.ts";
import { type Memory, type SequencerPorts, sequence } from "../../src/tlog/sequence.ts";
import { MemoryR2 } from "../support/memory-r2.ts";

export const ORIGIN = "ads.example/evidence";
export const NOW_MS = Date.UTC(2026, 10, 28);
export const leafOf = (name: string | number) => new Uint8Array(Buffer.from(`leaf ${name}`));

export class LogModel {
  readonly memory = new MemoryR2();
  /** Every tree that was ever signed. */
  readonly signed: Checkpoint[] = [];
  signers: NoteSigner[] = [];
  nowMs = NOW_MS;
  readonly handedIn = new Set<string>();

  static async make(...seeds: number[]): Promise<LogModel> {
    const model = new LogModel();
    await model.useKeys(...(seeds.length === 0 ? [1] : seeds));
    return model;
  }

  /** Keys by the byte that their seeds are made of, the newest first. */
  async useKeys(...seeds: number[]): Promise<void> {
    this.signers = await Promise.all(
      seeds.map(async (seed) => {
        const signer = await noteSigner(ORIGIN, new Uint8Array(32).fill(seed));
        const sign: NoteSigner["sign"] = (message) => {
          const said = claimedCheckpoint(`${new TextDecoder().decode(message)}\n`);
          if (said !== null) this.signed.push(said);
          return signer.sign(message);
        };
        return { key: signer.key, sign };
      }),
    );
  }

  /** What one sequencer remembers. */
  static memory(): Memory {
    let kept: Awaited<ReturnType<Memory["read"]>> = null;
    return {
      read: async () => kept,
      write: async (head) => {
        kept = head;
      },
    };
  }

  ports(memory: Memory, bucket = this.memory.bucket): SequencerPorts {
    return { bucket, origin: ORIGIN, signers: this.signers, memory, nowMs: this.nowMs };
  }

  async handIn(...names: (string | number)[]): Promise<void> {
    for (const name of names) {
      this.handedIn.add(`leaf ${name}`);
      await enqueueLeaf(this.memory.bucket, leafOf(name));
    }
  }

  /** Sequences until nothing is left to do. */
  async sequenceAll(memory: Memory): Promise<void> {
    for (let turn = 0; turn < 20; turn++) {
      const done = await sequence(this.ports(memory));
      expect(done).toMatchObject({ ok: true });
      if (done.ok && !done.value.isMore) return;
    }
    throw new Error("the sequencer does not come to an end");
  }

  published(): Checkpoint {
    const checkpoint = claimedCheckpoint(this.memory.text(CHECKPOINT_KEY) ?? "");
    if (checkpoint === null) throw new Error("nothing is published");
    return checkpoint;
  }

  /** The leaves in the bundles of a tree of this size. */
  leaves(size: number): Uint8Array[] {
    const leaves: Uint8Array[] = [];
    for (let index = 0; leaves.length < size; index++) {
      const bundle = { level: "entries", index, width: Math.min(256, size - index * 256) } as const;
      const entries = decodeEntries(this.memory.objects.get(tileKey(bundle))?.bytes ?? new Uint8Array());
      if (entries?.length !== bundle.width) throw new Error(`there is no ${tilePath(bundle)}`);
      leaves.push(...entries);
    }
    return leaves;
  }

  /** No fork among what was signed, and what is published is what its bundles hold. */
  expectNoFork(): void {
    const { size, root } = this.published();
    const hashes = this.leaves(size).map(hashLeaf);
    expect(Buffer.from(rootOf(hashes)).toString("hex")).toBe(Buffer.from(root).toString("hex"));
    for (const one of this.signed) {
      expect(one.size).toBeLessThanOrEqual(size);
      expect(Buffer.from(one.root).toString("hex")).toBe(
        Buffer.from(rootOf(hashes.slice(0, one.size))).toString("hex"),
      );
    }
  }

  /** Everything that was handed in is in the log once, has its place, and is proved; nothing waits. */
  async expectComplete(): Promise<void> {
    this.expectNoFork();
    const { size } = this.published();
    const leaves = this.leaves(size).map((leaf) => Buffer.from(leaf).toString());
    expect(leaves.toSorted()).toEqual(Array.from(this.handedIn).sort());
    expect(this.memory.keys(PENDING_PREFIX)).toEqual([]);
    for (const [index, text] of leaves.entries()) {
      const leafHash: Hash = hashLeaf(new Uint8Array(Buffer.from(text)));
      expect(await locateLeaf(this.memory.bucket, leafHash)).toBe(index);
      if (index % 7 !== 0) continue;
      const proof = await proofOf(this.memory.bucket, index);
      const keys = this.signers.map(({ key }) => key);
      expect(await checkProof(proof, { leafHash, origin: ORIGIN, keys })).toMatchObject({ ok: true, value: { index } });
    }
  }
}
