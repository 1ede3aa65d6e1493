/** A postback secret ends with the key that could show it, through the whole Worker; and postbacks have a rate. */
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { AttributionWindows, CACHE_MS } from "../../src/conversions/attribution-windows.ts";
import { signPostback } from "../../src/conversions/postback.ts";
import { decodeBase64url } from "../../src/core/base64url.ts";
import { MINUTE_MS } from "../../src/core/limits.ts";
import { ask, auditOf, seedKey, seedTenant } from "../admin/ask.ts";
import { NOON_MS } from "../support/builders.ts";
import { PATIENT } from "../support/patience.ts";
import { aClickId, anOrder, DATABASE_DOWN, send, totalsOf } from "./send.ts";

type Secret = { readonly epoch: number; readonly kid: string; readonly secret: string };

/** The secret that a key shows. */
async function secretBy(key: string): Promise<Secret> {
  return JSON.parse((await send("/v1/conversions/secret", { key })).text) as Secret;
}

/** A postback that somebody sends who has the secret. */
function postbackOf(name: string, { kid, secret }: Secret, more: Record<string, string> = {}) {
  const clickId = aClickId({ advertiserId: `adv_${name}`, adId: `ad_${name}` });
  const fields = new Map(
    Object.entries({ click_id: clickId, order_id: anOrder(), value_micros: "999000000", kid, ...more }),
  );
  fields.set("sig", signPostback(fields, decodeBase64url(secret) ?? new Uint8Array()));
  return `/v1/conversions?${new URLSearchParams([...fields])}`;
}

const statusOf = async (path: string, bindings?: Record<string, unknown>) =>
  (await send(path, { key: null, ...(bindings === undefined ? {} : { bindings }) })).status;
const convertKey = (name: string) => seedKey({ advertiserId: `adv_${name}`, scopes: ["convert"] });
const TENANTS = ["leaked", "rotated", "calm", "reporting", "hasty", "unread", "alone"];

beforeAll(async () => {
  for (const name of TENANTS) await seedTenant(name);
});
afterEach(() => {
  vi.useRealTimers();
});

describe("[attack 7] the postback secret of an advertiser", () => {
  it("ends with the revoked key that could show it, within the stated minute, and a new one is taken at once", async () => {
    const [{ key, id }, calm] = [await convertKey("leaked"), await secretBy((await convertKey("calm")).key)];
    const old = await secretBy(key);
    expect(await statusOf(postbackOf("leaked", old))).toBe(200);
    expect((await ask(`DELETE /v1/admin/keys/${id}`)).status).toBe(200);
    const fresh = await secretBy((await convertKey("leaked")).key);
    expect(fresh.secret).not.toBe(old.secret);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + CACHE_MS + 1 });
    for (let attempt = 0; attempt < 3; attempt++) expect(await statusOf(postbackOf("leaked", old))).toBe(403);
    expect(await statusOf(postbackOf("leaked", fresh))).toBe(200);
    expect(await statusOf(postbackOf("calm", calm))).toBe(200);
    expect(await totalsOf("ad_leaked")).toMatchObject({ conversions: 2, value: 2 * 999_000_000 });
    expect((await ask(`DELETE /v1/admin/keys/${id}`)).status).toBe(200);
    expect((await secretBy((await convertKey("leaked")).key)).secret).toBe(fresh.secret);
  });

  it("goes on for the overlap of a rotation, beside the new one, and not longer", async () => {
    const { key, id } = await convertKey("rotated");
    const old = await secretBy(key);
    const { body } = await ask(`POST /v1/admin/keys/${id}/rotate`, { body: { overlapSeconds: 3_600 } });
    const fresh = await secretBy(String(body["key"]));
    expect(fresh.secret).not.toBe(old.secret);
    expect([await statusOf(postbackOf("rotated", old)), await statusOf(postbackOf("rotated", fresh))]).toEqual([
      200, 200,
    ]);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 61 * MINUTE_MS });
    expect([await statusOf(postbackOf("rotated", old)), await statusOf(postbackOf("rotated", fresh))]).toEqual([
      403, 200,
    ]);
  });

  it("stays as it is when a key ends that could not show it", async () => {
    const before = await secretBy((await convertKey("reporting")).key);
    const { id } = await seedKey({ advertiserId: "adv_reporting", scopes: ["report"] });
    expect((await ask(`DELETE /v1/admin/keys/${id}`)).status).toBe(200);
    expect((await secretBy((await convertKey("reporting")).key)).secret).toBe(before.secret);
  });

  it("is not believed for long while nobody can say whether it ended", async () => {
    const terms = new AttributionWindows(env.REPORT_DB);
    expect(await terms.epochsOf("adv_unread", NOON_MS)).toEqual({ epoch: 0, previousUntilMs: 0 });
    const down = new AttributionWindows(DATABASE_DOWN.REPORT_DB as unknown as D1Database);
    await expect(down.epochsOf("adv_unread", NOON_MS)).rejects.toThrow("D1 is down");
    const failing = vi.spyOn(env.REPORT_DB, "prepare").mockImplementation(() => {
      throw new Error("D1 is down");
    });
    expect(await terms.epochsOf("adv_unread", NOON_MS + 10 * MINUTE_MS)).toMatchObject({ epoch: 0 });
    await expect(terms.epochsOf("adv_unread", NOON_MS + 10 * MINUTE_MS + 1)).rejects.toThrow("for too long");
    failing.mockRestore();
    const secret = await secretBy((await convertKey("unread")).key);
    expect(await statusOf(postbackOf("unread", secret), DATABASE_DOWN)).toBe(503);
  });
});

describe("[attack 7] a postback secret that leaked alone", () => {
  const end = (body: unknown) => ask("POST /v1/admin/advertisers/adv_alone/postback-secret/revoke", { body });
  const ended = async () => (await auditOf("adv_alone")).filter((entry) => entry["subjectKind"] === "postback_secret");

  it("ends without any key, once however often it is asked, and is in the audit log", async () => {
    const { key } = await convertKey("alone");
    const old = await secretBy(key);
    expect(old.epoch).toBe(0);
    expect(await end({ epoch: 0, overlapSeconds: 3_600 })).toMatchObject({
      status: 200,
      body: { advertiserId: "adv_alone", epoch: 1, previousEndsAt: expect.stringMatching(/Z$/) },
    });
    const fresh = await secretBy(key);
    expect([fresh.epoch, fresh.secret === old.secret]).toEqual([1, false]);
    expect([await statusOf(postbackOf("alone", old)), await statusOf(postbackOf("alone", fresh))]).toEqual([200, 200]);
    const again = await end({ epoch: 0, overlapSeconds: 3_600 });
    expect(again).toMatchObject({ status: 200, body: { epoch: 1 } });
    expect(await ended()).toHaveLength(1);
    // Now without the overlap.
    expect((await end({ epoch: 0 })).body["epoch"]).toBe(1);
    expect((await end({ epoch: 0, overlapSeconds: 86_400 })).body["epoch"]).toBe(1);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + CACHE_MS + 1 });
    expect([await statusOf(postbackOf("alone", old)), await statusOf(postbackOf("alone", fresh))]).toEqual([403, 200]);
    expect(await ended()).toMatchObject([
      { action: "revoke", before: { epoch: 1 }, after: { epoch: 1 } },
      { action: "revoke", before: { epoch: 0, previousEndsAt: null }, after: { epoch: 1 } },
    ]);
  });

  it("is raised once by two who end it at the same moment", async () => {
    const { epoch } = await secretBy((await convertKey("alone")).key);
    const answers = await Promise.all([end({ epoch }), end({ epoch }), end({ epoch })]);
    expect(answers.map(({ status, body }) => [status, body["epoch"]])).toEqual([1, 2, 3].map(() => [200, epoch + 1]));
  });

  it.each([
    [{ epoch: 99 }, 400, "epoch"],
    [{ epoch: -1 }, 400, "epoch"],
    [{}, 400, "epoch"],
    [{ epoch: 0, overlap: 1 }, 400, "overlap"],
    [{ epoch: 0, overlapSeconds: 31 * 86_400 }, 400, "overlapSeconds"],
  ])("is not ended by %j", async (body, status, field) => {
    expect(await end(body)).toMatchObject({ status, body: { field } });
  });

  it("is nobody's where there is no such advertiser", async () => {
    const answered = await ask("POST /v1/admin/advertisers/adv_nobody/postback-secret/revoke", { body: { epoch: 0 } });
    expect(answered.status).toBe(404);
  });
});

describe("[attack 7] postbacks and pixels of one advertiser", () => {
  it("have a rate, which only its own signature spends, and which is no other's", async () => {
    const [hasty, calm] = [
      await secretBy((await convertKey("hasty")).key),
      await secretBy((await convertKey("calm")).key),
    ];
    const path = postbackOf("hasty", hasty);
    const forged = path.replace(/sig=[^&]*/, `sig=${"A".repeat(43)}`);
    const spent: string[] = [];
    const limit = async ({ key }: { key: string }) => ({ success: spent.push(key) > 0 });
    const counting = { POSTBACK_RATE: { limit } };
    expect([await statusOf(forged, counting), spent]).toEqual([403, []]);
    expect([await statusOf(path, counting), spent]).toEqual([200, ["adv_hasty"]]);
    // A period may end between what is spent and what is asked; two do not in a row.
    const askWhenSpent = async () => {
      while ((await env.POSTBACK_RATE.limit({ key: "adv_hasty" })).success);
      return send(path, { key: null });
    };
    const first = await askWhenSpent();
    const refused = first.status === 429 ? first : await askWhenSpent();
    expect([refused.status, refused.headers.get("Retry-After")]).toEqual([429, "10"]);
    const pixel = await send(postbackOf("hasty", hasty, { format: "gif" }), { key: null });
    expect([pixel.status, pixel.headers.get("Content-Type")]).toEqual([200, "image/gif"]);
    expect(await statusOf(postbackOf("calm", calm))).toBe(200);
    await vi.waitFor(async () => expect(await totalsOf("ad_hasty")).toMatchObject({ conversions: 1 }), PATIENT);
  });
});
