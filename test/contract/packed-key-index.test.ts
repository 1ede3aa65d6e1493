/** What packed keys cost on a real object's storage: rows written, pages read. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { type EventId, makeEventId } from "../../src/core/event-id.ts";
import type { ImpressionKey } from "../../src/core/impression-key.ts";
import type { Claim } from "../../src/core/ingest.ts";
import { HOUR_MS } from "../../src/core/limits.ts";
import type { ClaimStore, Run } from "../../src/shard/claim-store.ts";
import { PackedKeyIndex } from "../../src/shard/packed-key-index.ts";
import { packedKeysOn, sqliteKeyStores } from "../../src/shard/sqlite-key-stores.ts";
import { LogStore } from "../../src/shard/sqlite-shard-log.ts";
import { Chance } from "../simulation/chance.ts";
import { Journal } from "../simulation/journal.ts";
import { MemoryClaims, MemoryKeyStores, SMALL_KEYS } from "../simulation/memory-key-stores.ts";
import { MemoryShardLog } from "../simulation/memory-shard-log.ts";
import { logging } from "../support/key-indexes.ts";
import { RULES } from "../support/rules.ts";

const HOUR = 493_811;

/** The storage's SQL, and how many rows were written and which statements run through it. */
function counted(storage: DurableObjectStorage) {
  let written = 0;
  let statements: string[] = [];
  const sql = new Proxy(storage.sql, {
    get: (target, property) =>
      property !== "exec"
        ? Reflect.get(target, property, target)
        : (query: string, ...bindings: SqlStorageValue[]) => {
            const cursor = target.exec(query, ...bindings);
            const rows = cursor.toArray();
            written += cursor.rowsWritten;
            statements.push(query);
            return { toArray: () => rows, one: () => rows[0], [Symbol.iterator]: () => rows[Symbol.iterator]() };
          },
  });
  const take = () => {
    const [rows, queries] = [written, statements];
    written = 0;
    statements = [];
    return { rows, pages: queries.filter((query) => /SELECT claims FROM/.test(query)).length };
  };
  const transactionSync = <T>(closure: () => T) => storage.transactionSync(closure);
  return { counting: { sql, transactionSync }, take };
}

const chance = new Chance(10, "packed keys");
const aKey = () =>
  Array.from({ length: 4 }, () => chance.bits().toString(16).padStart(8, "0")).join("") as ImpressionKey;
const anId = (n: number) =>
  makeEventId(
    { receivedAtMs: HOUR * HOUR_MS + n * 50, routingHash: chance.bits() },
    Uint8Array.from({ length: 8 }, () => chance.between(0, 256)),
  );
const shuffled = <T>(values: readonly T[]) =>
  values
    .map((value) => ({ value, at: chance.unit() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value);

const claimStores: { name: string; withStore: (use: (store: ClaimStore) => void) => Promise<void> }[] = [
  { name: "memory", withStore: async (use) => use(new MemoryClaims(new Journal(() => false))) },
  {
    name: "SQLite",
    withStore: (use) =>
      runInDurableObject(env.EVENT_SHARD.getByName("claim-store"), (_, { storage }) =>
        use(sqliteKeyStores(storage.sql).claims),
      ),
  },
];

describe.each(claimStores)("ClaimStore in $name", ({ withStore }) => {
  it("has of each run what was put for it, until it is removed or its hour is dropped", () =>
    withStore((store) => {
      const bytes = (length: number, value: number) => new Uint8Array(length).fill(value);
      const put = (run: Run, value: number) => {
        const pages = [bytes(68, value), bytes(34, value + 1)];
        store.put(run, { first: 0, fences: bytes(32, value), filter: bytes(5, value), pages });
        const alone = { fences: bytes(16, value + 2), filter: bytes(3, value + 2), pages: [bytes(34, value + 2)] };
        store.put(run, { first: 2, ...alone });
        store.list(run);
      };
      const aRun = (hour: number, run: number) => ({ hour, run, age: run, level: 0, pages: 3, claims: 4 });
      const [one, two, later] = [aRun(HOUR, 1), aRun(HOUR, 2), aRun(HOUR + 1, 1)];
      expect(store.runs()).toEqual([]);
      for (const [n, run] of [one, two, later].entries()) put(run, 10 * n + 1);
      const read = (run: Run) => [
        Array.from(store.fences(run)),
        ...[store.filter(run, 0), store.filter(run, 2)],
        ...[store.page(run, 0, false), store.page(run, 1, false), store.page(run, 2, true)],
      ];
      const expected = (value: number) => [
        [...bytes(32, value), ...bytes(16, value + 2)],
        ...[bytes(5, value), bytes(3, value + 2)],
        ...[bytes(68, value), bytes(34, value + 1), bytes(34, value + 2)],
      ];
      for (const [n, run] of [one, two, later].entries()) expect(read(run)).toEqual(expected(10 * n + 1));
      store.remove(one);
      expect(store.runs()).toEqual(expect.arrayContaining([two, later]));
      expect(store.runs()).toHaveLength(2);
      expect(read(two)).toEqual(expected(11));
      // A number that is free again.
      put(one, 41);
      expect(read(one)).toEqual(expected(41));
      store.dropBefore(HOUR + 1);
      expect(store.runs()).toEqual([later]);
      expect(read(later)).toEqual(expected(21));
    }));
});

describe("packed keys in SQLite", () => {
  it("write a row for 50 claims and more, and none to forget them; of 100 new keys less than one reads a page", () =>
    runInDurableObject(env.EVENT_SHARD.getByName("rows-written"), (_, { storage }) => {
      const { counting, take } = counted(storage);
      const log = new LogStore(storage.sql, RULES);
      const index = logging(packedKeysOn(counting, log), log);
      const claims = Array.from({ length: 60_000 }, (_, n) => ({ hour: HOUR, key: aKey(), event: anId(n) }));
      for (let at = 0; at < claims.length; at += 500) {
        const some = claims.slice(at, at + 500);
        index.transaction(() => {
          expect(index.lookup({ keys: some, events: [] }).claimedBy.size).toBe(0);
          index.insert(some, []);
        });
      }
      const { rows, pages } = take();
      expect(rows).toBeGreaterThan(60);
      expect(rows).toBeLessThan(claims.length * 0.02);
      expect(pages).toBeLessThan(claims.length * 0.01);
      const asked = [...claims.filter((_, n) => n % 100 === 0), { hour: HOUR, key: aKey() }];
      expect(index.lookup({ keys: asked, events: [] }).claimedBy.size).toBe(600);
      expect(take().pages).toBeGreaterThan(100);
      index.transaction(() => index.dropBefore(HOUR + 1));
      expect(take().rows).toBeLessThan(10);
      expect(index.lookup({ keys: asked, events: [] }).claimedBy.size).toBe(0);
    }));

  it("[attack 4] write far fewer rows than there are repeats, however few come in a call", () =>
    runInDurableObject(env.EVENT_SHARD.getByName("rows-written-repeats"), (_, { storage }) => {
      const { counting, take } = counted(storage);
      const log = new LogStore(storage.sql, RULES);
      const index = logging(packedKeysOn(counting, log), log);
      // 20 a second, each call with what came within two seconds, in any order.
      const ids = Array.from({ length: 40_000 }, (_, n) => anId(n));
      const remember = (some: readonly EventId[]) =>
        index.transaction(() =>
          index.insert(
            [],
            some.map((event) => ({ hour: HOUR, event })),
          ),
        );
      for (const id of ids.slice(0, 1_000)) remember([id]);
      for (let at = 1_000; at < ids.length; at += 40) remember(shuffled(ids.slice(at, at + 40)));
      const { rows } = take();
      expect(rows).toBeGreaterThan(50);
      expect(rows).toBeLessThan(ids.length * 0.02);
      index.transaction(() => index.dropBefore(HOUR + 1));
      expect(take().rows).toBeLessThan(10);
    }));
});

it("a merge that fails takes nothing back of what its caller committed, and is made up for", () => {
  const error = vi.spyOn(console, "error").mockImplementation(() => {});
  const journal = new Journal(() => false);
  const [stores, log] = [new MemoryKeyStores(journal), new MemoryShardLog(journal, 700, () => {})];
  const claims: Claim[] = [];
  let transactions = 0;
  // Each call's first transaction is its caller's.
  const transact = <T>(closure: () => T) => {
    if (++transactions > 1) throw new Error("no merging today");
    return journal.transaction(closure);
  };
  const index = new PackedKeyIndex({ stores, log, sizes: SMALL_KEYS, transact, makeSalt: () => new Uint8Array(8) });
  for (let n = 0; n < 200; n++) {
    transactions = 0;
    const claim = { hour: HOUR, key: aKey(), event: anId(n) };
    claims.push(claim);
    expect(index.transaction(() => index.insert([claim], []) ?? "done")).toBe("done");
  }
  expect(error).toHaveBeenCalledWith(expect.stringContaining("key_merge_failed"));
  const known = () => index.lookup({ keys: claims, events: [] }).claimedBy.size;
  expect(known()).toBe(claims.length);
  transactions = Number.NEGATIVE_INFINITY;
  const runs = stores.claims.runs().length;
  while (index.merge(true)) expect(known()).toBe(claims.length);
  expect(stores.claims.runs().length).toBeLessThan(runs);
  expect(known()).toBe(claims.length);
});
