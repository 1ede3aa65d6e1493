/** What a key may mint: its owner, its lists and its price bound, judged row by row. */
import { exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { brokenMintLimit } from "../../src/access/api-keys.ts";
import { seedKey, seedTenant } from "../admin/ask.ts";

const keys: Record<string, string> = {};

beforeAll(async () => {
  for (const name of ["one", "two"]) await seedTenant(name);
  const make = async (name: string, spec: Record<string, unknown>) => {
    keys[name] = (await seedKey({ scopes: ["mint"], ...spec })).key;
  };
  await make("advertiser", { advertiserId: "adv_one" });
  await make("publisher", { publisherId: "pub_one" });
  await make("lists", {
    mint: { advertisers: ["adv_one", "adv_two"], publishers: ["pub_one"], cpcMicrosMax: 500_000 },
  });
  await make("hosts", { advertiserId: "adv_one", mint: { hosts: ["shop.example", "*.brand.example"] } });
  await make("both", { advertiserId: "adv_one", mint: { publishers: ["pub_two"], cpcMicrosMax: 0 } });
});

const aRow = (overrides: Record<string, unknown> = {}) => ({
  ...{ adv: "adv_one", cmp: "cmp_1", ad: "ad_1", pub: "pub_one", url: "https://shop.example/", cpc: 500_000 },
  ...overrides,
});

async function mint(key: string | undefined, rows: unknown[]): Promise<{ token?: string; problem?: object }[]> {
  const response = await exports.default.fetch("https://clicks.example/v1/tokens", {
    method: "POST",
    headers: { Authorization: `Bearer ${key}` },
    body: JSON.stringify({ tokens: rows }),
  });
  expect(response.status).toBe(200);
  return ((await response.json()) as { tokens: [] }).tokens;
}

const MINTED = { token: expect.stringMatching(/\./) };
const broken = (limit: string, field: string) => ({
  problem: expect.objectContaining({ type: `/problems/key-limit-${limit}`, field }),
});

describe("[attack 19] a key mints within its limits", () => {
  it.each([
    ["advertiser", aRow(), MINTED],
    ["advertiser", aRow({ pub: "pub_any", cpc: 1_000_000_000 }), MINTED],
    ["advertiser", aRow({ adv: "adv_two" }), broken("advertiser", "adv")],
    ["publisher", aRow({ adv: "adv_any" }), MINTED],
    ["publisher", aRow({ pub: "pub_two" }), broken("publisher", "pub")],
    ["lists", aRow({ adv: "adv_two" }), MINTED],
    ["lists", aRow({ adv: "adv_three" }), broken("advertiser", "adv")],
    ["lists", aRow({ pub: "pub_two" }), broken("publisher", "pub")],
    ["lists", aRow({ cpc: 500_001 }), broken("price", "cpc")],
    ["both", aRow({ pub: "pub_two", cpc: 0 }), MINTED],
    ["both", aRow({ cpc: 0 }), broken("publisher", "pub")],
    ["both", aRow({ pub: "pub_two", cpc: 1 }), broken("price", "cpc")],
    ["hosts", aRow(), MINTED],
    ["hosts", aRow({ url: "https://a.b.brand.example/x" }), MINTED],
    ["hosts", aRow({ url: "https://brand.example/" }), broken("host", "url")],
    ["hosts", aRow({ url: "https://shop.example.evil.example/" }), broken("host", "url")],
    ["hosts", aRow({ url: "https://evil.example/?shop.example" }), broken("host", "url")],
    ["hosts", aRow({ url: "https://shop.example@evil.example/" }), broken("host", "url")],
    ["hosts", aRow({ url: "https://SHOP.example/" }), MINTED],
    ["hosts", aRow({ url: "shop.example" }), { problem: expect.objectContaining({ type: "/problems/url-scheme" }) }],
    ["hosts", aRow({ url: 1 }), { problem: expect.objectContaining({ type: "/problems/claim-type", field: "url" }) }],
    ["lists", aRow({ cpc: "1" }), { problem: expect.objectContaining({ type: "/problems/claim-type", field: "cpc" }) }],
    ["lists", aRow({ adv: ["adv_one"] }), broken("advertiser", "adv")],
    ["lists", null, broken("advertiser", "adv")],
  ])("%s: %o", async (key, row, expected) => {
    expect(await mint(keys[key], [row])).toEqual([expect.objectContaining(expected)]);
  });

  it("and a row that it may not mint spoils no other", async () => {
    const minted = await mint(keys["lists"], [aRow(), aRow({ cpc: 500_001 }), aRow({ adv: "adv_two" })]);
    expect(minted).toEqual([expect.objectContaining(MINTED), broken("price", "cpc"), expect.objectContaining(MINTED)]);
  });

  it("or without any, when none are set", () => {
    const none = { advertisers: null, publishers: null, cpcMicrosMax: null };
    for (const row of [aRow(), null, 1, "x", []]) expect(brokenMintLimit(none, row)).toBeNull();
  });
});
