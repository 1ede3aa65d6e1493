/** The minute's duties: each has its turn, whatever happens to the others. */
import { createExecutionContext, createScheduledController, waitOnExecutionContext } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { runCron } from "../../src/batch/cron.ts";
import { canaryPorts, runCanary } from "../../src/canary/run.ts";
import { CANARY_ID } from "../../src/core/canary.ts";
import type { EventId } from "../../src/core/event-id.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../../src/core/limits.ts";
import { countsShardNames, orderShardNames } from "../../src/core/routing.ts";
import { isoDay } from "../../src/core/time.ts";
import { everyMinute } from "../../src/every-minute.ts";
import { boundDatabases, Directory } from "../../src/facts/directory.ts";
import worker from "../../src/index.ts";
import { SPOOL_PREFIX, spoolEvents } from "../../src/queue/spool.ts";
import { saltKey } from "../../src/track/address-hash.ts";
import { anEncodedEvent, anEpoch, NOON_MS } from "../support/builders.ts";
import { readFacts } from "../support/read-facts.ts";
import { POLICY, testRing, testSeal } from "../support/tokens.ts";

const isSpooled = async () => true;
const anEventId = (encoded: string) => (JSON.parse(encoded) as { id: EventId }).id;

describe("cron", () => {
  it("posts what an alarm missed, rolls what is over, and destroys old salts", async () => {
    const nowMs = NOON_MS + 3 * HOUR_MS;
    const shard = env.EVENT_SHARD.getByName("clicks-3");
    await shard.ingest([anEncodedEvent({}, { jti: "cron_1" })]);
    for (const daysAgo of [0, 1, 2, 3]) await env.ARCHIVE.put(saltKey(isoDay(nowMs - daysAgo * DAY_MS)), "salt");
    const run = async (atMs = nowMs) => {
      const ctx = createExecutionContext();
      await worker.scheduled(createScheduledController({ scheduledTime: new Date(atMs) }), env);
      await waitOnExecutionContext(ctx);
    };
    await run();
    expect((await readFacts(env.REPORT_DB, "minute")).size).toBe(1);
    // The sweep and the roll ran side by side; the next minute rolls what the sweep posted, or it already did.
    await run();
    expect((await readFacts(env.REPORT_DB, "hour")).size).toBe(1);
    const salts = async () => (await env.ARCHIVE.list({ prefix: "salts/v1/" })).objects;
    expect(await salts()).toHaveLength(4);
    await run(nowMs + 7 * MINUTE_MS);
    const objects = await salts();
    expect(objects.map(({ key }) => key)).toEqual([saltKey(isoDay(nowMs - DAY_MS)), saltKey(isoDay(nowMs))]);
  });

  it("sweeps every shard although the roll and one shard fail", async () => {
    const swept: string[] = [];
    const shards = {
      getByName: (name: string) => ({
        sweep: async () => {
          if (name === "clicks-2" || name === "orders-60") throw new Error("shard is down");
          swept.push(name);
        },
      }),
    } as never;
    const database = { prepare: () => ({ all: () => Promise.reject(new Error("D1 is down")) }) } as never;
    const topology = async () => [{ ...anEpoch(0, 4), shards: { click: 4, impression: 2 } }];
    const databases = new Map([["REPORT_DB", database]]);
    await runCron(
      { databases, shards, orders: shards, counts: shards, archive: env.ARCHIVE, isSpooled, seal: testSeal, topology },
      NOON_MS,
    );
    const events = ["clicks-0", "clicks-1", "clicks-3", "impressions-0", "impressions-1"];
    expect(swept.sort()).toEqual([...events, "orders-0", "orders-120", "orders-180", "orders-240"]);
  });

  it("visits every object of submissions once an hour, and few of them in any minute", async () => {
    const visits: string[] = [];
    const objects = { getByName: (name: string) => ({ sweep: async () => void visits.push(name) }) } as never;
    const shards = { getByName: () => ({ sweep: async () => {} }) } as never;
    const ports = {
      databases: boundDatabases(env),
      shards,
      orders: objects,
      counts: objects,
      isSpooled,
      seal: testSeal,
    };
    for (let minute = 0; minute < 60; minute++) {
      const before = visits.length;
      await runCron(
        { ...ports, archive: env.ARCHIVE, topology: async () => [anEpoch(0, 1)] },
        NOON_MS + minute * MINUTE_MS,
      );
      expect(visits.length - before).toBeLessThanOrEqual(5);
    }
    expect(visits.sort()).toEqual([...orderShardNames(), ...countsShardNames()].sort());
  });
});

describe("what an idle minute asks of R2", () => {
  /** The Worker's own bucket, and what is billed as writing or listing that goes through it. */
  function counted() {
    const asked: string[] = [];
    const bucket = new Proxy(env.ARCHIVE, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== "function") return value;
        return (...args: readonly [string | R2ListOptions]) => {
          const [first] = args;
          if (name === "list" || name === "put") asked.push(typeof first === "string" ? first : (first.prefix ?? ""));
          return Reflect.apply(value, target, args) as unknown;
        };
      },
    });
    return { asked, deployed: { ...env, ARCHIVE: bucket } };
  }
  const IDLE_MS = NOON_MS + 30 * DAY_MS;

  it("is one listing of spools, one of letters, and what is measured; more has its turn seldom", async () => {
    const { asked, deployed } = counted();
    const minute = async (at: number) => {
      asked.length = 0;
      await everyMinute(deployed, IDLE_MS + at * MINUTE_MS);
      return [...asked].sort();
    };
    // The first reads the topology, and has what was missed to do.
    await minute(0);
    const each = ["dead", "heartbeats/v1/REPORT_DB", "metrics/v1/now.json", "metrics/v1/told/", "spool", "spool/v1/"];
    expect(await minute(6)).toEqual(each);
    expect(await minute(5)).toEqual([...each, "erasures/v1/open/", "raw/v1/"].sort());
  });

  it("brings what is in a spool to its shards in the next minute all the same", async () => {
    const event = anEncodedEvent({}, { jti: "cron_spooled" });
    await spoolEvents(env.ARCHIVE, anEventId(event), [event]);
    await everyMinute(counted().deployed, IDLE_MS);
    expect((await env.ARCHIVE.list({ prefix: SPOOL_PREFIX })).objects).toEqual([]);
  });
});

describe("the canary", () => {
  it("clicks at the door, finds its click in the report as test traffic, and /status says so without any database", async () => {
    const deployed = {
      bucket: env.ARCHIVE,
      origin: "https://clicks.example",
      clickIdParam: "click_id",
      policy: POLICY,
    };
    const ports = canaryPorts({ ...deployed, places: new Directory(env), ring: await testRing() });
    await runCanary({ ...ports, fetch: (url, init) => exports.default.fetch(url, init) }, Date.now());
    const { results } = await env.REPORT_DB.prepare(
      "SELECT gross, invalid, valid, spend_micros, reasons FROM facts_minute WHERE advertiser_id = ?1",
    )
      .bind(CANARY_ID)
      .all();
    expect(results).toEqual([{ gross: 1, invalid: 1, valid: 0, spend_micros: 0, reasons: '{"test":1}' }]);
    const fails = () => Promise.reject(new Error("D1 is down"));
    const withoutD1 = { ...env, REPORT_DB: { prepare: fails, batch: fails } } as unknown as Env;
    const { handleApi } = await import("../../src/api/app.ts");
    const ask = (accept: string) =>
      handleApi(
        new Request("https://clicks.example/status", { headers: { Accept: accept } }),
        withoutD1,
        createExecutionContext(),
      );
    expect(await (await ask("*/*")).json()).toMatchObject({ state: "ok", days: [{ clicks: 1, failed: 0, lost: 0 }] });
    const page = await (await ask("text/html")).text();
    expect(page).toContain("Clicks are redirected and counted.");
  });
});
