/** One suite over both stores of late clicks: memory, which the simulation uses, and SQLite in a real Durable Object. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { EventId } from "../../src/core/event-id.ts";
import type { ImpressionKey } from "../../src/core/impression-key.ts";
import type { DecidedReview, LateClick, LateStore } from "../../src/shard/late-store.ts";
import { SqliteLateStore } from "../../src/shard/sqlite-late-store.ts";
import { Journal } from "../simulation/journal.ts";
import { MemoryLateStore } from "../simulation/storage.ts";
import { NOON_MS } from "../support/builders.ts";

type Use = (lateStore: LateStore, transaction: (closure: () => void) => void) => void;
let serial = 0;

const stores: { name: string; withStore: (use: Use) => Promise<void> }[] = [
  {
    name: "memory",
    withStore: async (use) => {
      const journal = new Journal(() => false);
      use(new MemoryLateStore(journal), (closure) => journal.transaction(closure));
    },
  },
  {
    name: "SQLite",
    withStore: (use) =>
      runInDurableObject(env.EVENT_SHARD.getByName(`late-store-${serial++}`), (_, { storage }) =>
        use(new SqliteLateStore(storage.sql), (closure) => storage.transactionSync(closure)),
      ),
  },
];

const id = (n: number) => `event-${String(n).padStart(18, "0")}` as EventId;
const key = (n: number) => n.toString(16).padStart(32, "0") as ImpressionKey;
const aLate = (n: number, receivedAtMs = NOON_MS, of = 1): LateClick => ({
  ...{ event: id(n), key: key(of), receivedAtMs, clicks: 1, encoded: `{"n":${n}}` },
});
const ACCEPTED: DecidedReview = {
  choice: "accept",
  decision: { verdict: "valid", reason: "late_accepted" },
  review: { by: "key_1", atMs: NOON_MS + 5 },
};

describe.each(stores)("LateStore in $name", ({ withStore }) => {
  it("knows what was put, undecided, and nothing else", () =>
    withStore((lateStore) => {
      lateStore.put([aLate(1), aLate(2)]);
      expect(lateStore.find(id(1))).toEqual({ ...aLate(1), decided: null });
      expect(lateStore.find(id(3))).toBeNull();
    }));

  it("[attack 4] adds what joins a click to it, and to no other", () =>
    withStore((lateStore) => {
      lateStore.put([aLate(1), aLate(2)]);
      lateStore.join(id(1), 5);
      lateStore.join(id(1), 1);
      lateStore.join(id(9), 1);
      lateStore.put([aLate(1)]);
      expect([1, 2, 9].map((n) => lateStore.find(id(n))?.clicks)).toEqual([7, 1, undefined]);
    }));

  it("[attack 4] lists those of one impression, decided or not, in the order of their ids", () =>
    withStore((lateStore) => {
      lateStore.put([aLate(3), aLate(1), aLate(2, NOON_MS, 2)]);
      lateStore.decide(id(3), ACCEPTED);
      expect(lateStore.ofKey(key(1))).toEqual([
        { ...aLate(1), decided: null },
        { ...aLate(3), decided: ACCEPTED },
      ]);
      expect(lateStore.ofKey(key(3))).toEqual([]);
    }));

  it("remembers a decision, also when the click is put again", () =>
    withStore((lateStore) => {
      lateStore.put([aLate(1)]);
      lateStore.decide(id(1), ACCEPTED);
      lateStore.put([aLate(1)]);
      expect(lateStore.find(id(1))?.decided).toEqual(ACCEPTED);
    }));

  it("forgets what was received before an instant, decided or not", () =>
    withStore((lateStore) => {
      lateStore.put([aLate(1, NOON_MS), aLate(2, NOON_MS + 1), aLate(3, NOON_MS + 2)]);
      lateStore.decide(id(1), ACCEPTED);
      lateStore.dropBefore(NOON_MS + 2);
      expect([1, 2, 3].map((n) => lateStore.find(id(n)) !== null)).toEqual([false, false, true]);
    }));

  it("leaves nothing of a transaction that throws", () =>
    withStore((lateStore, transaction) => {
      lateStore.put([aLate(1)]);
      const fail = () =>
        transaction(() => {
          lateStore.put([aLate(2)]);
          lateStore.join(id(1), 3);
          lateStore.decide(id(1), ACCEPTED);
          throw new Error("crash");
        });
      expect(fail).toThrow("crash");
      expect(lateStore.find(id(2))).toBeNull();
      expect(lateStore.find(id(1))).toEqual({ ...aLate(1), decided: null });
    }));
});
