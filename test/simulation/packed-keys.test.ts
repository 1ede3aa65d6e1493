/** Packed keys beside a model that forgets nothing, whatever is done in whatever order. */
import { describe, expect, it } from "vitest";
import { CLAIM_BYTES } from "../../src/core/claim-page.ts";
import { makeEventId } from "../../src/core/event-id.ts";
import type { ImpressionKey } from "../../src/core/impression-key.ts";
import { KeyHash } from "../../src/core/key-hash.ts";
import { HOUR_MS } from "../../src/core/limits.ts";
import { ClaimPacker, type Merging } from "../../src/shard/claim-packer.ts";
import { ClaimRuns } from "../../src/shard/claim-runs.ts";
import { KEY_SIZES, type KeySizes } from "../../src/shard/key-sizes.ts";
import { PackedKeyIndex } from "../../src/shard/packed-key-index.ts";
import { anOpenedClick, NOON_MS } from "../support/builders.ts";
import { MemoryKeyIndex } from "../support/memory-key-index.ts";
import { Chance } from "./chance.ts";
import { Journal } from "./journal.ts";
import { MemoryClaims, MemoryKeyStores, SMALL_KEYS } from "./memory-key-stores.ts";
import { MemoryShardLog } from "./memory-shard-log.ts";

const HOUR = 493_811;
const SEEDS = 15;
const STEPS = 120;
const ENTRY = {
  content: { ...anOpenedClick(), verdict: "valid", reason: null, review: null },
  encoded: "",
} as const;

const KEYS: Readonly<Record<string, (n: number) => string>> = {
  "of any kind": (n) => (Math.imul(n + 1, 0x9e3779b1) >>> 0).toString(16).padStart(8, "0").repeat(4),
  "that differ at their end only": (n) => n.toString(16).padStart(32, "0"),
  "that differ at their beginning only": (n) => n.toString(16).padStart(4, "0").padEnd(32, "f"),
};
const anId = (n: number) =>
  makeEventId({ receivedAtMs: HOUR * HOUR_MS + n, routingHash: n % 5 }, Uint8Array.from([n >> 8, n, 3, 4, 5, 6, 7, 8]));

/** One storage and the indexes that open it, one after the other. */
class Storage {
  index: PackedKeyIndex;
  readonly log: MemoryShardLog;
  readonly #journal = new Journal(() => false);
  readonly #stores = new MemoryKeyStores(this.#journal);
  readonly #sizes: KeySizes;

  constructor(sizes: KeySizes) {
    this.#sizes = sizes;
    this.log = new MemoryShardLog(this.#journal, 700, () => {});
    this.index = this.open();
  }

  open(): PackedKeyIndex {
    const transact = <T>(closure: () => T) => this.#journal.transaction(closure);
    const makeSalt = () => Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8]);
    return new PackedKeyIndex({ stores: this.#stores, log: this.log, transact, makeSalt, sizes: this.#sizes });
  }

  /** Takes a copy; the function that is returned sets the storage back to it. */
  copy(): () => void {
    const [log, stores] = [this.log.copy(), this.#stores.copy()];
    return () => {
      log();
      stores();
      this.index = this.open();
    };
  }

  change(act: (index: PackedKeyIndex) => void, isLogged: boolean): void {
    this.index.transaction(() => {
      act(this.index);
      const keys = isLogged ? this.index.unlogged() : null;
      if (keys !== null) this.log.append(this.log.last().seq + 1, NOON_MS, [ENTRY], keys);
    });
  }
}

type Act = (index: Pick<PackedKeyIndex, "insert" | "release" | "dropBefore">) => void;

/** What may happen to keys, drawn. */
function drawAct(chance: Chance, keyOf: (n: number) => string): Act {
  const hour = () => HOUR + chance.between(0, 3);
  const claim = () => {
    const n = chance.between(0, 60);
    return { hour: HOUR + (n % 3), key: keyOf(n) as ImpressionKey, event: anId(chance.between(n, n + 3)) };
  };
  const some = <T>(draw: () => T) => Array.from({ length: chance.between(1, 9) }, draw);
  if (chance.is(0.02)) {
    const at = hour();
    return (index) => index.dropBefore(at - 1);
  }
  if (chance.is(0.3)) {
    const released = some(claim);
    return (index) => index.release(released);
  }
  const [claims, repeats] = [some(claim), some(() => ({ hour: hour(), event: anId(chance.between(0, 200)) }))];
  return (index) => index.insert(claims, repeats);
}

function expectAlike(index: PackedKeyIndex, model: MemoryKeyIndex, keyOf: (n: number) => string, what: string): void {
  const asked = {
    keys: Array.from({ length: 60 }, (_, n) => ({ hour: HOUR + (n % 3), key: keyOf(n) as ImpressionKey })),
    events: Array.from({ length: 200 }, (_, n) => ({ hour: HOUR + (n % 3), event: anId(n) })),
  };
  const [known, expected] = [index.lookup(asked), model.lookup(asked)];
  expect(Array.from(known.claimedBy).sort(), what).toEqual(Array.from(expected.claimedBy).sort());
  expect(Array.from(known.repeats).sort(), what).toEqual(Array.from(expected.repeats).sort());
  expect(known.droppedBeforeHour, what).toBe(expected.droppedBeforeHour);
}

describe.each(Object.entries(KEYS))("packed keys %s", (_, keyOf) => {
  it("are what was inserted and not released, through rollbacks, evictions, merges and restores", () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const chance = new Chance(seed, "packed keys");
      const sizes = { ...SMALL_KEYS, freshMax: chance.between(0, 40), fanIn: chance.between(2, 4) };
      const storage = new Storage(sizes);
      const acts: Act[] = [];
      let saved = { putBack: storage.copy(), acts: 0 };
      for (let step = 0; step < STEPS; step++) {
        const act = drawAct(chance, keyOf);
        if (chance.is(0.1)) {
          const fail = () => {
            act(storage.index);
            if (chance.is(0.5)) storage.index.pack();
            throw new Error("crash");
          };
          expect(() => storage.index.transaction(fail)).toThrow("crash");
        } else {
          storage.change(act, chance.is(0.8));
          acts.push(act);
        }
        if (chance.is(0.1)) storage.index.merge(true);
        if (chance.is(0.1)) storage.index = storage.open();
        if (chance.is(0.03)) saved = { putBack: storage.copy(), acts: acts.length };
        if (chance.is(0.02)) {
          saved.putBack();
          acts.length = saved.acts;
        }
        if (!chance.is(0.2)) continue;
        const model = new MemoryKeyIndex();
        for (const each of acts) each(model);
        expectAlike(storage.index, model, keyOf, `seed ${seed}, step ${step}`);
      }
    }
  });
});

/** As if whoever chose the keys knew the salt. */
class SameHash extends KeyHash {
  override of(): this {
    this.low = 7;
    this.high = 9;
    return this;
  }
}

it("keys that all hash alike are told apart, and a merge over many transactions gives what one would", () => {
  const store = new MemoryClaims(new Journal(() => false));
  const hash = new SameHash(new Uint8Array(8));
  const sizes = { ...KEY_SIZES, pageClaims: 5, stepPages: 8 };
  let runs = new ClaimRuns(store, () => hash, sizes);
  const keyOf = (n: number) => n.toString(16).padStart(32, "0") as ImpressionKey;
  const packer = () => new ClaimPacker(store, runs, { hash: () => hash, sizes });
  for (let part = 0; part < 5; part++) {
    const mine = Array.from({ length: 1_000 }, (_, n) => n).filter((n) => n % 5 === part);
    packer().pack(HOUR, new Map(mine.map((n) => [keyOf(2 * n), anId(n)])), null);
  }
  expect(runs.of(HOUR)).toHaveLength(5);
  let merging: Merging | null = null;
  let steps = 0;
  for (let step = packer().step(merging); step !== undefined; step = packer().step(merging)) {
    merging = step;
    steps++;
    // Another session goes on with it.
    runs = new ClaimRuns(store, () => hash, sizes);
    for (const n of [0, 1, 500, 999]) expect(runs.find(HOUR, keyOf(2 * n))).toBe(anId(n));
  }
  expect(steps).toBeGreaterThan(20);
  expect(runs.of(HOUR).map(({ claims, pages }) => [claims, pages])).toEqual([[1_000, 200]]);
  for (let n = 0; n < 1_000; n++) {
    expect(runs.find(HOUR, keyOf(2 * n))).toBe(anId(n));
    expect(runs.find(HOUR, keyOf(2 * n + 1))).toBeUndefined();
  }
  expect(store.page(runs.of(HOUR)[0] as never, 0, false).length).toBe(5 * CLAIM_BYTES);
});
