/** What docs/METHODOLOGY.md says is measured at the edge, on the whole way from the request to the facts. */
import { runInDurableObject } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { parseJson } from "../../src/core/base64url.ts";
import { decodeClaims } from "../../src/core/claims.ts";
import { eventShardNames, parseTopology } from "../../src/core/routing.ts";
import { BROWSER } from "../support/builders.ts";
import { PATIENT } from "../support/patience.ts";
import { aToken } from "../support/tokens.ts";

function ask(path: string, headers: Record<string, string> = {}, init: RequestInit = {}): Promise<Response> {
  const all = { "User-Agent": BROWSER, ...headers };
  return exports.default.fetch(`https://track.example${path}`, { redirect: "manual", ...init, headers: all });
}

type LoggedClick = { token: string; clock: string; occurred_at_ms: number; received_at_ms: number };

type Totals = { gross: number; valid: number; known: number; grossImpressions: number; impressions: number };

async function totalsOf(ad: string): Promise<Totals | null> {
  return env.REPORT_DB.prepare(
    `SELECT coalesce(sum(gross), 0) AS gross, coalesce(sum(valid), 0) AS valid,
       coalesce(sum(valid_with_user), 0) AS known, coalesce(sum(gross_impressions), 0) AS grossImpressions,
       coalesce(sum(impressions), 0) AS impressions
     FROM facts_minute WHERE ad_id = ?1`,
  )
    .bind(ad)
    .first<Totals>();
}

/** Waits until what was sent for the ad is in the facts, by the real queue and the shards' own alarms. */
async function counted(ad: string, expected: Partial<Totals>): Promise<void> {
  await vi.waitFor(async () => expect(await totalsOf(ad)).toMatchObject(expected), PATIENT);
}

/** Everything that the shards have logged, as text. */
async function loggedText(): Promise<string> {
  const topology = parseTopology(parseJson(env.TOPOLOGY));
  const texts: string[] = [];
  for (const name of topology.ok ? eventShardNames(topology.value) : []) {
    await runInDurableObject(env.EVENT_SHARD.getByName(name), (_, { storage }) => {
      texts.push(
        ...storage.sql
          .exec<{ lines: string }>("SELECT lines FROM log")
          .toArray()
          .map(({ lines }) => lines),
      );
    });
  }
  return texts.join("\n");
}

const script = async (token: string, query: string) =>
  ask(`/v1/click${query}`, {}, { method: "POST", body: JSON.stringify({ token }) });

describe("a click", () => {
  it("by script counts like one on a link, whether it is answered 302 or 204", async () => {
    const ad = "ad_measured_script";
    expect((await script(await aToken({ ad }), "")).status).toBe(302);
    expect((await script(await aToken({ ad }), "?redirect=false")).status).toBe(204);
    expect((await ask(`/c/${await aToken({ ad })}`)).status).toBe(302);
    await counted(ad, { gross: 3, valid: 3 });
  });

  it("is none while it is speculative, and is one when the person acts", async () => {
    const ad = "ad_measured_prefetch";
    const token = await aToken({ ad });
    for (let n = 0; n < 3; n++) expect((await ask(`/c/${token}`, { "Sec-Purpose": "prefetch" })).status).toBe(503);
    expect((await ask(`/c/${token}`)).status).toBe(302);
    await counted(ad, { gross: 1, valid: 1 });
  });

  it("is none without a token that verifies, and makes no event", async () => {
    const ad = "ad_measured_forged";
    const token = await aToken({ ad });
    const forged = `${token.slice(0, token.lastIndexOf("."))}.${"A".repeat(43)}`;
    expect((await ask(`/c/${forged}`)).status).toBe(403);
    expect((await ask(`/i/${forged}`)).status).toBe(200);
    expect((await ask(`/c/${token}`)).status).toBe(302);
    expect((await ask(`/i/${token}`)).status).toBe(200);
    await counted(ad, { gross: 1, valid: 1, grossImpressions: 1, impressions: 1 });
  });

  it("is logged without its address, and under Global Privacy Control without anything made of it", async () => {
    const [ad, silent] = ["ad_measured_known", "ad_measured_silent"];
    const address = "192.0.2.77";
    const client = { "CF-Connecting-IP": address };
    await ask(`/c/${await aToken({ ad })}`, client);
    await ask(`/c/${await aToken({ ad: silent })}`, { ...client, "Sec-GPC": "1" });
    await counted(ad, { valid: 1, known: 1 });
    await counted(silent, { valid: 1, known: 0 });
    const text = await loggedText();
    expect(text).not.toContain(address);
    const silenced = text.split("\n").filter((line) => line.includes('"gpc":true'));
    expect(silenced).toHaveLength(1);
    expect(silenced[0]).toContain('"ip_hash":null');
    expect(silenced[0]).toContain('"user_hash":null');
  });
});

describe("the time of a click that a client tells", () => {
  it("is believed from the token's issue to 5 s ahead of the receipt, else the receipt counts and the event says so", async () => {
    const ad = "ad_measured_clock";
    const iat = Math.floor(Date.now() / 1_000) - 20;
    const told = [
      [iat * 1_000 - 1, "client_refused"],
      [iat * 1_000, "client"],
      [Date.now() + 4_000, "client"],
      [Date.now() + 60_000, "client_refused"],
    ] as const;
    for (const [timestampMs, clock] of told) {
      const token = await aToken({ ad, iat, jti: `${clock}-${crypto.randomUUID()}` });
      const body = JSON.stringify({ token, timestamp_ms: timestampMs });
      expect((await ask("/v1/click?redirect=false", {}, { method: "POST", body })).status).toBe(204);
    }
    await counted(ad, { gross: 4 });
    const events = (await loggedText()).split("\n").map((line) => parseJson(line) as { event: LoggedClick } | null);
    const clicks = events
      .flatMap((line) => (line === null ? [] : [line.event]))
      .map((event) => {
        const claims = decodeClaims(event.token);
        return { ...event, jti: claims.ok && claims.value.ad === ad ? claims.value.jti : "" };
      });
    const found = clicks.filter(({ jti }) => jti !== "");
    expect(found).toHaveLength(4);
    for (const { jti, clock, occurred_at_ms: occurred, received_at_ms: received } of found) {
      expect(jti.startsWith(`${clock}-`)).toBe(true);
      expect(occurred === received).toBe(clock === "client_refused");
    }
  });
});

describe("an impression", () => {
  it("is a pixel whose token verifies, and a bad token gets its pixel uncounted", async () => {
    const ad = "ad_measured_pixel";
    const token = await aToken({ ad });
    for (const path of [`/i/${token}`, "/i/abc"]) {
      const response = await ask(path);
      expect([response.status, response.headers.get("Content-Type")]).toEqual([200, "image/gif"]);
      expect(response.headers.get("Cache-Control")).toBe("no-store");
    }
    await counted(ad, { grossImpressions: 1, impressions: 1, gross: 0 });
  });

  it("is none while it is speculative, which gets its pixel all the same", async () => {
    const ad = "ad_measured_prerender";
    const token = await aToken({ ad });
    expect((await ask(`/i/${token}`, { "Sec-Purpose": "prefetch;prerender" })).status).toBe(200);
    expect((await ask(`/i/${token}`)).status).toBe(200);
    await counted(ad, { grossImpressions: 1, impressions: 1 });
  });

  it("that an ad server uploads is counted once by its batch, however often it is sent", async () => {
    const ad = "ad_measured_upload";
    const row = { advertiser_id: "adv_1", campaign_id: "cmp_7", ad_id: ad, publisher_id: "pub_1" };
    const minute = new Date(Date.now() - 120_000).toISOString();
    const upload = async (impressions: number) => {
      const rows = [{ ...row, minute, impressions, gross_impressions: 12 }];
      const body = JSON.stringify({ batch_id: "measured-1", rows });
      const authorization = { Authorization: `Bearer ${env.ADMIN_API_KEY}` };
      return ask("/v1/impressions/counts", authorization, { method: "POST", body });
    };
    const answers = [await upload(10), await upload(10), await upload(11)];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 409]);
    await counted(ad, { grossImpressions: 12, impressions: 10 });
  });
});
