/** One suite over both logs of a shard: memory, which the simulation uses, and SQLite in a real Durable Object. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { isTokenEntry } from "../../src/core/log-line.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import { ROWS_OF_TABLE } from "../../src/shard/log-tables.ts";
import type { NewEntry, ShardLog } from "../../src/shard/shard-log.ts";
import { LogStore } from "../../src/shard/sqlite-shard-log.ts";
import { Chance } from "../simulation/chance.ts";
import { Journal } from "../simulation/journal.ts";
import { MemoryShardLog } from "../simulation/memory-shard-log.ts";
import { anOpenedClick, NOON_MS } from "../support/builders.ts";
import { RULES } from "../support/rules.ts";
import { InjectedFault, throwingSql } from "../support/throwing-sql.ts";

type Use = (log: ShardLog, transaction: (closure: () => void) => void) => void;
let serial = 0;

const logs: { name: string; withLog: (use: Use) => Promise<void> }[] = [
  {
    name: "memory",
    withLog: async (use) => {
      const journal = new Journal(() => false);
      use(new MemoryShardLog(journal, 700, () => {}), (closure) => journal.transaction(closure));
    },
  },
  {
    name: "SQLite",
    withLog: (use) =>
      runInDurableObject(env.EVENT_SHARD.getByName(`shard-log-${serial++}`), (_, { storage }) =>
        use(new LogStore(storage.sql, RULES), (closure) => storage.transactionSync(closure)),
      ),
  },
];

function anEntry(jti: string, receivedAtMs = NOON_MS): NewEntry {
  const opened = anOpenedClick({ receivedAtMs }, { jti });
  const decision = { verdict: "valid", reason: null } as const;
  return { content: { ...opened, ...decision, review: null }, encoded: encodeTokenEvent(opened.event) };
}

const placeOf = (seq: number, loggedAtMs: number) => ({ seq, chain: String(seq).padStart(64, "0"), loggedAtMs });

const seqs = (log: ShardLog, after = 0) => log.rowsAfter(after, 1_000_000).map(({ seq }) => seq);

describe.each(logs)("ShardLog in $name", ({ withLog }) => {
  it("is empty at first", () =>
    withLog((log) => {
      expect(log.last()).toMatchObject({ seq: 0, loggedAtMs: 0 });
      expect([log.archived().read(), log.posted("REPORT_DB").read(), log.life().read()]).toEqual([null, null, null]);
      expect(seqs(log)).toEqual([]);
      expect(log.waitingAfter(0)).toEqual({ rows: 0, chars: 0, oldestReceivedAtMs: null, oldestLoggedAtMs: null });
    }));

  it("keeps rows and their events in order", () =>
    withLog((log) => {
      log.append(1, NOON_MS + 1, [anEntry("a"), anEntry("b")]);
      log.append(2, NOON_MS + 2, [anEntry("c")]);
      expect(log.last()).toMatchObject({ seq: 2, loggedAtMs: NOON_MS + 2 });
      const rows = log.rowsAfter(0, 1_000_000);
      const events = rows
        .flatMap((row) => row.entries())
        .map((entry) => [entry.seq, entry.loggedAtMs, isTokenEntry(entry) && entry.claims.jti]);
      expect(events).toEqual([
        [1, NOON_MS + 1, "a"],
        [1, NOON_MS + 1, "b"],
        [2, NOON_MS + 2, "c"],
      ]);
      expect(seqs(log, 1)).toEqual([2]);
      expect(log.rowsAfter(0, 1).map(({ seq }) => seq)).toEqual([1]);
    }));

  it("tells what waits after a cursor", () =>
    withLog((log) => {
      log.append(1, NOON_MS + 10, [anEntry("a", NOON_MS + 9)]);
      log.append(2, NOON_MS + 20, [anEntry("b", NOON_MS + 5), anEntry("c", NOON_MS + 6)]);
      expect(log.waitingAfter(0)).toMatchObject({
        rows: 2,
        oldestReceivedAtMs: NOON_MS + 5,
        oldestLoggedAtMs: NOON_MS + 10,
      });
      expect(log.waitingAfter(1)).toMatchObject({
        rows: 1,
        oldestReceivedAtMs: NOON_MS + 5,
        oldestLoggedAtMs: NOON_MS + 20,
      });
      expect(log.waitingAfter(2)).toMatchObject({ rows: 0, chars: 0 });
    }));

  it("continues from the highest number ever used when it has been emptied", () =>
    withLog((log) => {
      log.append(1, NOON_MS, [anEntry("a")]);
      log.append(2, NOON_MS + 7, [anEntry("b")]);
      log.trim(placeOf(1, NOON_MS));
      expect(seqs(log)).toEqual([2]);
      log.trim(placeOf(2, NOON_MS + 7));
      expect(seqs(log)).toEqual([]);
      expect(log.last()).toMatchObject({ seq: 2, loggedAtMs: NOON_MS + 7 });
      expect(log.tail()).toEqual(placeOf(2, NOON_MS + 7));
      log.trim(placeOf(2, NOON_MS + 7));
      expect(log.last()).toMatchObject({ seq: 2, loggedAtMs: NOON_MS + 7 });
    }));

  it("leaves nothing of a transaction that throws", () =>
    withLog((log, transaction) => {
      log.append(1, NOON_MS, [anEntry("a")]);
      log.archived().write(placeOf(1, NOON_MS));
      const before = log.last();
      const fail = () =>
        transaction(() => {
          log.append(2, NOON_MS + 1, [anEntry("b")]);
          log.archived().write(placeOf(2, NOON_MS));
          log.trim(placeOf(1, NOON_MS));
          throw new Error("crash");
        });
      expect(fail).toThrow("crash");
      expect(seqs(log)).toEqual([1]);
      expect(log.archived().read()).toEqual(placeOf(1, NOON_MS));
      expect(log.tail().seq).toBe(0);
      expect(log.last()).toEqual(before);
    }));
});

it("a read that ends at its bound leaves no statement open: an expired table of keys can be dropped behind it", () =>
  runInDurableObject(env.EVENT_SHARD.getByName(`shard-log-${serial++}`), (_, { storage }) => {
    const log = new LogStore(storage.sql, RULES);
    for (const seq of [1, 2, 3]) log.append(seq, NOON_MS + seq, [anEntry(`read-${seq}`)]);
    expect(log.rowsAfter(0, 1).map(({ seq }) => seq)).toEqual([1]);
    storage.sql.exec("CREATE TABLE seen_1 (key BLOB NOT NULL PRIMARY KEY) STRICT");
    storage.sql.exec("DROP TABLE seen_1");
    expect(log.rowsAfter(1, 1).map(({ seq }) => seq)).toEqual([2]);
  }));

it("reads the same whichever of its two tables a row is in, through trims, rollbacks and new objects", () =>
  runInDurableObject(env.EVENT_SHARD.getByName(`shard-log-${serial++}`), (_, { storage }) => {
    const chance = new Chance(7, "log");
    let log = new LogStore(storage.sql, RULES);
    let [last, tail] = [0, 0];
    const held = new Set<string>();
    for (let step = 0; step < 400; step++) {
      const count = chance.between(0, 4);
      const upTo = chance.is(0.3) ? chance.between(tail, last + 1) : tail;
      const isRolledBack = chance.is(0.2);
      const change = () => {
        for (let n = 1; n <= count; n++) log.append(last + n, NOON_MS + last + n, [anEntry(`t-${last + n}`)]);
        if (upTo > tail) log.trim(placeOf(upTo, NOON_MS + upTo));
        if (isRolledBack) throw new Error("crash");
      };
      if (isRolledBack) expect(() => storage.transactionSync(change)).toThrow("crash");
      else {
        storage.transactionSync(change);
        [last, tail] = [last + count, upTo];
      }
      if (chance.is(0.1)) log = new LogStore(storage.sql, RULES);
      const expected = Array.from({ length: last - tail }, (__, at) => tail + 1 + at);
      expect(seqs(log)).toEqual(expected);
      expect([log.last().seq, log.waitingAfter(0).rows, log.tail().seq]).toEqual([last, last - tail, tail]);
      const tables = storage.sql.exec("SELECT 'a' AS name FROM log_a UNION ALL SELECT 'b' FROM log_b").toArray();
      held.add(new Set(tables.map(({ name }) => name)).size === 2 ? "both" : "one");
    }
    expect(held.size).toBe(2);
  }));

it("trims for a few rows billed, however many rows it has", () =>
  runInDurableObject(env.EVENT_SHARD.getByName(`shard-log-${serial++}`), (_, { storage }) => {
    const cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = [];
    const exec = (query: string, ...values: SqlStorageValue[]) => {
      const cursor = storage.sql.exec(query, ...values);
      cursors.push(cursor);
      return cursor;
    };
    const log = new LogStore({ exec } as unknown as SqlStorage, RULES);
    const written = (work: () => void) => {
      cursors.length = 0;
      work();
      return cursors.reduce((sum, { rowsWritten }) => sum + rowsWritten, 0);
    };
    for (let seq = 1; seq <= 200; seq++) log.append(seq, NOON_MS + seq, [anEntry(`w-${seq}`)]);
    // The tail alone: the table has rows that are still of the log.
    expect(written(() => log.trim(placeOf(150, NOON_MS + 150)))).toBe(1);
    expect(written(() => log.append(201, NOON_MS + 201, [anEntry("w-201")]))).toBe(1);
    // The tail, and a table that is made again.
    expect(written(() => log.trim(placeOf(200, NOON_MS + 200)))).toBe(1 + ROWS_OF_TABLE);
    // The tail, and the one row of the other.
    expect(written(() => log.trim(placeOf(201, NOON_MS + 201)))).toBe(1 + 1);
    expect(storage.sql.exec("SELECT count(*) AS rows FROM log").one()).toEqual({ rows: 0 });
  }));

it("a trim that fails between any two statements leaves the log as it was, also where a table was dropped", () =>
  runInDurableObject(env.EVENT_SHARD.getByName(`shard-log-${serial++}`), (_, { storage }) => {
    const fill = (log: LogStore, from: number, to: number) => {
      for (let seq = from; seq <= to; seq++) log.append(seq, NOON_MS + seq, [anEntry(`c-${seq}`)]);
    };
    const state = (log: LogStore) => [seqs(log), log.last(), log.tail(), log.waitingAfter(0)];
    fill(new LogStore(storage.sql, RULES), 1, 10);
    const trim = (sql: SqlStorage, isDone: boolean) =>
      storage.transactionSync(() => {
        const log = new LogStore(sql, RULES);
        // Into the other table, and past the first, which is dropped and made again.
        log.trim(placeOf(5, NOON_MS + 5));
        fill(log, 11, 12);
        log.trim(placeOf(10, NOON_MS + 10));
        if (!isDone) throw new InjectedFault("before the commit");
      });
    const before = state(new LogStore(storage.sql, RULES));
    const whole = throwingSql(storage.sql, Number.POSITIVE_INFINITY);
    expect(() => trim(whole.sql, false)).toThrow(InjectedFault);
    expect(whole.count()).toBeGreaterThan(20);
    for (let failAt = 0; failAt < whole.count(); failAt++) {
      expect(() => trim(throwingSql(storage.sql, failAt).sql, true)).toThrow(InjectedFault);
      expect(state(new LogStore(storage.sql, RULES))).toEqual(before);
    }
    trim(storage.sql, true);
    expect(seqs(new LogStore(storage.sql, RULES))).toEqual([11, 12]);
    expect(storage.sql.exec("SELECT count(*) AS rows FROM log_a").one()).toEqual({ rows: 0 });
  }));
