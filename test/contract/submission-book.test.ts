/** One suite over both books of submissions: memory, which the simulation uses, and SQLite in a real Durable Object. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { SqliteSubmissionBook } from "../../src/shard/sqlite-submission-book.ts";
import type { SubmissionBook } from "../../src/shard/submission-book.ts";
import { Journal } from "../simulation/journal.ts";
import { MemorySubmissionBook } from "../simulation/storage.ts";

type Use = (book: SubmissionBook, transaction: (closure: () => void) => void) => void;
let serial = 0;

const books: { name: string; withBook: (use: Use) => Promise<void> }[] = [
  {
    name: "memory",
    withBook: async (use) => {
      const journal = new Journal(() => false);
      use(new MemorySubmissionBook(journal), (closure) => journal.transaction(closure));
    },
  },
  {
    name: "SQLite",
    withBook: (use) =>
      runInDurableObject(env.ORDER_SHARD.getByName(`submission-book-${serial++}`), (_, { storage }) =>
        use(new SqliteSubmissionBook(storage.sql), (closure) => storage.transactionSync(closure)),
      ),
  },
];

const key = (n: number) => n.toString(16).padStart(32, "0");
const PERIOD = 685;

describe.each(books)("SubmissionBook in $name", ({ withBook }) => {
  it("knows nothing at first, and nothing of no keys", () =>
    withBook((book) => {
      expect(book.find([key(1)]).size).toBe(0);
      book.put(new Map([[key(1), "a"]]), PERIOD);
      expect(book.find([]).size).toBe(0);
    }));

  it("answers for exactly the keys asked, whatever period they were remembered in", () =>
    withBook((book) => {
      book.put(
        new Map([
          [key(1), "a"],
          [key(2), "b"],
        ]),
        PERIOD,
      );
      book.put(new Map([[key(3), '{"ü":"\'\\n"}']]), PERIOD + 1);
      const found = book.find([key(3), key(1), key(9), key(1)]);
      expect(Array.from(found).sort()).toEqual([
        [key(1), "a"],
        [key(3), '{"ü":"\'\\n"}'],
      ]);
    }));

  it("gives a known key its new state, beside new ones", () =>
    withBook((book) => {
      book.put(new Map([[key(1), "a"]]), PERIOD);
      book.put(
        new Map([
          [key(1), "a2"],
          [key(2), "b"],
        ]),
        PERIOD + 1,
      );
      expect(Object.fromEntries(book.find([key(1), key(2)]))).toEqual({ [key(1)]: "a2", [key(2)]: "b" });
    }));

  it("[attack 19] remembers a key by its last change, and what did not change by its first", () =>
    withBook((book) => {
      book.put(
        new Map([
          [key(1), "a"],
          [key(2), "b"],
        ]),
        PERIOD,
      );
      book.put(new Map([[key(1), "a2"]]), PERIOD + 1);
      expect(Object.fromEntries(book.find([key(1), key(2)]))).toEqual({ [key(1)]: "a2", [key(2)]: "b" });
      book.dropBefore(PERIOD + 1);
      expect(Array.from(book.find([key(1), key(2)]))).toEqual([[key(1), "a2"]]);
      book.dropBefore(PERIOD + 2);
      expect(book.find([key(1)]).size).toBe(0);
    }));

  it("forgets every key of earlier periods, and takes a forgotten one for new", () =>
    withBook((book) => {
      for (const n of [98, 99, 100, 101]) book.put(new Map([[key(n), `in ${n}`]]), n);
      book.dropBefore(100);
      book.dropBefore(100);
      expect(Array.from(book.find([key(98), key(99), key(100), key(101)]).keys()).sort()).toEqual([key(100), key(101)]);
      book.put(new Map([[key(98), "again"]]), 101);
      book.dropBefore(101);
      expect(Array.from(book.find([key(98), key(100)]))).toEqual([[key(98), "again"]]);
    }));

  it("takes many keys at once", () =>
    withBook((book) => {
      const many = new Map(Array.from({ length: 2_000 }, (_, n) => [key(n), `state ${n}`]));
      book.put(many, PERIOD);
      expect(book.find(Array.from(many.keys()))).toEqual(many);
    }));

  it("[attack 2] takes many keys with long states at once, more than one text may hold", () =>
    withBook((book) => {
      const many = new Map(Array.from({ length: 1_000 }, (_, n) => [key(n), `${n}"`.padEnd(8_000, '"ä\\')]));
      book.put(many, PERIOD);
      expect(book.find(Array.from(many.keys()))).toEqual(many);
      book.put(many, PERIOD + 1);
      book.dropBefore(PERIOD + 1);
      expect(book.find(Array.from(many.keys()))).toEqual(many);
    }));

  it("leaves nothing of a transaction that throws, not even a table", () =>
    withBook((book, transaction) => {
      book.put(new Map([[key(1), "a"]]), PERIOD);
      const fail = () =>
        transaction(() => {
          book.put(
            new Map([
              [key(1), "a2"],
              [key(2), "b"],
            ]),
            PERIOD + 1,
          );
          book.dropBefore(PERIOD + 1);
          throw new Error("crash");
        });
      expect(fail).toThrow("crash");
      expect(Array.from(book.find([key(1), key(2)]))).toEqual([[key(1), "a"]]);
      book.put(new Map([[key(3), "c"]]), PERIOD + 1);
      expect(book.find([key(3)]).get(key(3))).toBe("c");
    }));
});

describe("SqliteSubmissionBook", () => {
  it("refuses a period that could not be part of a table's name", () =>
    runInDurableObject(env.ORDER_SHARD.getByName("book-names"), (_, { storage }) => {
      const book = new SqliteSubmissionBook(storage.sql);
      for (const period of [-1, 0.5, Number.NaN]) {
        expect(() => book.put(new Map([[key(1), "a"]]), period)).toThrow("whole number");
      }
    }));
});
