/** The two routes as callers use them: the quoted requests, formats, headers, meta. */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { dayOf, hourOf } from "../../src/core/time.ts";
import { NOON_MS } from "../support/builders.ts";
import { ask, askJson } from "./ask.ts";
import { aCell, type Cell, clicks, seedCells } from "./seed.ts";

const MINUTE = 60_000;

const CELLS: Cell[] = [
  aCell({ counts: { gross: 900, valid: 841, duplicate: 50, invalid: 7, late: 2, spend_micros: 210_250_000 } }),
  aCell({ atMs: NOON_MS + MINUTE, ad_id: "ad_10", device: "desktop", country: "US", counts: clicks(5) }),
  aCell({ atMs: Date.UTC(2026, 3, 1), ad_id: "ad_10", counts: clicks(2) }),
  aCell({ atMs: Date.UTC(2026, 3, 20, 23, 59), counts: clicks(4) }),
  aCell({ atMs: Date.UTC(2026, 3, 21), counts: clicks(64) }),
  aCell({ atMs: Date.UTC(2026, 2, 31, 23, 59), counts: clicks(32) }),
  aCell({ campaign_id: "cmp_8", counts: clicks(128) }),
  aCell({ ad_id: "ad_8821", campaign_id: "cmp_9", device: "mobile", counts: clicks(3) }),
  aCell({ ad_id: "ad_8821", campaign_id: "cmp_9", device: "desktop", atMs: NOON_MS + 2 * MINUTE, counts: clicks(1) }),
  aCell({ ad_id: "only_invalid", campaign_id: "cmp_10", counts: { gross: 3, invalid: 3 } }),
];

beforeAll(() =>
  seedCells(env.REPORT_DB, CELLS, () => ({ hour: hourOf(Date.UTC(2026, 3, 19)), day: dayOf(Date.UTC(2026, 3, 10)) })),
);

describe("GET /v1/reports/clicks", () => {
  it("answers the quoted request as written, with a date as `to` including that day", async () => {
    const { rows, meta } = await askJson(
      "/api/v1/reports/clicks?campaign_id=cmp_7&from=2026-04-01&to=2026-04-20&groupBy=minute,ad_id",
    );
    expect(rows).toEqual([
      { minute: "2026-04-01T00:00:00Z", adId: "ad_10", clicks: 2 },
      { minute: "2026-04-20T12:00:00Z", adId: "ad_9", clicks: 841 },
      { minute: "2026-04-20T12:01:00Z", adId: "ad_10", clicks: 5 },
      { minute: "2026-04-20T23:59:00Z", adId: "ad_9", clicks: 4 },
    ]);
    expect(meta.query).toEqual({
      from: "2026-04-01T00:00:00Z",
      to: "2026-04-21T00:00:00Z",
      granularity: "minute",
      dimensions: ["adId"],
      filters: { campaignId: ["cmp_7"] },
      metrics: ["clicks"],
      order: ["minute", "adId"],
      limit: 10_000,
    });
  });

  it("writes a row's fields in the order time word, dimensions, metrics", async () => {
    const path = "/v1/reports/clicks?from=2026-04-20&to=2026-04-20&group_by=ad_id,hour&metrics=gross_clicks,clicks";
    const text = await (await ask(path)).text();
    expect(text).toContain('{"hour":"2026-04-20T12:00:00Z","adId":"ad_9","grossClicks":1028,"clicks":969}');
  });

  it("excludes an instant as `to`, so that consecutive ranges tile", async () => {
    const count = async (from: string, to: string) =>
      (await askJson(`/v1/reports/clicks?from=${from}&to=${to}`)).rows[0]?.["clicks"] ?? 0;
    const noon = "2026-04-20T12:00:00Z";
    const before = await count("2026-04-20T00:00:00Z", noon);
    const after = await count(noon, "2026-04-20T14:01:00%2B02:00");
    expect([before, after]).toEqual([0, 841 + 128 + 3]);
  });

  it("groups by device_type under the name that was asked for", async () => {
    const path = "/v1/reports/clicks?ad_id=ad_8821&from=2026-04-20&to=2026-04-20&groupBy=device_type";
    const { rows } = await askJson(path);
    expect(rows).toEqual([
      { deviceType: "desktop", clicks: 1 },
      { deviceType: "mobile", clicks: 3 },
    ]);
  });

  it("offers every sum", async () => {
    const metrics =
      "impressions,gross_impressions,clicks,gross_clicks,duplicate_clicks,invalid_clicks,late_clicks," +
      "clicks_with_user,conversions,conversions_by_time,spend_micros,conversion_value_micros," +
      "conversion_value_by_time_micros";
    const { rows } = await askJson(
      `/v1/reports/clicks?advertiser_id=adv_1&ad_id=ad_9&campaign_id=cmp_7&from=2026-04-20T12:00Z&to=2026-04-20T12:01Z&metrics=${metrics}`,
    );
    expect(rows).toEqual([
      {
        impressions: 0,
        grossImpressions: 0,
        clicks: 841,
        grossClicks: 900,
        duplicateClicks: 50,
        invalidClicks: 7,
        lateClicks: 2,
        clicksWithUser: 0,
        conversions: 0,
        conversionsByTime: 0,
        spendMicros: 210_250_000,
        conversionValueMicros: 0,
        conversionValueByTimeMicros: 0,
      },
    ]);
  });

  it("has no row where every asked metric is zero", async () => {
    const range = "from=2026-04-20&to=2026-04-20&campaign_id=cmp_10";
    expect((await askJson(`/v1/reports/clicks?${range}`)).rows).toEqual([]);
    const { rows } = await askJson(`/v1/reports/clicks?${range}&metrics=clicks,gross_clicks`);
    expect(rows).toEqual([{ clicks: 0, grossClicks: 3 }]);
  });

  it("[fault B4] combines several values with or, several filters with and, and excludes with !=", async () => {
    const total = async (filters: string) =>
      (await askJson(`/v1/reports/clicks?from=2026-04-20&to=2026-04-20&${filters}`)).rows[0]?.["clicks"] ?? 0;
    expect(await total("campaign_id=cmp_8,cmp_9")).toBe(132);
    expect(await total("campaign_id=cmp_8&campaign_id=cmp_9")).toBe(132);
    expect(await total("campaign_id=cmp_8,cmp_9&device=desktop")).toBe(1);
    expect(await total("campaign_id!=cmp_7,cmp_8")).toBe(4);
    expect(await total("campaign_id=cmp_7&country!=de")).toBe(5);
    expect(await total("campaign_id=cmp_7,cmp_8&campaign_id!=cmp_8")).toBe(850);
  });

  it("takes lists that are longer than a statement's parameters", async () => {
    const ids = Array.from({ length: 400 }, (_, index) => `ad_${index}`).join(",");
    const { rows } = await askJson(`/v1/reports/clicks?from=2026-04-20&to=2026-04-20&ad_id=${ids}`);
    expect(rows).toEqual([{ clicks: 841 + 5 + 4 + 128 }]);
  });

  it("orders by a field, descending with a minus, and says when it cut", async () => {
    const path = "/v1/reports/clicks?from=2026-03-01&to=2026-04-30&group_by=campaign_id&order=-clicks&limit=2";
    const { rows, meta } = await askJson(path);
    expect(rows).toEqual([
      { campaignId: "cmp_7", clicks: 948 },
      { campaignId: "cmp_8", clicks: 128 },
    ]);
    expect(meta["truncated"]).toBe(true);
    expect(meta.query["order"]).toEqual(["-clicks", "campaignId"]);
    const all = await askJson(path.replace("limit=2", "limit=3"));
    expect([all.rows.length, all.meta["truncated"]]).toEqual([3, false]);
  });

  it("reads each part of the range from the coarsest tier that is rolled", async () => {
    const { meta, rows } = await askJson(
      "/v1/reports/clicks?from=2026-03-31T23:30Z&to=2026-04-20T12:30Z&group_by=month&campaign_id=cmp_7",
    );
    expect(meta.tiers).toEqual([
      { tier: "minute", from: "2026-03-31T23:30:00Z", to: "2026-04-01T00:00:00Z" },
      { tier: "day", from: "2026-04-01T00:00:00Z", to: "2026-04-10T00:00:00Z" },
      { tier: "hour", from: "2026-04-10T00:00:00Z", to: "2026-04-19T00:00:00Z" },
      { tier: "minute", from: "2026-04-19T00:00:00Z", to: "2026-04-20T12:30:00Z" },
    ]);
    expect(rows).toEqual([
      { month: "2026-03-01T00:00:00Z", clicks: 32 },
      { month: "2026-04-01T00:00:00Z", clicks: 848 },
    ]);
    expect(meta.warnings.map((warning) => warning.code)).toEqual(["partial_window"]);
  });
});

describe("GET /v1/metrics/clicks", () => {
  it("answers the quoted request as written, zero-filled, under the asked name", async () => {
    const { series, meta } = await askJson(
      "/v1/metrics/clicks?ad_id=ad_8821&from=2026-04-20T12:00:00Z&to=2026-04-20T12:03:00Z&granularity=1m&breakdown=device_type",
    );
    expect(series).toEqual([
      {
        deviceType: "desktop",
        points: [
          { minute: "2026-04-20T12:00:00Z", clicks: 0 },
          { minute: "2026-04-20T12:01:00Z", clicks: 0 },
          { minute: "2026-04-20T12:02:00Z", clicks: 1 },
        ],
      },
      {
        deviceType: "mobile",
        points: [
          { minute: "2026-04-20T12:00:00Z", clicks: 3 },
          { minute: "2026-04-20T12:01:00Z", clicks: 0 },
          { minute: "2026-04-20T12:02:00Z", clicks: 0 },
        ],
      },
    ]);
    expect(meta.query["granularity"]).toBe("minute");
  });

  it("cuts weeks on Mondays and months on their first", async () => {
    const times = async (granularity: string) => {
      const path = `/v1/metrics/clicks?from=2026-03-30&to=2026-05-03&granularity=${granularity}&campaign_id=cmp_7`;
      const { series } = await askJson(path);
      return series[0]?.points.map((point) => [String(Object.values(point)[0]).slice(0, 10), point["clicks"]]);
    };
    expect(await times("1w")).toEqual([
      ["2026-03-30", 34],
      ["2026-04-06", 0],
      ["2026-04-13", 0],
      ["2026-04-20", 914],
      ["2026-04-27", 0],
    ]);
    expect(await times("1mo")).toEqual([
      ["2026-03-01", 32],
      ["2026-04-01", 916],
      ["2026-05-01", 0],
    ]);
  });

  it("has one series of zeros without a breakdown, and none with one, where nothing was counted", async () => {
    const range = "from=2026-04-20&to=2026-04-20&ad_id=nowhere";
    const plain = await askJson(`/v1/metrics/clicks?${range}`);
    expect(plain.series).toEqual([{ points: [{ day: "2026-04-20T00:00:00Z", clicks: 0 }] }]);
    expect((await askJson(`/v1/metrics/clicks?${range}&breakdown=country`)).series).toEqual([]);
  });

  it("refuses more points than it answers", async () => {
    const tooLong = await ask("/v1/metrics/clicks?from=2026-01-01&to=2026-04-20&granularity=1m");
    expect((await tooLong.json<{ type: string }>()).type).toBe("/problems/too-many-points");
    const tooWide = await ask("/v1/metrics/clicks?from=2026-04-01&to=2026-04-30&granularity=1m&breakdown=ad_id");
    expect((await tooWide.json<{ type: string }>()).type).toBe("/problems/too-many-points");
  });
});

describe("formats and headers", () => {
  const TABLE = "/v1/reports/clicks?from=2026-04-20&to=2026-04-20&group_by=minute,ad_id&campaign_id=cmp_7";

  it("writes CSV for format=csv and for Accept: text/csv", async () => {
    const body =
      "minute,ad_id,clicks\r\n2026-04-20T12:00:00Z,ad_9,841\r\n2026-04-20T12:01:00Z,ad_10,5\r\n" +
      "2026-04-20T23:59:00Z,ad_9,4\r\n";
    const byFormat = await ask(`${TABLE}&format=csv`);
    expect(await byFormat.text()).toBe(body);
    expect(byFormat.headers.get("Content-Type")).toBe("text/csv; charset=utf-8; header=present");
    expect(byFormat.headers.get("X-Report-Complete")).toBe("false");
    expect(await (await ask(TABLE, { accept: "text/csv" })).text()).toBe(body);
    const json = await ask(`${TABLE}&format=json`, { accept: "text/csv" });
    expect(json.headers.get("Content-Type")).toBe("application/json; charset=utf-8");
  });

  it("writes a series as CSV, point by point", async () => {
    const path = "/v1/metrics/clicks?ad_id=ad_8821&from=2026-04-20&to=2026-04-20&breakdown=device_type&format=csv";
    expect(await (await ask(path)).text()).toBe(
      "day,device_type,clicks,state\r\n2026-04-20,desktop,1,open\r\n2026-04-20,mobile,3,open\r\n",
    );
  });

  it("lets a closed range be cached privately and an open one not at all", async () => {
    const open = await ask(TABLE);
    expect(open.headers.get("Cache-Control")).toBe("private, no-store");
    expect(open.headers.get("X-Content-Type-Options")).toBe("nosniff");
    const closed = await ask(TABLE, { nowMs: Date.UTC(2026, 3, 21, 0, 0, 5) });
    expect(closed.headers.get("Cache-Control")).toBe("private, max-age=60");
  });

  it("answers HEAD, and refuses other methods and paths by name", async () => {
    const head = await ask(TABLE, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    const post = await ask(TABLE, { method: "POST" });
    expect([post.status, post.headers.get("Allow")]).toEqual([405, "GET, HEAD"]);
    const lost = await ask("/v1/reports/views");
    expect(await lost.json()).toMatchObject({ type: "/problems/not-found", status: 404 });
  });
});

describe("meta", () => {
  const TABLE = "/v1/reports/clicks?from=2026-04-20T11:00Z&to=2026-04-20T12:00Z";

  it("is open until the watermark has passed the range, then provisional and complete", async () => {
    const open = await askJson(TABLE, { nowMs: NOON_MS + 4_999 });
    expect(open.meta).toMatchObject({ complete: false, state: "open", lagSeconds: 5 });
    const closed = await askJson(TABLE, { nowMs: NOON_MS + 5_000 });
    expect(closed.meta).toMatchObject({ complete: true, state: "provisional", watermark: "2026-04-20T12:00:00Z" });
  });

  it("tells stuck from idle", async () => {
    const sources = { shardOldestMs: async () => [null, NOON_MS - 90_000, null] };
    const { meta } = await askJson(TABLE, { nowMs: NOON_MS + 60_000, sources });
    expect(meta).toMatchObject({ complete: false, watermark: "2026-04-20T11:58:30Z", lagSeconds: 150 });
  });

  it("does not claim completeness when a source is silent", async () => {
    const sources = { queueOldestMs: () => Promise.reject(new Error("no metrics")) };
    const { meta } = await askJson(TABLE, { nowMs: NOON_MS + 60_000, sources });
    expect(meta).toMatchObject({ complete: false, watermark: null, lagSeconds: null, state: "open" });
    expect(meta.warnings.map((warning) => warning.code)).toEqual(["queue_backlog_unknown"]);
  });

  it("states the late policy, the zone and the range", async () => {
    const { meta } = await askJson("/v1/reports/clicks?from=1776686400&to=1776690000");
    expect(meta).toMatchObject({
      timezone: "UTC",
      latePolicy: { mode: "review", allowedLatenessSeconds: 30 },
      query: { from: "2026-04-20T12:00:00Z", to: "2026-04-20T13:00:00Z" },
    });
  });
});
