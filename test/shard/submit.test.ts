/** Submissions are decided once, all or nothing, and remembered for as long as promised. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { encodeConversion } from "../../src/core/conversion.ts";
import { encodeImpressionCounts } from "../../src/core/impression-counts.ts";
import { CORRECTIONS_PER_ORDER_MAX, DAY_MS, MINUTE_MS } from "../../src/core/limits.ts";
import { isConversionEntry, type LogEntry } from "../../src/core/log-line.ts";
import { orderKeyOf } from "../../src/core/order.ts";
import { CountsShard } from "../../src/shard/counts-shard.ts";
import { OrderShard } from "../../src/shard/order-shard.ts";
import { LogStore } from "../../src/shard/sqlite-shard-log.ts";
import { SqliteSubmissionBook } from "../../src/shard/sqlite-submission-book.ts";
import { periodOf } from "../../src/shard/submit.ts";
import { submitConversions } from "../../src/shard/submit-conversions.ts";
import { submitCounts, type Upload } from "../../src/shard/submit-counts.ts";
import { NOON_MS } from "../support/builders.ts";
import { PATIENT } from "../support/patience.ts";
import { RULES } from "../support/rules.ts";
import { aClickIdentity, aConversion, someCounts } from "../support/submissions.ts";
import { InjectedFault, throwingSql } from "../support/throwing-sql.ts";

type Shard = DurableObjectStub<OrderShard> | DurableObjectStub<CountsShard>;
type Overrides = Parameters<typeof aConversion>[0];

const FIRST = aClickIdentity();
const LATER = aClickIdentity({ clickedAtMs: NOON_MS + 5 * MINUTE_MS });

const ordersNamed = (name: string) => env.ORDER_SHARD.getByName(name);
const countsNamed = (name: string) => env.COUNTS_SHARD.getByName(name);
const encoded = (overrides: Overrides = {}, click = FIRST) =>
  encodeConversion(aConversion({ occurredAtMs: NOON_MS + 10 * MINUTE_MS, ...overrides }, click));
const correction = (valueMicros: number) => encoded({ action: "correct", valueMicros });
const status = (name: string) => ({ status: name });

function anUpload(
  overrides: Partial<Upload> = {},
  rows = [someCounts(), someCounts({ row: 1, adId: "ad_2" })],
): Upload {
  return { key: "b".repeat(32), content: "content_1", encodedRows: rows.map(encodeImpressionCounts), ...overrides };
}

function entriesOf(shard: Shard): Promise<LogEntry[]> {
  return runInDurableObject(shard, (_, { storage }) =>
    new LogStore(storage.sql).rowsAfter(0, Number.MAX_SAFE_INTEGER).flatMap((row) => row.entries()),
  );
}

/** Reasons of the conversions in the log, or their verdicts where there is none. */
async function logged(shard: Shard): Promise<string[]> {
  return (await entriesOf(shard)).map(({ verdict, reason }) => reason ?? verdict);
}

afterEach(() => void vi.useRealTimers());

describe("a conversion", () => {
  it("is logged once, whatever is sent again, also after eviction", async () => {
    const shard = ordersNamed("orders-once");
    expect(await shard.convert([encoded()])).toEqual([status("recorded")]);
    expect(await shard.convert([encoded(), encoded()])).toEqual([status("repeated"), status("repeated")]);
    await evictDurableObject(shard);
    expect(await ordersNamed("orders-once").convert([encoded()])).toEqual([status("repeated")]);
    const [entry, ...others] = await entriesOf(ordersNamed("orders-once"));
    expect(others).toEqual([]);
    expect(entry).toMatchObject({ verdict: "valid", prior: null, next: { valueMicros: 5_000_000 } });
  });

  it("sees the rows before it in one call", async () => {
    const shard = ordersNamed("orders-one-call");
    const outcomes = await shard.convert([
      encoded(),
      encoded(),
      encoded({}, LATER),
      encoded({ orderId: "B" }),
      correction(-2_000_000),
      encoded({ valueMicros: 1 }),
      correction(-2_000_000),
    ]);
    expect(outcomes).toEqual([
      status("recorded"),
      status("repeated"),
      status("reattributed"),
      status("recorded"),
      status("corrected"),
      { conflict: "order_conflict" },
      status("repeated"),
    ]);
    const lines = (await entriesOf(shard)).filter(isConversionEntry);
    expect(lines.map(({ event, prior, next }) => [event.orderId, prior?.valueMicros, next?.valueMicros])).toEqual([
      ["A-1001", undefined, 5_000_000],
      ["A-1001", 5_000_000, 5_000_000],
      ["B", undefined, 5_000_000],
      ["A-1001", 5_000_000, 3_000_000],
    ]);
  });

  it("that contradicts an earlier word changes nothing and logs nothing, while its neighbours count", async () => {
    const shard = ordersNamed("orders-conflict");
    await shard.convert([encoded(), correction(-1)]);
    const before = await dumpOf(shard);
    const refused = [encoded({ valueMicros: 1 }), correction(-2), encoded({ orderId: "unknown", action: "retract" })];
    expect(await shard.convert(refused)).toEqual([
      { conflict: "order_conflict" },
      { conflict: "correction_conflict" },
      { conflict: "order_unknown" },
    ]);
    expect(await dumpOf(shard)).toBe(before);
    expect(await shard.convert([...refused, encoded({ action: "retract" })])).toContainEqual(status("retracted"));
    expect(await shard.convert([encoded({}, LATER)])).toEqual([{ conflict: "order_retracted" }]);
    expect(await logged(shard)).toEqual(["valid", "corrected", "retracted"]);
  });

  it("is credited to one of many calls at once", async () => {
    const shard = ordersNamed("orders-concurrent");
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => shard.convert([encoded()])));
    expect(outcomes.flat().filter((outcome) => "status" in outcome && outcome.status === "recorded")).toHaveLength(1);
    expect(await logged(shard)).toEqual(["valid"]);
  });

  it("that is not credited is logged with its reason, and once", async () => {
    const shard = ordersNamed("orders-uncredited");
    const old = aClickIdentity({ clickedAtMs: NOON_MS - 30 * DAY_MS });
    expect(await shard.convert([encoded({}, old), encoded({}, old)])).toEqual([
      status("not_attributed"),
      status("repeated"),
    ]);
    expect(await logged(shard)).toEqual(["outside_window"]);
  });

  it("[attack 2] that cannot be decided stands in no other's way: it alone is named, and nothing of it stays", async () => {
    const shard = ordersNamed("orders-unreadable");
    const rows = [encoded(), "{}", encoded({ orderId: "B" }), encoded({ orderId: "C" }), "[", encoded()];
    const undecidable = { failure: "undecidable" };
    expect(await shard.convert(rows)).toEqual([
      ...[status("recorded"), undecidable, status("recorded"), status("recorded"), undecidable, status("repeated")],
    ]);
    expect(await logged(shard)).toEqual(["valid", "valid", "valid"]);
    expect(await shard.convert(["{}"])).toEqual([undecidable]);
    expect(await shard.convert([])).toEqual([]);
  });

  it("is refused while the log is full, and taken once it is posted and archived", () =>
    runInDurableObject(ordersNamed("orders-overload"), async (_, state) => {
      const shard = new OrderShard(state, { ...env, LOG_BACKLOG_CHARS_MAX: "1000", ARCHIVE_INTERVAL_MS: "100" });
      const [one, two] = [encoded({ orderId: "full_1" }), encoded({ orderId: "full_2" })];
      expect(await shard.convert([one, two])).toEqual([status("recorded"), status("recorded")]);
      await expect(shard.convert([encoded({ orderId: "full_3" })])).rejects.toThrow("shard_overloaded");
      await vi.waitFor(async () => {
        await shard.sweep();
        expect(await shard.convert([encoded({ orderId: "full_3" })])).toEqual([status("recorded")]);
      }, PATIENT);
    }));
});

describe("an upload of counts", () => {
  it("is counted once, however often it is sent, also after eviction", async () => {
    const shard = countsNamed("counts-once");
    expect(await shard.upload(anUpload())).toBe("counted");
    expect(await shard.upload(anUpload())).toBe("repeated");
    await evictDurableObject(shard);
    expect(await countsNamed("counts-once").upload(anUpload())).toBe("repeated");
    const rows = await entriesOf(countsNamed("counts-once"));
    expect(rows.map(({ event, verdict, reason }) => [event.type, verdict, reason])).toEqual([
      ["impression_counts", "valid", null],
      ["impression_counts", "valid", null],
    ]);
  });

  it("with other content under its name is a conflict, and changes nothing", async () => {
    const shard = countsNamed("counts-conflict");
    await shard.upload(anUpload());
    const before = await dumpOf(shard);
    expect(await shard.upload(anUpload({ content: "content_2" }))).toBe("batch_conflict");
    expect(await dumpOf(shard)).toBe(before);
    expect(await shard.upload(anUpload({ key: "c".repeat(32), content: "content_2" }))).toBe("counted");
  });

  it("is refused while the log is full", () =>
    runInDurableObject(countsNamed("counts-overload"), async (_, state) => {
      const shard = new CountsShard(state, { ...env, LOG_BACKLOG_CHARS_MAX: "1000" });
      expect(await shard.upload(anUpload())).toBe("counted");
      await expect(shard.upload(anUpload({ key: "c".repeat(32) }))).rejects.toThrow("shard_overloaded");
    }));

  it("with one row that cannot be read counts none, and is not taken for known", async () => {
    const shard = countsNamed("counts-unreadable");
    const { encodedRows } = anUpload();
    const broken = anUpload({ encodedRows: [...encodedRows, "{}"] });
    expect(
      await runInDurableObject(shard, (instance: CountsShard) => instance.upload(broken).then(String, String)),
    ).toContain("readable");
    expect(await entriesOf(shard)).toEqual([]);
    expect(await shard.upload(anUpload())).toBe("counted");
  });
});

/** Every row of every table, as text. */
function dump(sql: SqlStorage): string {
  const tables = sql
    .exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    .toArray()
    .filter(({ name }) => !name.startsWith("_cf"));
  const bytes = (_: string, value: unknown) =>
    value instanceof ArrayBuffer ? Array.from(new Uint8Array(value)) : value;
  return JSON.stringify(
    tables.map(({ name }) => [name, sql.exec(`SELECT * FROM ${name}`).toArray()]),
    bytes,
  );
}

function dumpOf(shard: Shard): Promise<string> {
  return runInDurableObject(shard, (_, { storage }) => dump(storage.sql));
}

describe("a crash between any two statements", () => {
  const monthLaterMs = NOON_MS + 31 * DAY_MS;
  const conversions = [
    encoded({}, LATER),
    encoded({ orderId: "new" }),
    encoded({ orderId: "new" }),
    encoded({ valueMicros: 1 }),
    correction(-1),
  ];
  it.each([
    [
      "of a call of conversions",
      (ports: Parameters<typeof submitConversions>[1]) => submitConversions(conversions, ports, monthLaterMs),
    ],
    ["of an upload", (ports: Parameters<typeof submitCounts>[1]) => submitCounts(anUpload(), ports, monthLaterMs)],
  ])("%s leaves nothing half done", (name, submit) =>
    runInDurableObject(ordersNamed(`crash ${name}`), (_, { storage }) => {
      const portsOn = (sql: SqlStorage) => ({ log: new LogStore(sql, RULES), book: new SqliteSubmissionBook(sql) });
      // An order of an earlier period, so that the call writes to two tables and makes one.
      storage.transactionSync(() => submitConversions([encoded()], portsOn(storage.sql), NOON_MS));
      const before = dump(storage.sql);
      let failAt = 0;
      for (; failAt < 100; failAt++) {
        const { sql } = throwingSql(storage.sql, failAt);
        try {
          storage.transactionSync(() => submit(portsOn(sql)));
          break;
        } catch (fault) {
          expect(fault).toBeInstanceOf(InjectedFault);
          expect(dump(storage.sql)).toBe(before);
        }
      }
      // It ended because a run got through, after failing before each of its statements.
      expect(failAt).toBeGreaterThan(5);
      expect(dump(storage.sql)).not.toBe(before);
    }),
  );
});

describe("the object", () => {
  /** A book that takes no state: the log is written before it. */
  async function breakBook(shard: { sweep(): Promise<unknown> }, { storage }: DurableObjectState): Promise<string> {
    storage.sql.exec(
      `CREATE TABLE book_${periodOf(Date.now())} (key BLOB PRIMARY KEY, state TEXT CHECK (length(state) < 5))`,
    );
    await shard.sweep();
    return dump(storage.sql);
  }

  it("of orders takes everything back when the last statement of convert fails", () =>
    runInDurableObject(ordersNamed("orders-fault"), async (shard: OrderShard, state) => {
      const before = await breakBook(shard, state);
      const undecidable = { failure: "undecidable" };
      expect(await shard.convert([encoded(), encoded({ orderId: "B" })])).toEqual([undecidable, undecidable]);
      expect(dump(state.storage.sql)).toBe(before);
    }));

  it("of counts takes everything back when the last statement of upload fails", () =>
    runInDurableObject(countsNamed("counts-fault"), async (shard: CountsShard, state) => {
      const before = await breakBook(shard, state);
      expect(await shard.upload(anUpload()).catch(String)).toContain("CHECK constraint failed");
      expect(dump(state.storage.sql)).toBe(before);
    }));

  it.each([
    ["orders", OrderShard, ["convert", "status", "sweep", "seal", "archiveNow", "alarm"]],
    ["counts", CountsShard, ["upload", "status", "sweep", "seal", "archiveNow", "alarm"]],
  ])("of %s has its own calls and no other's", (_, { prototype }, calls) => {
    expect(Object.getOwnPropertyNames(prototype).sort()).toEqual(["constructor", ...calls].sort());
  });
});

describe("what was submitted", () => {
  /** Sweeps the shard as if it were so many days from now. */
  async function sweptAfter(days: number, shard: Shard, startMs: number): Promise<void> {
    vi.useFakeTimers({ toFake: ["Date"], now: startMs + days * DAY_MS });
    await shard.sweep();
    // The first may have joined a flush that began before.
    await shard.sweep();
  }

  it("is remembered for 400 days at least, and forgotten in the month after", async () => {
    const [orders, counts] = [ordersNamed("orders-forgotten"), countsNamed("counts-forgotten")];
    const startMs = Date.now();
    await orders.convert([encoded()]);
    await counts.upload(anUpload());
    for (const shard of [orders, counts]) await sweptAfter(400, shard, startMs);
    expect(await orders.convert([encoded()])).toEqual([status("repeated")]);
    expect(await counts.upload(anUpload())).toBe("repeated");
    for (const shard of [orders, counts]) await sweptAfter(431, shard, startMs);
    expect(await orders.convert([encoded({ action: "retract" })])).toEqual([{ conflict: "order_unknown" }]);
    expect(await counts.upload(anUpload())).toBe("counted");
  });

  it("[attack 19] is remembered as long as a click id that was credited late, and longer than its first", async () => {
    const shard = ordersNamed("orders-credited-late");
    const startMs = Date.now();
    await shard.convert([encoded({ windowDays: 400 })]);
    await sweptAfter(300, shard, startMs);
    const late = aClickIdentity({ clickedAtMs: startMs + 299 * DAY_MS });
    const credited = encoded({ occurredAtMs: startMs + 300 * DAY_MS }, late);
    expect(await shard.convert([credited])).toEqual([status("reattributed")]);
    await sweptAfter(431, shard, startMs);
    expect(await shard.convert([credited])).toEqual([status("repeated")]);
    await sweptAfter(699, shard, startMs);
    expect(await shard.convert([credited])).toEqual([status("repeated")]);
    await sweptAfter(731, shard, startMs);
    expect(await shard.convert([encoded({ action: "retract" })])).toEqual([{ conflict: "order_unknown" }]);
  });
});

describe("[attack 2] one call that touches hundreds of orders, each with all corrections that it may have", () => {
  it("is decided, and so is the next", () =>
    runInDurableObject(ordersNamed("orders-of-one-attacker"), async (shard: OrderShard, { storage }) => {
      const names = Array.from({ length: 700 }, (_, index) => `aimed-${index}`);
      const corrections = Array.from({ length: CORRECTIONS_PER_ORDER_MAX }, (_, at) => [
        String(at).padEnd(22, "x"),
        -1,
      ]);
      const first = aConversion();
      const credit = { clickId: first.clickId, clickedAtMs: first.click.clickedAtMs, occurredAtMs: first.occurredAtMs };
      const valueMicros = first.valueMicros;
      const state = JSON.stringify({
        ...{ valueMicros, netMicros: valueMicros - 100, credit, isRetracted: false, clicks: [first.click.eventId] },
        corrections: Object.fromEntries(corrections),
      });
      expect(names.length * state.length).toBeGreaterThan(2_000_000);
      const book = new SqliteSubmissionBook(storage.sql);
      book.put(new Map(names.map((orderId) => [orderKeyOf({ ...first, orderId }), state])), periodOf(NOON_MS));
      const all = names.map((orderId) => encoded({ orderId }, LATER));
      expect(new Set((await shard.convert(all)).map((outcome) => JSON.stringify(outcome)))).toEqual(
        new Set(['{"status":"reattributed"}']),
      );
      expect(await shard.convert([encoded({ orderId: "somebody else's" })])).toEqual([status("recorded")]);
    }));
});
