/** Submissions while a part of the platform is down: taken by another way, once, or refused so that they are sent again. */
import { createScheduledController, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { drainSubmissions } from "../../src/conversions/drain.ts";
import { withCheck } from "../../src/core/api-key.ts";
import { DAY_MS, MINUTE_MS } from "../../src/core/limits.ts";
import worker from "../../src/index.ts";
import { DEAD_SUBMISSIONS_PREFIX as DEAD_PREFIX } from "../../src/queue/dead-letter.ts";
import { SUBMISSION_SPOOL_PREFIX } from "../../src/queue/submission-spool.ts";
import { testSeal } from "../support/tokens.ts";
import {
  aClickId,
  answersOf,
  aPostback,
  aRow,
  send as ask,
  convert,
  DATABASE_DOWN,
  DOWN,
  minutesAgo,
  post,
  problemOf,
  SHARDS_DOWN,
  send,
  totalsOf,
} from "./send.ts";

type Namespace = typeof env.ORDER_SHARD;
const real = env.ORDER_SHARD;

const keysBelow = async (prefix: string) => (await env.ARCHIVE.list({ prefix })).objects.map(({ key }) => key);
let runs = 0;
/** One run of cron, each a day after the one before, so that whatever waits is due. */
const drain = (orders: unknown = real) =>
  drainSubmissions({ orders: orders as Namespace, archive: env.ARCHIVE, seal: testSeal }, Date.now() + runs++ * DAY_MS);
const cron = () => worker.scheduled(createScheduledController({ scheduledTime: new Date() }), env);

/** The real shards, of which those that are picked fail: before they are asked, or after they did what they were asked. */
function failing(when: "before" | "after", picked: (name: string) => boolean) {
  const getByName = (name: string) => ({
    convert: async (events: string[]) => {
      if (when === "before" && picked(name)) throw new Error("shard is down");
      const outcomes = await real.getByName(name).convert(events);
      if (picked(name)) throw new Error("reply lost");
      return outcomes;
    },
  });
  return { ORDER_SHARD: { getByName } };
}

beforeEach(async () => {
  for (const prefix of [SUBMISSION_SPOOL_PREFIX, DEAD_PREFIX]) await env.ARCHIVE.delete(await keysBelow(prefix));
});

describe("conversions whose objects do not answer", () => {
  it("are accepted, spooled in one object, and decided by cron, exactly once", async () => {
    const rows = Array.from({ length: 50 }, () => aRow({ click_id: aClickId({ adId: "ad_spooled" }) }));
    expect(new Set(await convert(rows, { bindings: SHARDS_DOWN }))).toEqual(new Set(["accepted"]));
    expect(await keysBelow(SUBMISSION_SPOOL_PREFIX)).toEqual([expect.stringMatching(/\/0[\w-]{23}-50\.ndjson$/)]);
    expect((await totalsOf("ad_spooled"))?.["conversions"] ?? 0).toBe(0);
    await Promise.all([cron(), cron()]);
    expect(await keysBelow(SUBMISSION_SPOOL_PREFIX)).toEqual([]);
    expect(await keysBelow(DEAD_PREFIX)).toEqual([]);
    expect(await totalsOf("ad_spooled")).toMatchObject({ conversions: 50, value: 250_000_000 });
    expect(new Set(await convert(rows))).toEqual(new Set(["repeated"]));
  });

  it("are refused where the row is bad, and are none the worse for it", async () => {
    const rows = [aRow({ type: "gift" }), aRow()];
    expect(await convert(rows, { bindings: SHARDS_DOWN })).toEqual(["unknown_type", "accepted"]);
  });

  it("are counted once although they were decided and only the answer was lost", async () => {
    const row = aRow({ click_id: aClickId({ adId: "ad_reply_lost" }) });
    expect(await convert([row], { bindings: failing("after", () => true) })).toEqual(["accepted"]);
    expect(await drain()).toBe(1);
    expect(await totalsOf("ad_reply_lost")).toMatchObject({ conversions: 1, value: 5_000_000 });
    expect(await keysBelow(DEAD_PREFIX)).toEqual([]);
  });

  it("are accepted alone: what other objects decided is answered as they decided it", async () => {
    const rows = Array.from({ length: 40 }, () => aRow());
    const isOdd = (name: string) => Number(name.slice("orders-".length)) % 2 === 1;
    const statuses = await convert(rows, { bindings: failing("before", isOdd) });
    const accepted = statuses.filter((status) => status === "accepted").length;
    expect(new Set(statuses)).toEqual(new Set(["accepted", "recorded"]));
    expect(await keysBelow(SUBMISSION_SPOOL_PREFIX)).toEqual([expect.stringContaining(`-${accepted}.ndjson`)]);
  });

  it("are accepted when an object hangs", async () => {
    const hanging = { ORDER_SHARD: { getByName: () => ({ convert: () => new Promise(() => {}) }) } };
    expect(await convert([aRow()], { bindings: hanging })).toEqual(["accepted"]);
  });

  it("are accepted when the object's own storage fails", async () => {
    const stub = real.getByName("orders-broken");
    await runInDurableObject(stub, (_, { storage }) => storage.sql.exec("DROP VIEW log"));
    const bindings = { ORDER_SHARD: { getByName: () => stub } };
    expect(await convert([aRow()], { bindings })).toEqual(["accepted"]);
  });

  it("are refused with a time to try again when R2 fails as well, and nothing is counted", async () => {
    const row = aRow({ click_id: aClickId({ adId: "ad_refused" }) });
    const bindings = { ...SHARDS_DOWN, ARCHIVE: DOWN };
    const sent = await post([row, aRow()], { bindings });
    expect([sent.status, problemOf(sent), sent.headers.get("Retry-After")]).toEqual([503, "unavailable", "5"]);
    const mixed = await post([row, aRow({ type: "gift" })], { bindings });
    expect(answersOf(mixed).map(({ problem }) => problem?.status)).toEqual([503, 400]);
    const postback = await send(aPostback({ click_id: row.click_id }), { key: null, bindings });
    expect([postback.status, postback.headers.get("Retry-After")]).toEqual([503, "5"]);
    expect(await convert([row])).toEqual(["recorded"]);
  });
});

describe("the drain", () => {
  it("keeps what an object did not take, and only that", async () => {
    const rows = Array.from({ length: 40 }, () => aRow({ click_id: aClickId({ adId: "ad_half" }) }));
    await convert(rows, { bindings: SHARDS_DOWN });
    const isOdd = (name: string) => Number(name.slice("orders-".length)) % 2 === 1;
    expect(await drain(failing("before", isOdd).ORDER_SHARD)).toBe(0);
    const [key = ""] = await keysBelow(SUBMISSION_SPOOL_PREFIX);
    const left = ((await (await env.ARCHIVE.get(key))?.text()) ?? "").split("\n").length;
    const counted = (await totalsOf("ad_half"))?.["conversions"] ?? 0;
    expect([left > 0, counted > 0, left + counted]).toEqual([true, true, 40]);
    expect(await drain()).toBe(1);
    expect(await totalsOf("ad_half")).toMatchObject({ conversions: 40 });
    expect(await keysBelow(SUBMISSION_SPOOL_PREFIX)).toEqual([]);
  });

  it("ends when it made as many calls as it may, and goes on a minute later", async () => {
    for (let call = 0; call < 4; call++) await convert([aRow(), aRow()], { bindings: SHARDS_DOWN });
    const ports = { orders: real, archive: env.ARCHIVE, seal: testSeal };
    expect(await drainSubmissions(ports, Date.now(), { callsMax: 3 })).toBe(2);
    expect(await drain()).toBe(2);
  });

  it("keeps an order that was recorded and retracted meanwhile from contradicting itself", async () => {
    const row = aRow({ click_id: aClickId({ adId: "ad_undone" }) });
    const others = Array.from({ length: 10 }, () => aRow());
    await convert([row, { ...row, retract: true }, ...others], { bindings: SHARDS_DOWN });
    const first = { name: "" };
    const isFirst = (name: string) => {
      first.name ||= name;
      return name !== first.name;
    };
    await drain(failing("before", isFirst).ORDER_SHARD);
    await drain();
    expect(await keysBelow(DEAD_PREFIX)).toEqual([]);
    expect((await totalsOf("ad_undone"))?.["conversions"] ?? 0).toBe(0);
  });

  it.each([
    ["its order", "ad_behind_order", { value_micros: 9_000_000 }, { value_micros: -8_000_000 }],
    [
      "a correction that made room for it",
      "ad_behind_more",
      { value_micros: 4_000_000, correction_id: "more" },
      { value_micros: -8_000_000, correction_id: "less" },
    ],
  ])("decides a change behind %s, though that waits for a later try", async (_, adId, first, second) => {
    const row = aRow({ click_id: aClickId({ adId }) });
    if (first.value_micros !== 9_000_000) await convert([row]);
    await convert([{ ...row, ...first }], { bindings: SHARDS_DOWN });
    const nowMs = Date.now();
    const drainAt = (atMs: number, orders: unknown = real) =>
      drainSubmissions({ orders: orders as Namespace, archive: env.ARCHIVE, seal: testSeal }, atMs);
    expect(await drainAt(nowMs, SHARDS_DOWN.ORDER_SHARD)).toBe(0);
    await convert([{ ...row, ...second }], { bindings: SHARDS_DOWN });
    // The first is due in a minute, the second now.
    expect(await drainAt(nowMs + 1_000)).toBe(0);
    expect(await drainAt(nowMs + 2 * MINUTE_MS)).toBe(2);
    expect(await keysBelow(DEAD_PREFIX)).toEqual([]);
    expect(await totalsOf(adId)).toMatchObject({ conversions: 1, value: 1_000_000 });
  });

  it("keeps each contradiction as a dead letter, which cannot be replayed", async () => {
    const rows = [
      aRow({ click_id: aClickId({ adId: "ad_contra" }) }),
      aRow({ click_id: aClickId({ adId: "ad_contra" }) }),
    ];
    await convert(rows);
    const contradicting = rows.map((row) => ({ ...row, value_micros: 7 }));
    expect(await convert([...contradicting, aRow()], { bindings: SHARDS_DOWN })).toEqual(Array(3).fill("accepted"));
    await cron();
    const keys = await keysBelow(DEAD_PREFIX);
    expect(keys).toHaveLength(2);
    for (const key of keys) expect(key).toContain("/reason=submission_conflict/");
    expect(await totalsOf("ad_contra")).toMatchObject({ conversions: 2, value: 10_000_000 });
    const replayed = await ask("/v1/admin/dead-letters/replay", { method: "POST", body: { keys } });
    expect(JSON.parse(replayed.text)).toEqual({
      results: keys.map((key) => ({ key, outcome: "refused", reason: "submission_conflict" })),
    });
    expect(await keysBelow(DEAD_PREFIX)).toEqual(keys);
  });

  it("keeps a line that it cannot read as a dead letter, and decides the others", async () => {
    const row = aRow({ click_id: aClickId({ adId: "ad_torn" }) });
    await convert([row], { bindings: SHARDS_DOWN });
    const [key = ""] = await keysBelow(SUBMISSION_SPOOL_PREFIX);
    const line = (await (await env.ARCHIVE.get(key))?.text()) ?? "";
    await env.ARCHIVE.put(key, `${line}\n${line.slice(0, 40)}`);
    expect(await drain()).toBe(1);
    expect(await keysBelow(DEAD_PREFIX)).toEqual([expect.stringMatching(/\/reason=event_shape\/.*-1\.json$/)]);
    expect(await totalsOf("ad_torn")).toMatchObject({ conversions: 1 });
  });

  it("keeps an object whose dead letter R2 does not take", async () => {
    const row = aRow();
    await convert([row]);
    await convert([{ ...row, value_micros: 7 }], { bindings: SHARDS_DOWN });
    const archive = new Proxy(env.ARCHIVE, {
      get: (bucket, member) => Reflect.get(member === "put" ? DOWN : bucket, member).bind(bucket),
    });
    expect(await drainSubmissions({ orders: real, archive, seal: testSeal }, Date.now())).toBe(0);
    expect(await keysBelow(SUBMISSION_SPOOL_PREFIX)).toHaveLength(1);
    expect(await drain()).toBe(1);
    expect(await keysBelow(DEAD_PREFIX)).toHaveLength(1);
  });
});

describe("without the report database", () => {
  it("a key cannot be told, so its call is refused with a time to try again", async () => {
    const key = withCheck(`clk_${"k".repeat(43)}`);
    const answers = [
      await post([aRow()], { key, bindings: DATABASE_DOWN }),
      await send("/v1/impressions/counts", { method: "POST", body: {}, key, bindings: DATABASE_DOWN }),
      await send("/v1/conversions/secret", { key, bindings: DATABASE_DOWN }),
    ];
    for (const sent of answers) expect([sent.status, sent.headers.get("Retry-After")]).toEqual([503, "5"]);
  });

  it("a window that nobody knows yet is not guessed", async () => {
    const sent = await post([aRow()], { bindings: DATABASE_DOWN });
    expect([sent.status, problemOf(sent)]).toEqual([503, "unavailable"]);
  });
});

describe("uploaded counts whose object does not answer", () => {
  it("are refused with a time to try again, and counted once when they are sent again", async () => {
    const row = {
      ...{ minute: minutesAgo(3), advertiser_id: "adv_1", campaign_id: "cmp_7", ad_id: "ad_upload_down" },
      ...{ publisher_id: "pub_1", impressions: 100 },
    };
    const body = { batch_id: "outage", rows: [row] };
    const upload = (bindings?: Record<string, unknown>) =>
      send("/v1/impressions/counts", { method: "POST", body, ...(bindings === undefined ? {} : { bindings }) });
    const replyLost = {
      COUNTS_SHARD: {
        getByName: (name: string) => ({
          upload: async (given: never) => {
            await env.COUNTS_SHARD.getByName(name).upload(given);
            throw new Error("reply lost");
          },
        }),
      },
    };
    for (const bindings of [SHARDS_DOWN, replyLost]) {
      const sent = await upload(bindings);
      expect([sent.status, sent.headers.get("Retry-After")]).toEqual([503, "5"]);
    }
    expect(JSON.parse((await upload()).text)).toMatchObject({ status: "repeated", impressions: 100 });
    expect(await totalsOf("ad_upload_down")).toMatchObject({ impressions: 100, grossImpressions: 100 });
  });
});
