/** Submissions reach the report database and the archive: credits move between windows that are long rolled. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { encodeConversion } from "../../src/core/conversion.ts";
import { widenFacts } from "../../src/core/facts.ts";
import { encodeImpressionCounts } from "../../src/core/impression-counts.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../src/core/limits.ts";
import { decodeLogLine, type LogEntry } from "../../src/core/log-line.ts";
import { rollAll } from "../../src/facts/roll.ts";
import type { OrderShard } from "../../src/shard/order-shard.ts";
import { LogStore } from "../../src/shard/sqlite-shard-log.ts";
import { anEncodedEvent, NOON_MS } from "../support/builders.ts";
import { archivedLines } from "../support/flush-harness.ts";
import { fold } from "../support/folding.ts";
import { canonical, readFacts } from "../support/read-facts.ts";
import { aClickIdentity, aConversion, someCounts } from "../support/submissions.ts";
import { updateLog } from "../support/update-log.ts";

type Shard = DurableObjectStub<OrderShard>;

/** Makes what waits due for the archive, and flushes. */
async function flushed(shard: { sweep(): Promise<unknown> }): Promise<void> {
  await runInDurableObject(shard as Shard, (_, { storage }) => {
    updateLog(storage.sql, "SET logged_at_ms = 1");
  });
  await shard.sweep();
}

async function logged(shards: readonly string[]): Promise<LogEntry[]> {
  const lines = await Promise.all(shards.map(archivedLines));
  return lines.flat().map(decodeLogLine);
}

describe("conversions and counts", () => {
  it("reach the minute, the hour and the day of an old click, all of them rolled before", async () => {
    const orders = env.ORDER_SHARD.getByName("orders-1");
    const click = aClickIdentity();
    const later = aClickIdentity({ clickedAtMs: NOON_MS + 2 * HOUR_MS, campaignId: "cmp_8", adId: "ad_8" });
    const occurredAtMs = NOON_MS + DAY_MS + 3 * MINUTE_MS;
    const told = (overrides: Parameters<typeof aConversion>[0], of = click) =>
      encodeConversion(aConversion({ occurredAtMs, ...overrides }, of));

    // Clicks of that day and of the next are there, and their hours and days are rolled, when the conversions come.
    const clicks = env.EVENT_SHARD.getByName("clicks-1");
    const counted = [NOON_MS + 1_000, NOON_MS + DAY_MS].map((atMs) => ({
      receivedAtMs: atMs,
      acceptedAtMs: Date.now(),
    }));
    const lives = counted.map(({ receivedAtMs }) => ({
      iat: receivedAtMs / 1_000 - 1,
      exp: receivedAtMs / 1_000 + 60,
    }));
    await clicks.ingest(counted.map((event, at) => anEncodedEvent(event, { jti: `imp_${at}`, ...lives[at] })));
    await flushed(clicks as unknown as Shard);
    await rollAll(env.REPORT_DB, NOON_MS + 10 * DAY_MS);
    expect((await readFacts(env.REPORT_DB, "day")).size).toBe(2);

    const sent = [
      [told({ orderId: "A" }), told({ orderId: "B" }), told({ orderId: "C" }), told({ orderId: "D" })],
      [told({ orderId: "B" }, later), told({ orderId: "C", action: "correct", valueMicros: -2_000_000 })],
      [told({ orderId: "D", action: "retract" }), told({ orderId: "A" })],
    ];
    for (const call of sent) {
      await orders.convert(call);
      await flushed(orders);
      const minutes = fold(await logged(["clicks-1", "orders-1"]));
      expect(canonical(await readFacts(env.REPORT_DB, "minute"))).toBe(canonical(minutes));
      expect(canonical(await readFacts(env.REPORT_DB, "hour"))).toBe(canonical(widenFacts(minutes, 60)));
      expect(canonical(await readFacts(env.REPORT_DB, "day"))).toBe(canonical(widenFacts(minutes, 1_440)));
    }
    const { results } = await env.REPORT_DB.prepare(
      `SELECT day * 86400000 AS day_ms, ad_id, sum(conversions) AS conversions, sum(conversion_value_micros) AS value,
         sum(conversions_by_time) AS by_time, sum(conversion_value_by_time_micros) AS value_by_time
       FROM facts_day GROUP BY 1, 2 ORDER BY 1, 2`,
    ).all();
    const midnightMs = NOON_MS - DAY_MS / 2;
    const none = { conversions: 0, value: 0, by_time: 0, value_by_time: 0 };
    expect(results).toEqual([
      { ...none, day_ms: midnightMs, ad_id: "ad_8", conversions: 1, value: 5_000_000 },
      { ...none, day_ms: midnightMs, ad_id: "ad_9", conversions: 2, value: 8_000_000 },
      { ...none, day_ms: midnightMs + DAY_MS, ad_id: "ad_8", by_time: 1, value_by_time: 5_000_000 },
      { ...none, day_ms: midnightMs + DAY_MS, ad_id: "ad_9", by_time: 2, value_by_time: 8_000_000 },
    ]);
  });

  it("are posted by the shard's own alarm, and their log is emptied when it is archived", async () => {
    const shard = env.COUNTS_SHARD.getByName("counts-1");
    const rows = [someCounts({ adId: "ad_counts" }), someCounts({ adId: "ad_counts", row: 1, device: "tv" })];
    const encodedRows = rows.map(encodeImpressionCounts);
    await shard.upload({ key: "d".repeat(32), content: "c", encodedRows });
    expect(await runDurableObjectAlarm(shard)).toBe(true);
    const row = await env.REPORT_DB.prepare(
      "SELECT impressions, gross_impressions, gross, json_extract(reasons, '$.\"impression.filtered_by_sender\"') AS filtered FROM facts_minute WHERE ad_id = 'ad_counts'",
    ).first();
    expect(row).toEqual({ impressions: 2_000, gross_impressions: 2_200, gross: 0, filtered: 200 });
    expect(await shard.status()).toMatchObject({ lastSeq: 1, postedSeq: 1, oldestUnseenReceivedAtMs: null });
    await flushed(shard);
    expect(await archivedLines("counts-1")).toHaveLength(2);
    await runInDurableObject(shard, (_, { storage }) => {
      expect(new LogStore(storage.sql).rowsAfter(0, 1)).toEqual([]);
    });
    expect(await shard.upload({ key: "d".repeat(32), content: "c", encodedRows })).toBe("repeated");
  });
});
