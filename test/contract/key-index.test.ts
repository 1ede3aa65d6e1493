/** One suite over all key indexes: in memory, packed in memory as the simulation has it, and packed in a real object. */
import { describe, expect, it } from "vitest";
import { type EventId, makeEventId } from "../../src/core/event-id.ts";
import type { ImpressionKey } from "../../src/core/impression-key.ts";
import type { Claim, Repeat } from "../../src/core/ingest.ts";
import { HOUR_MS } from "../../src/core/limits.ts";
import type { KeyIndex } from "../../src/shard/key-index.ts";
import { Chance } from "../simulation/chance.ts";
import { memory, paged } from "../support/key-indexes.ts";
import { MemoryKeyIndex } from "../support/memory-key-index.ts";

const HOUR = 493_811;
/** An instant of that hour. */
const NOW_MS = HOUR * HOUR_MS + 1_800_000;
const key = (n: number) => n.toString(16).padStart(32, "0") as ImpressionKey;

/** The n-th id: of the hour's n-th millisecond, one routing hash and a random part of its own unless told. */
function id(n: number, { atMs = HOUR * HOUR_MS + n, routingHash = 7 } = {}): EventId {
  const random = new Uint8Array(8);
  new DataView(random.buffer).setUint32(0, Math.imul(n + 1, 0x9e3779b1) >>> 0);
  return makeEventId({ receivedAtMs: atMs, routingHash }, random);
}

const insert = (index: KeyIndex, claims: readonly Claim[], repeats: readonly Repeat[] = []) =>
  index.transaction(() => index.insert(claims, repeats));
const release = (index: KeyIndex, claims: readonly Claim[]) => index.transaction(() => index.release(claims));
const dropBefore = (index: KeyIndex, hour: number) => index.transaction(() => index.dropBefore(hour));

/** Which of the ids an index knows as repeats of that hour. */
function knownOf(index: KeyIndex, ids: readonly EventId[], hour = HOUR): EventId[] {
  const { repeats } = index.lookup({ keys: [], events: ids.map((event) => ({ hour, event })) });
  return ids.filter((event) => repeats.has(event));
}

const repeatsOf = (ids: readonly EventId[], hour = HOUR) => ids.map((event) => ({ hour, event }));

function remember(index: KeyIndex, ids: readonly EventId[], hour = HOUR): void {
  insert(index, [], repeatsOf(ids, hour));
}

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

function shuffled<T>(values: readonly T[], chance: Chance): T[] {
  const drawn = values.map((value) => ({ value, at: chance.unit() }));
  return drawn.sort((a, b) => a.at - b.at).map(({ value }) => value);
}

describe.each([memory, ...paged])("KeyIndex in $name", ({ withIndex }) => {
  it("knows nothing at first", () =>
    withIndex(({ index }) => {
      const known = index.lookup({ keys: [{ hour: HOUR, key: key(1) }], events: [{ hour: HOUR, event: id(1) }] });
      expect(known.claimedBy.size).toBe(0);
      expect(known.repeats.size).toBe(0);
      expect(known.droppedBeforeHour).toBe(0);
    }));

  it("answers for exactly what was asked, by hour, also after reopening", () =>
    withIndex(({ index, reopen }) => {
      insert(
        index,
        [
          { hour: HOUR, key: key(1), event: id(1) },
          { hour: HOUR + 1, key: key(2), event: id(2) },
        ],
        [{ hour: HOUR, event: id(3) }],
      );
      const known = reopen().lookup({
        keys: [
          { hour: HOUR, key: key(1) },
          { hour: HOUR, key: key(2) },
          { hour: HOUR, key: key(9) },
        ],
        events: [
          { hour: HOUR, event: id(3) },
          { hour: HOUR + 1, event: id(3) },
          { hour: HOUR, event: id(1) },
        ],
      });
      expect(Array.from(known.claimedBy)).toEqual([[key(1), id(1)]]);
      expect(Array.from(known.repeats)).toEqual([id(3)]);
    }));

  it("keeps the first claim of a key", () =>
    withIndex(({ index }) => {
      insert(index, [{ hour: HOUR, key: key(1), event: id(1) }], []);
      insert(index, [{ hour: HOUR, key: key(1), event: id(2) }], []);
      expect(index.lookup({ keys: [{ hour: HOUR, key: key(1) }], events: [] }).claimedBy.get(key(1))).toBe(id(1));
    }));

  it("releases a claim of the event that has it, and of no other; whoever comes then has the key", () =>
    withIndex(({ index, reopen }) => {
      const claimant = () =>
        reopen()
          .lookup({ keys: [{ hour: HOUR, key: key(1) }], events: [] })
          .claimedBy.get(key(1));
      const claimBy = (n: number) => ({ hour: HOUR, key: key(1), event: id(n) });
      release(index, [claimBy(1)]);
      insert(index, [claimBy(1)], []);
      release(index, [claimBy(2), { ...claimBy(1), hour: HOUR + 1 }]);
      expect(claimant()).toBe(id(1));
      release(index, [claimBy(1)]);
      expect(claimant()).toBeUndefined();
      insert(index, [claimBy(2)], []);
      index.transaction(() => {
        index.release([claimBy(2)]);
        index.insert([claimBy(3)], []);
        index.insert([claimBy(4)], []);
        expect(index.lookup({ keys: [claimBy(0)], events: [] }).claimedBy.get(key(1))).toBe(id(3));
      });
      expect(claimant()).toBe(id(3));
    }));

  it("forgets whole hours, says so for ever, and never goes back", () =>
    withIndex(({ index, reopen }) => {
      insert(
        index,
        [
          { hour: HOUR, key: key(1), event: id(1) },
          { hour: HOUR + 1, key: key(2), event: id(2) },
        ],
        [{ hour: HOUR, event: id(3) }],
      );
      dropBefore(index, HOUR + 1);
      dropBefore(index, HOUR - 5);
      const known = reopen().lookup({
        keys: [
          { hour: HOUR, key: key(1) },
          { hour: HOUR + 1, key: key(2) },
        ],
        events: [{ hour: HOUR, event: id(3) }],
      });
      expect(Array.from(known.claimedBy.keys())).toEqual([key(2)]);
      expect(known.repeats.size).toBe(0);
      expect(known.droppedBeforeHour).toBe(HOUR + 1);
    }));

  it("takes many keys at once", () =>
    withIndex(({ index }) => {
      const many = Array.from({ length: 5_000 }, (_, n) => ({ hour: HOUR + (n % 24), key: key(n), event: id(n) }));
      insert(index, many, []);
      expect(index.lookup({ keys: many, events: [] }).claimedBy.size).toBe(5_000);
    }));
});

describe.each([memory, ...paged])("[attack 4] repeats in $name", ({ withIndex }) => {
  it("are told apart from ids that differ in one bit, wherever it is", () =>
    withIndex(({ index }) => {
      const atMs = HOUR * HOUR_MS + 1_234;
      const random = new Uint8Array(8).fill(0x5a);
      const flipped = (bit: number) => atMs + (Math.floor(atMs / 2 ** bit) % 2 === 1 ? -1 : 1) * 2 ** bit;
      const variants = numbers(42).map((bit) => makeEventId({ receivedAtMs: flipped(bit), routingHash: 7 }, random));
      for (let bit = 0; bit < 32; bit++)
        variants.push(makeEventId({ receivedAtMs: atMs, routingHash: (7 ^ (1 << bit)) >>> 0 }, random));
      for (let bit = 0; bit < 64; bit++) {
        const other = random.slice();
        other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        variants.push(makeEventId({ receivedAtMs: atMs, routingHash: 7 }, other));
      }
      expect(new Set(variants).size).toBe(42 + 32 + 64);
      const base = makeEventId({ receivedAtMs: atMs, routingHash: 7 }, random);
      remember(index, [base]);
      expect(knownOf(index, [...variants, base])).toEqual([base]);
      const everyOther = variants.filter((_, at) => at % 2 === 0);
      remember(index, everyOther);
      expect(knownOf(index, variants)).toEqual(everyOther);
    }));

  it("are known one by one when thousands come in one millisecond, of one token or of many", () =>
    withIndex(({ index, reopen }) => {
      const chance = new Chance(4, "one millisecond");
      const atMs = HOUR * HOUR_MS + 5;
      const ids = numbers(6_000).map((n) => id(n, { atMs, routingHash: n % 2 === 0 ? 7 : chance.bits() }));
      const held = ids.filter((_, n) => n % 3 !== 0);
      for (const part of [held.slice(0, 10), held.slice(10, 3_000), held.slice(3_000)]) remember(index, part);
      expect(knownOf(reopen(), ids)).toEqual(held);
    }));

  it("are known one by one when thousands come in one second, in any order, some twice", () =>
    withIndex(({ index, reopen }) => {
      const chance = new Chance(5, "one second");
      const ids = numbers(8_000).map((n) => id(n, { atMs: HOUR * HOUR_MS + (n % 1_000), routingHash: chance.bits() }));
      const held = shuffled(
        ids.filter((_, n) => n % 4 !== 0),
        chance,
      );
      for (let at = 0; at < held.length; at += 97) remember(index, held.slice(at, at + 130));
      expect(knownOf(reopen(), ids).length).toBe(held.length);
      expect(
        knownOf(
          reopen(),
          ids.filter((_, n) => n % 4 === 0),
        ),
      ).toEqual([]);
    }));

  it("are known whatever time stands in their ids", () =>
    withIndex(({ index, reopen }) => {
      const times = [0, 1, NOW_MS - 40 * 24 * HOUR_MS, NOW_MS, NOW_MS + HOUR_MS, 2 ** 42 - 1];
      const ids = times.flatMap((atMs, at) => numbers(40).map((n) => id(n, { atMs, routingHash: at })));
      const held = shuffled(ids, new Chance(6, "times")).slice(0, 150);
      for (const each of held) remember(index, [each]);
      expect(knownOf(reopen(), ids)).toEqual(ids.filter((each) => held.includes(each)));
    }));

  it("are those of a set, whatever is added, asked and dropped in whatever order", () =>
    withIndex(({ index, reopen }) => {
      const chance = new Chance(7, "any order");
      const model = new MemoryKeyIndex();
      for (let step = 0; step < 150; step++) {
        const hour = HOUR + Math.floor(step / 40) - chance.between(0, 3);
        const anId = () => id(chance.between(0, 3_000), { atMs: hour * HOUR_MS + chance.between(0, 5) * 700_000 });
        const ids = numbers(chance.between(1, 80)).map(anId);
        if (chance.is(0.7)) for (const each of [index, model]) remember(each, ids, hour);
        if (chance.is(0.05)) for (const each of [index, model]) dropBefore(each, hour);
        const asked = ids.concat(numbers(40).map(anId));
        expect(knownOf(chance.is(0.1) ? reopen() : index, asked, hour)).toEqual(knownOf(model, asked, hour));
      }
    }));
});

describe.each(paged)("[attack 4] pages of repeats in $name", ({ withIndex }) => {
  it("are as they were after a transaction that throws, wherever it had come to", () =>
    withIndex(({ index, reopen }) => {
      const chance = new Chance(8, "rollback");
      const ids = numbers(3_000).map((n) => id(n, { routingHash: chance.bits() }));
      remember(index, ids.slice(0, 900));
      for (const cut of [901, 1_200, 1_800, 3_000]) {
        const fail = () =>
          index.transaction(() => {
            index.insert([], repeatsOf(ids.slice(900, cut)));
            index.insert([], repeatsOf([id(cut)], HOUR + 1));
            expect(knownOf(index, ids).length).toBe(cut);
            throw new Error("crash");
          });
        expect(fail).toThrow("crash");
        expect(knownOf(index, ids)).toEqual(ids.slice(0, 900));
        expect(knownOf(index, [id(cut)], HOUR + 1)).toEqual([]);
      }
      remember(index, ids.slice(900));
      expect(knownOf(reopen(), ids)).toEqual(ids);
    }));
});
