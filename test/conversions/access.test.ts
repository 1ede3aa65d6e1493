/** Who may submit what: keys by owner and scope, and click ids by whose they are. */
import { beforeAll, describe, expect, it } from "vitest";
import { seedKey, seedTenant } from "../admin/ask.ts";
import { aClickId, anOrder, answersOf, aRow, convert, minutesAgo, OPERATOR, post, problemOf, send } from "./send.ts";

const keys: Record<string, string> = {};

beforeAll(async () => {
  for (const name of ["one", "two"]) await seedTenant(name);
  const make = async (name: string, spec: Record<string, unknown>) => {
    keys[name] = (await seedKey(spec)).key;
  };
  await make("converter", { advertiserId: "adv_one", scopes: ["convert"] });
  await make("reader", { advertiserId: "adv_one", scopes: ["report"] });
  await make("minter", { advertiserId: "adv_one", scopes: ["mint"] });
  await make("other", { advertiserId: "adv_two", scopes: ["convert"] });
  await make("publisher", { publisherId: "pub_one", scopes: ["report", "mint"] });
  await make("partner", { scopes: ["mint"], mint: { advertisers: ["adv_one"] } });
  await make("operator", { scopes: ["admin"] });
  keys["configured"] = OPERATOR;
  keys["unknown"] = `clk_${"z".repeat(43)}`;
});

const mine = (fields: Record<string, unknown> = {}) =>
  aRow({ click_id: aClickId({ advertiserId: "adv_one" }), ...fields });

describe("conversions are sent", () => {
  const paths = [
    ["POST", "/v1/conversions"],
    ["POST", "/api/v1/conversions"],
    ["GET", "/v1/conversions"],
    ["GET", "/v1/conversions/secret?advertiser_id=adv_one"],
  ] as const;
  const ask = (method: string, path: string, key: string | null) => {
    const query = new URLSearchParams({ click_id: aClickId({ advertiserId: "adv_one" }), order_id: anOrder() });
    const isQuery = method === "GET" && !path.includes("?");
    return send(isQuery ? `${path}?${query}` : path, { method, key, ...(method === "POST" ? { body: [mine()] } : {}) });
  };

  it.each(["converter", "operator", "configured"])("by %s", async (name) => {
    for (const [method, path] of paths) {
      const sent = await ask(method, path, keys[name] ?? "");
      expect([method, path, sent.status]).toEqual([method, path, 200]);
      expect(sent.headers.get("Cache-Control")).toBe("no-store");
    }
  });

  it.each(["reader", "minter", "publisher", "partner"])("not by %s", async (name) => {
    for (const [method, path] of paths) {
      const sent = await ask(method, path, keys[name] ?? "");
      expect([method, path, sent.status, problemOf(sent)]).toEqual([method, path, 403, "insufficient_scope"]);
    }
  });

  it("not by a key that nobody has", async () => {
    for (const [method, path] of paths) {
      const sent = await ask(method, path, keys["unknown"] ?? "");
      expect([method, path, sent.status, problemOf(sent)]).toEqual([method, path, 401, "authentication_required"]);
      expect(sent.headers.get("WWW-Authenticate")).toBe("Bearer");
    }
  });

  it("not without a key, unless by a signed postback", async () => {
    const statuses = await Promise.all(paths.map(async ([method, path]) => (await ask(method, path, null)).status));
    expect(statuses).toEqual([401, 401, 403, 401]);
  });

  it("by an advertiser for itself alone: its own row stands beside another's that is refused", async () => {
    expect(await convert([aRow(), mine()], { key: keys["converter"] ?? "" })).toEqual(["click_id_refused", "recorded"]);
  });

  it("by the operator for everybody", async () => {
    expect(await convert([aRow(), mine()])).toEqual(["recorded", "recorded"]);
  });
});

describe("a click id that is not the sender's", () => {
  it("is answered alike, byte for byte, whatever is wrong with it", async () => {
    const own = aClickId({ advertiserId: "adv_one" });
    const other = `${own.slice(0, -1)}${own.endsWith("A") ? "B" : "A"}`;
    const wrong = [
      aClickId({ advertiserId: "adv_two" }),
      aClickId({ advertiserId: "adv_never" }),
      other,
      own.replace("~ad_9~", "~ad_8~"),
      own.slice(1),
      "2~test-9".concat(own.slice("2~test-1".length)),
      "nonsense",
      "x".repeat(5_000),
    ];
    const key = keys["converter"] ?? "";
    const orderId = anOrder();
    const rows = wrong.map((clickId) => ({ click_id: clickId, order_id: orderId, value_micros: 1 }));
    const posted = await Promise.all(rows.map((row) => post([row], { key })));
    expect(new Set(posted.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answersOf(posted[0] as never)[0]?.problem).toMatchObject({
      type: "/problems/click-id-refused",
      status: 403,
    });
    const queried = await Promise.all(
      wrong.map((clickId) => send(`/v1/conversions?${new URLSearchParams({ click_id: clickId })}`, { key })),
    );
    expect(new Set(queried.map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(queried[0]?.status).toBe(403);
  });
});

describe("counts are sent", () => {
  const count = (key: string) =>
    send("/v1/impressions/counts", {
      ...{ method: "POST", key },
      body: {
        batch_id: anOrder(),
        rows: [
          {
            ...{ minute: minutesAgo(2), advertiser_id: "adv_one", campaign_id: "cmp_one", ad_id: "ad_one" },
            ...{ publisher_id: "pub_one", impressions: 1 },
          },
        ],
      },
    });

  it.each<[string, number]>([
    ["minter", 200],
    ["publisher", 200],
    ["partner", 200],
    ["configured", 200],
    ["converter", 403],
    ["reader", 403],
    ["operator", 403],
    ["unknown", 401],
  ])("by %s: %d", async (name, status) => {
    expect((await count(keys[name] ?? "")).status).toBe(status);
  });
});

describe("a postback secret", () => {
  const secretOf = async (path: string, key: string | undefined) =>
    JSON.parse((await send(`/v1/conversions/secret${path}`, { key: key ?? "" })).text) as Record<string, unknown>;

  it("is the key's own advertiser's, whatever is asked for", async () => {
    const own = await secretOf("", keys["converter"]);
    expect(own).toEqual({
      advertiser_id: "adv_one",
      epoch: 0,
      kid: "test-1",
      secret: expect.stringMatching(/^[\w-]{43}$/),
    });
    expect(await secretOf("?advertiser_id=adv_two", keys["converter"])).toEqual(own);
    expect((await secretOf("", keys["other"]))["secret"]).not.toBe(own["secret"]);
  });

  it("is anybody's to the operator, who says whose", async () => {
    expect(await secretOf("?advertiser_id=adv_one", OPERATOR)).toEqual(await secretOf("", keys["converter"]));
    for (const path of ["", "?advertiser_id=", "?advertiser_id=a%20b"]) {
      expect(await secretOf(path, OPERATOR)).toMatchObject({ status: 400, field: "advertiser_id" });
    }
  });
});

describe("a method that a route does not know", () => {
  it.each([
    ["PUT", "/v1/conversions", "POST, GET, HEAD"],
    ["DELETE", "/api/v1/conversions", "POST, GET, HEAD"],
    ["POST", "/v1/conversions/secret", "GET, HEAD"],
    ["GET", "/v1/impressions/counts", "POST"],
  ])("%s %s is 405", async (method, path, allow) => {
    const sent = await send(path, { method });
    expect([sent.status, sent.headers.get("Allow")]).toEqual([405, allow]);
  });
});
