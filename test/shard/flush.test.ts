/** Flush: each sink gets everything once, whatever fails between two steps, and the log shrinks again. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { ARCHIVE_PREFIX, StorageSetBackError } from "../../src/archive/archive.ts";
import { R2Archive } from "../../src/archive/r2-archive.ts";
import { HOUR_MS } from "../../src/core/limits.ts";
import type { FactsStore } from "../../src/facts/facts-store.ts";
import { flush } from "../../src/shard/flush.ts";
import { FlushSession } from "../../src/shard/flush-ports.ts";
import { checkStorage } from "../../src/shard/recovery.ts";
import { anEncodedEvent, CRAWLER, NOON_MS } from "../support/builders.ts";
import {
  archivedLines,
  DEDUP_HORIZON_MS,
  FLUSH_SETTINGS,
  flushOnce,
  totalsOf,
  withShard,
} from "../support/flush-harness.ts";
import { oneStore, passing, storeOf } from "../support/one-store.ts";

/** A store that fails as often as told, before or after it applied the posting. */
function flaky(store: FactsStore, failures: ("before" | "after")[]): FactsStore {
  return {
    ...passing(store),
    post: async (posting) => {
      const failure = failures.shift();
      if (failure === "before") throw new Error("D1 is down");
      await store.post(posting);
      if (failure === "after") throw new Error("reply lost");
    },
  };
}

/** What an ad's clicks are, posted and open. */
async function seenOf(ad: string) {
  const count = (table: string) =>
    env.REPORT_DB.prepare(`SELECT coalesce(sum(valid), 0) AS valid FROM ${table} WHERE ad_id = ?1`)
      .bind(ad)
      .first<number>("valid");
  return { posted: await count("facts_minute"), open: await count("facts_open") };
}

describe("flush", () => {
  it("[row writes] shows what is logged with every run, and posts it when it is due, before the log is trimmed", () =>
    withShard("flush-open", async (harness) => {
      const settings = { archiveIntervalMs: 0, postIntervalMs: 300_000 };
      const ad = "ad_open";
      let session = new FlushSession();
      const run = (nowMs: number) => flush(harness, settings, nowMs, session);
      harness.take([anEncodedEvent({}, { jti: "o_1", ad }), anEncodedEvent({}, { jti: "o_2", ad })]);
      await run(NOON_MS + 2_000);
      expect(await seenOf(ad)).toEqual({ posted: 0, open: 2 });
      harness.take([anEncodedEvent({}, { jti: "o_3", ad })]);
      await run(NOON_MS + 4_000);
      expect(await seenOf(ad)).toEqual({ posted: 0, open: 3 });
      expect(harness.log.visible().read()?.seq).toBe(2);
      // Another object of the same storage goes on where this one was.
      session = new FlushSession();
      harness.take([anEncodedEvent({}, { jti: "o_4", ad })]);
      await run(NOON_MS + 6_000);
      expect(await seenOf(ad)).toEqual({ posted: 0, open: 4 });
      expect(harness.log.rowsAfter(0, 1_000_000)).toHaveLength(3);
      await run(NOON_MS + 299_999);
      expect(await seenOf(ad)).toEqual({ posted: 0, open: 4 });
      await run(NOON_MS + 300_000);
      expect(await seenOf(ad)).toEqual({ posted: 4, open: 0 });
      expect(harness.log.rowsAfter(0, 1_000_000)).toEqual([]);
    }));

  it("[row writes] shows nothing while a posting from there may be under way, which would take it away", () =>
    withShard("flush-open-tried", async (harness) => {
      const settings = { archiveIntervalMs: 3_600_000, postIntervalMs: 300_000 };
      const ad = "ad_open_tried";
      harness.take([anEncodedEvent({}, { jti: "t_1", ad })]);
      await flush(harness, settings, NOON_MS + 2_000, new FlushSession());
      const lost = { ...harness, reports: oneStore(flaky(storeOf(harness.reports), ["before"])) };
      const atOnce = { ...settings, postIntervalMs: Number.NEGATIVE_INFINITY };
      await expect(flush(lost, atOnce, NOON_MS + 4_000, new FlushSession())).rejects.toThrow("D1 is down");
      expect(await seenOf(ad)).toEqual({ posted: 0, open: 1 });
      // It is not due for minutes, and the object is another one; the posting may still arrive.
      harness.take([anEncodedEvent({}, { jti: "t_2", ad })]);
      const session = new FlushSession();
      await flush(harness, settings, NOON_MS + 6_000, session);
      expect(await seenOf(ad)).toEqual({ posted: 2, open: 0 });
      harness.take([anEncodedEvent({}, { jti: "t_3", ad })]);
      await flush(harness, settings, NOON_MS + 8_000, session);
      expect(await seenOf(ad)).toEqual({ posted: 2, open: 1 });
    }));

  it("[row writes] finds by what is shown that the storage was set back, and shows nothing of the life before", () =>
    withShard("flush-open-back", async (harness) => {
      const settings = { archiveIntervalMs: 3_600_000, postIntervalMs: 300_000 };
      const ad = "ad_open_back";
      harness.take([anEncodedEvent({}, { jti: "b_1", ad })]);
      await flush(harness, settings, NOON_MS + 2_000, new FlushSession());
      expect(await seenOf(ad)).toEqual({ posted: 0, open: 1 });
      // The same rows, of which the last one is another: a copy of the storage that went on.
      const last = harness.log.last().seq;
      const shown = { seq: last + 5, chain: "f".repeat(64), loggedAtMs: NOON_MS };
      const own = `flush-open-back/${harness.log.life().read()?.incarnation}`;
      const store = storeOf(harness.reports);
      await store.open({ source: own, from: null, to: shown, facts: new Map() });
      await expect(flush(harness, settings, NOON_MS + 4_000, new FlushSession())).rejects.toThrow(StorageSetBackError);
      const session = new FlushSession();
      session.lives = await checkStorage({ ...harness, makeIncarnation: () => "next" }, true);
      await flush({ ...harness, makeIncarnation: () => "next" }, settings, NOON_MS + 6_000, session);
      expect(await seenOf(ad)).toEqual({ posted: 0, open: 1 });
      expect([...(await store.opened("flush-open-back")).keys()]).toEqual(["flush-open-back/next"]);
    }));

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
    expect((await shard.status()).oldestUnseenReceivedAtMs).toBe(NOON_MS + 1_000);
    await runDurableObjectAlarm(shard);
    await runDurableObjectAlarm(shard);
    expect(await totalsOf("ad_alarm")).toMatchObject({ gross: 1 });
    expect((await shard.status()).oldestUnseenReceivedAtMs).toBeNull();
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
