/** Tenants as resources: created once, changed without losing a change, each act on record or not done. */
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { Directory } from "../../src/facts/directory.ts";
import { ask, auditOf, OPERATOR, seedTenant, withBatch } from "./ask.ts";

const SOURCES = import.meta.glob<string>("../../src/**/*.ts", { query: "?raw", import: "default", eager: true });
const MIGRATIONS = import.meta.glob<string>("../../migrations/*.sql", {
  query: "?raw",
  import: "default",
  eager: true,
});

beforeAll(async () => {
  for (const name of ["one", "two"]) await seedTenant(name);
});

const anAd = (overrides: Record<string, unknown> = {}) => ({
  id: "ad_new",
  campaignId: "cmp_one",
  creativeId: "crt_1",
  name: "New",
  cpcMicros: 250_000,
  ...overrides,
});

describe("creating", () => {
  it.each([
    [
      "advertisers",
      { id: "adv_c", name: "Northwind", currency: "SEK" },
      { timeZone: "UTC", attributionWindowDays: 7, status: "active" },
    ],
    ["campaigns", { id: "cmp_c", advertiserId: "adv_one", name: "Bikes" }, { status: "active" }],
    ["ad-groups", { id: "grp_c", campaignId: "cmp_one", name: "Group", status: "paused" }, {}],
    ["ads", anAd({ id: "ad_c" }), { adGroupId: null, status: "active" }],
    ["ads", anAd({ id: "ad_g", adGroupId: "grp_one" }), {}],
    ["publishers", { id: "pub_c", name: "The Morning Ledger" }, { status: "active" }],
  ])("%s answers with what it made, is repeatable, and is on record once", async (path, body, defaults) => {
    const created = await ask(`POST /v1/admin/${path}`, { body });
    expect(created).toMatchObject({ status: 201, body: { ...body, ...defaults } });
    const again = await ask(`POST /api/v1/admin/${path}`, { body });
    expect(again).toMatchObject({ status: 200, body: created.body });
    expect((await ask(`GET /v1/admin/${path}/${body.id}`)).body).toEqual(created.body);
    const entries = await auditOf(body.id);
    expect(entries).toEqual([expect.objectContaining({ action: "create", keyId: "admin", subjectId: body.id })]);
    expect(entries[0]).toMatchObject({ before: null, after: created.body });
  });

  it("answers 409 to the same id with other content, and changes nothing", async () => {
    const answered = await ask("POST /v1/admin/publishers", { body: { id: "pub_one", name: "Another" } });
    expect(answered).toMatchObject({ status: 409, body: { type: "/problems/already-exists", field: "name" } });
    expect((await ask("GET /v1/admin/publishers/pub_one")).body["name"]).toBe("one");
    expect(await auditOf("pub_one")).toHaveLength(1);
  });

  it.each([
    ["campaigns", { id: "x", advertiserId: "adv_none", name: "x" }, "unknown-parent", "advertiserId"],
    ["ad-groups", { id: "x", campaignId: "cmp_none", name: "x" }, "unknown-parent", "campaignId"],
    ["ads", anAd({ campaignId: "cmp_none" }), "unknown-parent", "campaignId"],
    ["ads", anAd({ adGroupId: "grp_none" }), "unknown-parent", "adGroupId"],
    ["ads", anAd({ adGroupId: "grp_two" }), "foreign-parent", "adGroupId"],
  ])("%s under parents that do not fit is refused: %o", async (path, body, type, field) => {
    const answered = await ask(`POST /v1/admin/${path}`, { body });
    expect(answered).toMatchObject({ status: 422, body: { type: `/problems/${type}`, field } });
    expect((await ask(`GET /v1/admin/${path}/${body.id}`)).status).toBe(404);
  });

  it.each([
    ["a misspelt field", { id: "x", name: "x", currancy: "EUR" }, "unknown-parameter", "currancy"],
    ["a missing field", { id: "x", name: "x" }, "missing-parameter", "currency"],
    ["an id outside the alphabet", { id: "a b", name: "x", currency: "EUR" }, "invalid-value", "id"],
    ["the canary's id", { id: "clickledger-canary", name: "x", currency: "EUR" }, "invalid-value", "id"],
    ["an id of dots", { id: "..", name: "x", currency: "EUR" }, "invalid-value", "id"],
    ["an id of 65 characters", { id: "a".repeat(65), name: "x", currency: "EUR" }, "invalid-value", "id"],
    ["an empty name", { id: "x", name: " ", currency: "EUR" }, "invalid-value", "name"],
    ["a name with a line feed", { id: "x", name: "a\nb", currency: "EUR" }, "invalid-value", "name"],
    ["no currency of this world", { id: "x", name: "x", currency: "ZZZ" }, "invalid-value", "currency"],
    ["a currency in small letters", { id: "x", name: "x", currency: "eur" }, "invalid-value", "currency"],
    ["an unknown zone", { id: "x", name: "x", currency: "EUR", timeZone: "Mars/Base" }, "invalid-value", "timeZone"],
    ["an offset as zone", { id: "x", name: "x", currency: "EUR", timeZone: "+02:00" }, "invalid-value", "timeZone"],
    [
      "a window of 0 days",
      { id: "x", name: "x", currency: "EUR", attributionWindowDays: 0 },
      "invalid-value",
      "attributionWindowDays",
    ],
    [
      "a window of 91 days",
      { id: "x", name: "x", currency: "EUR", attributionWindowDays: 91 },
      "invalid-value",
      "attributionWindowDays",
    ],
    ["an unknown status", { id: "x", name: "x", currency: "EUR", status: "gone" }, "invalid-value", "status"],
  ])("%s is a named problem", async (_, body, type, field) => {
    const answered = await ask("POST /v1/admin/advertisers", { body });
    expect(answered).toMatchObject({ status: 400, body: { type: `/problems/${type}`, field } });
  });

  it("names the field that was meant", async () => {
    const { body } = await ask("POST /v1/admin/advertisers", { body: { currancy: "EUR" } });
    expect(body["detail"]).toContain("Did you mean currency?");
  });

  it.each([
    ["[]", 400, "body-not-json"],
    ["{", 400, "body-not-json"],
    [`{"name":"${"x".repeat(70_000)}"}`, 413, "body-too-large"],
  ])("answers a body that is no JSON object of 64 KB", async (body, status, type) => {
    const answered = await ask("POST /v1/admin/advertisers", { body });
    expect(answered).toMatchObject({ status, body: { type: `/problems/${type}` } });
  });

  it("takes the price of a click from 0 to 1 000 000 units, in whole micros", async () => {
    for (const [cpcMicros, status] of [
      [-1, 400],
      [0.5, 400],
      [1_000_000_000_001, 400],
      [1_000_000_000_000, 201],
    ]) {
      const answered = await ask("POST /v1/admin/ads", { body: anAd({ id: "ad_dear", cpcMicros }) });
      expect([cpcMicros, answered.status]).toEqual([cpcMicros, status]);
    }
  });
});

describe("changing", () => {
  it("keeps what is left out, and records before and after", async () => {
    const before = (await ask("GET /v1/admin/campaigns/cmp_two")).body;
    const patched = await ask("PATCH /v1/admin/campaigns/cmp_two", { body: { name: "Rain gear" } });
    expect(patched).toMatchObject({ status: 200, body: { advertiserId: "adv_two", name: "Rain gear" } });
    expect((await ask("GET /v1/admin/campaigns/cmp_two")).body).toEqual(patched.body);
    expect((await auditOf("cmp_two"))[0]).toMatchObject({ action: "update", before, after: patched.body });
  });

  it("is no act when nothing changes", async () => {
    const patched = await ask("PATCH /v1/admin/publishers/pub_two", { body: { name: "two" } });
    expect(patched.status).toBe(200);
    expect((await ask("PATCH /v1/admin/publishers/pub_two", { body: {} })).status).toBe(200);
    expect(await auditOf("pub_two")).toHaveLength(1);
  });

  it("does not know what is not there", async () => {
    const answered = await ask("PATCH /v1/admin/publishers/pub_none", { body: { name: "x" } });
    expect(answered).toMatchObject({ status: 404, body: { type: "/problems/not-found" } });
  });

  it("takes neither ids nor parents", async () => {
    for (const body of [{ id: "cmp_9" }, { advertiserId: "adv_two" }]) {
      const answered = await ask("PATCH /v1/admin/campaigns/cmp_one", { body });
      expect(answered).toMatchObject({ status: 400, body: { type: "/problems/unknown-parameter" } });
    }
  });

  it("moves an ad only within its campaign, and out of its group", async () => {
    const patch = (adGroupId: unknown) => ask("PATCH /v1/admin/ads/ad_one", { body: { adGroupId } });
    expect(await patch("grp_two")).toMatchObject({ status: 422, body: { type: "/problems/foreign-parent" } });
    expect(await patch(null)).toMatchObject({ status: 200, body: { adGroupId: null } });
  });

  it("fixes a currency with the advertiser's first event", async () => {
    const patch = (currency: string) => ask("PATCH /v1/admin/advertisers/adv_one", { body: { currency } });
    expect((await patch("USD")).status).toBe(200);
    await new Directory(env).assign(["adv_one"], { newTo: ["REPORT_DB"], nowMs: 1 });
    expect(await patch("EUR")).toMatchObject({ status: 409, body: { type: "/problems/fixed-field" } });
    expect((await patch("USD")).status).toBe(200);
  });
});

describe("listing", () => {
  it("goes through all by pages, in order of ids", async () => {
    for (const name of ["a", "b", "c", "d", "e"]) {
      await ask("POST /v1/admin/publishers", { body: { id: `page_${name}`, name } });
    }
    const seen: string[] = [];
    for (let after = "page_"; ; ) {
      const { body } = await ask(`GET /v1/admin/publishers?limit=2&after=${after}`);
      const page = (body["publishers"] as { id: string }[]).map(({ id }) => id);
      seen.push(...page.filter((id) => id.startsWith("page_")));
      if (body["next"] === null) break;
      after = String(body["next"]);
    }
    expect(seen).toEqual(["page_a", "page_b", "page_c", "page_d", "page_e"]);
  });

  it("narrows to a parent", async () => {
    const { body } = await ask("GET /v1/admin/ad-groups?campaign_id=cmp_two");
    expect(body["adGroups"]).toEqual([expect.objectContaining({ id: "grp_two" })]);
    const other = await ask("GET /v1/admin/campaigns?advertiser_id=adv_none");
    expect(other.body).toEqual({ campaigns: [], next: null });
  });

  it.each([
    ["publishers?limit=0", "invalid-value"],
    ["publishers?limit=1001", "invalid-value"],
    ["publishers?after=a%20b", "invalid-value"],
    ["publishers?campaign_id=cmp_1", "unknown-parameter"],
    ["campaigns?advertiser=adv_1", "unknown-parameter"],
    ["campaigns?limit=1&limit=2", "repeated-parameter"],
  ])("refuses %s", async (query, type) => {
    const answered = await ask(`GET /v1/admin/${query}`);
    expect(answered).toMatchObject({ status: 400, body: { type: `/problems/${type}` } });
  });

  it("answers 405 with the methods that there are, and 404 elsewhere", async () => {
    const answered = await ask("DELETE /v1/admin/publishers/pub_one");
    expect(answered.status).toBe(405);
    expect(answered.headers.get("Allow")).toBe("GET, HEAD, PATCH");
    expect((await ask("GET /v1/admin/nothing")).status).toBe(404);
  });
});

describe("an act and its entry", () => {
  afterEach(async () => {
    await env.REPORT_DB.batch(
      ["plant_a", "plant_b"].map((name) => env.REPORT_DB.prepare(`DROP TRIGGER IF EXISTS ${name}`)),
    );
  });

  const countEntries = async () =>
    (await env.REPORT_DB.prepare("SELECT count(*) AS entries FROM audit_log").first<{ entries: number }>())?.entries;

  it.each([
    ["INSERT", "POST /v1/admin/publishers", { id: "pub_torn", name: "Torn" }],
    ["UPDATE", "PATCH /v1/admin/publishers/pub_one", { name: "Torn" }],
  ])("are neither there when the %s of either fails", async (verb, what, body) => {
    const before = await countEntries();
    for (const [trigger, on] of [
      ["plant_a", "INSERT ON audit_log"],
      ["plant_b", `${verb} ON publishers`],
    ]) {
      await env.REPORT_DB.prepare(
        `CREATE TRIGGER ${trigger} AFTER ${on} BEGIN SELECT RAISE(ABORT, 'planted'); END`,
      ).run();
      const failed = await ask(what, { body });
      expect(failed).toMatchObject({ status: 503, body: { type: "/problems/database-unavailable" } });
      await env.REPORT_DB.prepare(`DROP TRIGGER ${trigger}`).run();
      expect((await ask("GET /v1/admin/publishers/pub_torn")).status).toBe(404);
      expect((await ask("GET /v1/admin/publishers/pub_one")).body["name"]).toBe("one");
      expect(await countEntries()).toBe(before);
    }
  });

  it("are there once when the reply of the database is lost", async () => {
    let isFirst = true;
    const database = withBatch(async (real) => {
      const results = await real();
      if (!isFirst) return results;
      isFirst = false;
      throw new Error("D1_ERROR: Network connection lost.");
    });
    const created = await ask("POST /v1/admin/publishers", { body: { id: "pub_lost", name: "Lost" }, database });
    expect(created).toMatchObject({ status: 200, body: { id: "pub_lost" } });
    isFirst = true;
    const patch = { body: { name: "Found" }, database };
    expect(await ask("PATCH /v1/admin/publishers/pub_lost", patch)).toMatchObject({ body: { name: "Found" } });
    expect((await auditOf("pub_lost")).map(({ action }) => action)).toEqual(["update", "create"]);
  });

  it("lose no change to another writer", async () => {
    await ask("POST /v1/admin/publishers", { body: { id: "pub_race", name: "Race" } });
    let isFirst = true;
    const database = withBatch(async (real) => {
      if (isFirst) {
        isFirst = false;
        await ask("PATCH /v1/admin/publishers/pub_race", { body: { status: "paused" } });
      }
      return real();
    });
    const patched = await ask("PATCH /v1/admin/publishers/pub_race", { body: { name: "Won" }, database });
    expect(patched).toMatchObject({ status: 200, body: { name: "Won", status: "paused" } });
    expect((await auditOf("pub_race")).map(({ after }) => after)).toMatchObject([
      { name: "Won", status: "paused" },
      { name: "Race", status: "paused" },
      { name: "Race", status: "active" },
    ]);
  });

  it("stay on record for ever: no statement of ours changes or deletes one", () => {
    const touching = (text: string) => /(UPDATE|DELETE FROM|REPLACE INTO|DROP TABLE)\s+audit_log\b/.test(text);
    expect(touching("DELETE FROM audit_log\nWHERE at_ms < ?1")).toBe(true);
    const texts = Object.entries({ ...SOURCES, ...MIGRATIONS });
    expect(texts.length).toBeGreaterThan(50);
    expect(texts.filter(([, text]) => touching(text)).map(([path]) => path)).toEqual([]);
  });

  it("are shown newest first and by pages", async () => {
    const all = (await ask("GET /v1/admin/audit-log")).body["entries"] as { id: number }[];
    expect(all.length).toBeGreaterThan(3);
    const seen: { id: number }[] = [];
    for (let before = Number.MAX_SAFE_INTEGER; ; ) {
      const { body } = await ask(`GET /v1/admin/audit-log?limit=3&before=${before}`);
      seen.push(...(body["entries"] as { id: number }[]));
      if (body["next"] === null) break;
      before = Number(body["next"]);
    }
    expect(seen).toEqual(all);
    expect(seen.map(({ id }) => id)).toEqual(seen.map(({ id }) => id).sort((a, b) => b - a));
    expect(JSON.stringify(seen)).not.toContain(OPERATOR);
  });
});
