/** The OpenAPI document: how it is served, that it holds every route and no other, and what its problems are. */
import { env, exports } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import packageJson from "../../package.json";
import { apiRoutes } from "../../src/api/routes.ts";
import worker from "../../src/index.ts";
import { API_VERSION, openApiDocument } from "../../src/openapi/document.ts";
import { OPERATIONS } from "../../src/openapi/operations.ts";
import { PROBLEM_MEANINGS } from "../../src/openapi/problems.ts";
import type { ProblemJson } from "../../src/problem.ts";
import { PROBLEMS } from "../../src/problems/catalog.ts";
import { learnStaticFiles, STATIC_FILES, staticAddress, versionOf } from "../../src/static-files.ts";
import { seedKey, seedTenant } from "../admin/ask.ts";

const ORIGIN = "https://clicks.example";
const get = (path: string, headers: Record<string, string> = {}, method = "GET") =>
  exports.default.fetch(`${ORIGIN}${path}`, { method, headers });

/** The tracking routes, which are no routes of the front. */
const TRACKING_ROUTES = [
  ...["GET /c/{token}", "GET /v1/click/{token}", "POST /c/{token}", "POST /v1/click/{token}"],
  ...["POST /v1/click", "OPTIONS /v1/click", "GET /i/{token}", "GET /v1/impression/{token}", "POST /v1/tokens"],
];

describe("the document", () => {
  it("has every route, and no other", () => {
    const routed = apiRoutes({}).map(
      ({ method, path }) => `${method} ${path.replaceAll(/:(\w+)(?:\{[^}]+\})?/g, "{$1}")}`,
    );
    const documented = OPERATIONS.map(({ method, path }) => `${method.toUpperCase()} ${path}`);
    expect(documented.sort()).toEqual([...routed, ...TRACKING_ROUTES].sort());
  });

  it("[fault B14] declares the headers of answers and refusals, and patterns that other languages read", () => {
    type Answers = Record<string, { headers?: Record<string, unknown> }>;
    const paths = openApiDocument()["paths"] as Record<string, Record<string, { responses: Answers }>>;
    const responses = (path: string, method: string) => paths[path]?.[method]?.responses ?? {};
    for (const path of ["/v1/reports/clicks", "/v1/metrics/clicks"]) {
      const names = Object.keys(responses(path, "get")["200"]?.headers ?? {});
      expect(names).toEqual(expect.arrayContaining(["Cache-Control", "ETag", "Link", "X-Report-Warnings"]));
    }
    for (const [path, methods] of Object.entries(paths)) {
      for (const [method, { responses: all }] of Object.entries(methods)) {
        for (const [status, header] of [
          ["401", "WWW-Authenticate"],
          ["405", "Allow"],
          ["429", "Retry-After"],
          ["503", "Retry-After"],
        ] as const) {
          if (all[status] !== undefined)
            expect(all[status].headers, `${method} ${path} ${status}`).toHaveProperty(header);
        }
      }
    }
    const text = JSON.stringify(openApiDocument());
    const patterns = Array.from(
      text.matchAll(/"pattern":("(?:[^"\\]|\\.)*")/g),
      ([, json = ""]) => JSON.parse(json) as string,
    );
    expect(patterns.length).toBeGreaterThan(5);
    expect(patterns.filter((pattern) => /\\[pP]\{|\(\?[=!<]/.test(pattern))).toEqual([]);
  });

  it("names each operation once, and the version of the package", () => {
    const ids = OPERATIONS.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(API_VERSION).toBe(packageJson.version);
  });

  it("shows an example of every operation, with its answer where that is short text", () => {
    expect(OPERATIONS.filter(({ examples }) => examples.length === 0)).toEqual([]);
  });

  it("shows a problem of every operation that refuses any but a wrong method, and one for each common status", () => {
    // No request provokes an outage.
    const unshown = ["/problems/method-not-allowed", "/problems/store-unavailable"];
    const refusing = OPERATIONS.filter(({ problems }) => !problems.every(({ type }) => unshown.includes(type)));
    const silent = refusing.filter(({ examples }) => !examples.some(({ status }) => status >= 400));
    expect(silent.map(({ id }) => id)).toEqual([]);
    const statuses = new Set(OPERATIONS.flatMap(({ examples }) => examples.map(({ status }) => status)));
    expect([400, 401, 403, 404, 409, 422, 429].filter((status) => !statuses.has(status))).toEqual([]);
  });

  it("says of every problem that it shows how it came about", () => {
    const shown = JSON.stringify(openApiDocument().paths);
    expect(shown).toContain(
      '"tooOften":{"description":"`GET /v1/reports/clicks?from=2026-04-20&to=2026-04-20`, with a key that has asked too often"',
    );
    expect(shown).not.toContain('"tooOften":{"value":[');
  });

  it("asks for a key where the Worker does, and nowhere else", async () => {
    for (const { id, method, path, scopes, maySign, body } of OPERATIONS) {
      if (maySign === true) continue;
      const init = { method: method.toUpperCase(), ...(body === undefined ? {} : { body: "{}" }) };
      const { status } = await exports.default.fetch(`${ORIGIN}${path.replaceAll(/[{}]/g, "")}`, init);
      // A ticket in the path says who asks, as a key does.
      expect([id, status === 401]).toEqual([id, scopes !== null || path.includes("{ticket}")]);
    }
  });

  it("is served to any origin for five minutes, with an ETag", async () => {
    const response = await get("/openapi.json");
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(JSON.parse(JSON.stringify(openApiDocument())));
    expect(response.headers.get("Cache-Control")).toBe("public, max-age=300");
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe("*");
    const etag = response.headers.get("ETag") ?? "";
    const again = await get("/api/openapi.json", { "If-None-Match": etag });
    expect([again.status, await again.text()]).toEqual([304, ""]);
    expect((await get("/openapi.json", { "If-None-Match": '"other"' })).status).toBe(200);
    expect(await (await get("/openapi.json", {}, "HEAD")).text()).toBe("");
    const refused = await get("/openapi.json", {}, "DELETE");
    expect([refused.status, refused.headers.get("Allow")]).toEqual([405, "GET, HEAD"]);
  });

  it("tells nothing of the deployment", async () => {
    const text = await (await get("/openapi.json")).text();
    for (const secret of [env.ADMIN_API_KEY, env.TOKEN_SIGNING_KID]) expect(text).not.toContain(secret);
  });
});

const wordsOf = (reason: "insufficient_scope" | "authentication_required") => {
  const { status, title } = PROBLEMS[reason];
  return { status, title };
};

describe("files of the pages", () => {
  const policyOf = async (path: string) => (await get(path)).headers.get("Cache-Control");

  it("are kept for ever under an address that names their bytes, and under no other", async () => {
    const tag = (await get("/static/ledger.css")).headers.get("ETag");
    const version = versionOf(tag);
    expect(version).toMatch(/^[0-9a-f]{12}$/);
    expect(await policyOf(`/static/ledger.css?v=${version}`)).toBe("public, max-age=31536000, immutable");
    for (const other of ["", "?v=", "?v=000000000000", `?v=${version}0`, `?w=${version}`]) {
      expect(await policyOf(`/static/ledger.css${other}`), other).toBe("public, no-cache");
    }
    await learnStaticFiles(env.ASSETS);
    expect(staticAddress("ledger.css")).toBe(`/static/ledger.css?v=${version}`);
    for (const name of STATIC_FILES) expect(await policyOf(staticAddress(name)), name).toContain("immutable");
  });
});

describe("problems", () => {
  it.each([...PROBLEM_MEANINGS])("%s is explained at its own address", async (type, meaning) => {
    const response = await get(type);
    expect(await response.json()).toEqual(meaning);
    const page = await (await get(type, { Accept: "text/html" })).text();
    expect(page).toContain(`<code>${type}</code>`);
    expect(page).toContain("/static/ledger.css");
  });

  it("that are none are not found", async () => {
    for (const path of ["/problems/x", "/problems/constructor", "/problems/unknown-parameter/x"]) {
      expect((await get(path)).status).toBe(404);
    }
  });

  it("of a missing scope have one title, and say in detail what the key may not do", async () => {
    await seedTenant("scopes");
    const { key } = await seedKey({ advertiserId: "adv_scopes", scopes: ["report"] });
    const told = new Set<string | undefined>();
    for (const path of ["/v1/tokens", "/v1/conversions", "/v1/admin/keys"]) {
      const init = { method: "POST", headers: { Authorization: `Bearer ${key}` }, body: "{}" };
      const problem = await (await exports.default.fetch(`${ORIGIN}${path}`, init)).json<{ detail?: string }>();
      expect(problem).toMatchObject({ type: "/problems/insufficient-scope", ...wordsOf("insufficient_scope") });
      told.add(problem.detail);
    }
    expect(told.size).toBe(3);
    expect(told).not.toContain(undefined);
  });

  it("of access are answered as the document says", async () => {
    await seedTenant("problems");
    const { key } = await seedKey({ advertiserId: "adv_problems", scopes: ["convert"] });
    const unknown = await (await get("/v1/reports/clicks")).json();
    expect(unknown).toMatchObject({ type: "/problems/authentication-required", ...wordsOf("authentication_required") });
    const poor = await (await get("/v1/reports/clicks", { Authorization: `Bearer ${key}` })).json();
    expect(poor).toMatchObject({ type: "/problems/insufficient-scope", ...wordsOf("insufficient_scope") });
  });

  it("of every refused answer have a type that the document explains", async () => {
    for (const { method, path } of OPERATIONS) {
      const response = await exports.default.fetch(`${ORIGIN}${path}`, {
        method: method.toUpperCase(),
        redirect: "manual",
      });
      if (response.headers.get("Content-Type") !== "application/problem+json") continue;
      const { type, status, title, detail } = await response.json<ProblemJson>();
      expect(PROBLEM_MEANINGS.get(type), `${method} ${path}: ${type}`).toMatchObject({ status, title });
      expect(detail, `${method} ${path}: ${type}`).toMatch(/\S{3}/);
    }
  });
});

describe("/docs", () => {
  const areas = ["", "/reports", "/clicks", "/late-clicks", "/administration", "/keys", "/about"];

  it("[fault C6] is pages of our own, which reach nobody else and keep nothing", async () => {
    for (const path of [...areas.map((area) => `/docs${area}`), "/docs/", "/problems"]) {
      const response = await get(path);
      const { headers } = response;
      expect([response.status, headers.get("Content-Type")], path).toEqual([200, "text/html; charset=utf-8"]);
      expect(headers.get("Cache-Control")).toBe("public, max-age=300");
      const policy = headers.get("Content-Security-Policy") ?? "";
      expect(policy).toContain("default-src 'none'");
      expect(policy).not.toMatch(/https?:|\*|unsafe/);
      expect((await response.text()).replaceAll(/<pre.*?<\/pre>|<code.*?<\/code>/gs, "")).not.toMatch(
        /(src|href)="https?:/,
      );
      expect((await get(path, {}, "POST")).status).toBe(405);
    }
  });

  it("[fault C6] shows every operation with its address, once, and each of its problems has a page", async () => {
    const index = await (await get("/docs")).text();
    const slugs = new Set(Array.from(index.matchAll(/href="\/docs\/([a-z-]+)"/g), ([, slug = ""]) => slug));
    const pages = await Promise.all([...slugs].map(async (slug) => (await get(`/docs/${slug}`)).text()));
    const all = pages.join("");
    for (const { id, method, path } of OPERATIONS) {
      expect(all.split(`id="${id}"`), id).toHaveLength(2);
      expect(all).toContain(`<code>${method.toUpperCase()} ${path}</code>`);
    }
    const named = new Set(Array.from(all.matchAll(/href="(\/problems\/[a-z-]+)"/g), ([, type = ""]) => type));
    expect([...named].filter((type) => !PROBLEM_MEANINGS.has(type))).toEqual([]);
  });

  it("says that the document is missing rather than fail", async () => {
    const bindings = { ...env, ASSETS: { fetch: async () => new Response(null, { status: 404 }) } } as unknown as Env;
    const ctx = { waitUntil: () => {} } as unknown as ExecutionContext;
    const response = await worker.fetch(new Request(`${ORIGIN}/docs`) as never, bindings, ctx);
    expect(response.status).toBe(503);
  });

  it("has no other files", async () => {
    const others = ["/docs/reference.html", "/docs/swagger-ui.js", "/assets/openapi.json", "/docs/openapi.json"];
    for (const path of ["/docs/x", "/docs/../secret", "/docs/assets.ts", "/docsx", ...others]) {
      expect((await get(path)).status).toBe(404);
    }
  });

  it("[fault C6] answers browsers with pages where an address is nothing, and programs with problems", async () => {
    const browser = { Accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
    for (const path of ["/problems/nothing", "/problems/%3Cscript%3E", "/docs/x"]) {
      const page = await get(path, browser);
      expect([page.status, page.headers.get("Content-Type")], path).toEqual([404, "text/html; charset=utf-8"]);
      expect(await page.text()).toContain("There is nothing here");
    }
    for (const path of ["/nothing", "/v1/nothing", "/problems/nothing"]) {
      for (const accept of ["*/*", "application/json", ""]) {
        const answer = await get(path, accept === "" ? {} : { Accept: accept });
        expect([answer.status, answer.headers.get("Content-Type")]).toEqual([404, "application/problem+json"]);
      }
    }
  });
});
