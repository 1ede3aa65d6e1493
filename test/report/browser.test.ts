/** Reports from a browser page of another origin: CORS by a list, and tickets for live streams. */
import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { readConfig } from "../../src/config.ts";
import worker from "../../src/index.ts";
import { makeTicket, openTicket, TICKET_LIFE_MS } from "../../src/report/live/live-tickets.ts";
import { ringOf } from "../../src/report/ring.ts";
import { OPERATOR } from "../admin/ask.ts";
import { NOON_MS } from "../support/builders.ts";
import { seedKey } from "./seed.ts";

const PAGE = "https://app.example";
const bindings = { ...env, API_ORIGINS: `${PAGE}, http://localhost:3000` } as Env;
const RANGE = "from=2026-04-20&to=2026-04-20";
let own = "";
let publisher = "";

beforeAll(async () => {
  own = await seedKey(env.REPORT_DB, { name: "page", advertiserId: "adv_page", scopes: ["report"] });
  publisher = await seedKey(env.REPORT_DB, { name: "pagePub", publisherId: "pub_page", scopes: ["report"] });
});

type Sent = { method?: string; origin?: string | null; key?: string; headers?: Record<string, string> };

function send(path: string, { method = "GET", origin = PAGE, key, headers = {} }: Sent = {}, settings = bindings) {
  const all = new Headers(headers);
  if (origin !== null) all.set("Origin", origin);
  if (key !== undefined) all.set("Authorization", key);
  const request = new Request(`https://track.example${path}`, { method, headers: all });
  return worker.fetch(request as never, settings, createExecutionContext());
}

const preflight = (path: string, origin: string, settings = bindings) =>
  send(path, { method: "OPTIONS", origin, headers: { "Access-Control-Request-Method": "GET" } }, settings);

describe("[fault B10] a page of an origin that is listed", () => {
  it.each([
    `/v1/reports/clicks?${RANGE}`,
    `/api/v1/reports/clicks?${RANGE}`,
    "/v1/reports/query",
    `/v1/metrics/clicks?${RANGE}`,
    "/v1/catalog/campaigns",
    "/v1/me",
    "/v1/live",
    "/v1/live/tickets",
  ])("is told beforehand that it may ask %s with a key, and without cookies", async (path) => {
    for (const origin of [PAGE, "http://localhost:3000"]) {
      const answer = await preflight(path, origin);
      expect(answer.status).toBe(204);
      expect(answer.headers.get("Access-Control-Allow-Origin")).toBe(origin);
      expect(answer.headers.get("Access-Control-Allow-Headers")).toContain("Authorization");
      expect(answer.headers.get("Access-Control-Allow-Methods")).toContain("POST");
      expect(answer.headers.get("Access-Control-Allow-Credentials")).toBeNull();
      expect(answer.headers.get("Vary")).toContain("Origin");
    }
  });

  it("reads answers, their headers, and refusals", async () => {
    const csv = await send(`/v1/reports/clicks?${RANGE}&format=csv`, { key: own });
    expect([csv.status, csv.headers.get("Access-Control-Allow-Origin")]).toEqual([200, PAGE]);
    expect(csv.headers.get("Access-Control-Expose-Headers")).toContain("X-Report-Complete");
    expect(csv.headers.get("Vary")).toMatch(/Origin/);
    for (const [path, key, status] of [
      [`/v1/reports/clicks?${RANGE}&x=1`, own, 400],
      [`/v1/reports/clicks?${RANGE}`, undefined, 401],
      ["/v1/catalog/campaigns", publisher, 403],
    ] as const) {
      const refused = await send(path, key === undefined ? {} : { key });
      expect([refused.status, refused.headers.get("Access-Control-Allow-Origin")], path).toEqual([status, PAGE]);
    }
  });

  it("is compared whole: no other scheme, port, subdomain, case or null, and nothing by default", async () => {
    const others = [
      "http://app.example",
      "https://app.example:8443",
      "https://x.app.example",
      "https://app.example.evil",
      "null",
    ];
    for (const origin of others) {
      expect((await preflight("/v1/me", origin)).headers.get("Access-Control-Allow-Origin"), origin).toBeNull();
      const answer = await send("/v1/me", { origin, key: own });
      expect([answer.status, answer.headers.get("Access-Control-Allow-Origin")]).toEqual([200, null]);
      expect(answer.headers.get("Vary")).toContain("Origin");
    }
    expect((await preflight("/v1/me", PAGE, env as Env)).headers.get("Access-Control-Allow-Origin")).toBeNull();
    const none = await send("/v1/me", { origin: null, key: own });
    expect(none.headers.get("Access-Control-Allow-Origin")).toBeNull();
  });

  it("may not administer", async () => {
    expect((await preflight("/v1/admin/keys", PAGE)).headers.get("Access-Control-Allow-Origin")).toBeNull();
  });

  it.each([
    "*",
    "app.example",
    "https://app.example/",
    "https://app.example/path",
    "https://*.example",
    "ftp://a.example",
  ])("is not what is no origin: %s refuses the settings", (origins) => {
    expect(() => readConfig({ ...env, API_ORIGINS: origins })).toThrow("API_ORIGINS");
  });
});

describe("[fault B10] a ticket for a live stream", () => {
  const ticketOf = async (key: string) => {
    const answer = await send("/v1/live/tickets", { method: "POST", key });
    return { status: answer.status, body: await answer.json<{ ticket: string; url: string; expiresAt: string }>() };
  };
  const open = async (url: string) => {
    const answer = await send(url);
    if (answer.status === 200) await answer.body?.cancel();
    return [answer.status, answer.headers.get("Content-Type")?.split(";")[0]];
  };

  it("opens the stream of its key's owner without a header, for an advertiser and a publisher", async () => {
    for (const key of [own, publisher]) {
      const { status, body } = await ticketOf(key);
      expect([status, body.url]).toEqual([201, `/v1/live/tickets/${body.ticket}`]);
      expect(await open(body.url)).toEqual([200, "text/event-stream"]);
      expect(await open(`${body.url}?minutes=2`)).toEqual([200, "text/event-stream"]);
      expect(await open(`${body.url}?minutes=99`)).toEqual([400, "application/problem+json"]);
    }
  });

  it("is good for a minute, for a key in force, and unchanged", async () => {
    const sealing = { ring: await ringOf(readConfig(env)), nowMs: NOON_MS };
    const holder = {
      ...{ keyId: "page", advertiserId: "adv_page", publisherId: null, account: null },
      scopes: new Set(["report"] as const),
      mintLimits: { advertisers: null, publishers: null, cpcMicrosMax: null, hosts: null },
    };
    const made = await makeTicket(holder, sealing);
    const ticket = made.ok ? made.value.ticket : "";
    const openAt = async (text: string, nowMs: number) =>
      (await openTicket(text, env.REPORT_DB, { ...sealing, nowMs })).ok;
    expect(await openAt(ticket, NOON_MS + TICKET_LIFE_MS)).toBe(true);
    expect(await openAt(ticket, NOON_MS + TICKET_LIFE_MS + 1)).toBe(false);
    const [payload = "", mac = "", kid = ""] = ticket.split(".");
    const other = btoa(JSON.stringify({ v: 1, key: "pagePub", at: NOON_MS })).replaceAll("=", "");
    for (const forged of [
      "",
      "x",
      payload,
      `${other}.${mac}.${kid}`,
      `${payload}.${mac}.other`,
      `${payload}..${kid}`,
    ]) {
      expect(await openAt(forged, NOON_MS), forged).toBe(false);
    }
    await env.REPORT_DB.prepare("UPDATE api_keys SET revoked_at_ms = ?1 WHERE key_id = 'page'").bind(NOON_MS).run();
    expect(await openAt(ticket, NOON_MS)).toBe(false);
    await env.REPORT_DB.prepare("UPDATE api_keys SET revoked_at_ms = NULL WHERE key_id = 'page'").run();
  });

  it("is of a tenant: the operator's key, one that may not read, and nobody get none", async () => {
    const minting = await seedKey(env.REPORT_DB, { name: "pageMint", advertiserId: "adv_page", scopes: ["mint"] });
    for (const key of [`Bearer ${OPERATOR}`, minting]) expect((await ticketOf(key)).status).toBe(403);
    expect((await ticketOf("")).status).toBe(401);
    expect(await open("/v1/live/tickets/none.of.ours")).toEqual([401, "application/problem+json"]);
    const get = await send("/v1/live/tickets", { key: own });
    expect([get.status, get.headers.get("Allow")]).toEqual([405, "POST"]);
  });
});
