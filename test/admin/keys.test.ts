/** API keys over HTTP: shown once, stored as a hash, replaced with or without overlap, ended at once. */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { authenticate, hashApiKey } from "../../src/access/api-keys.ts";
import { ask, auditOf, OPERATOR, seedKey, seedTenant, withBatch } from "./ask.ts";

beforeAll(async () => {
  for (const name of ["one", "two"]) await seedTenant(name);
});

const holderOf = (key: string, nowMs = Date.now()) =>
  authenticate(`Bearer ${key}`, { database: env.REPORT_DB, adminApiKey: OPERATOR, nowMs });

/** Every value of every table, hashes of keys apart. */
async function everythingStored(): Promise<string> {
  const { results } = await env.REPORT_DB.prepare(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '\\_cf%' ESCAPE '\\'",
  ).all<{ name: string }>();
  expect(results.map(({ name }) => name)).toContain("audit_log");
  const tables = await env.REPORT_DB.batch(results.map(({ name }) => env.REPORT_DB.prepare(`SELECT * FROM ${name}`)));
  return JSON.stringify(tables.flatMap((table) => table.results));
}

const withHosts = (...hosts: string[]) => ({ advertiserId: "adv_one", scopes: ["mint"], mint: { hosts } });

describe("a key", () => {
  it("is shown once, and stored nowhere in clear", async () => {
    const made = await ask("POST /v1/admin/keys", {
      body: { label: "Reports", advertiserId: "adv_one", scopes: ["convert", "report"] },
    });
    expect(made).toMatchObject({ status: 201, body: { advertiserId: "adv_one", scopes: ["report", "convert"] } });
    expect(made.headers.get("Cache-Control")).toBe("private, no-store");
    const { key, ...shown } = made.body as Record<string, string>;
    expect(key).toMatch(/^clk_[A-Za-z0-9_-]{49}$/);
    expect((await ask(`GET /v1/admin/keys/${shown["id"]}`)).body).toEqual(shown);
    expect((await ask("GET /v1/admin/keys")).body["keys"]).toContainEqual(shown);
    expect(await auditOf(String(shown["id"]))).toMatchObject([{ action: "create", before: null, after: shown }]);
    const rotated = await ask(`POST /v1/admin/keys/${shown["id"]}/rotate`, { body: { overlapSeconds: 60 } });
    const stored = await everythingStored();
    for (const secret of [String(key), String(rotated.body["key"])]) {
      expect(stored).not.toContain(secret.slice("clk_".length));
      expect(stored.split(hashApiKey(secret))).toHaveLength(2);
    }
    expect(await holderOf(String(key))).toMatchObject({ advertiserId: "adv_one", publisherId: null });
  });

  it("is another one at every creation", async () => {
    const spec = { advertiserId: "adv_one", scopes: ["report"] };
    const [first, second] = [await seedKey(spec), await seedKey(spec)];
    expect(first.id).not.toBe(second.id);
    expect(first.key).not.toBe(second.key);
  });

  it.each([
    ["two owners", { advertiserId: "adv_one", publisherId: "pub_one", scopes: ["report"] }, "publisherId"],
    ["an owner and scope admin", { advertiserId: "adv_one", scopes: ["admin"] }, "scopes"],
    ["an owner and scope operate", { advertiserId: "adv_one", scopes: ["report", "operate"] }, "scopes"],
    ["no owner, operate and mint", { scopes: ["mint", "operate"], mint: { advertisers: ["adv_one"] } }, "advertiserId"],
    ["limits on a scraper's key", { scopes: ["operate"], mint: { advertisers: ["adv_one"] } }, "mint"],
    ["a publisher that is told of events", { publisherId: "pub_one", scopes: ["hook"] }, "scopes"],
    ["a publisher that converts", { publisherId: "pub_one", scopes: ["convert"] }, "scopes"],
    ["no owner and scope report", { scopes: ["report"] }, "advertiserId"],
    ["no owner, report and mint", { scopes: ["report", "mint"], mint: { advertisers: ["adv_one"] } }, "advertiserId"],
    ["no owner and no list", { scopes: ["mint"] }, "mint"],
    ["no owner and only a price", { scopes: ["mint"], mint: { cpcMicrosMax: 1 } }, "mint"],
    ["limits without scope mint", { advertiserId: "adv_one", scopes: ["report"], mint: { cpcMicrosMax: 1 } }, "mint"],
    [
      "other advertisers than its own",
      { advertiserId: "adv_one", scopes: ["mint"], mint: { advertisers: ["adv_two"] } },
      "mint.advertisers",
    ],
    [
      "other publishers than its own",
      { publisherId: "pub_one", scopes: ["mint"], mint: { publishers: ["pub_two"] } },
      "mint.publishers",
    ],
    ["a misspelt limit", { advertiserId: "adv_one", scopes: ["mint"], mint: { cpcMax: 1 } }, "mint.cpcMax"],
    ["a landing host with a scheme", withHosts("https://shop.example"), "mint.hosts.0"],
    ["a landing host in capitals", withHosts("Shop.example"), "mint.hosts.0"],
    ["any landing host", withHosts("*"), "mint.hosts.0"],
    ["no landing host", { advertiserId: "adv_one", scopes: ["mint"], mint: { hosts: [] } }, "mint.hosts"],
    ["an empty list", { scopes: ["mint"], mint: { advertisers: [] } }, "mint.advertisers"],
    ["an unknown scope", { advertiserId: "adv_one", scopes: ["write"] }, "scopes.0"],
    ["no scope", { advertiserId: "adv_one", scopes: [] }, "scopes"],
    ["a key of its own", { advertiserId: "adv_one", scopes: ["report"], key: "clk_mine" }, "key"],
  ])("cannot have %s", async (_, spec, field) => {
    const answered = await ask("POST /v1/admin/keys", { body: { label: "x", ...spec } });
    expect(answered).toMatchObject({ status: 400, body: { field } });
  });

  it.each([
    ["advertiserId", "adv_none"],
    ["publisherId", "pub_none"],
  ])("cannot belong to nobody: %s %s", async (field, owner) => {
    const answered = await ask("POST /v1/admin/keys", { body: { label: "x", [field]: owner, scopes: ["report"] } });
    expect(answered).toMatchObject({ status: 422, body: { type: "/problems/unknown-parent", field } });
  });
});

describe("rotating", () => {
  const spec = { scopes: ["mint"], mint: { advertisers: ["adv_one", "adv_two"], cpcMicrosMax: 5 } };

  it("replaces a key at once, with the same rights", async () => {
    const old = await seedKey(spec);
    const rotated = await ask(`POST /v1/admin/keys/${old.id}/rotate`);
    expect(rotated).toMatchObject({ status: 201, body: { rotatedFrom: old.id, scopes: ["mint"], mint: spec.mint } });
    expect(await holderOf(old.key)).toBeNull();
    expect(await holderOf(String(rotated.body["key"]))).toMatchObject({
      keyId: rotated.body["id"],
      mintLimits: { advertisers: new Set(["adv_one", "adv_two"]), publishers: null, cpcMicrosMax: 5 },
    });
  });

  it("leaves the old one its overlap and not a moment more", async () => {
    const old = await seedKey(spec);
    await ask(`POST /v1/admin/keys/${old.id}/rotate`, { body: { overlapSeconds: 3_600 } });
    expect(await holderOf(old.key)).not.toBeNull();
    const row = await env.REPORT_DB.prepare("SELECT revoked_at_ms AS endsAtMs FROM api_keys WHERE key_id = ?1")
      .bind(old.id)
      .first<{ endsAtMs: number }>();
    const endsAtMs = row?.endsAtMs ?? 0;
    expect(await holderOf(old.key, endsAtMs - 1)).not.toBeNull();
    expect(await holderOf(old.key, endsAtMs)).toBeNull();
  });

  it("happens once to a key, and on record with its successor", async () => {
    const old = await seedKey(spec);
    const rotated = await ask(`POST /v1/admin/keys/${old.id}/rotate`, { body: { overlapSeconds: 3_600 } });
    const again = await ask(`POST /v1/admin/keys/${old.id}/rotate`);
    expect(again).toMatchObject({ status: 409, body: { type: "/problems/key-revoked" } });
    const [entry, creation] = await auditOf(old.id);
    expect(entry).toMatchObject({
      action: "rotate",
      before: { revokedAt: null },
      after: { replacedBy: rotated.body["id"] },
    });
    expect(creation).toMatchObject({ action: "create" });
    expect(await auditOf(String(rotated.body["id"]))).toMatchObject([{ action: "create" }]);
  });

  it("is done once, with the key handed out, when the reply of the database is lost", async () => {
    let isFirst = true;
    const database = withBatch(async (real) => {
      const results = await real();
      if (!isFirst) return results;
      isFirst = false;
      throw new Error("D1_ERROR: Network connection lost.");
    });
    const made = await ask("POST /v1/admin/keys", { body: { label: "x", ...spec }, database });
    expect(await holderOf(String(made.body["key"]))).toMatchObject({ keyId: made.body["id"] });
    isFirst = true;
    const rotated = await ask(`POST /v1/admin/keys/${made.body["id"]}/rotate`, { database });
    expect(rotated.status).toBe(201);
    expect(await holderOf(String(rotated.body["key"]))).toMatchObject({ keyId: rotated.body["id"] });
    expect(await holderOf(String(made.body["key"]))).toBeNull();
    expect(await auditOf(String(made.body["id"]))).toHaveLength(2);
  });

  it("does not outlive a revocation that came first", async () => {
    const old = await seedKey(spec);
    let isFirst = true;
    const database = withBatch(async (real) => {
      if (isFirst) {
        isFirst = false;
        await ask(`DELETE /v1/admin/keys/${old.id}`);
      }
      return real();
    });
    const rotated = await ask(`POST /v1/admin/keys/${old.id}/rotate`, { body: { overlapSeconds: 60 }, database });
    expect(rotated).toMatchObject({ status: 409, body: { type: "/problems/key-revoked" } });
    expect(await holderOf(old.key)).toBeNull();
    expect((await auditOf(old.id)).map(({ action }) => action)).toEqual(["revoke", "create"]);
  });

  it.each([-1, 0.5, 30 * 86_400 + 1, "60"])("takes no overlap of %s", async (overlapSeconds) => {
    const old = await seedKey(spec);
    const answered = await ask(`POST /v1/admin/keys/${old.id}/rotate`, { body: { overlapSeconds } });
    expect(answered).toMatchObject({ status: 400, body: { field: "overlapSeconds" } });
    expect(await holderOf(old.key)).not.toBeNull();
  });
});

describe("revoking", () => {
  it.each(["POST /v1/admin/keys/:id/revoke", "DELETE /v1/admin/keys/:id"])("by %s ends a key at once", async (what) => {
    const made = await seedKey({ publisherId: "pub_one", scopes: ["report"] });
    const revoked = await ask(what.replace(":id", made.id));
    expect(revoked).toMatchObject({ status: 200, body: { id: made.id, revokedAt: expect.stringMatching(/Z$/) } });
    expect(await holderOf(made.key)).toBeNull();
    expect((await ask(what.replace(":id", made.id))).body).toEqual(revoked.body);
    expect((await auditOf(made.id)).map(({ action }) => action)).toEqual(["revoke", "create"]);
  });

  it("ends an overlap", async () => {
    const old = await seedKey({ publisherId: "pub_one", scopes: ["report"] });
    await ask(`POST /v1/admin/keys/${old.id}/rotate`, { body: { overlapSeconds: 3_600 } });
    await ask(`DELETE /v1/admin/keys/${old.id}`);
    expect(await holderOf(old.key)).toBeNull();
  });

  it.each(["GET /v1/admin/keys/key_none", "POST /v1/admin/keys/key_none/rotate", "DELETE /v1/admin/keys/key_none"])(
    "does not know the key of %s",
    async (what) => {
      expect((await ask(what)).status).toBe(404);
    },
  );
});

describe("an act on a key and its entry", () => {
  it.each([
    ["POST /v1/admin/keys", { label: "torn", advertiserId: "adv_one", scopes: ["report"] }],
    ["POST /v1/admin/keys/:id/rotate", {}],
    ["POST /v1/admin/keys/:id/revoke", {}],
  ])("are neither there when %s fails", async (what, body) => {
    const made = await seedKey({ advertiserId: "adv_one", scopes: ["report"] });
    const countKeys = async () =>
      (await env.REPORT_DB.prepare("SELECT count(*) AS keys FROM api_keys").first<{ keys: number }>())?.keys;
    const before = await countKeys();
    for (const on of ["INSERT ON audit_log", "INSERT ON api_keys", "UPDATE ON api_keys"]) {
      if (on === "INSERT ON api_keys" && what.endsWith("revoke")) continue;
      if (on === "UPDATE ON api_keys" && what.endsWith("keys")) continue;
      await env.REPORT_DB.prepare(`CREATE TRIGGER plant AFTER ${on} BEGIN SELECT RAISE(ABORT, 'planted'); END`).run();
      const failed = await ask(what.replace(":id", made.id), { body });
      await env.REPORT_DB.prepare("DROP TRIGGER plant").run();
      expect([on, failed.status]).toEqual([on, 503]);
      expect(await countKeys()).toBe(before);
      expect(await holderOf(made.key)).not.toBeNull();
      expect(await auditOf(made.id)).toHaveLength(1);
    }
  });
});
