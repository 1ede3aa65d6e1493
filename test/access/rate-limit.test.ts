/** A key that asks too often is told when to come back, on every route that takes a key, and no other key pays for it. */
import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { RATE_PERIOD_S, refuseIfTooFast } from "../../src/access/rate-limit.ts";
import configuration from "../../wrangler.toml?raw";
import { OPERATOR, seedKey, seedTenant } from "../admin/ask.ts";

const holder = (keyId: string) => ({
  ...{ keyId, advertiserId: "adv_rate", publisherId: null, scopes: new Set(["report"] as const) },
  account: null,
  mintLimits: { advertisers: null, publishers: null, cpcMicrosMax: null },
});

let hasty = { key: "", id: "" };
let calm = { key: "", id: "" };

beforeAll(async () => {
  await seedTenant("rate");
  const spec = { advertiserId: "adv_rate", scopes: ["report", "mint", "convert"] };
  hasty = await seedKey(spec);
  calm = await seedKey(spec);
});

/** Spends a key's budget through the binding; a few thousand calls at most, should a period end meanwhile. */
async function exhaust(keyId: string): Promise<void> {
  for (let calls = 0; calls < 5_000; calls++) if (!(await env.API_RATE.limit({ key: keyId })).success) return;
  throw new Error("the limiter never refuses");
}

const send = (path: string, key: string, init: RequestInit = {}) =>
  exports.default.fetch(`https://clicks.example${path}`, { ...init, headers: { Authorization: `Bearer ${key}` } });

describe("the rate of a key", () => {
  it("has the period that the configuration says", () => {
    const period = /name = "API_RATE"\n.*\nsimple = \{ limit = \d+, period = (\d+) \}/.exec(configuration)?.[1];
    expect(Number(period)).toBe(RATE_PERIOD_S);
  });

  it.each([
    ["GET", "/v1/catalog/campaigns"],
    ["GET", "/v1/admin/keys"],
    ["GET", "/v1/late-clicks"],
    ["GET", "/v1/reports/clicks"],
    ["GET", "/v1/metrics/clicks"],
    ["POST", "/v1/tokens"],
  ])("is kept by %s %s, before scopes and bodies are looked at", async (method, path) => {
    // A period may end between the two; then the budget is spent again.
    let response = new Response();
    for (let attempt = 0; attempt < 5 && response.status !== 429; attempt++) {
      await exhaust(hasty.id);
      response = await send(path, hasty.key, { method });
    }
    expect(response.status).toBe(429);
    expect(response.headers.get("Retry-After")).toBe(String(RATE_PERIOD_S));
    expect(response.headers.get("Content-Type")).toBe("application/problem+json");
    expect(await response.json()).toMatchObject({ type: "/problems/rate-limited", status: 429 });
    expect((await send("/v1/catalog/campaigns", calm.key)).status).toBe(200);
    expect((await send("/v1/catalog/campaigns", OPERATOR)).status).toBe(200);
  });

  it("is not asked for a key that is none", async () => {
    await exhaust(hasty.id);
    expect((await send("/v1/catalog/campaigns", `${hasty.key.slice(0, -1)}~`)).status).toBe(401);
  });

  it("does not count the operator's own key", async () => {
    const refusing = { limit: async () => ({ success: false }) };
    expect(await refuseIfTooFast(holder("admin"), refusing)).toBeNull();
    expect((await refuseIfTooFast(holder("key_1"), refusing))?.status).toBe(429);
  });

  it("lets requests pass while the limiter fails", async () => {
    const failing = {
      limit: async () => {
        throw new Error("planted");
      },
    };
    expect(await refuseIfTooFast(holder("key_1"), failing)).toBeNull();
  });
});
