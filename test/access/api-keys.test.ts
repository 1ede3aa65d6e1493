/** API keys: who is who, and what is stored of a key. */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { authenticate, hashApiKey, makeApiKey } from "../../src/access/api-keys.ts";

const KEY = makeApiKey(new Uint8Array(32).fill(1));
const REVOKED = makeApiKey(new Uint8Array(32).fill(2));
const ADMIN = makeApiKey(new Uint8Array(32).fill(3));
const access = { database: env.REPORT_DB, adminApiKey: ADMIN };
const bearer = (key: string) => `Bearer ${key}`;

beforeAll(async () => {
  const insert = env.REPORT_DB.prepare(
    "INSERT INTO api_keys (key_hash, key_id, advertiser_id, scopes, created_at_ms, revoked_at_ms) VALUES (?1, ?2, ?3, ?4, 0, ?5)",
  );
  await env.REPORT_DB.batch([
    insert.bind(hashApiKey(KEY), "key_1", "adv_1", '["report"]', null),
    insert.bind(hashApiKey(REVOKED), "key_2", "adv_1", '["report"]', 1),
  ]);
});

describe("authenticate", () => {
  it("knows a key's holder, advertiser and scopes", async () => {
    const principal = await authenticate(bearer(KEY), access);
    expect(principal).toEqual({
      keyId: "key_1",
      advertiserId: "adv_1",
      publisherId: null,
      scopes: new Set(["report"]),
      account: null,
      mintLimits: { advertisers: new Set(["adv_1"]), publishers: null, cpcMicrosMax: null },
    });
  });

  it("lets the configured admin key read all", async () => {
    const principal = await authenticate(bearer(ADMIN), access);
    expect(principal?.advertiserId).toBeNull();
    expect(principal?.scopes.has("admin")).toBe(true);
  });

  it.each([
    ["nothing", null],
    ["an empty header", ""],
    ["another scheme", `Basic ${KEY}`],
    ["an unknown key", bearer(makeApiKey(new Uint8Array(32).fill(9)))],
    ["a revoked key", bearer(REVOKED)],
    ["a key with a character changed", bearer(`${KEY.slice(0, -1)}x`)],
    ["the stored hash", bearer(hashApiKey(KEY))],
    ["a key too many", `${bearer(KEY)} ${KEY}`],
    ["SQL", bearer("clk_' OR '1'='1")],
  ])("does not know %s", async (_, header) => {
    expect(await authenticate(header, access)).toBeNull();
  });

  it("stores no key in clear", async () => {
    const { results } = await env.REPORT_DB.prepare("SELECT * FROM api_keys").all();
    expect(JSON.stringify(results)).not.toContain(KEY);
    expect(hashApiKey(KEY)).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe("a stored key", () => {
  it("fits an owner, whatever wrote it", async () => {
    const insert = (owner: string | null, scopes: string) =>
      env.REPORT_DB.prepare(
        "INSERT INTO api_keys (key_hash, key_id, publisher_id, scopes, created_at_ms) VALUES (?1, ?1, ?2, ?3, 1)",
      )
        .bind(crypto.randomUUID(), owner, scopes)
        .run();
    for (const [owner, scopes] of [
      ["pub_1", '["admin"]'],
      [null, '["report"]'],
      [null, '["mint"]'],
    ] as const) {
      await expect(insert(owner, scopes)).rejects.toThrow("CHECK");
    }
    await insert("pub_1", '["report"]');
  });
});
