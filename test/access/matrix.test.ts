/**
 * Every route × every kind of key × every state of the stores behind it, by rule: an error is a named problem, a store
 * that is down is 503, nobody reads another tenant's rows, and nothing is a bare fault of ours. The operations come from
 * the document, and every route that the routers know must be one of them.
 */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { makeApiKey } from "../../src/access/api-keys.ts";
import { apiRoutes } from "../../src/api/routes.ts";
import worker from "../../src/index.ts";
import type { Operation } from "../../src/openapi/operation.ts";
import { OPERATIONS } from "../../src/openapi/operations.ts";
import { PROBLEM_MEANINGS } from "../../src/openapi/problems.ts";
import type { ProblemJson } from "../../src/problem.ts";
import { ROUTES as TRACK_ROUTES } from "../../src/track/router.ts";
import { ask as admin, OPERATOR, seedKey, seedTenant } from "../admin/ask.ts";
import { TEST_TOKEN_KEYS } from "../support/secrets.ts";
import { aToken } from "../support/tokens.ts";
import { UNHURRIED } from "../support/unhurried.ts";

const keys = new Map<string, string | null>([
  ["no key", null],
  ["a malformed key", "Bearer x"],
  ["two keys", `Bearer ${OPERATOR}, Bearer ${OPERATOR}`],
  ["another scheme", "Basic YTpi"],
  ["an empty header", ""],
  ["an unknown key", `Bearer ${makeApiKey(new Uint8Array(32).fill(7))}`],
  ["the operator's key", `Bearer ${OPERATOR}`],
]);
/** Keys that name nobody. */
const NOBODYS = ["no key", "a malformed key", "two keys", "another scheme", "an empty header"];
const WRONG = [...NOBODYS, "an unknown key", "a revoked key"];
const KINDS = [
  ...WRONG,
  "the advertiser's key",
  "another's key",
  "a publisher's key",
  "an admin's key",
  "an auditor's key",
  "the operator's key",
];
const READS_ALL = ["the advertiser's key", "an admin's key", "an auditor's key", "the operator's key"];

const down = (name: string) =>
  new Proxy(
    {},
    {
      get: (_, member) => {
        if (member === "then") return undefined;
        return () => {
          throw new Error(`${name} is down`);
        };
      },
    },
  );
const STATES = {
  "everything there": {},
  "D1 down": { REPORT_DB: down("D1") },
  "R2 down": { ARCHIVE: down("R2") },
  "the gate down": { READ_GATE: down("gate") },
  "shards down": { EVENT_SHARD: down("shard"), ORDER_SHARD: down("shard"), COUNTS_SHARD: down("shard") },
} as const;
type State = keyof typeof STATES;

let auditor = "";

beforeAll(async () => {
  await seedTenant("own");
  await seedTenant("other");
  const scopes = ["report", "mint", "convert", "bill", "hook"];
  const made = {
    "the advertiser's key": { advertiserId: "adv_own", scopes },
    "another's key": { advertiserId: "adv_other", scopes },
    "a publisher's key": { publisherId: "pub_other", scopes: ["report", "mint"] },
    "an admin's key": { scopes: ["admin"] },
    "an auditor's key": { scopes: ["audit"] },
  };
  for (const [kind, spec] of Object.entries(made)) {
    const { key, id } = await seedKey(spec);
    keys.set(kind, `Bearer ${key}`);
    if (kind === "an auditor's key") auditor = id;
  }
  const revoked = await seedKey({ advertiserId: "adv_own", scopes });
  await admin(`POST /v1/admin/keys/${revoked.id}/revoke`);
  keys.set("a revoked key", `Bearer ${revoked.key}`);
});

let asked = 0;
async function send(method: string, path: string, kind: string, state: State, body?: unknown, more: object = {}) {
  const authorization = keys.get(kind);
  // Each request has an address of its own, since wrong keys of one are slowed down.
  asked++;
  const address = `10.${(asked >> 16) & 255}.${(asked >> 8) & 255}.${asked & 255}`;
  const request = new Request(`https://clicks.example${path}`, {
    method,
    headers: {
      "CF-Connecting-IP": address,
      ...(authorization == null ? {} : { Authorization: authorization }),
    },
    ...(body === undefined || method === "GET" || method === "HEAD" ? {} : { body: JSON.stringify(body) }),
    redirect: "manual",
  });
  const ctx = createExecutionContext();
  const bindings = { ...UNHURRIED, ...STATES[state], ...more } as unknown as Env;
  const response = await worker.fetch(request as Parameters<typeof worker.fetch>[0], bindings, ctx);
  const isStream = response.headers.get("Content-Type")?.startsWith("text/event-stream") === true;
  if (isStream) await response.body?.cancel();
  const text = isStream || response.body === null ? "" : await response.text();
  if (!isStream) await waitOnExecutionContext(ctx);
  return { response, text };
}

/** The request of an operation's first example that is taken, with the ids of the tenant `own`. */
function requestOf({ path, examples }: Operation): { path: string; body: unknown } {
  const example = examples.find(({ status }) => status < 400) ?? examples[0];
  const named = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(example?.path?.[name] ?? "x"));
  const search = new URLSearchParams(example?.query ?? {}).toString();
  return { path: search === "" ? named : `${named}?${search}`, body: example?.body ?? {} };
}

/** What holds of every answer. */
function checkAnswer(what: string, { response, text }: { response: Response; text: string }, method: string): void {
  expect(response.status, `${what}: ${text}`).not.toBe(500);
  if (response.status < 400 || method === "HEAD") return;
  expect(response.headers.get("Content-Type"), what).toBe("application/problem+json");
  const problem = JSON.parse(text) as ProblemJson;
  expect(problem.status, what).toBe(response.status);
  const { status, title } = problem;
  expect(PROBLEM_MEANINGS.get(problem.type), `${what}: ${text}`).toMatchObject({ status, title });
  expect(problem.detail, `${what}: ${text}`).toMatch(/\S{3}/);
  if (response.status === 503 || response.status === 429)
    expect(response.headers.get("Retry-After"), what).not.toBeNull();
  if (response.status === 401) expect(response.headers.get("WWW-Authenticate"), what).not.toBeNull();
  if (response.status === 405) expect(response.headers.get("Allow"), what).not.toBeNull();
}

const CASES = OPERATIONS.map((operation): [string, Operation] => [
  `${operation.method.toUpperCase()} ${operation.path}`,
  operation,
]);

describe("[fault C4] [attack 18] the matrix of routes, keys and stores", () => {
  it("knows every route", () => {
    const known = new Set(CASES.map(([name]) => name.replaceAll(/\{\w+\}/g, ":id")));
    const routed = apiRoutes({}).map(
      ({ method, path }) => `${method} ${path.replaceAll(/:\w+(?:\{[^}]+\})?/g, ":id")}`,
    );
    const tables = [...TRACK_ROUTES].flatMap(([path, route]) =>
      Object.keys(route)
        .filter((method) => method !== "other" && method !== "HEAD")
        .map((method) => `${method} ${path}`),
    );
    expect(routed.length).toBeGreaterThan(30);
    expect([...routed, ...tables].filter((route) => !known.has(route))).toEqual([]);
  });

  describe.each(Object.keys(STATES) as State[])("with %s", (state) => {
    it.each(CASES)("%s answers every kind of key by rule", async (name, operation) => {
      const { path, body } = requestOf(operation);
      const method = operation.method.toUpperCase();
      for (const kind of KINDS) {
        const what = `${name}, ${kind}, ${state}`;
        const answer = await send(method, path, kind, state, body);
        checkAnswer(what, answer, method);
        const { status } = answer.response;
        if (operation.scopes !== null && operation.maySign !== true && WRONG.includes(kind)) {
          const isAsked = state === "D1 down" && !NOBODYS.includes(kind);
          expect(status, what).toBe(isAsked ? 503 : 401);
        }
        if (!READS_ALL.includes(kind)) expect(answer.text, what).not.toMatch(/(adv|cmp|grp|ad|crt)_own/);
        // Each isolate keeps a book of its own then, and reads go on.
        if (state === "the gate down" && kind === "the operator's key") expect(status, what).toBeLessThan(500);
        if (state === "D1 down" && kind === "the advertiser's key" && operation.scopes !== null) {
          expect([503, 405], what).toContain(status);
        }
      }
    });
  });

  it.each([...new Map(OPERATIONS.map((operation) => [operation.path, operation]))])(
    "%s answers every method, those that it does not take with the ones that it does",
    async (path, operation) => {
      const taken = OPERATIONS.filter((other) => other.path === path).map(({ method }) => method.toUpperCase());
      const { path: url } = requestOf(operation);
      for (const method of ["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "POST", "GET", "PROPFIND"]) {
        const what = `${method} ${path}`;
        const answer = await send(method, url, "the operator's key", "everything there", {});
        checkAnswer(what, answer, method);
        if (taken.includes(method) || method === "HEAD") continue;
        const { status, headers } = answer.response;
        if (status === 405) for (const one of taken) expect(headers.get("Allow"), what).toContain(one);
      }
    },
  );

  describe("an auditor's key", () => {
    const isAudited = ({ id, scopes }: Operation) => scopes?.includes("audit") === true && id !== "getMe";
    const AUDITED = OPERATIONS.filter((operation) => isAudited(operation));
    const looks = async () => {
      const { body } = await admin("GET /v1/admin/audit-log?limit=1");
      return (body["entries"] as Record<string, unknown>[])[0] as { readonly id: number } & Record<string, unknown>;
    };

    it("opens what its operations name, by GET, and nothing else", async () => {
      expect(AUDITED.length).toBeGreaterThan(20);
      expect(AUDITED.filter(({ method }) => method !== "get")).toEqual([]);
      for (const operation of OPERATIONS.filter(({ scopes, maySign }) => scopes !== null && maySign !== true)) {
        const { path, body } = requestOf(operation);
        const method = operation.method.toUpperCase();
        const { response, text } = await send(method, path, "an auditor's key", "everything there", body);
        const isOpen = operation.scopes?.includes("audit") === true;
        expect([operation.id, response.status === 403, text.includes("scope audit")]).toEqual([
          ...[operation.id, !isOpen],
          ...[!isOpen],
        ]);
      }
    });

    it.each(AUDITED.map((operation): [string, Operation] => [operation.path, operation]))(
      "leaves a look at %s on record before the answer, and gets none where it cannot be written",
      async (_, operation) => {
        const { path } = requestOf(operation);
        const before = (await looks()).id;
        const shown = await send("GET", path, "an auditor's key", "everything there");
        const { id, ...entry } = await looks();
        expect(id).toBe(before + 1);
        const after = { request: `GET ${path}`, status: shown.response.status };
        expect(entry).toMatchObject({ action: "look", keyId: auditor, before: null, after });
        const tenant = /advertiser_id=([\w-]+)|admin\/(advertiser|publisher)s\/([\w-]+)/.exec(path);
        const whose = tenant?.[1] ?? tenant?.[3] ?? null;
        if (whose !== null) expect(entry).toMatchObject({ subjectId: whose });
        const silent = new Proxy(env.REPORT_DB, {
          get: (database, member) => (text: string) => {
            if (text.includes("INTO audit_log")) throw new Error("D1 is full");
            return Reflect.get(database, member).call(database, text);
          },
        });
        const refused = await send("GET", path, "an auditor's key", "everything there", undefined, {
          REPORT_DB: silent,
        });
        expect([refused.response.status, JSON.parse(refused.text).type]).toEqual([503, "/problems/look-not-recorded"]);
        expect(refused.response.headers.get("Retry-After")).not.toBeNull();
        expect((await looks()).id).toBe(id);
      },
    );

    it("is refused what would not fit on record, and what writes though its path is open", async () => {
      const before = await looks();
      const long = `/v1/statements?advertiser_id=adv_own&x=${"x".repeat(2_000)}`;
      const refused = await send("GET", long, "an auditor's key", "everything there");
      expect([refused.response.status, JSON.parse(refused.text).type]).toEqual([414, "/problems/look-too-long"]);
      for (const [method, path] of [
        ["POST", "/v1/reports/query"],
        ["POST", "/v1/explain"],
        ["POST", "/v1/late-clicks"],
        ["POST", "/v1/admin/statements"],
        ["POST", "/v1/admin/audits"],
        ["PUT", "/v1/admin/holds/x"],
        ["DELETE", "/v1/admin/holds/x"],
        ["PATCH", "/v1/admin/advertisers/adv_own"],
        ["POST", "/v1/admin/evidence-log/sequence"],
        ["POST", "/v1/tokens"],
        ["POST", "/v1/conversions"],
        ["POST", "/v1/impressions/counts"],
        ["POST", "/v1/live/tickets"],
      ] as const) {
        const { response } = await send(method, path, "an auditor's key", "everything there", {});
        expect([path, response.status]).toEqual([path, 403]);
      }
      expect(await looks()).toEqual(before);
    });

    it("names the advertiser of a click that it looks at, and its own key alone where nothing is there", async () => {
      const { id } = await looks();
      await send(
        "GET",
        "/v1/reports/clicks?from=2026-04-20&to=2026-04-20&advertiser_id=adv_own",
        "an auditor's key",
        "everything there",
      );
      expect(await looks()).toMatchObject({ id: id + 1, subjectKind: "advertiser", subjectId: "adv_own" });
      await send("GET", "/v1/evidence/secret?publisher_id=pub_own", "an auditor's key", "everything there");
      expect(await looks()).toMatchObject({ id: id + 2, subjectKind: "publisher", subjectId: "pub_own" });
      await send("GET", "/v1/reports/clicks?from=2026-04-20&to=2026-04-20", "an auditor's key", "everything there");
      expect(await looks()).toMatchObject({ id: id + 3, subjectKind: "tenants", subjectId: "all" });
      await send("HEAD", "/v1/admin/audits", "an auditor's key", "everything there");
      expect(await looks()).toMatchObject({ id: id + 4, after: { request: "HEAD /v1/admin/audits" } });
      await send("GET", "/v1/me", "an auditor's key", "everything there");
      expect(await looks()).toMatchObject({ id: id + 4 });
    });

    it("stands alone: with no owner and no other scope", async () => {
      const made = async (spec: object) => {
        const { status, body } = await admin("POST /v1/admin/keys", { body: { label: "x", ...spec } });
        return [status, body["field"]];
      };
      expect(await made({ scopes: ["audit"], advertiserId: "adv_own" })).toEqual([400, "scopes"]);
      expect(await made({ scopes: ["audit"], publisherId: "pub_own" })).toEqual([400, "scopes"]);
      for (const other of ["report", "mint", "convert", "bill", "admin"]) {
        expect(await made({ scopes: ["audit", other] })).toEqual([400, "scopes"]);
      }
      expect(await made({ scopes: ["audit"], mint: { advertisers: ["adv_own"] } })).toEqual([400, "mint"]);
    });
  });

  it("[fault C4] says what is true of a key that may not read late clicks, or act for the operator", async () => {
    const told = async (method: string, path: string, kind: string) =>
      JSON.parse((await send(method, path, kind, "everything there", {})).text) as { type: string; detail: string };
    const late = await told("GET", "/v1/late-clicks", "a publisher's key");
    expect(late).toMatchObject({
      type: "/problems/insufficient-scope",
      detail: expect.stringMatching(/^A publisher's key/),
    });
    for (const path of ["/v1/late-clicks", "/v1/admin/keys", "/v1/admin/dead-letters/replay"]) {
      expect((await told("POST", path, "the advertiser's key")).detail).toContain("belongs to no tenant");
    }
    expect((await told("GET", "/v1/catalog/ads", "a publisher's key")).detail).toMatch(/^A publisher's key/);
  });

  it("explains what a retired key signed, and nothing of a key that is gone, while neither counts a click", async () => {
    const token = await aToken({ adv: "adv_other" }, "test-2");
    const { "test-2": second, ...gone } = TEST_TOKEN_KEYS;
    const rings = { retired: { ...gone, "test-2": { key: second, retired: true } }, gone };
    const told = async (ring: object) => {
      const keyring = { TOKEN_KEYS: JSON.stringify(ring) };
      const explained = await send("POST", "/v1/explain", "another's key", "everything there", { token }, keyring);
      const clicked = await send("GET", `/c/${token}`, "no key", "everything there", undefined, keyring);
      return [explained.response.status, clicked.response.status, JSON.parse(explained.text).type];
    };
    expect(await told(rings.retired)).toEqual([200, 403, undefined]);
    expect(await told(rings.gone)).toEqual([403, 403, "/problems/key-unknown"]);
  });

  it("shows tokens of every kind by rule, whatever is down", async () => {
    const signed = await aToken();
    const [header = "", payload = ""] = signed.split(".");
    const nowS = Math.floor(Date.now() / 1_000);
    const tokens: [string, string, number][] = [
      ["own", await aToken({ adv: "adv_own" }), 302],
      ["foreign", await aToken({ adv: "adv_other" }), 302],
      ["expired", await aToken({ iat: nowS - 7_200, exp: nowS - 3_600 }), 302],
      ["unsigned", `${header}.${payload}.${"A".repeat(43)}`, 403],
      ["malformed", "a.b", 400],
    ];
    for (const state of Object.keys(STATES) as State[]) {
      for (const [name, token, status] of tokens) {
        const clicked = await send("GET", `/c/${token}`, "no key", state);
        expect(clicked.response.status, `${name}, ${state}`).toBe(status);
        const explained = await send("POST", "/v1/explain", "another's key", state, { token });
        checkAnswer(`explain ${name}, ${state}`, explained, "POST");
        expect(explained.text, `${name}, ${state}`).not.toContain("adv_own");
      }
    }
  });
});
