/** The click route over real HTTP semantics: who is redirected where, and who is refused by what name. */
import { env, exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { decodeClaims } from "../../src/core/claims.ts";
import { openClickId } from "../../src/core/click-id.ts";
import { decodeEventId } from "../../src/core/event-id.ts";
import { verifyToken } from "../../src/core/token.ts";
import { problemType } from "../../src/problem.ts";
import { aPayload, BROWSER, CRAWLER } from "../support/builders.ts";
import { aSignedToken } from "../support/signing.ts";
import { aToken, POLICY, testRing } from "../support/tokens.ts";
import { watched } from "../support/watched-edge.ts";
import vectors from "../vectors/ed25519.json" with { type: "json" };

const ORIGIN = "https://track.example";

function get(path: string, init: RequestInit = {}): Promise<Response> {
  const headers = { "User-Agent": BROWSER, ...(init.headers as Record<string, string> | undefined) };
  return exports.default.fetch(`${ORIGIN}${path}`, { redirect: "manual", ...init, headers });
}

async function problemOf(response: Response): Promise<string> {
  expect(response.headers.get("Content-Type")).toBe("application/problem+json");
  expect(response.headers.get("Location")).toBeNull();
  return ((await response.json()) as { type: string }).type;
}

describe("a click link", () => {
  it.each(["/c/", "/v1/click/", "/api/c/", "/api/v1/click/"])(
    "redirects under %s to what was signed",
    async (prefix) => {
      const response = await get(`${prefix}${await aToken()}`);
      expect(response.status).toBe(302);
      const location = new URL(response.headers.get("Location") ?? "");
      expect(location.origin + location.pathname).toBe("https://shop.example/landing");
      const opened = openClickId(location.searchParams.get("click_id") ?? "", await testRing());
      expect(opened).toMatchObject({ advertiserId: "adv_1", campaignId: "cmp_7", adId: "ad_9", publisherId: "pub_1" });
      if (opened !== null)
        expect(Math.abs(decodeEventId(opened.eventId).receivedAtMs - Date.now())).toBeLessThan(60_000);
      expect(response.headers.get("Cache-Control")).toBe("no-store");
      expect(response.headers.get("X-Robots-Tag")).toBe("noindex");
      expect(response.headers.get("Referrer-Policy")).not.toBeNull();
    },
  );

  it("ignores other query parameters", async () => {
    const response = await get(`/c/${await aToken()}?url=https://evil.example&utm_source=x`);
    expect(response.headers.get("Location")).toMatch(/^https:\/\/shop\.example\/landing\?click_id=[^&]+$/);
  });

  it("fills macros", async () => {
    const url = "https://shop.example/{campaign_id}/{ad_id}?i={impression_id}&p={publisher_id}&c={click_id}&t={ts}#top";
    const response = await get(`/c/${await aToken({ url, jti: "imp_macro" })}`);
    expect(response.headers.get("Location")).toMatch(
      /^https:\/\/shop\.example\/cmp_7\/ad_9\?i=imp_macro&p=pub_1&c=2~test-1~[-~.\w]+&t=\d{13}#top$/,
    );
  });

  it.each([
    ["a crawler", { headers: { "User-Agent": CRAWLER } }],
    ["HEAD", { method: "HEAD" }],
  ])("redirects %s like everybody", async (_, init) => {
    expect((await get(`/c/${await aToken()}`, init)).status).toBe(302);
  });

  it("redirects although the token has expired", async () => {
    const nowS = Math.floor(Date.now() / 1_000);
    const token = await aToken({ iat: nowS - 7_200, exp: nowS - 3_600 });
    expect((await get(`/c/${token}`)).status).toBe(302);
  });

  it("waits for durability when the token asks for it", async () => {
    const jti = `dur_${crypto.randomUUID()}`;
    const response = await get(`/c/${await aToken({ dur: 1, jti })}`);
    expect(response.status).toBe(302);
  });

  it.each([
    ["prefetch", { "Sec-Purpose": "prefetch" }],
    ["prerender", { "Sec-Purpose": "prefetch;prerender" }],
    ["the old header", { Purpose: "prefetch" }],
    ["Firefox", { "X-Moz": "prefetch" }],
    ["an app's preview", { "X-Purpose": "preview" }],
    ["an empty new header beside the old", { "Sec-Purpose": "", Purpose: "prefetch" }],
    ["a foreign value beside the old", { "Sec-Purpose": "navigation", "X-Purpose": "preview" }],
    ["an empty old header beside Firefox's", { Purpose: "", "X-Moz": "prefetch" }],
    ["a list with parameters", { "Sec-Purpose": "prefetch;anonymous-client-ip, other" }],
    ["capitals", { "X-PURPOSE": "Preview" }],
    ["Chrome's of before", { "X-Purpose": ": preview" }],
  ])("[fault A4] asks a speculative fetch (%s) to come again, and makes no event", async (_, headers) => {
    const { response, events, points } = await watched(`/c/${await aToken()}`, { headers });
    expect(response.status).toBe(503);
    expect(response.headers.get("Cache-Control")).toBe("no-store");
    expect(await problemOf(response)).toBe(problemType("speculative"));
    expect(events).toEqual([]);
    expect(points).toEqual([expect.objectContaining({ blobs: ["refused", "speculative", "", ""] })]);
  });

  it.each([
    ["nothing", { "Sec-Purpose": "" }],
    ["another purpose", { Purpose: "navigate", "X-Purpose": "view" }],
    ["a word that only begins so", { "X-Purpose": "prefetched-by-nobody" }],
  ])("redirects who says %s of its purpose", async (_, headers) => {
    const { response, events } = await watched(`/c/${await aToken()}`, { headers });
    expect([response.status, events.length]).toEqual([302, 1]);
  });

  it("refuses every other method by name", async () => {
    for (const method of ["PUT", "DELETE", "PATCH"]) {
      const response = await get(`/c/${await aToken()}`, { method });
      expect(response.status).toBe(405);
      expect(await problemOf(response)).toBe(problemType("method_not_allowed"));
    }
  });

  const refusals: [string, () => Promise<string>, number, string][] = [
    ["no token", async () => "", 400, "token_missing"],
    ["one segment", async () => "abc", 400, "token_segments"],
    ["a padded header", async () => (await aToken()).replace(".", "=."), 400, "token_encoding"],
    [
      "alg none",
      async () => withHeader(await aToken(), { alg: "none", kid: "test-1", typ: "JWT" }),
      400,
      "algorithm_unsupported",
    ],
    [
      "alg RS256",
      async () => withHeader(await aToken(), { alg: "RS256", kid: "test-1", typ: "JWT" }),
      400,
      "algorithm_unsupported",
    ],
    [
      "alg in lower case",
      async () => withHeader(await aToken(), { alg: "hs256", kid: "test-1", typ: "JWT" }),
      400,
      "algorithm_unsupported",
    ],
    [
      "an unknown key",
      async () => withHeader(await aToken(), { alg: "HS256", kid: "nobody", typ: "JWT" }),
      403,
      "key_unknown",
    ],
    [
      "another key's signature",
      async () => withHeader(await aToken(), { alg: "HS256", kid: "test-2", typ: "JWT" }),
      403,
      "signature_invalid",
    ],
    ["a flipped bit", async () => flipSignature(await aToken()), 403, "signature_invalid"],
    ["a token that is too long", async () => "a".repeat(8_193), 400, "token_too_long"],
  ];
  it.each(refusals)("refuses %s by name and never redirects", async (_, token, status, reason) => {
    const response = await get(`/c/${await token()}`);
    expect(response.status).toBe(status);
    expect(await problemOf(response)).toBe(problemType(reason));
  });

  it("shows a person a short page instead of JSON", async () => {
    const response = await get("/c/abc", { headers: { Accept: "text/html,application/xhtml+xml" } });
    expect(response.status).toBe(400);
    expect(response.headers.get("Content-Type")).toContain("text/html");
    expect(response.headers.get("Location")).toBeNull();
    expect(await response.text()).toContain("token_segments");
  });

  it("is a named problem when there is nothing at the address", async () => {
    const response = await get("/nowhere");
    expect(response.status).toBe(404);
    expect(await problemOf(response)).toBe(problemType("not_found"));
  });
});

describe("a link under an Ed25519 key", () => {
  const header = { alg: "EdDSA", kid: "ed-1", typ: "JWT" };
  const payload = (claims = {}) => {
    const iat = Math.floor(Date.now() / 1_000) - 1;
    return aPayload({ jti: crypto.randomUUID(), iat, exp: iat + 3_600, ...claims });
  };

  it("redirects, is counted under its token, and its click id is signed with a key of ours", async () => {
    const token = await aSignedToken(payload(), header);
    const { response, events } = await watched(`/c/${token}.%20`);
    expect([response.status, events.map(({ event }) => event.token)]).toEqual([302, [token]]);
    const clickId = new URL(response.headers.get("Location") ?? "").searchParams.get("click_id") ?? "";
    expect(openClickId(clickId, await testRing())).toMatchObject({ advertiserId: "adv_1" });
    const script = await get("/v1/click?redirect=false", { method: "POST", body: JSON.stringify({ token }) });
    expect(script.status).toBe(204);
  });

  it("is refused where its key may not sign, or its header names another algorithm than its key has", async () => {
    const refusedFor = async (claims: object, head: object) =>
      problemOf(await get(`/c/${await aSignedToken(payload(claims), { ...header, ...head })}`));
    expect(await refusedFor({ adv: "adv_2" }, { kid: "ed-limited" })).toBe(problemType("key_limit_advertiser"));
    expect(await refusedFor({}, { kid: "ed-retired" })).toBe(problemType("key_unknown"));
    expect(await refusedFor({}, { alg: "HS256" })).toBe(problemType("algorithm_mismatch"));
    expect(await refusedFor({}, { kid: "test-1" })).toBe(problemType("algorithm_mismatch"));
  });

  it("is judged here as in Node: every vector", async () => {
    const context = { ring: await testRing(), policy: POLICY, nowMs: vectors.now_ms };
    const accepted = vectors.valid.map((vector) => ({ ...vector, reason: "accepted" }));
    for (const { name, token, reason } of [...accepted, ...vectors.refused]) {
      const verified = await verifyToken(token, context);
      expect([name, verified.ok ? "accepted" : verified.error.reason]).toEqual([name, reason]);
    }
  });
});

describe("POST /v1/tokens", () => {
  const admin = { Authorization: `Bearer ${env.ADMIN_API_KEY}` };
  const mint = (tokens: unknown, headers: Record<string, string> = admin) =>
    get("/v1/tokens", { method: "POST", body: JSON.stringify({ tokens }), headers });
  const row = { adv: "adv_1", cmp: "cmp_1", ad: "ad_1", pub: "pub_1", url: "https://shop.example/", cpc: 1 };

  it("mints tokens that redirect", async () => {
    const response = await mint([row, { ...row, jti: "mine", url: "https://shop.example/2" }]);
    const { tokens } = (await response.json()) as { tokens: { click_url: string }[] };
    expect(tokens).toHaveLength(2);
    for (const { click_url: clickUrl } of tokens) {
      expect((await get(new URL(clickUrl).pathname)).status).toBe(302);
    }
  });

  it("issues at a whole second, and at a fraction only when told", async () => {
    const told = Math.floor(Date.now() / 1_000) - 0.75;
    const { tokens } = (await (await mint([row, { ...row, iat: told }])).json()) as { tokens: { token: string }[] };
    const issued = tokens
      .map(({ token }) => decodeClaims(token))
      .map((claims) => (claims.ok ? claims.value.iat : null));
    expect(issued).toEqual([expect.toSatisfy(Number.isInteger), told]);
  });

  it("names the fault of each bad row and mints the others", async () => {
    const response = await mint([row, { ...row, url: "javascript:alert(1)" }, 7, { ...row, cpc: "1" }]);
    const { tokens } = (await response.json()) as { tokens: { problem?: { type: string } }[] };
    expect(tokens.map(({ problem }) => problem?.type)).toEqual([
      undefined,
      problemType("url_scheme"),
      problemType("payload_invalid"),
      problemType("claim_type"),
    ]);
  });

  it("takes 1 000 rows and no more", async () => {
    expect((await mint(Array.from({ length: 1_000 }, () => row))).status).toBe(200);
    expect((await mint(Array.from({ length: 1_001 }, () => row))).status).toBe(400);
    expect((await mint([])).status).toBe(400);
  });

  it.each([
    ["no key", {}],
    ["an unknown key", { Authorization: `Bearer clk_${"x".repeat(43)}` }],
    ["another scheme", { Authorization: "Basic Zm9v" }],
  ])("refuses %s", async (_, headers) => {
    const response = await mint([row], headers as Record<string, string>);
    expect(response.status).toBe(401);
    expect(await problemOf(response)).toBe(problemType("authentication_required"));
  });
});

function withHeader(token: string, header: unknown): string {
  const encoded = btoa(JSON.stringify(header)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return [encoded, ...token.split(".").slice(1)].join(".");
}

function flipSignature(token: string): string {
  const at = token.lastIndexOf(".") + 1;
  return token.slice(0, at) + (token[at] === "A" ? "B" : "A") + token.slice(at + 1);
}
