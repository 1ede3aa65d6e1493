/** The watermark's sources as the platform gives them: real queues, real objects, real bucket. */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { handleApi } from "../../src/api/app.ts";
import { readConfig } from "../../src/config.ts";
import { makeEventId } from "../../src/core/event-id.ts";
import { SPOOL_PREFIX } from "../../src/queue/spool.ts";
import { SUBMISSION_SPOOL_PREFIX } from "../../src/queue/submission-spool.ts";
import { platformSources, type Stations, stationsOf } from "../../src/report/answer/watermark-sources.ts";
import { NOON_MS, serialBytes } from "../support/builders.ts";
import type { Answer } from "./ask.ts";
import { ADMIN } from "./ask.ts";

const ALL = { advertiserId: null, publisherId: null };

async function metaOf(metrics: string): Promise<Answer["meta"]> {
  const context = createExecutionContext();
  const request = new Request(
    `https://clicks.example/v1/reports/clicks?from=2026-04-20&to=2026-04-20&metrics=${metrics}`,
    {
      headers: { Authorization: ADMIN },
    },
  );
  const response = await handleApi(request, env as Env, context);
  await waitOnExecutionContext(context);
  return (await response.json<Answer>()).meta;
}

describe("while nothing waits anywhere", () => {
  it("the lag is the hold alone, whatever stations are asked", async () => {
    for (const metrics of ["clicks", "impressions", "conversions", "reasons"]) {
      const meta = await metaOf(metrics);
      expect(meta.warnings).toEqual([]);
      expect(meta).toMatchObject({ lagSeconds: 5 });
    }
  });
});

describe("stations", () => {
  it("are those that the metrics depend on", () => {
    const none = { conversions: false, counts: false };
    expect(stationsOf(["clicks", "spend_micros", "avg_cpc_micros", "unique_users"])).toEqual(none);
    for (const metric of [
      "conversions",
      "conversions_by_time",
      "conversion_value_micros",
      "cvr",
      "cpa_micros",
      "roas",
    ] as const) {
      expect(stationsOf(["clicks", metric]), metric).toEqual({ conversions: true, counts: false });
    }
    for (const metric of ["impressions", "gross_impressions", "ctr"] as const) {
      expect(stationsOf([metric]), metric).toEqual({ conversions: false, counts: true });
    }
    expect(stationsOf(["reasons"])).toEqual({ conversions: true, counts: true });
  });

  it("are asked by name, each once, and no others", async () => {
    const askedOf = async (stations: Stations) => {
      const asked: string[] = [];
      const objects = (binding: string) => ({
        getByName: (name: string) => ({
          status: async () => {
            asked.push(`${binding} ${name}`);
            return { oldestUnseenReceivedAtMs: name.endsWith("-7") ? NOON_MS : null };
          },
        }),
      });
      const shards = {
        EVENT_SHARD: objects("event"),
        ORDER_SHARD: objects("order"),
        COUNTS_SHARD: objects("counts"),
      };
      const bindings = { ...env, ...shards };
      const oldest = await platformSources(bindings as unknown as Env, readConfig(env), stations, ALL).shardOldestMs();
      expect(oldest.length).toBe(asked.length);
      expect(oldest).toContain(NOON_MS);
      expect(new Set(asked).size).toBe(asked.length);
      return asked;
    };
    const plain = await askedOf({ conversions: false, counts: false });
    expect(plain).toContain("event clicks-0");
    expect(plain).toContain("event impressions-0");
    expect(plain.filter((name) => !name.startsWith("event"))).toEqual([]);
    const withOrders = await askedOf({ conversions: true, counts: false });
    expect(withOrders.slice(plain.length)).toEqual(Array.from({ length: 256 }, (_, index) => `order orders-${index}`));
    const withCounts = await askedOf({ conversions: false, counts: true });
    expect(withCounts.slice(plain.length)).toEqual(Array.from({ length: 16 }, (_, index) => `counts counts-${index}`));
  });

  it("hold the watermark back with what is spooled, conversions only where they are asked", async () => {
    const id = makeEventId({ receivedAtMs: NOON_MS, routingHash: 1 }, serialBytes());
    const queued = async (conversions: boolean) =>
      platformSources(env as Env, readConfig(env), { conversions, counts: false }, ALL).queueOldestMs();
    await env.ARCHIVE.put(`${SUBMISSION_SPOOL_PREFIX}adv_1/${id}-1.ndjson`, "");
    expect(await queued(false)).not.toContain(NOON_MS);
    expect(await queued(true)).toContain(NOON_MS);
    await env.ARCHIVE.delete(`${SUBMISSION_SPOOL_PREFIX}adv_1/${id}-1.ndjson`);
    await env.ARCHIVE.put(`${SPOOL_PREFIX}${id}-1.ndjson`, "");
    expect(await queued(false)).toContain(NOON_MS);
    await env.ARCHIVE.delete(`${SPOOL_PREFIX}${id}-1.ndjson`);
  });
});
