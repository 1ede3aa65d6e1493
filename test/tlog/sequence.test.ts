/** The sequencer over R2 in memory: killed at every write, doubled, set back, and over objects that others left. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeCheckpoint } from "../../src/core/checkpoint.ts";
import { emptyRoot, hashLeaf } from "../../src/core/merkle.ts";
import { noteSigner, signNote } from "../../src/core/signed-note.ts";
import {
  CHECKPOINT_KEY,
  HEAD_KEY,
  KEYS_KEY,
  PENDING_PREFIX,
  pendingKey,
  SETTLED_KEY,
  tileKey,
} from "../../src/tlog/objects.ts";
import { sequence } from "../../src/tlog/sequence.ts";
import { inTurns, interleave } from "./interleave.ts";
import { LogModel, leafOf, NOW_MS, ORIGIN } from "./log-model.ts";

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => from + at);

describe("a sequencer", () => {
  it("publishes an empty tree first, then what waits, by the order of hashes", async () => {
    const model = await LogModel.make();
    const memory = LogModel.memory();
    expect(await sequence(model.ports(memory))).toEqual({ ok: true, value: { size: 0, added: 0, isMore: false } });
    expect(model.published()).toEqual({ origin: ORIGIN, size: 0, root: emptyRoot() });
    await model.handIn("b", "a", "c");
    expect(await sequence(model.ports(memory))).toEqual({ ok: true, value: { size: 3, added: 3, isMore: false } });
    const hex = (leaf: Uint8Array) => Buffer.from(hashLeaf(leaf)).toString("hex");
    expect(model.leaves(3).map(hex)).toEqual(["a", "b", "c"].map((name) => hex(leafOf(name))).sort());
    await model.expectComplete();
  });

  it("takes 256 at a time, across the edges of tiles, and says when more wait", async () => {
    const model = await LogModel.make();
    const memory = LogModel.memory();
    await model.handIn(...range(0, 300));
    expect(await sequence(model.ports(memory))).toMatchObject({ value: { size: 256, added: 256, isMore: true } });
    await model.handIn(...range(300, 700));
    await model.sequenceAll(memory);
    expect(model.published().size).toBe(700);
    await model.expectComplete();
  });

  it("gives a leaf one place, also when it is handed in again, behind its back too", async () => {
    const model = await LogModel.make();
    const memory = LogModel.memory();
    await model.handIn("a");
    await model.sequenceAll(memory);
    await model.handIn("a", "b");
    // As if it had been seen not to be in the log just before it was.
    model.memory.set(pendingKey(hashLeaf(leafOf("a"))), leafOf("a"));
    await model.sequenceAll(memory);
    expect(model.published().size).toBe(2);
    await model.expectComplete();
  });

  it("writes nothing and signs nothing where nothing has changed", async () => {
    const model = await LogModel.make();
    const memory = LogModel.memory();
    await model.handIn("a");
    await model.sequenceAll(memory);
    const [signed, before] = [model.signed.length, { ...model.memory.asked }];
    await model.sequenceAll(memory);
    expect(model.signed.length).toBe(signed);
    expect(model.memory.asked).toMatchObject({
      writes: before.writes,
      deletes: before.deletes,
      lists: before.lists + 1,
    });
  });
});

class Killed extends Error {}

/** Kills whoever makes the n-th write from now on; false where there were fewer. */
async function killedAt(model: LogModel, n: number, work: () => Promise<unknown>): Promise<boolean> {
  let [left, isDead] = [n, false];
  model.memory.beforeWrite = () => {
    // Who is dead writes nothing more either.
    if (isDead || left-- === 0) {
      isDead = true;
      throw new Killed();
    }
  };
  try {
    await work();
  } catch (fault) {
    if (!(fault instanceof Killed)) throw fault;
  } finally {
    model.memory.beforeWrite = () => {};
  }
  return isDead;
}

describe("a sequencer that is killed", () => {
  it("between any two writes goes on without fork, gap or double", async () => {
    let wasKilled = true;
    for (let n = 0; wasKilled; n++) {
      const model = await LogModel.make();
      const memory = LogModel.memory();
      await model.handIn(...range(0, 9));
      await model.sequenceAll(memory);
      await model.handIn(...range(9, 14));
      wasKilled = await killedAt(model, n, () => sequence(model.ports(memory)));
      // What comes meanwhile sorts before and between what was begun.
      await model.handIn(...range(14, 20));
      await model.sequenceAll(memory);
      await model.expectComplete();
      expect(n).toBeLessThan(30);
    }
  });

  it("again and again, while leaves come and a second one works beside it, comes to the same end", async () => {
    const step = fc.record({ leaves: fc.nat(90), kill: fc.nat(120), who: fc.nat(1), again: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
        const model = await LogModel.make();
        const memories = [LogModel.memory(), LogModel.memory()] as const;
        let next = 0;
        for (const { leaves, kill, who, again } of steps) {
          await model.handIn(...range(again ? Math.max(0, next - 20) : next, next + leaves));
          next += leaves;
          await killedAt(model, kill, () => sequence(model.ports(memories[who as 0 | 1])));
        }
        await model.sequenceAll(memories[0]);
        await model.expectComplete();
      }),
      { numRuns: 40 },
    );
  });
});

describe("two sequencers at once", () => {
  it("sign one tree of a size, whatever the order of their calls, while leaves come", async () => {
    const order = fc.infiniteStream(fc.nat(999));
    await fc.assert(
      fc.asyncProperty(order, fc.nat(12), fc.nat(5), async (choices, first, second) => {
        const model = await LogModel.make();
        const memories = [LogModel.memory(), LogModel.memory()] as const;
        await model.handIn(...range(0, first));
        await model.sequenceAll(memories[0]);
        await model.handIn(...range(first, first + second));
        let next = 100;
        // The calls of the first stand before those of the second; for a while it is always the same one's turn.
        let [left, isSecond] = [0, false];
        const choose = (of: number) => {
          if (left-- === 0) [left, isSecond] = [(choices.next().value ?? 0) % 50, !isSecond];
          return isSecond ? of - 1 : 0;
        };
        let seen = 0;
        const watch = async (method: string) => {
          // What was published is never taken back, not even for a moment.
          expect(model.published().size).toBeGreaterThanOrEqual(seen);
          seen = model.published().size;
          if (method === "list") await model.handIn(next++, next++);
        };
        await interleave(
          memories.map((memory) => async (turn) => {
            const bucket = inTurns(model.memory.bucket, turn, watch);
            for (let times = 0; times < 3; times++) {
              expect(await sequence(model.ports(memory, bucket))).toMatchObject({ ok: true });
            }
          }),
          choose,
        );
        await model.sequenceAll(memories[1]);
        await model.sequenceAll(memories[0]);
        await model.expectComplete();
      }),
      { numRuns: 40 },
    );
  });
});

describe("what R2 holds", () => {
  const grown = async () => {
    const model = await LogModel.make();
    const memory = LogModel.memory();
    await model.handIn(...range(0, 20));
    await model.sequenceAll(memory);
    const then = new Map(model.memory.objects);
    await model.handIn(...range(20, 33));
    await model.sequenceAll(memory);
    return { model, memory, then };
  };

  it("ahead of what a sequencer remembers is gone on from", async () => {
    const { model } = await grown();
    await model.handIn("more");
    await model.sequenceAll(LogModel.memory());
    await model.expectComplete();
  });

  it.each([HEAD_KEY, SETTLED_KEY, CHECKPOINT_KEY])("and has lost %s is made whole", async (key) => {
    const { model, memory } = await grown();
    model.memory.objects.delete(key);
    await model.handIn("more");
    await model.sequenceAll(memory);
    await model.expectComplete();
  });

  it.each([HEAD_KEY, SETTLED_KEY, CHECKPOINT_KEY])("with %s of an earlier tree is made whole", async (key) => {
    const { model, memory, then } = await grown();
    model.memory.set(key, then.get(key)?.bytes ?? "");
    await model.handIn("more");
    await model.sequenceAll(memory);
    await model.expectComplete();
  });

  it("with a mark of more leaves than there are is made whole", async () => {
    const model = await LogModel.make();
    model.memory.set(SETTLED_KEY, "999");
    await model.handIn(...range(0, 5));
    await model.sequenceAll(LogModel.memory());
    await model.expectComplete();
  });

  it("of an earlier day altogether stops a sequencer that has signed more since", async () => {
    const { model, memory, then } = await grown();
    model.memory.objects.clear();
    for (const [key, { bytes }] of then) model.memory.set(key, bytes);
    const signed = model.signed.length;
    expect(await sequence(model.ports(memory))).toEqual({ ok: false, error: "log_set_back" });
    model.memory.objects.clear();
    expect(await sequence(model.ports(memory))).toEqual({ ok: false, error: "log_set_back" });
    expect(model.signed.length).toBe(signed);
  });

  it("of another tree of the same size, properly signed, stops it", async () => {
    const { model, memory } = await grown();
    const other = await LogModel.make();
    await other.handIn(...range(100, 133));
    await other.sequenceAll(LogModel.memory());
    for (const key of [CHECKPOINT_KEY, HEAD_KEY, ...other.memory.keys().filter((one) => one.includes("tile"))]) {
      model.memory.set(key, other.memory.objects.get(key)?.bytes ?? "");
    }
    await model.handIn("more");
    expect(await sequence(model.ports(memory))).toEqual({ ok: false, error: "tiles_disagree" });
    expect(model.signed.every(({ size }) => size <= 33)).toBe(true);
  });

  it.each([
    ["another key", ORIGIN, 9, "checkpoint_foreign"],
    ["another log", "other.example", 1, "checkpoint_foreign"],
  ])("signed by %s stops it", async (_, origin, seed, reason) => {
    const { model, memory } = await grown();
    const { size, root } = model.published();
    const foreign = await noteSigner(origin, new Uint8Array(32).fill(seed));
    model.memory.set(CHECKPOINT_KEY, await signNote(encodeCheckpoint({ origin, size, root }), [foreign]));
    expect(await sequence(model.ports(memory))).toEqual({ ok: false, error: reason });
  });

  it("of another origin stops it, signed by its own key too", async () => {
    const { model, memory } = await grown();
    const { size, root } = model.published();
    const text = encodeCheckpoint({ origin: "other.example", size, root });
    model.memory.set(CHECKPOINT_KEY, await signNote(text, model.signers));
    expect(await sequence(model.ports(memory))).toEqual({ ok: false, error: "origin_other" });
  });

  const DAMAGES: readonly (readonly [string, (bytes: Uint8Array) => Uint8Array | null])[] = [
    ["changed", (bytes) => bytes.with(5, (bytes[5] as number) ^ 1)],
    ["cut", (bytes) => bytes.slice(0, -1)],
    ["lost", () => null],
  ];
  it.each(DAMAGES)(
    "with a tile or bundle that is %s is never signed, and goes on once it is whole",
    async (_, damage) => {
      for (const level of [0, "entries"] as const) {
        const { model, memory } = await grown();
        const key = tileKey({ level, index: 0, width: 33 });
        const whole = model.memory.objects.get(key)?.bytes ?? new Uint8Array();
        const damaged = damage(whole);
        if (damaged === null) model.memory.objects.delete(key);
        else model.memory.set(key, damaged);
        const signed = model.signed.length;
        await model.handIn("more");
        for (const one of [memory, LogModel.memory()]) {
          expect(await sequence(model.ports(one))).toEqual({ ok: false, error: "tiles_disagree" });
        }
        expect(model.signed.length).toBe(signed);
        model.memory.set(key, whole);
        await model.sequenceAll(memory);
        await model.expectComplete();
      }
    },
  );

  it("beyond the tree, left by nobody knows whom, is written over", async () => {
    const { model, memory } = await grown();
    for (const level of [0, "entries"] as const) model.memory.set(tileKey({ level, index: 0, width: 34 }), "left");
    await model.handIn("more");
    await model.sequenceAll(memory);
    await model.expectComplete();
  });
});

describe("keys", () => {
  const DAY_MS = 86_400_000;
  const signedBy = (model: LogModel) => (model.memory.text(CHECKPOINT_KEY) ?? "").split("— ").length - 1;

  it("both sign for 400 days once a new one is put before the old, and the new one alone afterwards", async () => {
    const model = await LogModel.make(1);
    const memory = LogModel.memory();
    await model.handIn("a");
    await model.sequenceAll(memory);
    expect(signedBy(model)).toBe(1);
    await model.useKeys(2, 1);
    await model.sequenceAll(memory);
    // The same tree, signed by both.
    expect([signedBy(model), model.published().size]).toEqual([2, 1]);
    model.nowMs = NOW_MS + 400 * DAY_MS - 1;
    await model.handIn("b");
    await model.sequenceAll(memory);
    expect(signedBy(model)).toBe(2);
    model.nowMs++;
    await model.sequenceAll(memory);
    expect(signedBy(model)).toBe(1);
    await model.useKeys(2);
    await model.handIn("c");
    await model.sequenceAll(memory);
    await model.expectComplete();
  });

  it("that replace the old one at once stop the log, and so does another name", async () => {
    const model = await LogModel.make(1);
    const memory = LogModel.memory();
    await model.sequenceAll(memory);
    const before = model.memory.text(KEYS_KEY);
    await model.useKeys(2);
    expect(await sequence(model.ports(memory))).toEqual({ ok: false, error: "key_unknown" });
    const ports = { ...model.ports(memory), origin: "other.example" };
    expect(await sequence(ports)).toEqual({ ok: false, error: "origin_other" });
    expect(model.memory.text(KEYS_KEY)).toBe(before);
  });

  it("are several from the first day on: each after the first is introduced by those before it", async () => {
    const model = await LogModel.make(3, 2, 1);
    await model.sequenceAll(LogModel.memory());
    const { keys } = JSON.parse(model.memory.text(KEYS_KEY) ?? "{}");
    expect(keys.map(({ statement }: { statement: string | null }) => statement?.split("— ").length ?? 0)).toEqual([
      0, 3, 4,
    ]);
    expect(signedBy(model)).toBe(3);
  });
});

describe("what it costs", () => {
  it("is, of R2 a month at 300 leaves an hour, two writes a leaf and a few an hour, and less than two and a half dollars in all", async () => {
    const model = await LogModel.make();
    const memory = LogModel.memory();
    await model.handIn(...range(0, 1_000));
    await model.sequenceAll(memory);
    const before = { ...model.memory.asked };
    await model.handIn(...range(1_000, 1_300));
    const handed = { ...model.memory.asked };
    await model.sequenceAll(memory);
    const after = model.memory.asked;
    const handingIn = handed.writes - before.writes;
    const classA = after.writes + after.lists - handed.writes - handed.lists;
    const classB = after.reads - before.reads;
    expect(handingIn).toBe(300);
    // A place for each leaf; for each of two batches a list, head, checkpoint and mark; bundles and tiles.
    expect(classA).toBeLessThanOrEqual(300 + 2 * 4 + 10);
    expect(classB).toBeLessThanOrEqual(300 * 3 + 60);
    const hours = 720;
    const dollars = (hours * ((handingIn + classA) * 4.5 + classB * 0.36)) / 1e6;
    expect(dollars).toBeLessThan(2.5);
    expect(model.memory.keys(PENDING_PREFIX)).toEqual([]);
  });
});
