/** The impression pixel: the smallest GIF for everybody, and an event for who has a good token. */
import { runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { parseJson } from "../../src/core/base64url.ts";
import { eventShardName } from "../../src/core/routing.ts";
import worker from "../../src/index.ts";
import { problemType } from "../../src/problem.ts";
import { LogStore } from "../../src/shard/sqlite-shard-log.ts";
import { BROWSER, CRAWLER } from "../support/builders.ts";
import { PATIENT } from "../support/patience.ts";
import { aToken } from "../support/tokens.ts";
import { watched } from "../support/watched-edge.ts";

const ORIGIN = "https://track.example";
const PIXEL_HEX = "47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b";

function get(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { "User-Agent": BROWSER, ...(init.headers as Record<string, string> | undefined) };
  return exports.default.fetch(`${ORIGIN}${path}`, { redirect: "manual", ...init, headers });
}

const hexOf = (bytes: ArrayBuffer) =>
  Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");

const HEADERS = {
  "content-type": "image/gif",
  "content-length": "43",
  "cache-control": "no-store",
  "x-robots-tag": "noindex",
  "x-content-type-options": "nosniff",
  "cross-origin-resource-policy": "cross-origin",
};

async function expectPixel(response: Response): Promise<void> {
  expect(response.status).toBe(200);
  expect(Object.fromEntries(response.headers)).toMatchObject(HEADERS);
  expect(response.headers.get("Location")).toBeNull();
  expect(hexOf(await response.arrayBuffer())).toBe(PIXEL_HEX);
}

const refusedPoint = (reason: string) => expect.objectContaining({ blobs: ["refused", reason, "", ""], doubles: [1] });

describe("the pixel", () => {
  it("is a GIF of 43 bytes: one transparent point, never cached", async () => {
    const response = await get(`/i/${await aToken()}`);
    await expectPixel(response.clone() as Response);
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect(bytes).toHaveLength(43);
    expect(new TextDecoder().decode(bytes.subarray(0, 6))).toBe("GIF89a");
    const view = new DataView(bytes.buffer);
    expect([view.getUint16(6, true), view.getUint16(8, true)]).toEqual([1, 1]);
    expect(bytes.at(-1)).toBe(0x3b);
  });

  it.each(["/i/", "/v1/impression/", "/api/i/", "/api/v1/impression/"])("stands under %s", async (prefix) => {
    await expectPixel(await get(`${prefix}${await aToken()}?cb=123`));
  });

  it("has the same headers and no body under HEAD", async () => {
    const response = await get(`/i/${await aToken()}`, { method: "HEAD" });
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject(HEADERS);
    expect((await response.arrayBuffer()).byteLength).toBe(0);
    // Not even one that the platform has to cut off.
    expect((await watched(`/i/${await aToken()}`, { method: "HEAD" })).response.body).toBeNull();
  });

  it.each(["POST", "PUT", "DELETE", "PATCH"])("is not for %s", async (method) => {
    const { response, points, events } = await watched(`/i/${await aToken()}`, { method });
    expect(response.status).toBe(405);
    expect(((await response.json()) as { type: string }).type).toBe(problemType("method_not_allowed"));
    expect(points).toEqual([refusedPoint("method_not_allowed")]);
    expect(events).toEqual([]);
  });

  it.each([
    ["no token", async () => "", "token_missing"],
    ["a token that is none", async () => "abc", "token_segments"],
    ["a forged signature", async () => `${(await aToken()).slice(0, -43)}${"A".repeat(43)}`, "signature_invalid"],
    ["a token that is too long", async () => "a".repeat(8_193), "token_too_long"],
  ])("is a pixel also for %s, which is counted as refused and makes no event", async (_, token, reason) => {
    const { response, points, events } = await watched(`/i/${await token()}`);
    await expectPixel(response);
    expect(points).toEqual([refusedPoint(reason)]);
    expect(events).toEqual([]);
  });

  it("is a pixel for a speculative fetch, which is counted as refused", async () => {
    const headers = { "Sec-Purpose": "prefetch" };
    const { response, points, events } = await watched(`/i/${await aToken()}`, { headers });
    await expectPixel(response);
    expect(points).toEqual([refusedPoint("speculative")]);
    expect(events).toEqual([]);
  });

  it("is a pixel also when nothing behind it answers", async () => {
    const hanging = new Proxy({}, { get: () => () => new Promise(() => {}) });
    const given = { ...env, IMPRESSION_QUEUE_0: hanging, EVENT_SHARD: { getByName: () => hanging }, ARCHIVE: hanging };
    const ctx = { waitUntil: () => {} } as unknown as ExecutionContext;
    const request = new Request(`${ORIGIN}/i/${await aToken()}`, { headers: { "User-Agent": BROWSER } });
    await expectPixel(await worker.fetch(request as Parameters<typeof worker.fetch>[0], given as unknown as Env, ctx));
  });
});

describe("the event of a pixel", () => {
  it("is an impression, by the server's clock, with the facts of its request", async () => {
    const { events, points } = await watched(`/i/${await aToken({ jti: "imp_event" })}`);
    expect(points).toEqual([]);
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      event: { type: "impression", method: "GET", count: 1, clock: "server", device: "desktop", userAgent: BROWSER },
      claims: { jti: "imp_event" },
    });
    expect(events[0]?.event.occurredAtMs).toBe(events[0]?.event.receivedAtMs);
  });

  it.each(["/i/", "/c/"])("and of a click carries two hashes of its client under %s", async (prefix) => {
    const { events } = await watched(`${prefix}${await aToken()}`);
    expect(events[0]?.event).toMatchObject({ gpc: false, ipHash: expect.stringMatching(/^[-\w]{16}$/) });
    expect(events[0]?.event.userHash).toMatch(/^[-\w]{16}$/);
    expect(events[0]?.event.userHash).not.toBe(events[0]?.event.ipHash);
    expect(JSON.stringify(events)).not.toContain("192.0.2.7");
  });

  it.each(["/i/", "/c/"])("has neither hash under %s for who sends Sec-GPC", async (prefix) => {
    const { events } = await watched(`${prefix}${await aToken()}`, { headers: { "Sec-GPC": "1" } });
    expect(events).toHaveLength(1);
    expect(events[0]?.event).toMatchObject({ gpc: true, ipHash: null, userHash: null });
    expect(JSON.stringify(events)).not.toContain("192.0.2.7");
  });
});

type Totals = Record<"impressions" | "gross_impressions" | "gross" | "valid", number>;

async function totalsOf(ad: string): Promise<Totals & { reasons: Record<string, number> }> {
  const { results } = await env.REPORT_DB.prepare(
    "SELECT impressions, gross_impressions, gross, valid, reasons FROM facts_minute WHERE ad_id = ?1",
  )
    .bind(ad)
    .all<Totals & { reasons: string }>();
  const totals = { impressions: 0, gross_impressions: 0, gross: 0, valid: 0 };
  const reasons: Record<string, number> = {};
  for (const row of results) {
    for (const measure of Object.keys(totals) as (keyof Totals)[]) totals[measure] += row[measure];
    for (const [reason, count] of Object.entries(parseJson(row.reasons) as Record<string, number>)) {
      reasons[reason] = (reasons[reason] ?? 0) + count;
    }
  }
  return { ...totals, reasons };
}

/** Waits until the ad's gross of impressions and clicks is reached, by the real queues and the shards' own alarms. */
function counted(ad: string, grossImpressions: number, gross = 0) {
  return vi.waitFor(async () => {
    const totals = await totalsOf(ad);
    expect([totals.gross_impressions, totals.gross]).toEqual([grossImpressions, gross]);
    return totals;
  }, PATIENT);
}

describe.concurrent("an impression on its way through queue and shard", () => {
  it("is counted beside the click of its token, both valid", async () => {
    const token = await aToken({ ad: "ad_both", cpc: 123_456 });
    await expectPixel(await get(`/i/${token}`));
    const { headers } = await get(`/c/${token}`);
    expect(headers.get("Location")).not.toContain("123456");
    expect(await counted("ad_both", 1, 1)).toEqual({
      ...{ impressions: 1, gross_impressions: 1, gross: 1, valid: 1 },
      reasons: {},
    });
  });

  it("goes to a shard of impressions, never to one of clicks", async () => {
    await get(`/i/${await aToken({ ad: "ad_where" })}`);
    await counted("ad_where", 1);
    const isLogged = (name: string) =>
      runInDurableObject(env.EVENT_SHARD.getByName(name), (_, { storage }) =>
        new LogStore(storage.sql)
          .rowsAfter(0, Number.MAX_SAFE_INTEGER)
          .some((row) => row.entries().some((entry) => "claims" in entry && entry.claims.ad === "ad_where")),
      );
    const shards = Array.from({ length: 8 }, (_, at) => at);
    const found = await Promise.all(shards.map((at) => isLogged(eventShardName("impression", at))));
    const strays = await Promise.all(shards.map((at) => isLogged(eventShardName("click", at))));
    expect(found.filter(Boolean)).toHaveLength(1);
    expect(strays.filter(Boolean)).toHaveLength(0);
  });

  it("counts each repeat of a token in gross alone, those of one hold folded and those of later ones not", async () => {
    const token = await aToken({ ad: "ad_repeats" });
    await Promise.all([get(`/i/${token}`), get(`/i/${token}`), get(`/i/${token}`)]);
    await counted("ad_repeats", 3);
    await get(`/i/${token}`);
    const totals = await counted("ad_repeats", 4);
    expect(totals).toMatchObject({ impressions: 1, reasons: { "impression.same_impression": 3 } });
  });

  it("is invalid by the same rules as a click, under reasons of its own type", async () => {
    const ad = "ad_invalid";
    const nowS = Math.floor(Date.now() / 1_000);
    await get(`/i/${await aToken({ ad })}`, { headers: { "User-Agent": CRAWLER } });
    await get(`/i/${await aToken({ ad })}`, { method: "HEAD" });
    await get(`/i/${await aToken({ ad, tst: 1 })}`);
    await get(`/i/${await aToken({ ad, iat: nowS - 7_200, exp: nowS - 3_600 })}`);
    expect(await counted(ad, 4)).toMatchObject({
      impressions: 0,
      reasons: {
        "impression.declared_crawler": 1,
        "impression.head_request": 1,
        "impression.test": 1,
        "impression.expired_token": 1,
      },
    });
  });

  it("is counted for who sends Sec-GPC as for everybody", async () => {
    const token = await aToken({ ad: "ad_gpc", uid: "u_1" });
    await get(`/i/${token}`, { headers: { "Sec-GPC": "1" } });
    await get(`/c/${token}`, { headers: { "Sec-GPC": "1" } });
    expect(await counted("ad_gpc", 1, 1)).toMatchObject({ impressions: 1, valid: 1, reasons: {} });
    const row = await env.REPORT_DB.prepare(
      "SELECT sum(valid_with_user) AS users FROM facts_minute WHERE ad_id = 'ad_gpc'",
    ).first();
    expect(row).toEqual({ users: 0 });
  });
});
