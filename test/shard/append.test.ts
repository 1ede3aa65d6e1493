/** Appending to a shard's log: rows of bounded length, in order, numbered without gaps. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { encodeConversion } from "../../src/core/conversion.ts";
import { LOG_ROW_CHARS_MAX } from "../../src/core/limits.ts";
import { isConversionEntry } from "../../src/core/log-line.ts";
import type { Credit } from "../../src/core/order.ts";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import { appendEntries } from "../../src/shard/append.ts";
import type { NewEntry } from "../../src/shard/shard-log.ts";
import { LogStore } from "../../src/shard/sqlite-shard-log.ts";
import { anOpenedClick, NOON_MS } from "../support/builders.ts";
import { RULES } from "../support/rules.ts";
import { aClickIdentity, aConversion } from "../support/submissions.ts";

let serial = 0;

/** Runs `use` on the log of a new shard. */
function withLog(use: (log: LogStore) => void): Promise<void> {
  return runInDurableObject(env.EVENT_SHARD.getByName(`append-${serial++}`), (_, { storage }) =>
    use(new LogStore(storage.sql, RULES)),
  );
}

function anEntry(jti: string, userAgent = ""): NewEntry {
  const opened = anOpenedClick({ userAgent }, { jti });
  return {
    content: { ...opened, verdict: "valid", reason: null, review: null },
    encoded: encodeTokenEvent(opened.event),
  };
}

/** A conversion that moves from one click of full length to another. */
function aMove(orderId: string): NewEntry {
  const longest = "a".repeat(64);
  const ids = { advertiserId: longest, campaignId: longest, adGroupId: longest, adId: longest };
  const click = aClickIdentity({ ...ids, publisherId: longest, creativeId: longest });
  const event = aConversion({ orderId }, click);
  const credit: Credit = { clickId: event.clickId, click, valueMicros: 1e12, occurredAtMs: event.occurredAtMs };
  const content = { event, verdict: "valid", reason: "later_click", prior: credit, next: credit } as const;
  return { content, encoded: encodeConversion(event) };
}

const rowsOf = (log: LogStore) => log.rowsAfter(0, Number.MAX_SAFE_INTEGER);

describe("appending", () => {
  it("makes one row of what fits into one, and returns its characters", () =>
    withLog((log) => {
      const chars = appendEntries(log, [anEntry("a"), anEntry("b")], NOON_MS);
      const [row, ...others] = rowsOf(log);
      expect(others).toEqual([]);
      expect(row).toMatchObject({ seq: 1, loggedAtMs: NOON_MS, chars });
      expect(row?.lines().length).toBe(chars);
    }));

  it("splits rows below their bound, and keeps the entries' order and the numbers' sequence", () =>
    withLog((log) => {
      appendEntries(log, [anEntry("first")], NOON_MS - 1);
      const entries = Array.from({ length: 1_500 }, (_, at) => anEntry(`j_${at}`, "u".repeat(500)));
      const chars = appendEntries(log, entries, NOON_MS);
      const rows = rowsOf(log).slice(1);
      expect(rows.length).toBeGreaterThan(2);
      expect(rows.map(({ seq }) => seq)).toEqual(rows.map((_, at) => at + 2));
      for (const row of rows) expect(row.chars).toBeLessThanOrEqual(LOG_ROW_CHARS_MAX);
      expect(rows.reduce((sum, row) => sum + row.chars, 0)).toBe(chars);
      const events = rows.flatMap((row) => row.entries().map(({ event }) => event.id));
      expect(events).toEqual(entries.map(({ content }) => content.event.id));
    }));

  it("counts both credits of a conversion, at their longest", () =>
    withLog((log) => {
      const moves = Array.from({ length: 600 }, (_, at) => aMove(`order_${at}`));
      appendEntries(log, moves, NOON_MS);
      const rows = rowsOf(log);
      expect(rows.length).toBeGreaterThan(1);
      for (const row of rows) expect(row.chars).toBeLessThanOrEqual(LOG_ROW_CHARS_MAX);
      const orders = rows.flatMap((row) => row.entries().filter(isConversionEntry));
      expect(orders.map(({ event }) => event.orderId)).toEqual(moves.map((_, at) => `order_${at}`));
    }));

  it("gives an entry that is longer than a row a row of its own", () =>
    withLog((log) => {
      const long = { ...anEntry("long"), encoded: anEntry("long").encoded.padEnd(LOG_ROW_CHARS_MAX + 1) };
      appendEntries(log, [anEntry("a"), long, anEntry("b")], NOON_MS);
      expect(rowsOf(log).map((row) => row.entries().length)).toEqual([1, 1, 1]);
    }));

  it("does not let its time go back, even if the clock does", () =>
    withLog((log) => {
      appendEntries(log, [anEntry("a")], NOON_MS);
      appendEntries(log, [anEntry("b")], NOON_MS - 60_000);
      expect(rowsOf(log).map(({ loggedAtMs }) => loggedAtMs)).toEqual([NOON_MS, NOON_MS]);
    }));

  it("of nothing writes nothing", () =>
    withLog((log) => {
      expect(appendEntries(log, [], NOON_MS)).toBe(0);
      expect(log.last()).toEqual({ seq: 0, loggedAtMs: 0 });
    }));
});
