/** One suite over both key indexes: memory, which the simulation uses, and SQLite in a real Durable Object. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { EventId } from "../../src/core/event-id.ts";
import type { ImpressionKey } from "../../src/core/impression-key.ts";
import type { KeyIndex } from "../../src/shard/key-index.ts";
import { LogStore } from "../../src/shard/log-store.ts";
import { SqliteKeyIndex } from "../../src/shard/sqlite-key-index.ts";
import { MemoryKeyIndex } from "../support/memory-key-index.ts";

const key = (n: number) => n.toString(16).padStart(32, "0") as ImpressionKey;
const id = (n: number) => `event-${String(n).padStart(18, "0")}` as EventId;
const HOUR = 493_811;

type Use = (index: KeyIndex, reopen: () => KeyIndex) => void;
let serial = 0;

const indexes: { name: string; withIndex: (use: Use) => Promise<void> }[] = [
  {
    name: "memory",
    withIndex: async (use) => {
      const index = new MemoryKeyIndex();
      use(index, () => index);
    },
  },
  {
    name: "SQLite",
    withIndex: (use) =>
      runInDurableObject(env.EVENT_SHARD.getByName(`key-index-${serial++}`), (_, { storage }) => {
        const open = () => new SqliteKeyIndex(storage.sql, new LogStore(storage.sql));
        use(open(), open);
      }),
  },
];

describe.each(indexes)("KeyIndex in $name", ({ withIndex }) => {
  it("knows nothing at first", () =>
    withIndex((index) => {
      const known = index.lookup({ keys: [{ hour: HOUR, key: key(1) }], events: [{ hour: HOUR, event: id(1) }] });
      expect(known.claimedBy.size).toBe(0);
      expect(known.repeats.size).toBe(0);
      expect(known.droppedBeforeHour).toBe(0);
    }));

  it("answers for exactly what was asked, by hour, also after reopening", () =>
    withIndex((index, reopen) => {
      index.insert(
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
    withIndex((index) => {
      index.insert([{ hour: HOUR, key: key(1), event: id(1) }], []);
      index.insert([{ hour: HOUR, key: key(1), event: id(2) }], []);
      expect(index.lookup({ keys: [{ hour: HOUR, key: key(1) }], events: [] }).claimedBy.get(key(1))).toBe(id(1));
    }));

  it("forgets whole hours, says so for ever, and never goes back", () =>
    withIndex((index, reopen) => {
      index.insert(
        [
          { hour: HOUR, key: key(1), event: id(1) },
          { hour: HOUR + 1, key: key(2), event: id(2) },
        ],
        [{ hour: HOUR, event: id(3) }],
      );
      index.dropBefore(HOUR + 1);
      index.dropBefore(HOUR - 5);
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
    withIndex((index) => {
      const many = Array.from({ length: 5_000 }, (_, n) => ({ hour: HOUR + (n % 24), key: key(n), event: id(n) }));
      index.insert(many, []);
      expect(index.lookup({ keys: many, events: [] }).claimedBy.size).toBe(5_000);
    }));
});

describe("SqliteKeyIndex", () => {
  it("writes one row per key, and none to forget them", () =>
    runInDurableObject(env.EVENT_SHARD.getByName("rows-written"), (_, { storage }) => {
      let written = 0;
      const sql = new Proxy(storage.sql, {
        get: (target, property) =>
          property !== "exec"
            ? Reflect.get(target, property, target)
            : (query: string, ...bindings: SqlStorageValue[]) => {
                const cursor = target.exec(query, ...bindings);
                const rows = cursor.toArray();
                written += cursor.rowsWritten;
                return { toArray: () => rows, one: () => rows[0], [Symbol.iterator]: () => rows[Symbol.iterator]() };
              },
      });
      const index = new SqliteKeyIndex(sql, new LogStore(sql));
      index.insert([{ hour: HOUR, key: key(0), event: id(0) }], []);
      written = 0;
      index.insert(
        Array.from({ length: 100 }, (_, n) => ({ hour: HOUR, key: key(n + 1), event: id(n + 1) })),
        [],
      );
      expect(written).toBe(100);
      written = 0;
      index.dropBefore(HOUR + 1);
      // The mark of dropped hours, and nothing for the 101 keys.
      expect(written).toBeLessThanOrEqual(2);
    }));
});
