/** Days of a zone are answered from sums of hours: the same answer, of few rows, in any range, with any of the marks. */
import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { HOUR_MS } from "../../src/core/limits.ts";
import { advertiserBucketOf } from "../../src/core/routing.ts";
import { dayOf } from "../../src/core/time.ts";
import { HOUR_SUMS_BY } from "../../src/facts/hour-sums-sql.ts";
import { rollHourSums } from "../../src/facts/roll-hour-sums.ts";
import { planPage } from "../../src/report/plan/plan.ts";
import { hourSumsBy, hourSumsFor } from "../../src/report/plan/sources.ts";
import type { ReportQuery } from "../../src/report/query/query.ts";
import { type KeyAfter, readStatements } from "../../src/report/read/segments-sql.ts";
import type { Statement } from "../../src/report/read/statement.ts";
import { weighStatement } from "../../src/report/read/weigh-sql.ts";
import { NOON_MS } from "../support/builders.ts";
import { readsOf } from "../support/reads.ts";
import { aScope } from "../support/scopes.ts";
import { askJson, parseTable } from "./ask.ts";
import { aCell, type Cell, clicks, openCells, postCells, seedCells, seedKey } from "./seed.ts";

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 1, 20);
const START = dayOf(START_MS);
const DAYS = 30;
const ADVERTISERS = ["adv_1", "adv_2", "adv_3", "adv_4"];
const MARK = START + DAYS - 3;
const LAST_MARK = START + DAYS - 9;
const SLOW_BUCKET = advertiserBucketOf("adv_3");
/** When day number `day` is the first whose sums are read. */
const readFrom = (day: number) => (day + 93) * DAY_MS + 7 * HOUR_MS;

const CELLS: Cell[] = Array.from({ length: DAYS }, (_, day) => day).flatMap((day) =>
  ADVERTISERS.flatMap((advertiser_id, at) =>
    Array.from({ length: 5 }, (_, nth) =>
      aCell({
        advertiser_id,
        atMs: START_MS + day * DAY_MS + ((at * 5 + nth * 5 + day) % 24) * HOUR_MS + nth * 700_000,
        campaign_id: `cmp_${(at + nth) % 3}`,
        ad_group_id: nth === 0 ? "" : "grp_1",
        ad_id: `ad_${at}_${nth % 2}`,
        publisher_id: ["pub_1", "pub_2", "", "pub_3"][(day + nth) % 4] as string,
        country: ["DE", "US", ""][(day + at + nth) % 3] as string,
        device: ["mobile", "desktop"][(at + nth) % 2] as string,
        counts: { ...clicks(((day * 7 + at * 3 + nth) % 11) - 2), impressions: 20 + nth, spend_micros: 1_000 * at },
        reasons: nth === 1 ? { same_impression: 1 } : {},
      }),
    ),
  ),
);

const keys: Record<string, string> = {};

beforeAll(async () => {
  await seedCells(env.REPORT_DB, CELLS, (bucket) => {
    const day = bucket === SLOW_BUCKET ? LAST_MARK : MARK;
    return { hour: day * 24 + 12, day };
  });
  keys["tenant"] = await seedKey(env.REPORT_DB, { name: "a", advertiserId: "adv_1", scopes: ["report"] });
  keys["publisher"] = await seedKey(env.REPORT_DB, { name: "p", publisherId: "pub_1", scopes: ["report"] });
});

/** Nothing is in the sums: as before them. */
async function withoutSums(): Promise<void> {
  await env.REPORT_DB.batch(
    ["hour_sums", "hour_sum_marks"].map((name) => env.REPORT_DB.prepare(`DELETE FROM ${name}`)),
  );
}

/** Everything that may be is. */
async function withSums(): Promise<void> {
  await rollHourSums(env.REPORT_DB, (bucket) => (bucket === SLOW_BUCKET ? LAST_MARK : MARK), NOON_MS);
}

beforeEach(withoutSums);

function queryOf(search: string): ReportQuery {
  const query = parseTable(new URLSearchParams(search));
  if (!query.ok) throw new Error(query.error.reason);
  return { ...query.value, currencies: new Map([["adv_1", "EUR"]]) };
}

const WHOLE = "from=2026-02-20&to=2026-03-21";
const TOKYO = `${WHOLE}&timezone=Asia/Tokyo`;

/** The reads of a query at an instant, with all sums until a day. */
function readsWith(query: ReportQuery, mark: number, scope = aScope(), nowMs = NOON_MS) {
  const hours = hourSumsFor({ query, scope, nowMs });
  const hourSums = hours === null ? null : { ...hours, mark };
  return readsOf(query, { hour: LAST_MARK * 24, day: LAST_MARK, summed: LAST_MARK, hourSums }, scope);
}

function statementsOf(query: ReportQuery, scope = aScope(), after: KeyAfter | null = null): Statement[] {
  const reads = readsWith(query, LAST_MARK, scope);
  const page = planPage(query, reads);
  return reads
    .filter(({ source }) => source.kind === "hour_sums")
    .flatMap((read) => readStatements(read, { query, scope, page, after }));
}

describe("the sums of hours are read", () => {
  it.each([
    "group_by=day",
    ...HOUR_SUMS_BY.filter((by) => by !== "").map((by) => `group_by=day,${by}`),
    "group_by=day,country&country!=DE",
    "group_by=day&device=mobile",
    "group_by=day,advertiser_id&country=DE",
    "group_by=day,currency,country&metrics=spend_micros",
    "advertiser_id=adv_1,adv_2&group_by=week,publisher_id",
    "group_by=month&ad_id=ad_0_1",
    "group_by=day&metrics=ctr,roas",
  ])("for %s", (search) => {
    expect(statementsOf(queryOf(`${TOKYO}&${search}`)).length).toBe(1);
  });

  it("by publisher for a publisher's key", () => {
    const query = queryOf(`${TOKYO}&group_by=day`);
    expect(hourSumsBy({ query, scope: aScope({ publisherId: "pub_1" }) })).toBe("publisher_id");
    expect(hourSumsBy({ query: queryOf(`${TOKYO}&country=DE`), scope: aScope({ publisherId: "pub_1" }) })).toBe(null);
  });

  it.each([
    "group_by=day,country,device",
    "group_by=day,country&device=mobile",
    "group_by=day&metrics=reasons",
    "group_by=day&metrics=unique_users",
    "group_by=hour",
    "group_by=day&timezone=UTC",
    "group_by=country",
  ])("not for %s", (search) => {
    const query = queryOf(search.includes("timezone") ? `${WHOLE}&${search}` : `${TOKYO}&${search}`);
    expect(statementsOf(query)).toEqual([]);
  });

  const query = queryOf(`${TOKYO}&group_by=day,country`);
  const spans = (mark: number, nowMs = NOON_MS) =>
    readsWith(query, mark, aScope(), nowMs).flatMap((read) =>
      read.kind === "pieces" && read.tier === "hour"
        ? read.pieces.map(({ from, to }) => ({ from, to, kind: read.source.kind }))
        : [],
    );

  it("of the last 93 days, and hours before", () => {
    const first = START + 5;
    const all = spans(LAST_MARK, readFrom(first));
    const of = (kind: string) => all.filter((span) => span.kind === kind);
    expect(Math.min(...of("hour_sums").map(({ from }) => from))).toBe(first * 24);
    expect(Math.max(...of("cells").map(({ to }) => to))).toBe(first * 24);
    const hoursIn = (some: typeof all) =>
      some.flatMap(({ from, to }) => Array.from({ length: to - from }, (_, at) => from + at)).sort();
    expect(hoursIn(all)).toEqual(hoursIn(spans(0)));
    expect(spans(first, readFrom(first)).every(({ kind }) => kind === "cells")).toBe(true);
  });

  it("below the mark, each piece in one UTC day, and hours from there on", () => {
    const covered = (mark: number) => spans(mark).reduce((sum, { from, to }) => sum + to - from, 0);
    const mark = START + 5;
    for (const { from, to, kind } of spans(mark)) {
      expect(kind).toBe(to <= mark * 24 ? "hour_sums" : "cells");
      if (kind === "hour_sums") expect(Math.floor(from / 24)).toBe(Math.floor((to - 1) / 24));
    }
    expect(covered(mark)).toBe(covered(0));
    expect(spans(0).every(({ kind }) => kind === "cells")).toBe(true);
    expect(spans(LAST_MARK).every(({ kind }) => kind === "hour_sums")).toBe(true);
  });
});

describe("statements over sums of hours", () => {
  async function planOf({ sql, bound }: Statement): Promise<string[]> {
    const explained = env.REPORT_DB.prepare("EXPLAIN QUERY PLAN ".concat(sql)).bind(...bound);
    return (await explained.all<{ detail: string }>()).results.map(({ detail }) => detail);
  }
  const WAY = "SEARCH facts USING PRIMARY KEY (advertiser_id=? AND dimension=? AND day=?)";

  it("find each day by its key, and so do those that weigh them", async () => {
    for (const scope of [aScope(), aScope({ advertiserId: "adv_1" }), aScope({ publisherId: "pub_1" })]) {
      for (const search of ["group_by=day,publisher_id", "group_by=week", "group_by=day,advertiser_id&order=-clicks"]) {
        const query = queryOf(`${TOKYO}&${search}`);
        for (const statement of statementsOf(query, scope)) expect(await planOf(statement), search).toContain(WAY);
        const [read] = readsWith(query, LAST_MARK, scope).filter(({ source }) => source.kind === "hour_sums");
        if (read === undefined) throw new Error("nothing is read from sums");
        const weighed = weighStatement(read, { query, scope, after: null }, 100);
        expect(await planOf(weighed), search).toContain(WAY);
      }
    }
  });

  it("hold no value of the caller", () => {
    const query = queryOf(`${TOKYO}&country=QA&country!=TV&group_by=day,country&limit=4321`);
    for (const { sql, bound } of statementsOf(query, aScope({ advertiserId: "hostile" }), ["hostile", "hostile"])) {
      expect(sql).not.toMatch(/hostile|QA|4321/);
      expect(sql.split("?").length - 1).toBe(bound.length);
    }
  });
});

describe("answers", () => {
  const RANGES = [WHOLE, "from=2026-02-25T07:30Z&to=2026-03-11T19:10Z", "from=2026-03-07&to=2026-03-21T05:00Z"];
  const ZONES = ["Asia/Tokyo", "America/New_York", "Asia/Kolkata"];
  const SEARCHES = [
    "group_by=day",
    ...HOUR_SUMS_BY.filter((by) => by !== "").map((by) => `group_by=day,${by}`),
    "group_by=day,country&order=-day,-country",
    "group_by=week,device&order=-clicks",
    "group_by=month,publisher_id&publisher_id!=pub_2",
    "group_by=day&publisher_id=pub_2",
    "group_by=day,advertiser_id&country=US",
    "group_by=day,country&advertiser_id=adv_1,adv_3",
    "group_by=day,ad_id&totals=true&compare=previous_period&from=2026-03-08&to=2026-03-13",
  ];
  const METRICS = "metrics=clicks,gross_clicks,impressions,spend_micros,ctr,avg_cpc_micros";
  const PATHS = ZONES.flatMap((zone) =>
    RANGES.flatMap((range, at) =>
      SEARCHES.filter((_, nth) => (at === 0 && zone === "Asia/Tokyo") || nth % 6 === at).map((search) => {
        const params = new URLSearchParams(`${range}&timezone=${zone}&${METRICS}`);
        for (const [name, value] of new URLSearchParams(search)) params.set(name, value);
        return `/v1/reports/clicks?${params}`;
      }),
    ),
  );

  async function answersOf(sliceWeight?: number) {
    const answers: unknown[] = [];
    for (const [at, path] of PATHS.entries()) {
      for (const authorization of [undefined, keys[at % 2 === 0 ? "tenant" : "publisher"]]) {
        const asked = authorization === undefined ? {} : { authorization };
        // What one key may not ask is refused with and without sums.
        const { rows, meta } = await askJson(path, { ...asked, sliceWeight });
        answers.push([path, rows, meta?.totals, meta?.tiers, meta?.nextCursor]);
      }
    }
    return answers;
  }

  it("are those of hours, whole, in slices, and where marks differ", { timeout: 120_000 }, async () => {
    await postCells(env.REPORT_DB, late());
    const fromHours = await answersOf();
    await withSums();
    expect(await answersOf()).toEqual(fromHours);
    expect(await answersOf(300)).toEqual(fromHours);
    await env.REPORT_DB.prepare("UPDATE hour_sum_marks SET mark = ?1 WHERE bucket % 2 = 0")
      .bind(START + 12)
      .run();
    expect(await answersOf()).toEqual(fromHours);
  });

  it("hold what is posted late and what is not posted yet", async () => {
    await withSums();
    await postCells(env.REPORT_DB, late(), undefined, "late/1");
    await openCells(env.REPORT_DB, late(), "late/2");
    const path = `/v1/reports/clicks?${TOKYO}&group_by=day,country&metrics=clicks,impressions`;
    const summed = await askJson(path);
    await withoutSums();
    expect(summed.rows).toEqual((await askJson(path)).rows);
  });

  it("are read from a value for each day and window", async () => {
    const path = `/v1/reports/clicks?from=2026-02-22&to=2026-03-03&timezone=Asia/Tokyo&advertiser_id=adv_1&group_by=day,country`;
    const none = (await askJson(path.replaceAll("2026-0", "2020-0"))).meta.rowsRead;
    await withSums();
    const { rowsRead } = (await askJson(path)).meta;
    expect(rowsRead - none).toBeLessThanOrEqual(2 * 2 * 10 * 7);
  });

  it("come page by page without a gap or a repeat", async () => {
    await withSums();
    for (const order of ["", "&order=-day,publisher_id", "&order=-clicks,day,publisher_id"]) {
      const path = `/v1/reports/clicks?${TOKYO}&group_by=day,publisher_id${order}`;
      const whole = await askJson(path);
      const rows: unknown[] = [];
      for (let cursor: string | null = ""; cursor !== null; ) {
        const page = await askJson(`${path}&limit=17${cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`}`);
        rows.push(...page.rows);
        cursor = page.meta.nextCursor;
      }
      expect(rows, order).toEqual(whole.rows);
      expect(rows.length).toBeGreaterThan(60);
    }
  });
});

function late(): Cell[] {
  return [3, 10, DAYS - 7, DAYS - 1].flatMap((day) => [
    aCell({ advertiser_id: "adv_3", atMs: START_MS + day * DAY_MS, publisher_id: "pub_2", counts: clicks(100) }),
    aCell({ advertiser_id: "adv_1", atMs: START_MS + day * DAY_MS + 15 * HOUR_MS, country: "FR", counts: clicks(-1) }),
  ]);
}
