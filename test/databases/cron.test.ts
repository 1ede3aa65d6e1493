/** Every minute's duties are done to each report database. */
import { createExecutionContext, createScheduledController, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { DAY_MS, HOUR_MS } from "../../src/core/limits.ts";
import { eventShardNames } from "../../src/core/routing.ts";
import { boundDatabases } from "../../src/facts/directory.ts";
import worker from "../../src/index.ts";
import { anEncodedEvent, anEpoch, NOON_MS } from "../support/builders.ts";
import { readFacts } from "../support/read-facts.ts";

const DATABASES = [...boundDatabases(env).values()];
const ADVERTISERS = Array.from({ length: 12 }, (_, at) => `adv_${at}`);

async function cronAt(nowMs: number): Promise<void> {
  const ctx = createExecutionContext();
  await worker.scheduled(createScheduledController({ scheduledTime: new Date(nowMs) }), env);
  await waitOnExecutionContext(ctx);
}

const sizes = (tier: "minute" | "hour" | "day") =>
  Promise.all(DATABASES.map(async (database) => (await readFacts(database, tier)).size));
const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);

describe("cron over three databases", () => {
  it("sweeps shards into all of them, rolls all of them, and moves the old minutes of all of them", async () => {
    const [shard = "clicks-0"] = eventShardNames([anEpoch(0, 1)]);
    const events = ADVERTISERS.map((adv, at) => anEncodedEvent({}, { adv, jti: `cron_${at}` }));
    await env.EVENT_SHARD.getByName(shard).ingest(events);
    await cronAt(NOON_MS + 3 * HOUR_MS);
    const minutes = await sizes("minute");
    expect(sum(minutes)).toBe(ADVERTISERS.length);
    expect(Math.min(...minutes)).toBeGreaterThan(0);
    await cronAt(NOON_MS + 3 * HOUR_MS);
    expect(await sizes("hour")).toEqual(minutes);
    // Each bucket has its minute, so an hour and some visits all; then no old minute is left in any database.
    for (let minute = 0; minute < 64; minute++) await cronAt(NOON_MS + 5 * DAY_MS + minute * 60_000);
    expect(await sizes("day")).toEqual(minutes);
    expect(await sizes("minute")).toEqual([0, 0, 0]);
    const { objects } = await env.ARCHIVE.list({ prefix: "cold/minute/" });
    expect(objects.length).toBeGreaterThanOrEqual(3);
  });
});
