/** One suite over both shelves of late clicks: memory, which the simulation uses, and SQLite in a real Durable Object. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { EventId } from "../../src/core/event-id.ts";
import type { ImpressionKey } from "../../src/core/impression-key.ts";
import type { DecidedReview, LateClick, LateShelf } from "../../src/shard/late-shelf.ts";
import { SqliteLateShelf } from "../../src/shard/sqlite-late-shelf.ts";
import { Journal } from "../simulation/journal.ts";
import { MemoryLateShelf } from "../simulation/storage.ts";
import { NOON_MS } from "../support/builders.ts";

type Use = (shelf: LateShelf, transaction: (closure: () => void) => void) => void;
let serial = 0;

const shelves: { name: string; withShelf: (use: Use) => Promise<void> }[] = [
  {
    name: "memory",
    withShelf: async (use) => {
      const journal = new Journal(() => false);
      use(new MemoryLateShelf(journal), (closure) => journal.transaction(closure));
    },
  },
  {
    name: "SQLite",
    withShelf: (use) =>
      runInDurableObject(env.EVENT_SHARD.getByName(`late-shelf-${serial++}`), (_, { storage }) =>
        use(new SqliteLateShelf(storage.sql), (closure) => storage.transactionSync(closure)),
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

describe.each(shelves)("LateShelf in $name", ({ withShelf }) => {
  it("knows what was put, undecided, and nothing else", () =>
    withShelf((shelf) => {
      shelf.put([aLate(1), aLate(2)]);
      expect(shelf.find(id(1))).toEqual({ ...aLate(1), decided: null });
      expect(shelf.find(id(3))).toBeNull();
    }));

  it("[attack 4] adds what joins a click to it, and to no other", () =>
    withShelf((shelf) => {
      shelf.put([aLate(1), aLate(2)]);
      shelf.join(id(1), 5);
      shelf.join(id(1), 1);
      shelf.join(id(9), 1);
      shelf.put([aLate(1)]);
      expect([1, 2, 9].map((n) => shelf.find(id(n))?.clicks)).toEqual([7, 1, undefined]);
    }));

  it("[attack 4] lists those of one impression, decided or not, in the order of their ids", () =>
    withShelf((shelf) => {
      shelf.put([aLate(3), aLate(1), aLate(2, NOON_MS, 2)]);
      shelf.decide(id(3), ACCEPTED);
      expect(shelf.ofKey(key(1))).toEqual([
        { ...aLate(1), decided: null },
        { ...aLate(3), decided: ACCEPTED },
      ]);
      expect(shelf.ofKey(key(3))).toEqual([]);
    }));

  it("remembers a decision, also when the click is put again", () =>
    withShelf((shelf) => {
      shelf.put([aLate(1)]);
      shelf.decide(id(1), ACCEPTED);
      shelf.put([aLate(1)]);
      expect(shelf.find(id(1))?.decided).toEqual(ACCEPTED);
    }));

  it("forgets what was received before an instant, decided or not", () =>
    withShelf((shelf) => {
      shelf.put([aLate(1, NOON_MS), aLate(2, NOON_MS + 1), aLate(3, NOON_MS + 2)]);
      shelf.decide(id(1), ACCEPTED);
      shelf.dropBefore(NOON_MS + 2);
      expect([1, 2, 3].map((n) => shelf.find(id(n)) !== null)).toEqual([false, false, true]);
    }));

  it("leaves nothing of a transaction that throws", () =>
    withShelf((shelf, transaction) => {
      shelf.put([aLate(1)]);
      const fail = () =>
        transaction(() => {
          shelf.put([aLate(2)]);
          shelf.join(id(1), 3);
          shelf.decide(id(1), ACCEPTED);
          throw new Error("crash");
        });
      expect(fail).toThrow("crash");
      expect(shelf.find(id(2))).toBeNull();
      expect(shelf.find(id(1))).toEqual({ ...aLate(1), decided: null });
    }));
});
