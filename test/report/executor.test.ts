/** How the database is read: on the index, few rows, the right marks; and what happens when it fails. */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import type { ReadScope } from "../../src/access/read-scope.ts";
import { advertiserBucketOf } from "../../src/core/routing.ts";
import { dayOf, hourOf } from "../../src/core/time.ts";
import { type Marks, planPage } from "../../src/report/plan/plan.ts";
import { bucketsOf, marksOf } from "../../src/report/plan/subqueries.ts";
import type { ReportQuery } from "../../src/report/query/query.ts";
import { GRANULARITIES, windowEdges } from "../../src/report/query/windows.ts";
import { type KeyAfter, readStatements, sketchStatement } from "../../src/report/read/segments-sql.ts";
import type { Statement } from "../../src/report/read/statement.ts";
import { readsOf } from "../support/reads.ts";
import { aScope } from "../support/scopes.ts";
import { ask, askJson, parseTable } from "./ask.ts";
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

/** A range that starts and ends between hours, and marks within it: every tier is read. */
const RANGE = "from=2026-04-10T10:17Z&to=2026-05-09T22:10Z";
const MARKS = { hour: hourOf(Date.UTC(2026, 4, 1)), day: dayOf(Date.UTC(2026, 3, 28)) };

function queryOf(search: string, range = RANGE): ReportQuery {
  const query = parseTable(new URLSearchParams(`${range}&${search}`));
  if (!query.ok) throw new Error(query.error.reason);
  return { ...query.value, currencies: new Map([["adv_1", "EUR"]]) };
}

async function detailsOf({ sql, bound }: Statement): Promise<string[]> {
  const explained = env.REPORT_DB.prepare("EXPLAIN QUERY PLAN ".concat(sql)).bind(...bound);
  return (await explained.all<{ detail: string }>()).results.map((row) => row.detail);
}

/** Every statement of a query, with the tier that it reads. */
function statementsOf(
  query: ReportQuery,
  scope: ReadScope,
  after: KeyAfter | null = null,
): (Statement & { readonly tier: string })[] {
  const reads = readsOf(query, MARKS, scope);
  const page = planPage(query, reads);
  return reads.flatMap((read) => {
    const statements = readStatements(read, { query, scope, page, after });
    if (query.metrics.includes("unique_users"))
      statements.push(sketchStatement(read, { query, scope, after, upTo: after }, [0, 8]));
    const tier = read.kind === "span" ? read.segment.tier : read.tier;
    return statements.map((statement) => ({ ...statement, tier }));
  });
}

const TENANT: ReadScope = aScope({ advertiserId: "adv_1" });
const EVERYONE: ReadScope = aScope();
const PUBLISHER: ReadScope = aScope({ publisherId: "pub_1" });

/** What is open has at most a row for each source, and no key to enter. */
const isOpen = ({ sql }: { sql: string }) => /\b(facts|cells)_open\b/.test(sql);

describe("statements", () => {
  const SEARCHES = [
    "",
    "group_by=day,ad_id&order=-clicks",
    "group_by=month,country,device&publisher_id=pub_1&publisher_id!=pub_2",
    "advertiser_id=adv_1,adv_2&campaign_id!=cmp_7",
    "advertiser_id!=adv_1&country=DE&group_by=week",
    "metrics=reasons,ctr&group_by=day,ad_id&campaign_id=cmp_7&order=-ctr",
    "metrics=reasons",
    "metrics=spend_micros&group_by=day,currency,ad_id",
    "metrics=spend_micros,unique_users,reasons&group_by=week&currency!=EUR&timezone=Asia/Tokyo",
    "metrics=unique_users,clicks&group_by=week,ad_id",
    "timezone=Asia/Kolkata&group_by=hour,ad_id",
    "timezone=Asia/Kolkata&group_by=day,publisher_id",
    "timezone=Asia/Kolkata&metrics=reasons,unique_users&group_by=month",
    "timezone=Australia/Lord_Howe&group_by=hour",
  ];
  it("enter the primary key by advertiser and window, for a tenant, a publisher and an admin", async () => {
    for (const search of SEARCHES) {
      const query = queryOf(search);
      const hasRows = query.metrics.includes("reasons") || query.metrics.includes("unique_users");
      for (const scope of hasRows ? [TENANT, EVERYONE] : [TENANT, EVERYONE, PUBLISHER]) {
        for (const statement of statementsOf(query, scope)) {
          if (isOpen(statement)) continue;
          const { tier } = statement;
          const details = await detailsOf(statement);
          // Of all advertisers, days may stand summed (test/report/day-sums.test.ts).
          const key = statement.sql.includes("FROM day_sums") ? "dimension=? AND publisher_id=?" : "advertiser_id=?";
          const way = `SEARCH facts USING PRIMARY KEY (${key} AND ${tier}>? AND ${tier}<?)`;
          expect(details, `${search} ${JSON.stringify(scope)} ${statement.sql}`).toContain(way);
          expect(details.filter((detail) => detail.includes("SCAN facts"))).toEqual([]);
        }
      }
    }
  });

  it("stay on the index behind a cursor", async () => {
    const after = [29_000_000, "ad_9", "DE"];
    for (const zone of ["UTC", "Asia/Kolkata"]) {
      for (const granularity of ["minute", "hour", "day", "month"]) {
        const range = "from=2026-04-20T10:17Z&to=2026-05-02T22:10Z";
        const query = queryOf(`timezone=${zone}&group_by=${granularity},ad_id,country&order=-ad_id`, range);
        for (const statement of statementsOf(query, TENANT, ["ad_9", ...after.toSpliced(1, 1)])) {
          if (isOpen(statement)) continue;
          const { tier } = statement;
          const way = `SEARCH facts USING PRIMARY KEY (advertiser_id=? AND ${tier}>? AND ${tier}<?)`;
          expect(await detailsOf(statement)).toContain(way);
        }
      }
    }
  });

  it("hold no value of the caller", () => {
    const searches = ["", "&group_by=country,day&timezone=Asia/Kolkata", "&group_by=hour&timezone=Asia/Kolkata"];
    for (const search of searches) {
      const hostile = "campaign_id=hostile-x&ad_id!=hostile&advertiser_id=hostile&limit=4321";
      const query = queryOf(hostile.concat(search));
      const after = query.order.map(() => "hostile");
      for (const scope of [aScope({ advertiserId: "hostile" }), EVERYONE, aScope({ publisherId: "hostile" })]) {
        for (const { sql, bound } of statementsOf(query, scope, after.length === 0 ? null : after)) {
          expect(sql.toLowerCase()).not.toContain("hostile");
          expect(sql).not.toContain("4321");
          expect(sql.split("?").length - 1).toBe(bound.length);
        }
      }
    }
  });
});

describe("windows in SQL", () => {
  const advertiserId = "adv_calendar";
  const DAY = 86_400_000;
  /** First, last and some minutes between of every day over two years that hold a leap day. */
  const instants = Array.from({ length: 731 }, (_, day) => Date.UTC(2027, 6, 1) + day * DAY).flatMap((startMs) => [
    startMs,
    startMs + 11 * HOUR,
    startMs + 15 * HOUR + 10 * 60_000,
    startMs + 15 * HOUR + 40 * 60_000,
    startMs + DAY - 60_000,
  ]);

  it("are those of windows.ts, in every tier that a granularity is planned for", async () => {
    const cells = instants.map((atMs) => aCell({ advertiser_id: advertiserId, atMs, counts: clicks(1) }));
    await seedFacts(env.REPORT_DB, cells, () => ({ hour: Number.MAX_SAFE_INTEGER, day: Number.MAX_SAFE_INTEGER }));
    for (const marks of [
      { hour: 1e9, day: 0 },
      { hour: 1e9, day: 1e9 },
    ]) {
      for (const granularity of GRANULARITIES) {
        for (const zone of ["UTC", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe"]) {
          const search = `granularity=${granularity === "minute" ? "hour" : granularity}&timezone=${zone}`;
          // Clocks change in New York on 12 March, on Lord Howe on 1 April and 30 September.
          for (const range of [
            ...["from=2028-03-10T05:03Z&to=2028-04-09T04:03Z", "from=2028-09-20T05:03Z&to=2028-10-19"],
            // From where they change on Lord Howe, and from within the hour that is cut there.
            ...["from=2028-04-01T15:00Z&to=2028-04-03", "from=2028-09-30T15:30Z&to=2028-10-02"],
            ...["from=2028-04-01T15:10Z&to=2028-04-03", "from=2028-09-30T15:40Z&to=2028-10-02"],
          ]) {
            const parsed = queryOf(search, range);
            const isFine = granularity === "hour" || granularity === "minute";
            const query = { ...parsed, range: isFine ? parsed.range : RANGE_MS };
            await checkWindows({ ...query, granularity, limit: 50_000 }, marks);
          }
        }
      }
    }
  });

  const RANGE_MS = { fromMs: Date.UTC(2027, 6, 1) + 17 * 60_000, toMs: Date.UTC(2029, 6, 1) - 11 * 60_000 };

  async function checkWindows(query: ReportQuery, marks: Marks): Promise<void> {
    const scope = aScope({ advertiserId });
    const reads = readsOf(query, marks, scope);
    const found = new Map<number, number>();
    for (const read of reads) {
      const reader = { query, scope, page: planPage(query, reads), after: null };
      const [{ sql, bound }] = readStatements(read, reader) as [Statement];
      const statement = env.REPORT_DB.prepare(sql).bind(...bound);
      for (const { time_window = 0, valid } of (await statement.all<{ time_window?: number; valid: number }>())
        .results) {
        found.set(time_window, (found.get(time_window) ?? 0) + valid);
      }
    }
    const edges = query.granularity === "all" ? [0, 1e9] : windowEdges(query.range, query);
    const expected = new Map<number, number>();
    let at = 0;
    for (const instantMs of instants) {
      if (instantMs < query.range.fromMs || instantMs >= query.range.toMs) continue;
      while ((edges[at + 1] ?? Number.POSITIVE_INFINITY) <= instantMs / 60_000) at++;
      const window = edges[at] ?? 0;
      expected.set(window, (expected.get(window) ?? 0) + 1);
    }
    const ascending = [...found].sort(([a], [b]) => a - b);
    expect(ascending, `${query.zone.name} ${query.granularity}`).toEqual([...expected]);
  }
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

  /** Facts rows that each shape may read, and windows in its lists; a row counts up to twice: read, then grouped. */
  const SHAPES: [search: string, rows: number, windows: number][] = [
    ["group_by=day", 1 + 24 + 48, 0],
    ["group_by=week,country,device&publisher_id=pub_1", 2 * (1 + 24 + 48), 0],
    ["group_by=day&timezone=Europe/Berlin", 48 + 48, 6],
    ["group_by=month,ad_id&timezone=Europe/Berlin", 1 + 24 + 48, 6],
    ["group_by=day&timezone=Asia/Kolkata", 6 + 46 + 48, 9],
    ["group_by=hour&timezone=Europe/Berlin", 48 + 48, 0],
    ["group_by=hour&timezone=Asia/Kolkata", 144, 0],
    ["group_by=hour&ad_id=nobody", 48 + 48, 0],
    ["totals=true", 2 * (1 + 24 + 48), 0],
    ["group_by=day&compare=previous_period&totals=true", 2 * (1 + 24 + 48), 0],
    ["metrics=reasons", 1 + 24 + 48, 0],
    ["metrics=reasons,clicks&group_by=day,ad_id&order=-clicks", 2 * (1 + 24 + 48), 0],
    ["metrics=unique_users", 2 * (1 + 24 + 48), 0],
  ];
  for (const [search, rows, windows] of SHAPES) {
    it(`are few for ${search}`, async () => {
      // The other advertiser's rows and other days lie beside them in the same tables.
      const [range, none] = [`from=2026-04-01&to=${END}`, "from=2020-01-01&to=2020-01-01"];
      const rowsRead = async (asked: string) =>
        (await askJson(`/v1/reports/clicks?advertiser_id=adv_1&${asked}&${search}`)).meta.rowsRead;
      const marks = await rowsRead(none);
      // Windows of a zone are gone through by one statement more, for what is open.
      expect((await rowsRead(range)) - marks).toBeLessThanOrEqual(2 * (rows + 2 * windows) + 8);
      expect((await rowsRead(range)) - marks).toBeGreaterThanOrEqual(73);
    });
  }

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
    { tier: "day_sum", bucket: advertiserBucketOf("adv_1"), mark: 1 },
    { tier: "hour_sum", bucket: advertiserBucketOf("adv_1"), mark: 3 },
  ] as const;

  it("are those of a single advertiser's bucket, else the lowest, with missing ones as nothing rolled", () => {
    const filters = queryOf("advertiser_id=adv_1").filters;
    expect(marksOf(rows, bucketsOf({ filters }, { advertiserId: null }))).toEqual({
      ...{ hour: 10, day: 2, summed: 1, hourSums: null },
    });
    expect(marksOf(rows, bucketsOf({ filters: [] }, { advertiserId: "adv_1" }))).toEqual({
      hour: 10,
      day: 2,
      summed: 1,
      hourSums: null,
    });
    const hours = { by: "country", from: 2 } as const;
    const { hourSums } = marksOf(rows, bucketsOf({ filters: [] }, { advertiserId: "adv_1" }), hours);
    expect(hourSums).toEqual({ by: "country", from: 2, mark: 3 });
    expect(marksOf(rows, bucketsOf({ filters: [] }, { advertiserId: null }))).toEqual({
      ...{ hour: 0, day: 0, summed: 0, hourSums: null },
    });
    const excluding = queryOf("advertiser_id!=adv_1").filters;
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
    const database = failing('D1_ERROR: near "FORM": syntax error at offset 9: SQLITE_ERROR');
    const response = await ask("/v1/reports/clicks?from=2026-04-20&to=2026-04-20", { database });
    expect([response.status, response.headers.get("Retry-After")]).toEqual([500, null]);
  });
});
