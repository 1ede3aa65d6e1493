/** The typed client, end to end: an advertiser reads its report, and meets a problem. */
import { env, exports } from "cloudflare:workers";
import { beforeAll, describe, expect, expectTypeOf, it } from "vitest";
import { makeClient } from "../../client/client.ts";
import { seedKey, seedTenant } from "../admin/ask.ts";
import { aCell, clicks, seedCells } from "../report/seed.ts";
import { NOON_MS } from "../support/builders.ts";
import { TEST_SECRETS } from "../support/secrets.ts";

const ORIGIN = "https://clicks.example";
const asked: string[] = [];
const fetch = (request: Request) => {
  asked.push(request.url);
  return exports.default.fetch(request);
};
const operator = makeClient(ORIGIN, { key: TEST_SECRETS.ADMIN_API_KEY, fetch });
const DAY = { from: "2026-04-20", to: "2026-04-20" };
let advertiser = operator;

beforeAll(async () => {
  await seedTenant("client");
  const cell = { advertiser_id: "adv_client", campaign_id: "cmp_client" };
  await seedCells(env.REPORT_DB, [
    aCell({ ...cell, ad_id: "ad_client", counts: clicks(3) }),
    aCell({ ...cell, ad_id: "ad_other", counts: clicks(2), atMs: NOON_MS + 3_600_000, device: "desktop" }),
    aCell({ advertiser_id: "adv_foreign", counts: clicks(9) }),
  ]);
  const { key } = await seedKey({ advertiserId: "adv_client", scopes: ["report"] });
  advertiser = makeClient(ORIGIN, { key, fetch });
});

describe("the client", () => {
  it("reads a table, its lists comma separated", async () => {
    const query = { ...DAY, group_by: ["ad_id" as const], metrics: ["clicks" as const, "ctr" as const] };
    const { data } = await advertiser.GET("/v1/reports/clicks", { params: { query } });
    expect(asked.at(-1)).toBe(
      `${ORIGIN}/v1/reports/clicks?from=2026-04-20&to=2026-04-20&group_by=ad_id&metrics=clicks,ctr`,
    );
    expect(data?.rows).toEqual([
      { adId: "ad_client", clicks: 3, ctr: null },
      { adId: "ad_other", clicks: 2, ctr: null },
    ]);
    expectTypeOf(data?.rows[0]?.clicks).toEqualTypeOf<number | undefined>();
    expectTypeOf(data?.rows[0]?.ctr).toEqualTypeOf<number | null | undefined>();
  });

  it("reads the same by body, and a series", async () => {
    const { data } = await advertiser.POST("/v1/reports/query", {
      body: { ...DAY, group_by: ["device"], metrics: ["clicks"], totals: true, limit: 1 },
    });
    expect(data?.rows).toEqual([{ device: "desktop", clicks: 2 }]);
    expect(data?.meta.totals).toEqual({ clicks: 5 });
    const next = data?.meta.nextCursor ?? "";
    const second = await advertiser.POST("/v1/reports/query", {
      body: { ...DAY, group_by: ["device"], metrics: ["clicks"], totals: true, limit: 1, cursor: next },
    });
    expect(second.data?.rows).toEqual([{ device: "mobile", clicks: 3 }]);
    const series = await advertiser.GET("/v1/metrics/clicks", { params: { query: { ...DAY, metrics: ["clicks"] } } });
    expect(series.data?.series.map(({ points }) => points.map(({ clicks }) => clicks))).toEqual([[5]]);
  });

  it("is told what is wrong as a problem", async () => {
    const query = { ...DAY, metrics: ["klicks"] } as unknown as { from: string; to: string };
    const { error, response } = await advertiser.GET("/v1/reports/clicks", { params: { query } });
    expect(response.status).toBe(400);
    expect(error).toMatchObject({ type: "/problems/unknown-metric", field: "metrics" });
    const { data: meaning } = await operator.GET("/problems/{name}", { params: { path: { name: "unknown-metric" } } });
    expect(meaning?.title).toBe(error?.title);
  });

  it("administers: what it makes, it finds", async () => {
    const body = { id: "adv_typed", name: "Typed", currency: "EUR" };
    const made = await operator.POST("/v1/admin/advertisers", { body });
    expect(made.response.status).toBe(201);
    const found = await operator.GET("/v1/admin/advertisers/{id}", { params: { path: { id: "adv_typed" } } });
    expect(found.data).toEqual(made.data);
  });
});
