/** One suite over both stores of changed verdicts: memory, which the simulation uses, and SQLite in a real object. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { EventId } from "../../src/core/event-id.ts";
import type { ImpressionKey } from "../../src/core/impression-key.ts";
import type { Change } from "../../src/core/revision.ts";
import type { Verdict } from "../../src/core/verdict.ts";
import type { RevisedStore } from "../../src/shard/revised-store.ts";
import { SqliteRevisedStore } from "../../src/shard/sqlite-revised-store.ts";
import { Journal } from "../simulation/journal.ts";
import { MemoryRevisedStore } from "../simulation/storage.ts";
import { NOON_MS } from "../support/builders.ts";

type Use = (revised: RevisedStore, transaction: (closure: () => void) => void) => void;
let serial = 0;

const stores: { name: string; withStore: (use: Use) => Promise<void> }[] = [
  {
    name: "memory",
    withStore: async (use) => {
      const journal = new Journal(() => false);
      use(new MemoryRevisedStore(journal), (closure) => journal.transaction(closure));
    },
  },
  {
    name: "SQLite",
    withStore: (use) =>
      runInDurableObject(env.EVENT_SHARD.getByName(`revised-store-${serial++}`), (_, { storage }) =>
        use(new SqliteRevisedStore(storage.sql), (closure) => storage.transactionSync(closure)),
      ),
  },
];

const id = (n: number) => `event-${String(n).padStart(18, "0")}` as EventId;
const key = (n: number) => n.toString(16).padStart(32, "0") as ImpressionKey;
const aChange = (n: number, verdict: Verdict, atMs = NOON_MS): Change => ({
  ...{ n, verdict, reason: verdict === "valid" ? null : "high_frequency", atMs },
  ...{ from: { verdict: "duplicate", reason: "same_impression" }, cause: "audit/2026-04-20/0001", by: "key_1" },
});

describe.each(stores)("RevisedStore in $name", ({ withStore }) => {
  it("gives an event's changes by their number, and of no other event", () =>
    withStore((revised) => {
      revised.put(id(1), key(1), aChange(2, "valid"));
      revised.put(id(1), key(1), aChange(0, "invalid"));
      revised.put(id(1), key(1), aChange(10, "invalid"));
      revised.put(id(2), key(1), aChange(1, "invalid"));
      expect(revised.of(id(1))).toEqual([aChange(0, "invalid"), aChange(2, "valid"), aChange(10, "invalid")]);
      expect(revised.of(id(3))).toEqual([]);
    }));

  it("keeps the first change under a number", () =>
    withStore((revised) => {
      revised.put(id(1), key(1), aChange(1, "invalid"));
      revised.put(id(1), key(1), aChange(1, "valid"));
      expect(revised.of(id(1))).toEqual([aChange(1, "invalid")]);
    }));

  it("names the event of an impression that is valid by its newest change, and not the one that asks", () =>
    withStore((revised) => {
      revised.put(id(1), key(1), aChange(1, "valid"));
      revised.put(id(2), key(2), aChange(1, "valid"));
      expect(revised.validOf(key(1), id(9))).toBe(id(1));
      expect(revised.validOf(key(1), id(1))).toBeNull();
      expect(revised.validOf(key(3), id(9))).toBeNull();
      revised.put(id(1), key(1), aChange(2, "invalid"));
      expect(revised.validOf(key(1), id(9))).toBeNull();
    }));

  it("forgets the changes of an event together, when the last of them is old", () =>
    withStore((revised) => {
      revised.put(id(1), key(1), aChange(1, "valid", NOON_MS));
      revised.put(id(1), key(1), aChange(2, "invalid", NOON_MS + 5));
      revised.put(id(2), key(2), aChange(1, "valid", NOON_MS));
      revised.dropBefore(NOON_MS + 5);
      expect(revised.of(id(1))).toHaveLength(2);
      expect(revised.of(id(2))).toEqual([]);
      revised.dropBefore(NOON_MS + 6);
      expect(revised.of(id(1))).toEqual([]);
    }));

  it("leaves nothing of a transaction that throws", () =>
    withStore((revised, transaction) => {
      revised.put(id(1), key(1), aChange(1, "valid"));
      const fail = () =>
        transaction(() => {
          revised.put(id(1), key(1), aChange(2, "invalid"));
          revised.put(id(2), key(1), aChange(1, "valid"));
          revised.dropBefore(NOON_MS + 1);
          throw new Error("crash");
        });
      expect(fail).toThrow("crash");
      expect(revised.of(id(1))).toEqual([aChange(1, "valid")]);
      expect(revised.of(id(2))).toEqual([]);
    }));
});
