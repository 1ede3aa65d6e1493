/** Ids with their names beside them, and what a key is that asks. */
import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { OPERATOR } from "../admin/ask.ts";
import { ask, askJson } from "./ask.ts";
import { aCell, clicks, seedCells, seedKey, seedProfiles } from "./seed.ts";

const DAY = "from=2026-04-20&to=2026-04-20&names=true";
const TABLE = "/v1/reports/clicks";
const keys: Record<string, string> = {};

beforeAll(async () => {
  await seedCells(env.REPORT_DB, [
    aCell({ counts: clicks(1) }),
    // A token of adv_1 may carry the id of another's campaign, ad group, ad and creative.
    aCell({ counts: clicks(2), campaign_id: "cmp_f", ad_group_id: "grp_f", ad_id: "ad_f", creative_id: "crt_f" }),
    aCell({ counts: clicks(4), advertiser_id: "adv_2", publisher_id: "pub_2", campaign_id: "cmp_f", ad_group_id: "" }),
  ]);
  await seedProfiles(env.REPORT_DB, [
    { id: "adv_1", currency: "EUR", timeZone: "Europe/Berlin" },
    { id: "adv_2", currency: "JPY" },
  ]);
  const run = (sql: string) => env.REPORT_DB.prepare(sql);
  await env.REPORT_DB.batch([
    run("UPDATE advertiser_profiles SET name = 'Name of '||advertiser_id"),
    run(
      "INSERT INTO campaigns (campaign_id, advertiser_id, name) VALUES ('cmp_7','adv_1','Spring'), ('cmp_f','adv_2','Secret')",
    ),
    run(`INSERT INTO ad_groups (ad_group_id, campaign_id, name, created_at_ms, updated_at_ms)
         VALUES ('grp_1','cmp_7','=Shoes',0,0), ('grp_f','cmp_f','Secret group',0,0)`),
    run(`INSERT INTO ads (ad_id, campaign_id, creative_id, name, cpc_micros)
         VALUES ('ad_9','cmp_7','crt_1','Red, shoe',1), ('ad_f','cmp_f','crt_f','Secret ad',1)`),
    run(
      "INSERT INTO creatives (creative_id, advertiser_id, name) VALUES ('crt_1','adv_1','Banner'), ('crt_f','adv_2','Secret banner')",
    ),
    run("INSERT INTO publishers (publisher_id, name) VALUES ('pub_1','News'), ('pub_2','Other news')"),
  ]);
  const report = { scopes: ["report"] };
  keys["own"] = await seedKey(env.REPORT_DB, { name: "own", advertiserId: "adv_1", ...report });
  keys["pub"] = await seedKey(env.REPORT_DB, { name: "pub", publisherId: "pub_1", ...report });
  keys["convert"] = await seedKey(env.REPORT_DB, { name: "convert", advertiserId: "adv_1", scopes: ["convert"] });
  keys["new"] = await seedKey(env.REPORT_DB, { name: "new", advertiserId: "adv_new", ...report });
});

const rowsOf = async (by: string, key?: string) =>
  (await askJson(`${TABLE}?${DAY}&group_by=${by}`, key === undefined ? {} : { authorization: keys[key] ?? "" })).rows;

describe("[fault B12] names=true", () => {
  it.each([
    ["advertiser_id", ["Name of adv_1", "Name of adv_2"]],
    ["campaign_id", ["Spring", "Secret"]],
    ["ad_group_id", [null, "=Shoes", "Secret group"]],
    ["ad_id", ["Red, shoe", "Secret ad"]],
    ["creative_id", ["Banner", "Secret banner"]],
    ["publisher_id", ["News", "Other news"]],
  ])("gives the operator the names of %s", async (dimension, names) => {
    const rows = await rowsOf(dimension);
    expect(rows.map((row) => Object.values(row)[1])).toEqual(names);
    expect(Object.keys(rows[0] ?? {})[1]).toBe(`${dimension.replace(/_id$/, "").replace(/_g/, "G")}Name`);
  });

  it("gives an advertiser those of its own objects, whatever ids its tokens carry, and of its publishers", async () => {
    expect(await rowsOf("campaign_id", "own")).toEqual([
      { campaignId: "cmp_7", campaignName: "Spring", clicks: 1 },
      { campaignId: "cmp_f", campaignName: null, clicks: 2 },
    ]);
    for (const dimension of ["ad_group_id", "ad_id", "creative_id"]) {
      expect(JSON.stringify(await rowsOf(dimension, "own")), dimension).not.toContain("Secret");
    }
    expect(await rowsOf("publisher_id", "own")).toEqual([{ publisherId: "pub_1", publisherName: "News", clicks: 3 }]);
    expect(await rowsOf("advertiser_id", "own")).toEqual([
      { advertiserId: "adv_1", advertiserName: "Name of adv_1", clicks: 3 },
    ]);
  });

  it("gives a publisher who pays, and not what they call their campaigns", async () => {
    expect(await rowsOf("advertiser_id,campaign_id", "pub")).toEqual([
      { advertiserId: "adv_1", advertiserName: "Name of adv_1", campaignId: "cmp_7", campaignName: null, clicks: 1 },
      { advertiserId: "adv_1", advertiserName: "Name of adv_1", campaignId: "cmp_f", campaignName: null, clicks: 2 },
    ]);
  });

  it("is the same in CSV, NDJSON, series, queries as JSON and on every page, with fields that do not vary", async () => {
    const csv = async (search: string) => (await ask(`${TABLE}?${DAY}&format=csv&${search}`)).text();
    expect(await csv("group_by=ad_group_id,ad_id&advertiser_id=adv_1")).toBe(
      "ad_group_id,ad_group_name,ad_id,ad_name,clicks\r\n" +
        'grp_1,\'=Shoes,ad_9,"Red, shoe",1\r\ngrp_f,Secret group,ad_f,Secret ad,2\r\n',
    );
    expect(await csv("group_by=ad_id,country&ad_id=nobody")).toBe("ad_id,ad_name,country,clicks\r\n");
    const { series } = await askJson(`/v1/metrics/clicks?${DAY}&breakdown=campaign_id`);
    expect(series.map((one) => [one["campaignId"], one["campaignName"]])).toEqual([
      ["cmp_7", "Spring"],
      ["cmp_f", "Secret"],
    ]);
    const points = await (await ask(`/v1/metrics/clicks?${DAY}&breakdown=campaign_id&format=csv`)).text();
    expect(points.split("\r\n").slice(0, 2)).toEqual([
      "day,campaign_id,campaign_name,clicks,state",
      "2026-04-20,cmp_7,Spring,1,open",
    ]);
    const body = {
      from: "2026-04-20",
      to: "2026-04-20",
      groupBy: ["publisherId"],
      names: true,
      order: "-clicks",
      limit: 1,
    };
    const first = await askJson("/v1/reports/query", { body });
    expect(first.rows).toEqual([{ publisherId: "pub_2", publisherName: "Other news", clicks: 4 }]);
    const second = await askJson("/v1/reports/query", { body: { ...body, cursor: first.meta.nextCursor } });
    expect(second.rows).toEqual([{ publisherId: "pub_1", publisherName: "News", clicks: 3 }]);
  });

  it("is false unless asked, and yes or no", async () => {
    const { rows } = await askJson(`${TABLE}?from=2026-04-20&to=2026-04-20&group_by=ad_id`);
    expect(rows[0]).toEqual({ adId: "ad_9", clicks: 5 });
    expect((await ask(`${TABLE}?from=2026-04-20&to=2026-04-20&names=1`)).status).toBe(400);
  });
});

describe("[fault B1] GET /v1/me", () => {
  const me = async (authorization: string, path = "/v1/me") => {
    const response = await exports.default.fetch(`https://track.example${path}`, {
      headers: { Authorization: authorization },
    });
    return { status: response.status, body: await response.json<Record<string, unknown>>() };
  };

  it("tells an advertiser's key its owner, scopes, currency, zone and what is left to read", async () => {
    for (const path of ["/v1/me", "/api/v1/me"]) {
      const { status, body } = await me(keys["own"] ?? "", path);
      expect([status, body]).toEqual([
        200,
        {
          ...{ keyId: "own", label: "", scopes: ["report"], endsAt: null, mint: null },
          owner: { kind: "advertiser", id: "adv_1", name: "Name of adv_1", status: "active" },
          ...{ currency: "EUR", timezone: "Europe/Berlin", attributionWindowDays: 7 },
          reading: {
            ...{ rowsLeft: expect.any(Number), rowsMax: 2_000_000, rowsPerSecond: 20_000 },
            ...{ readsMax: 4, streamsMax: 8, streamsOpen: 0 },
          },
        },
      ]);
    }
  });

  it("tells every key, whatever its scopes; one without a profile has no currency and UTC", async () => {
    expect(await me(keys["pub"] ?? "")).toMatchObject({
      status: 200,
      body: { owner: { kind: "publisher", id: "pub_1", name: "News" }, currency: null, timezone: "UTC" },
    });
    const convert = await me(keys["convert"] ?? "");
    expect(convert).toMatchObject({ status: 200, body: { scopes: ["convert"], reading: null, currency: "EUR" } });
    expect((await me(keys["new"] ?? "")).body).toMatchObject({
      ...{ owner: { kind: "advertiser", id: "adv_new", name: null }, currency: null, timezone: "UTC" },
    });
    expect((await me(`Bearer ${OPERATOR}`)).body).toMatchObject({
      ...{ keyId: "admin", owner: { kind: "operator", id: null }, reading: { rowsMax: 20_000_000 } },
      mint: { advertisers: null, publishers: null, cpcMicrosMax: null },
    });
  });

  it("is for whoever has a key, and takes no parameters; /v1/metrics is another route", async () => {
    expect((await me("")).status).toBe(401);
    expect((await me(keys["own"] ?? "", "/v1/me?x=1")).status).toBe(400);
    expect((await me(keys["own"] ?? "", `/v1/metrics/clicks?from=2026-04-20&to=2026-04-20`)).status).toBe(200);
  });

  it("shows less to read after reports, and costs nothing itself", async () => {
    const left = async () => ((await me(keys["own"] ?? "")).body["reading"] as { rowsLeft: number }).rowsLeft;
    const gate = env.READ_GATE.getByName("REPORT_DB");
    const rules = { rowsMax: 2_000_000, rowsPerS: 0, keptBytesMax: 1, keptBytesPerS: 0, readsMax: 4, streamsMax: 8 };
    const turn = await gate.enter({ tenant: "advertiser/adv_1", rules, shape: "test", windows: 1 });
    if (turn.kind === "entered") await gate.leave(turn.pass, 500_000);
    const before = await left();
    expect(before).toBeLessThan(1_700_000);
    expect(await left()).toBeGreaterThanOrEqual(before);
  });
});
