/** migrations/0008: what an older database holds is there afterwards, with the same rights. */
import { applyD1Migrations, type D1Migration, reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { authenticate, hashApiKey, makeApiKey } from "../../src/access/api-keys.ts";
import { ask } from "../admin/ask.ts";

const KEY = makeApiKey(new Uint8Array(32).fill(4));
const REVOKED = makeApiKey(new Uint8Array(32).fill(5));

beforeAll(async () => {
  const { REPORT_DB, TEST_MIGRATIONS } = env as unknown as { REPORT_DB: D1Database; TEST_MIGRATIONS: D1Migration[] };
  await reset();
  await applyD1Migrations(
    REPORT_DB,
    TEST_MIGRATIONS.filter(({ name }) => name < "0008"),
  );
  const insertKey = REPORT_DB.prepare(
    "INSERT INTO api_keys (key_hash, key_id, advertiser_id, scopes, created_at_ms, revoked_at_ms) VALUES (?1, ?2, ?3, ?4, 7, ?5)",
  );
  await REPORT_DB.batch([
    insertKey.bind(hashApiKey(KEY), "key_old", "adv_old", '["report","mint"]', null),
    insertKey.bind(hashApiKey(REVOKED), "key_ended", "adv_old", '["report"]', 9),
    REPORT_DB.prepare("INSERT INTO campaigns VALUES ('cmp_old', 'adv_old', 'Old')"),
    REPORT_DB.prepare("INSERT INTO ads VALUES ('ad_old', 'cmp_old', 'crt_old', 'Old', 5)"),
    REPORT_DB.prepare("INSERT INTO publishers VALUES ('pub_old', 'Old')"),
  ]);
  await applyD1Migrations(REPORT_DB, TEST_MIGRATIONS);
});

describe("migration 0008", () => {
  it("keeps every key as it was", async () => {
    const access = { database: env.REPORT_DB, adminApiKey: "none" };
    expect(await authenticate(`Bearer ${KEY}`, access)).toEqual({
      keyId: "key_old",
      advertiserId: "adv_old",
      publisherId: null,
      scopes: new Set(["report", "mint"]),
      mintLimits: { advertisers: new Set(["adv_old"]), publishers: null, cpcMicrosMax: null },
    });
    expect(await authenticate(`Bearer ${REVOKED}`, access)).toBeNull();
  });

  it("gives the advertisers of campaigns a profile whose currency is not said yet", async () => {
    expect((await ask("GET /v1/admin/advertisers/adv_old")).body).toMatchObject({ name: "adv_old", currency: null });
    const patched = await ask("PATCH /v1/admin/advertisers/adv_old", { body: { currency: "EUR" } });
    expect(patched).toMatchObject({ status: 200, body: { currency: "EUR", createdAt: null } });
  });

  it("lets what was there be changed, and be a parent", async () => {
    expect((await ask("PATCH /v1/admin/ads/ad_old", { body: { cpcMicros: 6 } })).status).toBe(200);
    const group = { id: "grp_new", campaignId: "cmp_old", name: "New" };
    expect((await ask("POST /v1/admin/ad-groups", { body: group })).status).toBe(201);
    const moved = await ask("PATCH /v1/admin/ads/ad_old", { body: { adGroupId: "grp_new" } });
    expect(moved.body).toMatchObject({ adGroupId: "grp_new", cpcMicros: 6, createdAt: null });
  });

  it("refuses keys that fit no owner", async () => {
    const insert = (owner: string, scopes: string) =>
      env.REPORT_DB.prepare(
        "INSERT INTO api_keys (key_hash, key_id, publisher_id, scopes, created_at_ms) VALUES (?1, ?1, ?2, ?3, 1)",
      )
        .bind(crypto.randomUUID(), owner === "" ? null : owner, scopes)
        .run();
    for (const [owner, scopes] of [
      ["pub_old", '["admin"]'],
      ["", '["report"]'],
      ["", '["mint"]'],
    ] as const) {
      await expect(insert(owner, scopes)).rejects.toThrow("CHECK");
    }
    await insert("pub_old", '["report"]');
  });
});
