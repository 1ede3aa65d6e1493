/** Wrong keys slow down the network that sends them, and nobody who has a key that works. */
import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { identify } from "../../src/access/admit.ts";
import { makeApiKey } from "../../src/access/api-keys.ts";
import { WRONG_KEY_PERIOD_S, WrongKeys } from "../../src/access/wrong-keys.ts";
import configuration from "../../wrangler.toml?raw";
import { OPERATOR, seedKey, seedTenant } from "../admin/ask.ts";

const randomKey = () => makeApiKey(crypto.getRandomValues(new Uint8Array(32)));
const ask = (address: string, key: string, path = "/v1/catalog/campaigns", method = "GET") =>
  exports.default.fetch(`https://clicks.example${path}`, {
    method,
    headers: { Authorization: `Bearer ${key}`, ...(address === "" ? {} : { "CF-Connecting-IP": address }) },
  });

let known = "";
let unseen = "";
beforeAll(async () => {
  await seedTenant("wrong");
  known = (await seedKey({ advertiserId: "adv_wrong", scopes: ["report"] })).key;
  unseen = (await seedKey({ advertiserId: "adv_wrong", scopes: ["report"] })).key;
  expect((await ask("192.0.2.1", known)).status).toBe(200);
});

/** Sends wrong keys until one is slowed down; a few dozen, should a period end meanwhile. */
async function exhaust(addressOf: (nth: number) => string, keyOf = randomKey): Promise<Response> {
  for (let nth = 0; nth < 200; nth++) {
    const response = await ask(addressOf(nth), keyOf());
    if (response.status === 429) return response;
    expect(response.status).toBe(401);
  }
  throw new Error("wrong keys are never slowed down");
}

describe("[attack 13] wrong keys", () => {
  it("have the period that the configuration says", () => {
    const [, limit, period] =
      /name = "WRONG_KEY_RATE"\n.*\nsimple = \{ limit = (\d+), period = (\d+) \}/.exec(configuration) ?? [];
    expect([Number(limit) <= 30, Number(period)]).toEqual([true, WRONG_KEY_PERIOD_S]);
  });

  it("of one address are slowed down by name, and no other address is", async () => {
    const response = await exhaust(() => "192.0.2.10");
    expect(Number(response.headers.get("Retry-After"))).toBe(WRONG_KEY_PERIOD_S);
    expect(await response.json()).toMatchObject({
      type: "/problems/wrong-keys",
      status: 429,
      detail: expect.any(String),
    });
    expect((await ask("192.0.2.11", randomKey())).status).toBe(401);
  });

  it.each([
    ["on any route", () => "192.0.2.20", "/v1/tokens", "POST"],
    ["on reports", () => "192.0.2.21", "/v1/reports/clicks", "GET"],
    ["on the live stream", () => "192.0.2.22", "/v1/live", "GET"],
    ["on the desk", () => "192.0.2.23", "/v1/explain", "POST"],
    ["on conversions", () => "192.0.2.24", "/v1/conversions", "POST"],
  ])("are slowed down %s once they were on one", async (_, address, path, method) => {
    await exhaust(address);
    expect((await ask(address(), randomKey(), path, method)).status).toBe(429);
  });

  it.each([
    ["any address of a /64", (nth: number) => `2001:db8:0:7::${nth.toString(16)}`],
    ["IPv4 and the same mapped", (nth: number) => (nth % 2 === 0 ? "192.0.2.30" : "::ffff:192.0.2.30")],
    ["no address at all", () => ""],
  ])("are counted together for %s", async (_, addressOf) => {
    expect((await exhaust(addressOf)).status).toBe(429);
  });

  it("are counted whatever their form", async () => {
    const forms = ["x", "clk_", OPERATOR.slice(0, -1), `${OPERATOR}A`, OPERATOR.toLowerCase()];
    let at = 0;
    expect(
      (
        await exhaust(
          () => "192.0.2.40",
          () => forms[at++ % forms.length] ?? "",
        )
      ).status,
    ).toBe(429);
  });

  it("leave keys that were right before, and the operator's, their way in", async () => {
    await exhaust(() => "192.0.2.50");
    expect((await ask("192.0.2.50", known)).status).toBe(200);
    expect((await ask("192.0.2.50", OPERATOR)).status).toBe(200);
    expect((await ask("192.0.2.50", unseen)).status).toBe(429);
    expect((await ask("192.0.2.51", unseen)).status).toBe(200);
  });

  it("are not looked up while their network rests", async () => {
    const spent = { ...env, WRONG_KEY_RATE: { limit: async () => ({ success: false }) } };
    const unread = {
      prepare: () => {
        throw new Error("the database is asked");
      },
    };
    const statusOf = async (bindings: object) => {
      const headers = { Authorization: `Bearer ${randomKey()}`, "CF-Connecting-IP": "192.0.2.60" };
      const identified = await identify(new Request("https://clicks.example/", { headers }), bindings as Env, OPERATOR);
      return identified.ok ? 200 : identified.error.status;
    };
    expect(await statusOf({ ...spent, REPORT_DB: unread })).toBe(503);
    expect(await statusOf(spent)).toBe(429);
    expect(await statusOf({ ...spent, REPORT_DB: unread })).toBe(429);
  });

  it("[attack 19] cost no look-up when they were never issued, and are counted all the same", async () => {
    const asked: string[] = [];
    const database = {
      prepare: (sql: string) => {
        asked.push(sql);
        return env.REPORT_DB.prepare(sql);
      },
    };
    const counted: string[] = [];
    const limiter = { limit: async ({ key }: { key: string }) => ({ success: counted.push(key) > 0 }) };
    const bindings = { ...env, REPORT_DB: database, WRONG_KEY_RATE: limiter } as unknown as Env;
    const statusOf = async (key: string) => {
      const headers = { Authorization: `Bearer ${key}`, "CF-Connecting-IP": "192.0.2.61" };
      const identified = await identify(new Request("https://clicks.example/", { headers }), bindings, OPERATOR);
      return identified.ok ? 200 : identified.error.status;
    };
    const real = randomKey();
    const swapped = real.slice(0, -1).concat(real.endsWith("A") ? "B" : "A");
    const junk = ["x", "clk_", real.slice(0, 47), real.slice(0, -1), `${real}A`, swapped, real.toUpperCase()];
    for (const key of junk) expect([key, await statusOf(key)]).toEqual([key, 401]);
    expect([asked, counted.length]).toEqual([[], junk.length]);
    expect([await statusOf(real), asked.length]).toEqual([401, 1]);
    expect([await statusOf(known), asked.length]).toEqual([200, 2]);
  });

  it("rest for the period and no longer, and less the later they come", async () => {
    const wrongKeys = new WrongKeys();
    const spent = { limit: async () => ({ success: false }) };
    expect((await wrongKeys.count("a", spent, 1_000))?.status).toBe(429);
    expect(wrongKeys.refuse("a", "k", 31_000)?.headers.get("Retry-After")).toBe("30");
    expect(wrongKeys.refuse("b", "k", 31_000)).toBeNull();
    expect(wrongKeys.refuse("a", "k", 61_000)).toBeNull();
    wrongKeys.accept("k");
    await wrongKeys.count("a", spent, 70_000);
    expect(wrongKeys.refuse("a", "k", 71_000)).toBeNull();
    expect(wrongKeys.refuse("a", "other", 71_000)?.status).toBe(429);
  });

  it("are wrong keys when the limiter fails", async () => {
    const failing = {
      limit: async () => {
        throw new Error("planted");
      },
    };
    expect(await new WrongKeys().count("a", failing, 0)).toBeNull();
  });

  it("are not requests without a key", async () => {
    for (let nth = 0; nth < 40; nth++) {
      const response = await exports.default.fetch("https://clicks.example/v1/reports/clicks", {
        headers: { "CF-Connecting-IP": "192.0.2.70" },
      });
      expect(response.status).toBe(401);
    }
  });
});
