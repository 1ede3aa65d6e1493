/** Late clicks leave the review list when nothing can be decided on them any more: all of them, in bounded steps. */
import { createScheduledController } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { dropLateClicks } from "../../src/batch/retention.ts";
import { readConfig } from "../../src/config.ts";
import { makeEventId } from "../../src/core/event-id.ts";
import { ADVERTISER_BUCKETS, HOUR_MS, MINUTE_MS } from "../../src/core/limits.ts";
import { advertiserBucketOf } from "../../src/core/routing.ts";
import worker from "../../src/index.ts";
import { NOON_MS } from "../support/builders.ts";
import { wipeFacts } from "../support/wipe-facts.ts";

const config = readConfig(env);
if (config instanceof Error) throw config;
const { dedupHorizonMs } = config;
const PAST_MS = NOON_MS - dedupHorizonMs;
const BUCKETS = Array.from({ length: ADVERTISER_BUCKETS }, (_, bucket) => bucket);

/** Puts late clicks on the list: every third of them decided. */
async function list(advertiser: string, count: number, receivedAtMs: (n: number) => number): Promise<void> {
  const rows = Array.from({ length: count }, (_, n) => {
    const random = new Uint8Array(8);
    new DataView(random.buffer).setUint32(0, n);
    return [
      makeEventId({ receivedAtMs: receivedAtMs(n), routingHash: n }, random),
      receivedAtMs(n),
      n % 3 === 0 ? "valid" : "late",
    ];
  });
  await env.REPORT_DB.batch([
    env.REPORT_DB.prepare(
      "INSERT OR IGNORE INTO advertisers (advertiser_id, bucket, first_seen_ms) VALUES (?1, ?2, 0)",
    ).bind(advertiser, advertiserBucketOf(advertiser)),
    env.REPORT_DB.prepare(
      `INSERT INTO late_clicks (advertiser_id, event_id, campaign_id, ad_id, publisher_id, shard, clicks, cpc_micros,
         occurred_at_ms, received_at_ms, verdict)
       SELECT ?1, value ->> 0, 'c', 'a', 'p', 'clicks-0', 1, 1, 0, value ->> 1, value ->> 2 FROM json_each(?2)`,
    ).bind(advertiser, JSON.stringify(rows)),
  ]);
}

async function left(): Promise<{ advertiser: string; rows: number; oldestMs: number }[]> {
  const { results } = await env.REPORT_DB.prepare(
    `SELECT advertiser_id AS advertiser, count(*) AS rows, min(received_at_ms) AS oldestMs
     FROM late_clicks GROUP BY advertiser_id ORDER BY advertiser_id`,
  ).all<{ advertiser: string; rows: number; oldestMs: number }>();
  return results;
}

describe("[attack 4] the review list", () => {
  beforeEach(() => wipeFacts(env.REPORT_DB));

  it("loses what was received before the horizon, decided or not, and nothing else", async () => {
    // From 50 ms before the horizon to 49 after it, one each.
    await list("adv_1", 100, (n) => PAST_MS - 50 + n);
    await list("adv_2", 30, () => PAST_MS - 40 * HOUR_MS);
    await list("adv_3", 30, () => NOON_MS);
    expect(await dropLateClicks(env.REPORT_DB, { receivedBeforeMs: PAST_MS, buckets: BUCKETS })).toBe(80);
    const expected = [
      { advertiser: "adv_1", rows: 50, oldestMs: PAST_MS },
      { advertiser: "adv_3", rows: 30, oldestMs: NOON_MS },
    ];
    expect(await left()).toEqual(expected);
    expect(await dropLateClicks(env.REPORT_DB, { receivedBeforeMs: PAST_MS, buckets: BUCKETS })).toBe(0);
    expect(await left()).toEqual(expected);
  });

  it("loses them by cron, whichever bucket they are of, in rounds of sixteen minutes", async () => {
    await list("adv_1", 5_000, (n) => PAST_MS - 1 - n);
    await list("adv_2", 40, () => PAST_MS + HOUR_MS);
    for (let minute = 0; minute < ADVERTISER_BUCKETS; minute++) {
      await worker.scheduled(createScheduledController({ scheduledTime: new Date(NOON_MS + minute * MINUTE_MS) }), env);
    }
    expect(await left()).toEqual([{ advertiser: "adv_2", rows: 40, oldestMs: PAST_MS + HOUR_MS }]);
  });

  it("is worked through in bounded steps, and what is not past the horizon is not read", async () => {
    const buckets = [advertiserBucketOf("adv_1")];
    await list("adv_1", 12_000, () => PAST_MS - HOUR_MS);
    await list("adv_1", 9_001, () => PAST_MS - 2 * HOUR_MS);
    await list("adv_1", 3_000, () => NOON_MS);
    const reads: number[] = [];
    const database = counting(env.REPORT_DB, reads);
    expect(await dropLateClicks(database, { receivedBeforeMs: PAST_MS, buckets })).toBe(20_000);
    expect(reads).toHaveLength(10);
    expect(await dropLateClicks(database, { receivedBeforeMs: PAST_MS, buckets })).toBe(1_001);
    expect(await dropLateClicks(database, { receivedBeforeMs: PAST_MS, buckets })).toBe(0);
    expect(reads.at(-1)).toBeLessThan(50);
    expect(await left()).toEqual([{ advertiser: "adv_1", rows: 3_000, oldestMs: NOON_MS }]);
  });
});

/** The database, noting the rows that each statement reads. */
function counting(database: D1Database, reads: number[]): D1Database {
  const prepare = (query: string) => {
    const bound = (statement: D1PreparedStatement) => ({
      run: async () => {
        const result = await statement.run();
        reads.push(result.meta.rows_read);
        return result;
      },
    });
    return { bind: (...values: unknown[]) => bound(database.prepare(query).bind(...values)) };
  };
  return { prepare } as unknown as D1Database;
}
