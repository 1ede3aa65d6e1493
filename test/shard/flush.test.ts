/** Flush: each sink gets everything once, whatever fails between two steps, and the log shrinks again. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { ARCHIVE_PREFIX } from "../../src/archive/archive.ts";
import { R2Archive } from "../../src/archive/r2-archive.ts";
import { HOUR_MS } from "../../src/core/limits.ts";
import type { FactsStore } from "../../src/facts/facts-store.ts";
import { anEncodedEvent, CRAWLER, NOON_MS } from "../support/builders.ts";
import {
  archivedLines,
  DEDUP_HORIZON_MS,
  FLUSH_SETTINGS,
  flushOnce,
  totalsOf,
  withShard,
} from "../support/flush-harness.ts";
import { oneStore, storeOf } from "../support/one-store.ts";

/** A store that fails as often as told, before or after it applied the posting. */
function flaky(store: FactsStore, failures: ("before" | "after")[]): FactsStore {
  return {
    post: async (posting) => {
      const failure = failures.shift();
      if (failure === "before") throw new Error("D1 is down");
      await store.post(posting);
      if (failure === "after") throw new Error("reply lost");
    },
    ledger: (shard) => store.ledger(shard),
  };
}

describe("flush", () => {
  it("posts, archives byte for byte, and empties the log when its keys are worth packing, or have lain long", () =>
    withShard("flush-plain", async (harness) => {
      harness.take([
        anEncodedEvent({}, { jti: "p_1", ad: "ad_plain" }),
        anEncodedEvent({}, { jti: "p_1", ad: "ad_plain" }),
        anEncodedEvent({ userAgent: CRAWLER }, { jti: "p_2", ad: "ad_plain" }),
      ]);
      const lines = harness.log.rowsAfter(0, 1_000_000).flatMap((row) => row.lines().split("\n"));
      await flushOnce(harness, FLUSH_SETTINGS, NOON_MS + 60_000);
      expect(await totalsOf("ad_plain")).toEqual({ gross: 3, valid: 1, duplicate: 1, invalid: 1, spend: 250_000 });
      expect(await archivedLines("flush-plain")).toEqual(lines);
      expect(harness.log.rowsAfter(0, 1_000_000)).toHaveLength(1);
      await flushOnce(harness, FLUSH_SETTINGS, NOON_MS + 300_000);
      expect(harness.log.rowsAfter(0, 1_000_000)).toEqual([]);
      expect(harness.index.packedTo()).toBe(1);
      expect(harness.points).toHaveLength(1);
    }));

  it("keeps everything while the report database is down, and catches up once", () =>
    withShard("flush-d1-down", async (harness) => {
      const failing = { ...harness, reports: oneStore(flaky(storeOf(harness.reports), ["before", "before", "after"])) };
      harness.take([anEncodedEvent({}, { jti: "d_1", ad: "ad_d1" })]);
      await expect(flushOnce(failing, FLUSH_SETTINGS, NOON_MS + 60_000)).rejects.toThrow("D1 is down");
      // The archive did its part meanwhile, and the row stays because it is not posted.
      expect(await archivedLines("flush-d1-down")).toHaveLength(1);
      expect(harness.log.rowsAfter(0, 1_000_000)).toHaveLength(1);
      harness.take([anEncodedEvent({}, { jti: "d_2", ad: "ad_d1" })]);
      await expect(flushOnce(failing, FLUSH_SETTINGS, NOON_MS + 120_000)).rejects.toThrow("D1 is down");
      await flushOnce(failing, FLUSH_SETTINGS, NOON_MS + 180_000);
      await flushOnce(failing, FLUSH_SETTINGS, NOON_MS + 300_000);
      expect(await totalsOf("ad_d1")).toMatchObject({ gross: 2, valid: 2 });
      expect(await archivedLines("flush-d1-down")).toHaveLength(2);
      expect(harness.log.rowsAfter(0, 1_000_000)).toEqual([]);
    }));

  it("keeps everything while the archive is down, and posts meanwhile", () =>
    withShard("flush-r2-down", async (harness) => {
      const refuse = () => Promise.reject(new Error("R2 is down"));
      const down = { get: refuse, put: refuse } as unknown as R2Bucket;
      harness.take([anEncodedEvent({}, { jti: "a_1", ad: "ad_r2" })]);
      await expect(
        flushOnce({ ...harness, archive: new R2Archive(down) }, FLUSH_SETTINGS, NOON_MS + 60_000),
      ).rejects.toThrow("R2 is down");
      expect(await totalsOf("ad_r2")).toMatchObject({ gross: 1 });
      expect(harness.log.rowsAfter(0, 1_000_000)).toHaveLength(1);
      await flushOnce(harness, FLUSH_SETTINGS, NOON_MS + 120_000);
      expect(await totalsOf("ad_r2")).toMatchObject({ gross: 1 });
      expect(await archivedLines("flush-r2-down")).toHaveLength(1);
    }));

  it("does not archive a row twice when the put was done and its reply lost, although the log has grown", () =>
    withShard("flush-r2-reply", async (harness) => {
      const lossy = {
        get: (key: string) => env.ARCHIVE.get(key),
        put: async (...given: Parameters<R2Bucket["put"]>) => {
          const stored = await env.ARCHIVE.put(...given);
          if (given[0].startsWith(ARCHIVE_PREFIX)) throw new Error("reply lost");
          return stored;
        },
      } as unknown as R2Bucket;
      harness.take([anEncodedEvent({}, { jti: "l_1", ad: "ad_reply" })]);
      await expect(
        flushOnce({ ...harness, archive: new R2Archive(lossy) }, FLUSH_SETTINGS, NOON_MS + 60_000),
      ).rejects.toThrow("reply lost");
      harness.take([anEncodedEvent({}, { jti: "l_2", ad: "ad_reply" })]);
      await flushOnce(harness, FLUSH_SETTINGS, NOON_MS + 120_000);
      const ids = (await archivedLines("flush-r2-reply")).map((line) => (JSON.parse(line) as { seq: number }).seq);
      expect(ids).toEqual([1, 2]);
    }));

  it("splits segments at the hour of logging", () =>
    withShard("flush-hours", async (harness) => {
      harness.take([anEncodedEvent({}, { jti: "h_1" })], NOON_MS + HOUR_MS - 1);
      harness.take([anEncodedEvent({}, { jti: "h_2" })], NOON_MS + HOUR_MS);
      await flushOnce(harness, FLUSH_SETTINGS, NOON_MS + 2 * HOUR_MS);
      const { objects } = await env.ARCHIVE.list({ prefix: ARCHIVE_PREFIX });
      const keys = objects.map(({ key }) => key).filter((key) => key.includes("shard=flush-hours/"));
      expect(keys).toEqual([
        "raw/v1/dt=2026-04-20/hour=12/shard=flush-hours/test-000000000001.ndjson.gz",
        "raw/v1/dt=2026-04-20/hour=13/shard=flush-hours/test-000000000002.ndjson.gz",
      ]);
    }));

  it("drops key tables past the horizon and defers what only they could tell", () =>
    withShard("flush-horizon", async (harness) => {
      const first = anEncodedEvent({}, { jti: "t_1", ad: "ad_horizon" });
      harness.take([first]);
      const laterMs = NOON_MS + DEDUP_HORIZON_MS + 2 * HOUR_MS;
      await flushOnce(harness, FLUSH_SETTINGS, laterMs);
      expect(harness.index.droppedBeforeHour()).toBeGreaterThan(0);
      // A dead letter of weeks ago comes back, once as the same event and once as another copy of the same impression.
      harness.take([first, anEncodedEvent({}, { jti: "t_1", ad: "ad_horizon" })], laterMs);
      await flushOnce(harness, FLUSH_SETTINGS, laterMs + 60_000);
      expect(await totalsOf("ad_horizon")).toMatchObject({ gross: 1, valid: 1 });
      const verdicts = (await archivedLines("flush-horizon")).map(
        (line) => (JSON.parse(line) as { verdict: string }).verdict,
      );
      expect(verdicts).toEqual(["valid", "deferred", "deferred"]);
    }));
});

describe("the shard's alarm", () => {
  it("posts by itself soon after an ingest, and firing twice counts once", async () => {
    const shard = env.EVENT_SHARD.getByName("alarm-1");
    await shard.ingest([anEncodedEvent({}, { jti: "al_1", ad: "ad_alarm" })]);
    expect((await shard.status()).oldestUnpostedReceivedAtMs).toBe(NOON_MS + 1_000);
    await runDurableObjectAlarm(shard);
    await runDurableObjectAlarm(shard);
    expect(await totalsOf("ad_alarm")).toMatchObject({ gross: 1 });
    expect((await shard.status()).oldestUnpostedReceivedAtMs).toBeNull();
  });

  it("stays armed until the archive has the events too", async () => {
    const shard = env.EVENT_SHARD.getByName("alarm-2");
    await shard.ingest([anEncodedEvent({}, { jti: "al_2" })]);
    await runDurableObjectAlarm(shard);
    expect(await runInDurableObject(shard, (_, { storage }) => storage.getAlarm())).not.toBeNull();
  });

  it("shares one flush among concurrent callers", async () => {
    const shard = env.EVENT_SHARD.getByName("alarm-3");
    await shard.ingest([anEncodedEvent({}, { jti: "al_3", ad: "ad_single" })]);
    await Promise.all([shard.sweep(), shard.sweep(), shard.sweep(), runDurableObjectAlarm(shard)]);
    expect(await totalsOf("ad_single")).toMatchObject({ gross: 1 });
    const { results } = await env.REPORT_DB.prepare("SELECT source FROM ledger WHERE source LIKE 'alarm-3/%'").all();
    expect(results).toHaveLength(1);
  });

  it("finds its work again after eviction", async () => {
    const shard = env.EVENT_SHARD.getByName("alarm-4");
    await shard.ingest([anEncodedEvent({}, { jti: "al_4", ad: "ad_evicted" })]);
    await evictDurableObject(shard);
    await env.EVENT_SHARD.getByName("alarm-4").sweep();
    expect(await totalsOf("ad_evicted")).toMatchObject({ gross: 1 });
    await evictDurableObject(env.EVENT_SHARD.getByName("alarm-4"));
    await env.EVENT_SHARD.getByName("alarm-4").sweep();
    expect(await totalsOf("ad_evicted")).toMatchObject({ gross: 1 });
  });
});
