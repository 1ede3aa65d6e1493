/** The minute's duties: each has its turn, whatever happens to the others. */
import { createExecutionContext, createScheduledController, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { runCron } from "../../src/batch/cron.ts";
import { DAY_MS, HOUR_MS } from "../../src/core/limits.ts";
import { isoDay } from "../../src/core/time.ts";
import worker from "../../src/index.ts";
import { saltKey } from "../../src/track/address-hash.ts";
import { anEncodedClick, NOON_MS } from "../support/builders.ts";
import { readFacts } from "../support/read-facts.ts";
import { testSeal } from "../support/tokens.ts";

describe("cron", () => {
  it("posts what an alarm missed, rolls what is over, and destroys old salts", async () => {
    const nowMs = NOON_MS + 3 * HOUR_MS;
    const shard = env.EVENT_SHARD.getByName("clicks-3");
    await shard.ingest([anEncodedClick({}, { jti: "cron_1" })]);
    for (const daysAgo of [0, 1, 2, 3]) await env.ARCHIVE.put(saltKey(isoDay(nowMs - daysAgo * DAY_MS)), "salt");
    const run = async () => {
      const ctx = createExecutionContext();
      await worker.scheduled(createScheduledController({ scheduledTime: new Date(nowMs) }), env);
      await waitOnExecutionContext(ctx);
    };
    await run();
    expect((await readFacts(env.REPORT_DB, "minute")).size).toBe(1);
    // The sweep and the roll ran side by side; the next minute rolls what the sweep posted, or it already did.
    await run();
    expect((await readFacts(env.REPORT_DB, "hour")).size).toBe(1);
    const { objects } = await env.ARCHIVE.list({ prefix: "salts/v1/" });
    expect(objects.map(({ key }) => key)).toEqual([saltKey(isoDay(nowMs - DAY_MS)), saltKey(isoDay(nowMs))]);
  });

  it("sweeps every shard although the roll and one shard fail", async () => {
    const swept: string[] = [];
    const shards = {
      getByName: (name: string) => ({
        sweep: async () => {
          if (name === "clicks-2") throw new Error("shard is down");
          swept.push(name);
        },
      }),
    } as never;
    const database = { prepare: () => ({ all: () => Promise.reject(new Error("D1 is down")) }) } as never;
    const topology = async () => [{ sinceMs: 0, shards: 8 }];
    await runCron({ database, shards, archive: env.ARCHIVE, seal: testSeal, topology }, NOON_MS);
    expect(swept).toHaveLength(7);
  });
});
