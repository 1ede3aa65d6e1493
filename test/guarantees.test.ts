/**
 * The promises of docs/GUARANTEES.md under their numbers, each shown on the real way of the data: HTTP request, queue,
 * shard, D1 and R2. What a promise needs beyond one end-to-end look is proved in the tests that GUARANTEES names.
 */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { hashApiKey, makeApiKey } from "../src/access/api-keys.ts";
import { ARCHIVE_PREFIX } from "../src/archive/archive.ts";
import { parseJson } from "../src/core/base64url.ts";
import { decodeClaims } from "../src/core/claims.ts";
import { encodeMessage } from "../src/core/message.ts";
import { eventShardNames, parseTopology } from "../src/core/routing.ts";
import worker from "../src/index.ts";
import { shardNameOf } from "../src/shard/stub.ts";
import { anEncodedEvent, anEpoch, anOpenedClick, BROWSER, CRAWLER, NOON_MS } from "./support/builders.ts";
import { PATIENT } from "./support/patience.ts";
import { aToken } from "./support/tokens.ts";
import { updateLog } from "./support/update-log.ts";

const ORIGIN = "https://track.example";
const topology = parseTopology(parseJson(env.TOPOLOGY));
const shardNames = topology.ok ? eventShardNames(topology.value) : [];

function request(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { "User-Agent": BROWSER, ...(init.headers as Record<string, string> | undefined) };
  return exports.default.fetch(`${ORIGIN}${path}`, { redirect: "manual", ...init, headers });
}

/** An encoded event of just now; older ones than the dedup horizon would be deferred. */
function aRecentClick(payload: Record<string, unknown>): string {
  const iat = Math.floor(Date.now() / 1_000) - 10;
  return anEncodedEvent({ receivedAtMs: Date.now() }, { iat, exp: iat + 3_600, ...payload });
}

const click = (token: string, init: RequestInit = {}) => request(`/c/${token}`, init);

type Totals = { gross: number; valid: number; duplicate: number; invalid: number; late: number; spend: number };

async function totalsOf(ad: string): Promise<Totals> {
  const row = await env.REPORT_DB.prepare(
    `SELECT coalesce(sum(gross), 0) AS gross, coalesce(sum(valid), 0) AS valid, coalesce(sum(duplicate), 0) AS duplicate,
       coalesce(sum(invalid), 0) AS invalid, coalesce(sum(late), 0) AS late, coalesce(sum(spend_micros), 0) AS spend
     FROM facts_minute WHERE ad_id = ?1`,
  )
    .bind(ad)
    .first<Totals>();
  if (row === null) throw new Error("no totals");
  return row;
}

/** Waits until the ad's gross reaches `gross`, by the real queue and the shards' own alarms. */
async function counted(ad: string, gross: number): Promise<Totals> {
  return vi.waitFor(async () => {
    const totals = await totalsOf(ad);
    expect(totals.gross).toBe(gross);
    return totals;
  }, PATIENT);
}

/** Archived lines of an ad's events, after everything due was archived. */
async function archivedVerdicts(ad: string): Promise<string[]> {
  const { objects } = await env.ARCHIVE.list({ prefix: ARCHIVE_PREFIX });
  const verdicts: string[] = [];
  for (const { key } of objects) {
    const body = (await env.ARCHIVE.get(key))?.body.pipeThrough(new DecompressionStream("gzip"));
    for (const line of (await new Response(body).text()).trimEnd().split("\n")) {
      const { verdict, event } = JSON.parse(line) as { verdict: string; event: { token: string } };
      const claims = decodeClaims(event.token);
      if (claims.ok && claims.value.ad === ad) verdicts.push(verdict);
    }
  }
  return verdicts;
}

describe("G1: a valid token redirects to exactly what was signed, and nothing else redirects", () => {
  it("sends the browser to the signed URL, byte for byte, with the click id behind it", async () => {
    const url = "https://shop.example/a%20b/c;d?x=1&y=%2F#frag";
    const location = (await click(await aToken({ url }))).headers.get("Location");
    expect(location).toMatch(/^https:\/\/shop\.example\/a%20b\/c;d\?x=1&y=%2F&click_id=2~test-1~[-~.\w]+#frag$/);
  });

  it("never redirects what is not signed", async () => {
    const [header, payload] = (await aToken()).split(".");
    for (const token of [`${header}.${payload}.`, `${header}.${payload}.${"A".repeat(43)}`, `${header}..`, "..", ""]) {
      const response = await click(token);
      // A browser takes `/c/..` for `/`, which is a page.
      if (token === "..") expect(response.status).toBe(200);
      else expect(response.status).toBeGreaterThanOrEqual(400);
      expect(response.headers.get("Location")).toBeNull();
    }
  });
});

describe("G2: before the 302 there is no network call and no storage call", () => {
  it("answers although queue, shards, database and archive never answer", async () => {
    const hanging = new Proxy({}, { get: () => () => new Promise(() => {}) });
    const isolated = {
      ...env,
      CLICK_QUEUE_0: hanging,
      EVENT_SHARD: { getByName: () => hanging },
      REPORT_DB: hanging,
      ARCHIVE: hanging,
    } as unknown as Env;
    const background: Promise<unknown>[] = [];
    const ctx = { waitUntil: (work: Promise<unknown>) => void background.push(work) } as unknown as ExecutionContext;
    const incoming = new Request(`${ORIGIN}/c/${await aToken()}`, { headers: { "User-Agent": BROWSER } });
    const response = await worker.fetch(incoming as Parameters<typeof worker.fetch>[0], isolated, ctx);
    expect(response.status).toBe(302);
    expect(background).toHaveLength(1);
  });
});

describe("G3: what was acknowledged is in the totals and in the archive, exactly once in each", () => {
  it("carries clicks from HTTP through queue and shard to D1 and R2", async () => {
    const ad = "ad_g3";
    for (let n = 0; n < 12; n++) expect((await click(await aToken({ ad }))).status).toBe(302);
    expect(await counted(ad, 12)).toMatchObject({ valid: 12, spend: 12 * 250_000 });
    await archiveEverything();
    expect(await archivedVerdicts(ad)).toHaveLength(12);
    await archiveEverything();
    expect(await archivedVerdicts(ad)).toHaveLength(12);
    expect((await totalsOf(ad)).gross).toBe(12);
  });
});

describe("G4: one impression is billed at most once", () => {
  it("bills a double click, a retry and two copies in flight once", async () => {
    const ad = "ad_g4";
    const token = await aToken({ ad });
    await Promise.all([click(token), click(token), click(token)]);
    await counted(ad, 3);
    await click(token, { headers: { "User-Agent": `${BROWSER} Edg/1` } });
    expect(await counted(ad, 4)).toMatchObject({ valid: 1, duplicate: 3, spend: 250_000 });
  });

  it("bills a queue redelivery once, also after eviction", async () => {
    const ad = "ad_g4_redelivery";
    const message = encodeMessage([aRecentClick({ ad, jti: "again" })]);
    await env.CLICK_QUEUE_0.send(message, { contentType: "text" });
    await counted(ad, 1);
    for (const name of shardNames) await evictDurableObject(env.EVENT_SHARD.getByName(name));
    await env.CLICK_QUEUE_0.send(message, { contentType: "text" });
    await env.CLICK_QUEUE_0.send(encodeMessage([aRecentClick({ ad, jti: "other" })]), { contentType: "text" });
    expect(await counted(ad, 2)).toMatchObject({ valid: 2, duplicate: 0 });
  });

  it("sends every copy of an impression to the same shard, whatever shards there are now", async () => {
    const click = anOpenedClick({}, { jti: "fixed" });
    const before = [anEpoch(0, 8)];
    const after = [...before, anEpoch(NOON_MS + 1, 64, { ad_9: 16 })];
    expect(shardNameOf(click, after)).toBe(shardNameOf(click, before));
  });
});

describe("G5: every event has a verdict and a reason, and gross is their sum", () => {
  it("counts crawlers, HEAD, expired and test traffic as what they are", async () => {
    const ad = "ad_g5";
    const nowS = Math.floor(Date.now() / 1_000);
    await click(await aToken({ ad }));
    await click(await aToken({ ad }), { headers: { "User-Agent": CRAWLER } });
    await click(await aToken({ ad }), { method: "HEAD" });
    await click(await aToken({ ad, iat: nowS - 7_200, exp: nowS - 3_600 }));
    await click(await aToken({ ad, tst: 1 }));
    const body = JSON.stringify({ token: await aToken({ ad, iat: nowS - 600 }), timestamp_ms: (nowS - 300) * 1_000 });
    await request("/v1/click?redirect=false", { method: "POST", body });
    expect(await counted(ad, 6)).toEqual({ gross: 6, valid: 1, duplicate: 0, invalid: 4, late: 1, spend: 250_000 });
    const { results } = await env.REPORT_DB.prepare(
      "SELECT reason.key AS reason, sum(reason.value) AS total FROM facts_minute, json_each(reasons) AS reason WHERE ad_id = ?1 GROUP BY 1 ORDER BY 1",
    )
      .bind(ad)
      .all();
    expect(results).toEqual(
      ["declared_crawler", "expired_token", "head_request", "late", "test"].map((reason) => ({ reason, total: 1 })),
    );
  });
});

describe("G6: every posting is applied exactly once", () => {
  it("does not apply again when alarms fire again", async () => {
    const ad = "ad_g6";
    await click(await aToken({ ad }));
    await counted(ad, 1);
    for (const name of shardNames) await runDurableObjectAlarm(env.EVENT_SHARD.getByName(name));
    for (const name of shardNames) await env.EVENT_SHARD.getByName(name).sweep();
    expect((await totalsOf(ad)).gross).toBe(1);
  });
});

describe("G9: a tenant reads only its own rows, and cannot learn that others exist", () => {
  const mine = makeApiKey(new Uint8Array(32).fill(7));
  beforeAll(async () => {
    await env.REPORT_DB.prepare(
      "INSERT INTO api_keys (key_hash, key_id, advertiser_id, scopes, created_at_ms) VALUES (?1, 'key_mine', 'adv_mine', '[\"report\"]', 0)",
    )
      .bind(hashApiKey(mine))
      .run();
  });

  it("answers a foreign id and an unknown id alike", async () => {
    const ad = "ad_g9";
    await click(await aToken({ ad, adv: "adv_other", cmp: "cmp_other" }));
    await click(await aToken({ ad: "ad_g9_mine", adv: "adv_mine", cmp: "cmp_mine" }));
    await counted(ad, 1);
    await counted("ad_g9_mine", 1);
    const day = new Date().toISOString().slice(0, 10);
    const ask = async (filter: string) => {
      const path = `/v1/reports/clicks?from=${day}&to=${day}&group_by=ad_id${filter}`;
      const response = await request(path, { headers: { Authorization: `Bearer ${mine}` } });
      const { rows } = (await response.json()) as { rows: unknown[] };
      return { status: response.status, rows };
    };
    expect(await ask("")).toEqual({ status: 200, rows: [{ adId: "ad_g9_mine", clicks: 1 }] });
    expect(await ask("&campaign_id=cmp_other")).toEqual({ status: 200, rows: [] });
    expect(await ask("&campaign_id=cmp_unknown")).toEqual({ status: 200, rows: [] });
    expect(await ask("&advertiser_id=adv_other")).toEqual(await ask("&advertiser_id=adv_unknown"));
  });

  it("refuses who has no key", async () => {
    const response = await request("/v1/reports/clicks?from=2026-04-01&to=2026-04-20");
    expect(response.status).toBe(401);
  });
});

describe("G10: every answer says how complete it is", () => {
  it("has a watermark that passes a click once the click is in the report", async () => {
    const ad = "ad_g10";
    await click(await aToken({ ad }));
    await counted(ad, 1);
    const day = new Date().toISOString().slice(0, 10);
    const response = await request(`/v1/reports/clicks?from=${day}&to=${day}&ad_id=${ad}&group_by=ad_id`, {
      headers: { Authorization: `Bearer ${env.ADMIN_API_KEY}` },
    });
    const { rows, meta } = (await response.json()) as {
      rows: unknown[];
      meta: { watermark: string; complete: boolean };
    };
    expect(rows).toEqual([{ adId: ad, clicks: 1 }]);
    expect(Date.parse(meta.watermark)).toBeGreaterThan(Date.now() - 60_000);
    expect(meta.complete).toBe(false);
  });
});

describe("G11: pipeline lag never makes a click late", () => {
  it("judges by the two instants that the edge recorded, however long the queue took", async () => {
    const ad = "ad_g11";
    const hoursAgoMs = Date.now() - 5 * 3_600_000;
    const iat = Math.floor(hoursAgoMs / 1_000) - 10;
    const stale = anEncodedEvent({ receivedAtMs: hoursAgoMs }, { ad, iat, exp: iat + 3_600 });
    await env.CLICK_QUEUE_0.send(encodeMessage([stale]), { contentType: "text" });
    expect(await counted(ad, 1)).toMatchObject({ valid: 1, late: 0 });
  });
});

describe("G12: bad input gets a named error or a verdict, and loses nothing", () => {
  it("counts the good neighbours of a poisoned event and keeps the poison", async () => {
    const ad = "ad_g12";
    const message = encodeMessage(['{"v":1,"poison":"g12"}', aRecentClick({ ad })]);
    await env.CLICK_QUEUE_0.send(message, { contentType: "text" });
    await counted(ad, 1);
    const { objects } = await env.ARCHIVE.list({ prefix: "dead/v1/" });
    const letters = await Promise.all(objects.map(async ({ key }) => (await env.ARCHIVE.get(key))?.text()));
    expect(letters.filter((letter) => letter?.includes("g12"))).toHaveLength(1);
  });
});

/** Makes every waiting row due for the archive, and flushes. */
async function archiveEverything(): Promise<void> {
  for (const name of shardNames) {
    const shard = env.EVENT_SHARD.getByName(name);
    await runInDurableObject(shard, (_, { storage }) => {
      updateLog(storage.sql, "SET logged_at_ms = 1");
    });
    await shard.sweep();
  }
}
