/** Explain: what happened to a click, from the shard's log while it is there and from the archive afterwards. */
import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { hashApiKey, makeApiKey } from "../../src/access/api-keys.ts";
import { readConfig } from "../../src/config.ts";
import { encodeBase64url, encodeUtf8, parseJson } from "../../src/core/base64url.ts";
import { decodeClaims } from "../../src/core/claims.ts";
import { readClickId } from "../../src/core/click-id.ts";
import { explainClick } from "../../src/operator/explain.ts";
import { topologyInForce } from "../../src/shard/topology-keeper.ts";
import { aPayload, BROWSER, CRAWLER } from "../support/builders.ts";
import { flushOnce, withShard } from "../support/flush-harness.ts";
import { PATIENT } from "../support/patience.ts";
import { aScope } from "../support/scopes.ts";
import { aSignedToken, signSegments } from "../support/signing.ts";
import { aToken, POLICY, testRing } from "../support/tokens.ts";

const ORIGIN = "https://track.example";
const ADMIN = `Bearer ${env.ADMIN_API_KEY}`;

async function ask(path: string, authorization = ADMIN, body?: unknown) {
  const init = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const response = await exports.default.fetch(`${ORIGIN}${path}`, {
    ...init,
    headers: { Authorization: authorization },
  });
  const text = await response.text();
  return { status: response.status, text, json: parseJson(text) as Record<string, unknown> };
}

async function keyOf(ownerId: string, column: "advertiser_id" | "publisher_id" = "advertiser_id"): Promise<string> {
  const key = makeApiKey(crypto.getRandomValues(new Uint8Array(32)));
  await env.REPORT_DB.prepare(
    `INSERT INTO api_keys (key_hash, key_id, ${column}, scopes, created_at_ms) VALUES (?1, ?2, ?3, ?4, 0)`,
  )
    .bind(hashApiKey(key), `key_${ownerId}`, ownerId, '["report"]')
    .run();
  return `Bearer ${key}`;
}

/** Clicks a link and returns its click id. */
async function click(token: string, agent = BROWSER): Promise<string> {
  const response = await exports.default.fetch(`${ORIGIN}/c/${token}`, {
    redirect: "manual",
    headers: { "User-Agent": agent, "CF-Connecting-IP": "192.0.2.7" },
  });
  return new URL(response.headers.get("Location") ?? "").searchParams.get("click_id") ?? "";
}

const eventIdOf = (clickId: string) => readClickId(clickId)?.eventId ?? "";

async function explained(id: string, authorization = ADMIN) {
  return vi.waitFor(async () => {
    const answer = await ask(`/v1/clicks/${encodeURIComponent(id)}`, authorization);
    expect(answer.status).toBe(200);
    return answer.json;
  }, PATIENT);
}

/** Posts and archives the shard's whole log now, and trims it, as a flush does once a minute. */
async function archiveNow(shard: string): Promise<void> {
  await withShard(shard, (harness) => flushOnce(harness, { archiveIntervalMs: 0, postIntervalMs: 0 }, Date.now()));
}

describe("explain", () => {
  let token = "";
  let first = "";
  let second = "";
  let mine = "";
  let foreign = "";
  beforeAll(async () => {
    token = await aToken({ jti: "explained", ad: "ad_explain" });
    first = await click(token);
    await explained(first);
    second = await click(token, `${BROWSER} Edg/142`);
    [mine, foreign] = await Promise.all([keyOf("adv_1"), keyOf("adv_other")]);
  });

  it("tells claims, facts, every rule's word, the verdict and the minute, by event id and by click id", async () => {
    const answer = await explained(eventIdOf(first));
    expect(answer).toMatchObject({
      eventId: eventIdOf(first),
      verdict: "valid",
      reason: null,
      claims: { jti: "explained", ad: "ad_explain", cpc: 250_000 },
      facts: { method: "GET", device: "desktop", userAgent: BROWSER, hasAddressHash: true },
      impression: { firstClaim: { eventId: eventIdOf(first) } },
    });
    expect((answer["rules"] as { applies: boolean }[]).some(({ applies }) => applies)).toBe(false);
    expect(answer["countedInMinute"]).toMatch(/:00Z$/);
    expect(JSON.stringify(answer)).not.toMatch(/ipHash|userHash|192\.0\.2/);
    expect(await explained(first)).toEqual(answer);
  });

  it("[fault A17] takes an id as it was copied, and so does an erasure: with white space and what nobody sees around it", async () => {
    const answer = await explained(first);
    for (const around of [" ", "\n", "\u00a0", "\u200b", "\ufeff"]) {
      expect(await explained(`${around}${first}${around}`)).toEqual(answer);
      expect(await explained(`${around}${eventIdOf(first)}${around}`)).toEqual(answer);
    }
    const erased = await ask("/v1/admin/erasures", ADMIN, { clickId: `\u200b${first}\n` });
    expect(erased).toMatchObject({ status: 202, json: { of: "click" } });
    await env.ARCHIVE.delete(`erasures/v1/open/${erased.json["id"]}.json`);
  });

  it("leads from a duplicate to the click that counts", async () => {
    expect(await explained(second)).toMatchObject({
      verdict: "duplicate",
      reason: "same_impression",
      impression: { firstClaim: { eventId: eventIdOf(first) } },
    });
  });

  it("names the rule that made a click invalid, and that nobody claimed its impression", async () => {
    const crawled = await click(await aToken({ jti: "crawled", ad: "ad_explain" }), CRAWLER);
    const answer = await explained(crawled);
    expect(answer).toMatchObject({ verdict: "invalid", reason: "declared_crawler", impression: { firstClaim: null } });
    const applied = (answer["rules"] as { rule: string; applies: boolean }[]).filter(({ applies }) => applies);
    expect(applied.map(({ rule }) => rule)).toEqual(["declared_crawler"]);
  });

  it("tells of a token which of its clicks counts", async () => {
    const answer = await ask("/v1/explain", mine, { token });
    expect(answer.json).toMatchObject({
      claims: { jti: "explained" },
      firstClaim: { eventId: eventIdOf(first) },
      click: { eventId: eventIdOf(first), verdict: "valid" },
    });
    const unclicked = await ask("/v1/explain", mine, { token: await aToken({ jti: "never" }) });
    expect(unclicked.json).toMatchObject({ firstClaim: null, click: null });
  });

  it("names the key of a token and of a click, also where only its ad server can sign with it", async () => {
    const iat = Math.floor(Date.now() / 1_000) - 1;
    const payload = aPayload({ jti: "of-an-ad-server", iat, exp: iat + 3_600 });
    const theirs = await aSignedToken(payload, { alg: "EdDSA", kid: "ed-1", typ: "JWT" });
    const signer = { kid: "ed-1", alg: "EdDSA" };
    expect((await ask("/v1/explain", mine, { token: `${theirs}.` })).json).toMatchObject({ signer, click: null });
    expect(await explained(await click(theirs))).toMatchObject({ verdict: "valid", signer });
    const answer = await ask("/v1/explain", mine, { token: theirs });
    expect(answer.json).toMatchObject({ signer, click: { signer }, now: { verdict: "duplicate" } });
    expect(await explained(first)).toMatchObject({ signer: { kid: "test-1", alg: "HS256" } });
  });

  it("tells of a token what a click on it would be now, and counts nothing by telling", async () => {
    const nowS = Math.floor(Date.now() / 1_000);
    const asked = async (changes: Parameters<typeof aToken>[0]) => {
      const answer = await ask("/v1/explain", mine, { token: await aToken({ jti: "looked-at", ...changes }) });
      return answer.json["now"] as Record<string, unknown>;
    };
    const url = "https://shop.example/now?to={click_id}";
    const open = { redirects: true, landingUrl: url, verdict: "valid", reason: null, problem: null };
    expect(await asked({ url })).toMatchObject(open);
    // Asked again it is as free as before.
    expect(await asked({ url })).toMatchObject(open);
    expect(await asked({ url, tst: 1 })).toMatchObject({ redirects: true, verdict: "invalid", reason: "test" });
    expect(await asked({ iat: nowS - 7_200, exp: nowS - 3_600 })).toMatchObject({
      ...{ redirects: true, verdict: "invalid", reason: "expired_token" },
    });
    expect(await asked({ iat: nowS + 86_000, exp: nowS + 86_400 })).toMatchObject({
      ...{
        redirects: false,
        landingUrl: null,
        verdict: null,
        problem: { type: "/problems/issued-ahead", status: 400 },
      },
    });
    const clicked = await ask("/v1/explain", mine, { token });
    expect(clicked.json["now"]).toMatchObject({ redirects: true, verdict: "duplicate", reason: "same_impression" });
  });

  it("answers the same from the archive, and names the object", async () => {
    const before = await explained(first);
    expect(before["foundIn"]).toMatchObject({ archiveObject: null });
    const { shard } = before["foundIn"] as { shard: string };
    await archiveNow(shard);
    const answer = await explained(first);
    expect(answer["foundIn"]).toEqual({ shard, archiveObject: expect.stringContaining(`/shard=${shard}/`) });
    expect({ ...answer, foundIn: null }).toEqual({ ...before, foundIn: null });
  });

  it("answers a foreign and an unknown id alike, byte for byte", async () => {
    const unknown = `${eventIdOf(first).slice(0, -1)}${eventIdOf(first).endsWith("A") ? "B" : "A"}`;
    const [hidden, absent] = [await ask(`/v1/clicks/${first}`, foreign), await ask(`/v1/clicks/${unknown}`, foreign)];
    expect(hidden).toEqual(absent);
    expect(hidden.status).toBe(404);
    expect((await ask("/v1/explain", foreign, { token })).status).toBe(404);
    expect((await ask(`/v1/clicks/${first}`, mine)).status).toBe(200);
  });

  describe("of a token whose signature is not ours", () => {
    const signedBy = (header: object, claims: object, signature: string) =>
      [header, claims]
        .map((part) => encodeBase64url(encodeUtf8(JSON.stringify(part))))
        .concat(signature)
        .join(".");
    const claimsOf = (signed: string) => {
      const claims = decodeClaims(signed);
      if (!claims.ok) throw new Error(claims.error.reason);
      return Object.fromEntries(Object.entries(claims.value).filter(([, value]) => value !== null && value !== false));
    };
    const HEADER = { alg: "HS256", kid: "test-1", typ: "JWT" };

    it("[attack 5a] says nothing, whatever is copied, cut or changed of a real one", async () => {
      const [header = "", payload = "", signature = ""] = token.split(".");
      const bare = claimsOf(token);
      const forged = [
        [signedBy(HEADER, { ...bare, pub: "pub_mine" }, signature), 403],
        [signedBy(HEADER, bare, "A".repeat(43)), 403],
        [signedBy({ ...HEADER, kid: "nobody" }, bare, signature), 403],
        [signedBy({ ...HEADER, alg: "none" }, bare, ""), 400],
        [`${header}.${payload}.`, 403],
        [`${header}.${payload}`, 400],
        [`${header}.${payload}.${signature.slice(0, 40).replaceAll(/[^A]/g, "A")}`, 403],
        [`${payload}.${payload}.${signature}`, 400],
        ["", 400],
      ] as const;
      for (const [text, status] of forged) {
        for (const key of [ADMIN, mine, foreign]) {
          const answer = await ask("/v1/explain", key, { token: text });
          expect(answer.status, text).toBe(status);
          expect(answer.json).toMatchObject({
            type: expect.stringMatching(/^\/problems\//),
            detail: expect.any(String),
          });
          expect(answer.text).not.toMatch(/eventId|receivedAt|firstClaim/);
        }
      }
    });

    it("[attack 5a] tells no publisher of another's click by the same jti, properly signed", async () => {
      const theirs = await aToken({ ...claimsOf(token), pub: "pub_2" });
      const publisher = await keyOf("pub_2", "publisher_id");
      const answer = await ask("/v1/explain", publisher, { token: theirs });
      expect(answer.json).toMatchObject({ firstClaim: null, click: null });
      const unclicked = await ask("/v1/explain", publisher, { token: await aToken({ jti: "other", pub: "pub_2" }) });
      expect(Object.keys(answer.json)).toEqual(Object.keys(unclicked.json));
      expect((await ask("/v1/explain", publisher, { token })).status).toBe(404);
    });

    it("[attack 5a] holds a key to its limits", async () => {
      const claims = { ...claimsOf(token), pub: "pub_9" };
      const beyond = await aToken(claims, "test-1");
      const [, payload = ""] = beyond.split(".");
      const ring = await testRing();
      const head = encodeBase64url(encodeUtf8(JSON.stringify({ ...HEADER, kid: "limited" })));
      const limited = ring.keys.get("limited")?.key as CryptoKey;
      const text = await signSegments(head, payload, limited);
      expect((await ask("/v1/explain", ADMIN, { token: text })).json).toMatchObject({
        type: "/problems/key-limit-publisher",
      });
    });
  });

  it("explains a token that has expired, with what was copied along with it", async () => {
    const old = Math.floor(Date.now() / 1_000) - 90_000;
    const expired = await aToken({ jti: "expired", iat: old, exp: old + 60 });
    const answer = await ask("/v1/explain", mine, { token: `${expired}.` });
    expect(answer.json).toMatchObject({ claims: { jti: "expired" }, firstClaim: null });
  });

  it("explains no click id that was changed", async () => {
    const changed = first.replace("ad_explain", "ad_other");
    expect(changed).not.toBe(first);
    expect((await ask(`/v1/clicks/${encodeURIComponent(changed)}`, mine)).status).toBe(400);
    expect((await ask(`/v1/clicks/${encodeURIComponent(first)}`, mine)).status).toBe(200);
  });

  it("[attack 5a] searches as far for what is foreign as for what is not there", async () => {
    const reads = async (id: string) => {
      let count = 0;
      const archive = new Proxy(env.ARCHIVE, {
        get: (bucket, member) => {
          if (member === "get" || member === "list") count++;
          return Reflect.get(bucket, member).bind(bucket);
        },
      });
      const ports = {
        ...{ shards: env.EVENT_SHARD, archive, ring: await testRing(), policy: POLICY, nowMs: Date.now() },
        topology: await topologyInForce(env, readConfig(env)),
      };
      const answer = await explainClick(id, aScope({ advertiserId: "adv_other" }), ports);
      expect(answer).toMatchObject({ ok: false, error: { reason: "not_found" } });
      return count;
    };
    const id = eventIdOf(first);
    const unknown = `${id.slice(0, -1)}${id.endsWith("A") ? "B" : "A"}`;
    expect(await reads(id)).toBe(await reads(unknown));
  });

  it.each([
    ["no id", "/v1/clicks/nonsense", undefined, 400],
    ["no token", "/v1/explain", {}, 400],
    ["a token that is none", "/v1/explain", { token: "a.b" }, 400],
    ["a body that is no object", "/v1/explain", 7, 400],
  ])("refuses %s", async (_, path, body, status) => {
    expect((await ask(path, ADMIN, body)).status).toBe(status);
  });

  it("needs a key", async () => {
    expect((await ask(`/v1/clicks/${first}`, "Bearer nobody")).status).toBe(401);
  });
});
