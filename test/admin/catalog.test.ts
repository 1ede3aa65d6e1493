/** G9: a tenant's names are its own; a foreign and an unknown id have the same answer after the same work. */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { apiApp } from "../../src/api/app.ts";
import { ask, OPERATOR, seedKey, seedTenant } from "./ask.ts";

let mine = "";

beforeAll(async () => {
  for (const name of ["aaa", "mine", "other", "zzz"]) await seedTenant(name);
  for (const name of ["ad_mine_2", "ad_mine_3"]) {
    await ask("POST /v1/admin/ads", {
      body: { id: name, campaignId: "cmp_mine", creativeId: "crt", name, cpcMicros: 2 },
    });
  }
  await ask("POST /v1/admin/campaigns", { body: { id: "cmp_mine_2", advertiserId: "adv_mine", name: "Second" } });
  await ask("POST /v1/admin/ads", {
    body: { id: "ad_mine_0", campaignId: "cmp_mine_2", creativeId: "crt", name: "x", cpcMicros: 2 },
  });
  mine = (await seedKey({ advertiserId: "adv_mine", scopes: ["report"] })).key;
  await env.REPORT_DB.batch([
    env.REPORT_DB.prepare("INSERT INTO advertisers VALUES ('adv_mine', 0, 1), ('adv_other', 1, 1)"),
    ...[
      ["adv_mine", lateId("1")],
      ["adv_other", lateId("2")],
      ["adv_mine", lateId("9")],
    ].map(([advertiser, event]) =>
      env.REPORT_DB.prepare(
        "INSERT INTO late_clicks VALUES (?1, ?2, 'cmp', 'ad', 'pub', 'clicks-0', 1, 1, 1, 1, 'late', NULL, NULL, NULL)",
      ).bind(advertiser, event),
    ),
  ]);
});

/** An event id; only its last digit differs. */
const lateId = (digit: string) => "0".repeat(31).concat(digit);

const idsOf = (list: unknown) => (list as { id: string }[]).map(({ id }) => id);

describe("the catalogue", () => {
  it("shows a tenant its own, and the operator all", async () => {
    expect((await ask("GET /v1/catalog/campaigns", { key: mine })).body).toEqual({
      campaigns: [
        { id: "cmp_mine", advertiserId: "adv_mine", name: "mine", status: "active" },
        { id: "cmp_mine_2", advertiserId: "adv_mine", name: "Second", status: "active" },
      ],
      next: null,
    });
    const own = (await ask("GET /v1/catalog/ads", { key: mine })).body["ads"];
    expect(idsOf(own)).toEqual(["ad_mine", "ad_mine_2", "ad_mine_3", "ad_mine_0"]);
    const all = (await ask("GET /v1/catalog/ads", { key: OPERATOR })).body["ads"];
    expect(idsOf(all)).toEqual(["ad_aaa", ...idsOf(own), "ad_other", "ad_zzz"]);
  });

  it("shows no price and no other owner", async () => {
    const { body } = await ask("GET /v1/catalog/ads", { key: mine });
    expect(JSON.stringify(body)).not.toMatch(/cpc|micros|other/i);
  });

  it.each([mine, OPERATOR])("goes through all ads by pages", async (given) => {
    const key = given === "" ? mine : given;
    const all = (await ask("GET /v1/catalog/ads", { key })).body["ads"];
    const seen: unknown[] = [];
    for (let query = "limit=2"; ; ) {
      const { body } = await ask(`GET /v1/catalog/ads?${query}`, { key });
      seen.push(...(body["ads"] as unknown[]));
      if (body["next"] === null) break;
      query = `limit=2&after=${body["next"]}`;
    }
    expect(seen).toEqual(all);
  });

  it("narrows to a campaign of one's own", async () => {
    const { body } = await ask("GET /v1/catalog/ads?campaign_id=cmp_mine_2", { key: mine });
    expect(idsOf(body["ads"])).toEqual(["ad_mine_0"]);
  });

  it("is not for publishers", async () => {
    const { key } = await seedKey({ publisherId: "pub_mine", scopes: ["report"] });
    expect((await ask("GET /v1/catalog/campaigns", { key })).status).toBe(403);
  });
});

/** The real database, which adds up the rows that were read. */
function counting(): { database: D1Database; rowsRead: () => number } {
  let rowsRead = 0;
  const statement = (inner: D1PreparedStatement): D1PreparedStatement =>
    new Proxy(inner, {
      get: (target, member) => {
        if (member === "bind") return (...values: unknown[]) => statement(target.bind(...values));
        if (member !== "all") return Reflect.get(target, member).bind(target);
        return async () => {
          const answer = await target.all();
          rowsRead += answer.meta.rows_read;
          return answer;
        };
      },
    });
  const database = new Proxy(env.REPORT_DB, {
    get: (target, member) =>
      member === "prepare" ? (sql: string) => statement(target.prepare(sql)) : Reflect.get(target, member).bind(target),
  });
  return { database, rowsRead: () => rowsRead };
}

const desk = apiApp();

async function workOf(path: string): Promise<{ answer: string; rowsRead: number }> {
  const { database, rowsRead } = counting();
  const bindings = { ...env, REPORT_DB: database } as Env;
  if (path.startsWith("/v1/late-clicks")) {
    const headers = { Authorization: `Bearer ${mine}` };
    const response = await desk.request(`https://clicks.example${path}`, { headers }, bindings);
    return { answer: `${response.status} ${await response.text()}`, rowsRead: rowsRead() };
  }
  const { status, body } = await ask(`GET ${path}`, { key: mine, database });
  return { answer: `${status} ${JSON.stringify(body)}`, rowsRead: rowsRead() };
}

describe("G9: a foreign and an unknown id are the same, byte for byte and row for row", () => {
  it.each([
    ["/v1/catalog/ads?campaign_id=cmp_other", "/v1/catalog/ads?campaign_id=cmp_ot"],
    ["/v1/catalog/ads?campaign_id=cmp_aaa", "/v1/catalog/ads?campaign_id=cmp_aab"],
    ["/v1/catalog/ads?after=cmp_aaa/ad_aaa", "/v1/catalog/ads?after=cmp_aab/ad_aab"],
    ["/v1/catalog/ads?after=cmp_other/ad_other", "/v1/catalog/ads?after=cmp_ot/ad_ot"],
    ["/v1/catalog/campaigns?after=cmp_aaa", "/v1/catalog/campaigns?after=cmp_aab"],
    ["/v1/catalog/campaigns?after=cmp_other", "/v1/catalog/campaigns?after=cmp_ot"],
    [`/v1/late-clicks?after=${lateId("2")}`, `/v1/late-clicks?after=${lateId("3")}`],
    // Routes of the operator: whether the id is there is not looked up.
    ["/v1/admin/campaigns/cmp_other", "/v1/admin/campaigns/cmp_none"],
    ["/v1/admin/keys/key_1", "/v1/admin/keys/key_none"],
  ])("%s and %s", async (foreign, unknown) => {
    expect(await workOf(foreign)).toEqual(await workOf(unknown));
  });

  it("while the work is seen at all", async () => {
    const own = await workOf("/v1/catalog/ads");
    expect(own.rowsRead).toBeGreaterThan(3);
    expect((await workOf("/v1/late-clicks")).answer).toContain(lateId("9"));
  });
});
