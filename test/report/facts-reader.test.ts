/** How the database is read: on the index, few rows, the right marks; and what happens when it fails. */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { advertiserBucketOf } from "../../src/core/routing.ts";
import { dayOf, hourOf } from "../../src/core/time.ts";
import { bucketsOf, marksOf } from "../../src/report/facts-reader.ts";
import { planPage, type Segment } from "../../src/report/plan.ts";
import { parseTableQuery, type ReportQuery } from "../../src/report/query.ts";
import { type ReadScope, segmentStatement } from "../../src/report/segments-sql.ts";
import { GRANULARITIES, windowOf } from "../../src/report/windows.ts";
import { ask, askJson } from "./ask.ts";
import { aCell, type Cell, clicks, seedCells, seedFacts, seedKey } from "./seed.ts";

const HOUR = 3_600_000;
const START_MS = Date.UTC(2026, 3, 1);
const END = "2026-04-04T00:00Z";

/** Two advertisers, three days, an ad every hour at two minutes. */
const CELLS: Cell[] = ["adv_1", "adv_2"].flatMap((advertiser_id) =>
  Array.from({ length: 72 }, (_, hour) => hour).flatMap((hour) =>
    [0, 30].map((minute) =>
      aCell({ advertiser_id, atMs: START_MS + hour * HOUR + minute * 60_000, counts: clicks(1) }),
    ),
  ),
);

beforeAll(() =>
  seedCells(env.REPORT_DB, CELLS, () => ({ hour: hourOf(Date.UTC(2026, 3, 3)), day: dayOf(START_MS) + 1 })),
);

const SEGMENTS: Segment[] = [
  { tier: "minute", from: 1, to: 2 },
  { tier: "hour", from: 1, to: 2 },
  { tier: "day", from: 1, to: 2 },
];

function queryOf(search: string): ReportQuery {
  const query = parseTableQuery(new URLSearchParams(`from=2026-04-01&to=2026-04-03&${search}`));
  if (!query.ok) throw new Error(query.error.reason);
  return query.value;
}

async function detailsOf(query: ReportQuery, scope: ReadScope, segment: Segment): Promise<string[]> {
  const { sql, bound } = segmentStatement(segment, { query, scope, page: planPage(query, [segment]) });
  const explained = env.REPORT_DB.prepare("EXPLAIN QUERY PLAN ".concat(sql)).bind(...bound);
  return (await explained.all<{ detail: string }>()).results.map((row) => row.detail);
}

describe("statements", () => {
  const SEARCHES = [
    "",
    "group_by=day,ad_id&order=-clicks",
    "group_by=month,country,device&publisher_id=pub_1,-pub_2",
    "advertiser_id=adv_1,adv_2&campaign_id=-cmp_7",
    "advertiser_id=-adv_1&country=DE&group_by=week",
  ];
  it("enter the primary key by advertiser and window, for a tenant and for an admin", async () => {
    for (const search of SEARCHES) {
      for (const advertiserId of ["adv_1", null]) {
        for (const segment of SEGMENTS) {
          const details = await detailsOf(queryOf(search), { advertiserId }, segment);
          const window = segment.tier;
          const way = `SEARCH facts USING PRIMARY KEY (advertiser_id=? AND ${window}>? AND ${window}<?)`;
          expect(details, `${search} ${advertiserId}`).toContain(way);
          expect(details.filter((detail) => detail.includes("SCAN facts"))).toEqual([]);
        }
      }
    }
  });

  it("hold no value of the caller", () => {
    const query = queryOf("campaign_id=hostile'x&country=-hostile&advertiser_id=hostile&limit=4321");
    for (const segment of SEGMENTS) {
      for (const advertiserId of ["hostile", null]) {
        const { sql, bound } = segmentStatement(segment, {
          query,
          scope: { advertiserId },
          page: planPage(query, [segment]),
        });
        expect(sql.toLowerCase()).not.toContain("hostile");
        expect(sql).not.toContain("4321");
        expect(sql.split("?").length - 1).toBe(bound.length);
      }
    }
  });
});

describe("windows in SQL", () => {
  const advertiserId = "adv_calendar";
  const DAY = 86_400_000;
  /** First, last and some hour between of every day over two years that hold a leap day. */
  const instants = Array.from({ length: 731 }, (_, day) => Date.UTC(2027, 6, 1) + day * DAY).flatMap((startMs) => [
    startMs,
    startMs + 11 * HOUR,
    startMs + DAY - 60_000,
  ]);

  it("are those of windows.ts, in every tier that a granularity is planned for", async () => {
    const cells = instants.map((atMs) => aCell({ advertiser_id: advertiserId, atMs, counts: clicks(1) }));
    await seedFacts(env.REPORT_DB, cells, () => ({ hour: Number.MAX_SAFE_INTEGER, day: Number.MAX_SAFE_INTEGER }));
    const planned = { minute: GRANULARITIES, hour: GRANULARITIES.slice(1), day: GRANULARITIES.slice(2) } as const;
    for (const tier of ["minute", "hour", "day"] as const) {
      for (const granularity of planned[tier]) {
        const query = { ...queryOf(`granularity=${granularity}`), limit: 50_000 };
        const segment = { tier, from: 0, to: Number.MAX_SAFE_INTEGER };
        const page = planPage(query, [segment]);
        const { sql, bound } = segmentStatement(segment, { query, scope: { advertiserId }, page });
        const { results } = await env.REPORT_DB.prepare(sql)
          .bind(...bound)
          .all<{ time_window?: number; clicks: number }>();
        const counts = new Map<number, number>();
        for (const instantMs of instants) {
          const window = windowOf(instantMs, granularity);
          counts.set(window, (counts.get(window) ?? 0) + 1);
        }
        const found = results.map((row): [number, number] => [row.time_window ?? 0, row.clicks]);
        expect(found, `${tier} ${granularity}`).toEqual([...counts]);
      }
    }
  });
});

describe("rows read", () => {
  it("are those of the range and tier, not of the table", async () => {
    const marks = (await askJson(`/v1/reports/clicks?from=2020-01-01&to=2020-01-01&advertiser_id=adv_1`)).meta.rowsRead;
    const rowsOf = async (search: string) => {
      const { meta, rows } = await askJson(`/v1/reports/clicks?advertiser_id=adv_1&${search}`);
      return [rows[0]?.["clicks"], meta.rowsRead - marks];
    };
    const [, minute = 0] = await rowsOf("from=2026-04-03T00:00Z&to=2026-04-03T01:00Z");
    expect(minute).toBeLessThanOrEqual(2 * 2);
    // One day row, 24 hour rows and 48 minute rows, each counted at most twice (read and grouped).
    const [total, mixed = 0] = await rowsOf(`from=2026-04-01&to=${END}`);
    expect(total).toBe(144);
    expect(mixed).toBeLessThanOrEqual(2 * (1 + 24 + 48));
    // By minute nothing but minutes will do.
    const { rows } = await askJson(`/v1/reports/clicks?advertiser_id=adv_1&from=2026-04-01&to=${END}&groupBy=minute`);
    expect(rows.length).toBe(144);
  });

  it("need no minutes below the mark", async () => {
    const path = `/v1/reports/clicks?from=2026-04-01&to=${END}&group_by=day,country`;
    const before = await askJson(path);
    await env.REPORT_DB.prepare("DELETE FROM facts_minute WHERE minute < ?1")
      .bind(Date.UTC(2026, 3, 3) / 60_000)
      .run();
    expect((await askJson(path)).rows).toEqual(before.rows);
    expect(before.rows.map((row) => row["clicks"])).toEqual([96, 96, 96]);
  });
});

describe("marks", () => {
  const rows = [
    { tier: "hour", bucket: advertiserBucketOf("adv_1"), mark: 10 },
    { tier: "day", bucket: advertiserBucketOf("adv_1"), mark: 2 },
  ] as const;

  it("are those of a single advertiser's bucket, else the lowest, with missing ones as nothing rolled", () => {
    const filters = queryOf("advertiser_id=adv_1").filters;
    expect(marksOf(rows, bucketsOf({ filters }, { advertiserId: null }))).toEqual({ hour: 10, day: 2 });
    expect(marksOf(rows, bucketsOf({ filters: [] }, { advertiserId: "adv_1" }))).toEqual({ hour: 10, day: 2 });
    expect(marksOf(rows, bucketsOf({ filters: [] }, { advertiserId: null }))).toEqual({ hour: 0, day: 0 });
    const excluding = queryOf("advertiser_id=-adv_1").filters;
    expect(bucketsOf({ filters: excluding }, { advertiserId: null }).length).toBe(16);
  });
});

describe("a database that fails", () => {
  const failing = (message: string) =>
    ({
      prepare: () => ({
        bind: () => ({ first: () => Promise.reject(new Error(message)) }),
        all: () => Promise.reject(new Error(message)),
      }),
    }) as unknown as D1Database;

  it("is 503 with Retry-After, and says nothing of the cause", async () => {
    const database = failing("D1_ERROR: Network connection lost.");
    const response = await ask("/v1/reports/clicks?from=2026-04-20&to=2026-04-20", { database });
    expect([response.status, response.headers.get("Retry-After")]).toEqual([503, "5"]);
    const text = await response.text();
    expect(text).toContain("/problems/database-unavailable");
    expect(text).not.toContain("Network");
  });

  it("is 503 also while the key is looked up", async () => {
    const authorization = await seedKey(env.REPORT_DB, { name: "k", advertiserId: "adv_1", scopes: ["report"] });
    const database = failing("D1_ERROR: D1 DB is overloaded.");
    expect((await ask("/v1/reports/clicks?from=2026-04-20&to=2026-04-20", { database, authorization })).status).toBe(
      503,
    );
  });

  it("is 500 when the statement itself is wrong", async () => {
    const database = failing("D1_ERROR: no such table: roll_marks: SQLITE_ERROR");
    const response = await ask("/v1/reports/clicks?from=2026-04-20&to=2026-04-20", { database });
    expect([response.status, response.headers.get("Retry-After")]).toEqual([500, null]);
  });
});
