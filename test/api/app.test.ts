/** The front: the order in which a request is refused, and what becomes of a handler that fails. */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { apiApp } from "../../src/api/app.ts";
import { apiRoutes } from "../../src/api/routes.ts";
import type { ReportPorts } from "../../src/report/app.ts";
import { OPERATOR, seedKey, seedTenant } from "../admin/ask.ts";

const ORIGIN = "https://clicks.example";
const QUERY = "/v1/reports/query";
let converter = "";

beforeAll(async () => {
  await seedTenant("front");
  converter = (await seedKey({ advertiserId: "adv_front", scopes: ["convert"] })).key;
});

const CTX = { waitUntil: () => {}, passThroughOnException: () => {} } as unknown as ExecutionContext;

async function ask(
  what: string,
  {
    key = OPERATOR,
    body,
    bindings = {},
    app = apiApp(),
  }: {
    key?: string | null;
    body?: string;
    bindings?: object;
    app?: ReturnType<typeof apiApp>;
  } = {},
) {
  const [method = "GET", path = "/"] = what.split(" ");
  const headers: Record<string, string> = key === null ? {} : { Authorization: `Bearer ${key}` };
  const request = new Request(ORIGIN + path, { method, headers, ...(body === undefined ? {} : { body }) });
  const response = await app.fetch(request, { ...env, ...bindings } as unknown as Env, CTX);
  const text = await response.text();
  const isProblem = response.headers.get("Content-Type") === "application/problem+json";
  const type = isProblem ? String((JSON.parse(text) as { type: string }).type).replace("/problems/", "") : null;
  return { status: response.status, type, headers: response.headers };
}

describe("a request is refused", () => {
  const spent = { API_RATE: { limit: async () => ({ success: false }) } };
  it("for its path, its method, its key, its rate, its scope and its body, in this order", async () => {
    const all = { key: null, body: "?", bindings: spent };
    expect((await ask("PUT /v1/reports/nothing", all)).type).toBe("not-found");
    expect((await ask(`PUT ${QUERY}`, all)).type).toBe("method-not-allowed");
    expect((await ask(`POST ${QUERY}`, all)).type).toBe("authentication-required");
    expect((await ask(`POST ${QUERY}`, { ...all, key: converter })).type).toBe("rate-limited");
    expect((await ask(`POST ${QUERY}`, { key: converter, body: "?" })).type).toBe("insufficient-scope");
    expect((await ask(`POST ${QUERY}`, { body: "?" })).type).toBe("body-not-json");
    expect((await ask(`POST ${QUERY}`, { body: '{"form":1}' })).type).toBe("unknown-parameter");
  });

  it.each(apiRoutes({}).map(({ method, path, needs }): [string, string | null] => [`${method} ${path}`, needs]))(
    "%s with a method that nobody takes is told which there are",
    async (name) => {
      const [method = "", path = ""] = name.split(" ");
      const refused = await ask(`PROPFIND ${path.replace(/:\w+/, "x")}`, { key: null });
      expect([refused.status, refused.type]).toEqual([405, "method-not-allowed"]);
      expect(refused.headers.get("Allow")?.split(", ")).toContain(method);
    },
  );
});

describe("a path", () => {
  it.each(["/v1/catalog/ads", "/v1/catalog/ads/", "/api/v1/catalog/ads", "//v1//catalog/ads", "/api//v1/catalog/ads/"])(
    "is found as %s",
    async (path) => {
      expect((await ask(`GET ${path}`)).status).toBe(200);
    },
  );

  it.each(["/v1/catalog/ads/x", "/V1/catalog/ads", "/api/api/v1/catalog/ads", "/v1/catalog/%61ds", "/v1", "/nowhere"])(
    "is not found as %s",
    async (path) => {
      expect((await ask(`GET ${path}`)).type).toBe("not-found");
    },
  );
});

describe("[attack 18] what a handler throws", () => {
  const throwing = (fault: Error): ReportPorts => ({
    nowMs: () => {
      throw fault;
    },
    random: () => new Uint8Array(16),
    watermarkSources: () => ({ queueOldestMs: async () => [], shardOldestMs: async () => [] }),
  });
  const report = "GET /v1/reports/clicks?from=2026-04-20&to=2026-04-20";

  it.each([
    ["a mistake of ours", new TypeError("planted"), 500, "internal-error"],
    ["a statement of ours", new Error('D1_ERROR: near "FORM": syntax error: SQLITE_ERROR'), 500, "internal-error"],
    ["a store", new Error("Network connection lost."), 503, "store-unavailable"],
  ])("is answered by name where it comes from %s", async (_, fault, status, type) => {
    const answered = await ask(report, { app: apiApp({ report: throwing(fault) }) });
    expect([answered.status, answered.type]).toEqual([status, type]);
    expect(answered.headers.get("Retry-After")).toBe(status === 503 ? "5" : null);
  });

  it("is the database's where that does not answer", async () => {
    const fails = () => Promise.reject(new Error("D1_ERROR: Network connection lost."));
    const statement = { bind: () => statement, all: fails, first: fails, run: fails };
    const bindings = { REPORT_DB: { prepare: () => statement, batch: fails } };
    for (const what of ["GET /v1/admin/keys", "GET /v1/admin/ads/x", "GET /v1/live", report]) {
      expect([what, (await ask(what, { bindings })).type]).toEqual([what, "database-unavailable"]);
    }
  });
});
