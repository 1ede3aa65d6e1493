/** Questions over all advertisers are answered from sums of days: the same answer, of few rows, in the table's order. */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import type { ReadScope } from "../../src/access/read-scope.ts";
import { advertiserBucketOf } from "../../src/core/routing.ts";
import { dayOf } from "../../src/core/time.ts";
import { isOpen, planPage, type Read } from "../../src/report/plan/plan.ts";
import type { ReportQuery } from "../../src/report/query/query.ts";
import { type KeyAfter, readStatements } from "../../src/report/read/segments-sql.ts";
import { sourceOf } from "../../src/report/read/source-sql.ts";
import type { Statement } from "../../src/report/read/statement.ts";
import { readsOf } from "../support/reads.ts";
import { aScope } from "../support/scopes.ts";
import { askJson, parseTable } from "./ask.ts";
import { aCell, type Cell, clicks, postCells, seedCells, seedKey } from "./seed.ts";

const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 0, 20);
const START = dayOf(START_MS);
const DAYS = 50;
const ADVERTISERS = ["adv_1", "adv_2", "adv_3", "adv_4", "adv_5", "adv_6"];
/** All days are rolled but the last three, and of one bucket the last ten. */
const MARK = START + DAYS - 3;
const LAST_MARK = START + DAYS - 10;
const SLOW_BUCKET = advertiserBucketOf("adv_3");
const WHOLE = "from=2026-01-20&to=2026-03-10";
/** Within what every bucket has rolled. */
const ROLLED = "from=2026-01-22&to=2026-02-20";
/** Leaves every row, and names a dimension that the sums do not have. */
const WITHOUT_SUMS = "ad_id!=nobody";

const CELLS: Cell[] = Array.from({ length: DAYS }, (_, day) => day).flatMap((day) =>
  ADVERTISERS.flatMap((advertiser_id, at) =>
    Array.from({ length: 4 }, (_, nth) =>
      aCell({
        advertiser_id,
        atMs: START_MS + day * DAY_MS + ((at * 5 + nth * 6) % 24) * 3_600_000,
        campaign_id: `cmp_${(at + nth) % 4}`,
        ad_id: `ad_${at}_${nth % 2}`,
        publisher_id: ["pub_1", "pub_2", "", "pub_3"][(day + nth) % 4] as string,
        country: ["DE", "US", ""][(day + at + nth) % 3] as string,
        device: ["mobile", "desktop"][(at + nth) % 2] as string,
        counts: { ...clicks(1 + ((day * 7 + at * 3 + nth) % 11)), impressions: 20 + nth, spend_micros: 1_000 * at },
      }),
    ),
  ),
);

let publisherKey: string;

beforeAll(async () => {
  await seedCells(env.REPORT_DB, CELLS, (bucket) => {
    const day = bucket === SLOW_BUCKET ? LAST_MARK : MARK;
    return { hour: day * 24 + 12, day };
  });
  publisherKey = await seedKey(env.REPORT_DB, { name: "p", publisherId: "pub_1", scopes: ["report"] });
  // Late deltas for days that are rolled, and for days that are not.
  await postCells(
    env.REPORT_DB,
    [3, 20, DAYS - 7, DAYS - 1].flatMap((day) => [
      aCell({ advertiser_id: "adv_3", atMs: START_MS + day * DAY_MS, publisher_id: "pub_2", counts: clicks(100) }),
      aCell({ advertiser_id: "adv_1", atMs: START_MS + day * DAY_MS, country: "FR", counts: clicks(-1) }),
    ]),
  );
});

const EVERYONE: ReadScope = aScope();
const PUBLISHER: ReadScope = aScope({ publisherId: "pub_1" });
const TENANT: ReadScope = aScope({ advertiserId: "adv_1" });

function queryOf(search: string): ReportQuery {
  const query = parseTable(new URLSearchParams(search));
  if (!query.ok) throw new Error(query.error.reason);
  return { ...query.value, currencies: new Map([["adv_1", "EUR"]]) };
}

/** The statements that read days. */
function dayStatements(query: ReportQuery, scope: ReadScope, after: KeyAfter | null = null): Statement[] {
  const reads = readsOf(query, { hour: LAST_MARK * 24, day: LAST_MARK, summed: LAST_MARK }, scope);
  const page = planPage(query, reads);
  const isOfDays = (read: Read) => (read.kind === "span" ? read.segment.tier : read.tier) === "day";
  return reads.filter(isOfDays).flatMap((read) => readStatements(read, { query, scope, page, after }));
}

const readsSums = (query: ReportQuery, scope: ReadScope) =>
  dayStatements(query, scope).map(({ sql }) => sql.includes("day_sums"));

describe("the sums are read", () => {
  const DIMENSIONS = ["publisher_id", "country", "device", "advertiser_id", "campaign_id"];
  it.each([
    "",
    ...DIMENSIONS.map((dimension) => `group_by=day,${dimension}`),
    ...DIMENSIONS.map((dimension) => `group_by=${dimension}&${dimension}!=tv&order=-clicks`),
    "country=DE,US",
    "campaign_id=cmp_1&group_by=month",
    "publisher_id=pub_1",
    "publisher_id=pub_1&group_by=week,country&country!=DE",
    "publisher_id=pub_1&publisher_id!=pub_2&group_by=publisher_id,device",
    "publisher_id=pub_1,pub_2&group_by=publisher_id",
    "group_by=month,device&timezone=Asia/Kolkata",
    "group_by=day,country,device",
    "group_by=device,country&order=-clicks",
    "group_by=country&device=mobile",
    "ad_format=banner&country!=DE&group_by=month,ad_format&timezone=Asia/Kolkata",
    "device=tv&ad_format=(unset)",
    "metrics=ctr,cvr,gross_clicks",
    "metrics=roas,avg_cpc_micros",
    "metrics=spend_micros&group_by=advertiser_id,currency",
  ])("for %s of everybody", (search) => {
    expect(readsSums(queryOf(`${WHOLE}&${search}`), EVERYONE)).toEqual([true]);
  });

  it.each([
    "",
    "group_by=day,country",
    "group_by=device,publisher_id",
    "publisher_id=pub_2",
    "publisher_id!=pub_1,pub_2&group_by=country",
    "publisher_id=pub_1,pub_2",
  ])("for %s of one publisher", (search) => {
    expect(readsSums(queryOf(`${WHOLE}&${search}`), PUBLISHER)).toEqual([true]);
  });

  it.each<[search: string, scope: ReadScope]>([
    ["", TENANT],
    ["group_by=country", aScope({ advertiserId: "adv_1", publisherId: "pub_1" })],
    ["advertiser_id=adv_1,adv_2", EVERYONE],
    ["advertiser_id=adv_1&group_by=advertiser_id", EVERYONE],
    ["group_by=ad_id", EVERYONE],
    ["group_by=creative_id", EVERYONE],
    ["group_by=ad_group_id", EVERYONE],
    ["group_by=country,device,ad_format", EVERYONE],
    ["group_by=country&device=mobile&ad_format=banner", EVERYONE],
    ["group_by=country,publisher_id", EVERYONE],
    ["publisher_id=pub_1&group_by=country,device", EVERYONE],
    ["group_by=country,device", PUBLISHER],
    ["publisher_id=pub_1,pub_2&group_by=country", EVERYONE],
    ["publisher_id!=pub_1&group_by=country", EVERYONE],
    ["publisher_id=pub_1&group_by=campaign_id", EVERYONE],
    ["group_by=advertiser_id", PUBLISHER],
    ["group_by=country", aScope({ publisherId: "" })],
    ["metrics=clicks,reasons", EVERYONE],
    ["metrics=clicks,unique_users", EVERYONE],
  ])("not for %s of %o", (search, scope) => {
    const read = readsSums(queryOf(`${WHOLE}&${search}`), scope);
    expect(read.length).toBeGreaterThan(0);
    expect(read).not.toContain(true);
  });

  it("of all publishers by publisher where traffic without one is asked for", () => {
    const query = queryOf(`${WHOLE}&publisher_id=pub_1`);
    const filters = [{ dimension: "publisher_id" as const, include: [""], exclude: [] }];
    const asked = { query: { ...query, filters }, scope: EVERYONE };
    const read = readsOf(asked.query, { hour: MARK * 24, day: MARK, summed: MARK }).find((one) => !isOpen(one));
    const source = sourceOf(read as Read, asked);
    expect(source.entry.bound).toEqual(["publisher_id", ""]);
    expect(source.column("publisher_id")).toBe("facts.value");
  });

  it("of no tier but days, and only where all days of the read are before the mark of sums", () => {
    const query = queryOf("from=2026-01-22T12:00Z&to=2026-03-10&group_by=country");
    const areSummed = (summed: number) =>
      readsOf(query, { hour: LAST_MARK * 24 + 5, day: LAST_MARK, summed })
        .filter((read) => !isOpen(read))
        .map(({ source }) => source.kind === "day_sums");
    expect(areSummed(LAST_MARK)).toEqual([false, true, false, false]);
    expect(areSummed(LAST_MARK + 9)).toEqual([false, true, false, false]);
    expect(areSummed(LAST_MARK - 1)).toEqual([false, false, false, false]);
  });
});

describe("statements over sums", () => {
  async function planOf({ sql, bound }: Statement): Promise<string[]> {
    const explained = env.REPORT_DB.prepare("EXPLAIN QUERY PLAN ".concat(sql)).bind(...bound);
    return (await explained.all<{ detail: string }>()).results.map(({ detail }) => detail);
  }
  const WAY = "SEARCH facts USING PRIMARY KEY (dimension=? AND publisher_id=? AND day>? AND day<?)";

  it("read a range of the key, in its order where the answer has it", async () => {
    for (const scope of [EVERYONE, PUBLISHER]) {
      for (const search of [
        "",
        "group_by=day",
        "group_by=day,country",
        "group_by=day,publisher_id",
        "order=-day&group_by=day",
      ]) {
        for (const statement of dayStatements(queryOf(`${WHOLE}&${search}`), scope)) {
          expect(await planOf(statement), search).toEqual([WAY]);
        }
      }
      for (const search of ["group_by=week,device", "group_by=country", "order=-clicks&group_by=day,country"]) {
        const query = queryOf(`${WHOLE}&${search}`);
        for (const statement of dayStatements(query, scope)) expect(await planOf(statement), search).toContain(WAY);
      }
      const query = queryOf(`${WHOLE}&group_by=month,country&timezone=Asia/Kolkata`);
      for (const statement of dayStatements(query, scope)) expect(await planOf(statement)).toContain(WAY);
    }
  });

  it("stay there behind a cursor and with filters", async () => {
    const query = queryOf(`${WHOLE}&group_by=day,country&country=DE,US&country!=FR`);
    for (const statement of dayStatements(query, EVERYONE, [START * 1_440, "DE"])) {
      expect((await planOf(statement))[0]).toBe(WAY);
      expect((await planOf(statement)).join()).not.toContain("TEMP B-TREE FOR GROUP BY");
    }
  });

  it("hold no value of the caller", () => {
    const query = queryOf(`${WHOLE}&publisher_id=hostile&country=QA&country!=TV&group_by=day,country&limit=4321`);
    for (const scope of [EVERYONE, aScope({ publisherId: "hostile" })]) {
      for (const { sql, bound } of dayStatements(query, scope, ["hostile", "hostile"])) {
        expect(sql).toContain("day_sums");
        expect(sql).not.toMatch(/hostile|QA|4321/);
        expect(sql.split("?").length - 1).toBe(bound.length);
      }
    }
  });
});

describe("answers", () => {
  const RANGES = [
    WHOLE,
    ROLLED,
    "from=2026-01-25T07:30Z&to=2026-02-11T19:10Z",
    "from=2026-02-26&to=2026-03-09T05:00Z",
    "from=2026-02-01&to=2026-02-01",
  ];
  const SEARCHES = [
    "",
    "group_by=day",
    "group_by=day,country&order=-day",
    "group_by=week,device&order=-clicks",
    "group_by=month,publisher_id",
    "group_by=month,publisher_id&timezone=America/New_York",
    "group_by=week,country&timezone=Asia/Kolkata",
    "group_by=publisher_id&order=publisher_id",
    "group_by=publisher_id&publisher_id=pub_1,pub_2,-pub_2",
    "group_by=day,publisher_id&publisher_id=pub_2",
    "group_by=day&publisher_id=pub_2&country=US",
    "group_by=day,device&publisher_id!=pub_2",
    "country=DE",
    "group_by=country&country!=DE&order=-spend_micros,country",
    "group_by=day&publisher_id!=pub_1",
    "group_by=advertiser_id&order=clicks",
    "group_by=day,advertiser_id&advertiser_id!=adv_3",
    "group_by=month,campaign_id&campaign_id=cmp_1,cmp_2",
    "group_by=week&totals=true&compare=previous_period",
    "group_by=day,country,device",
    "group_by=device,country&order=-clicks&totals=true",
    "group_by=week,country&device!=mobile&timezone=Asia/Kolkata",
    "group_by=ad_format,device&country!=DE",
  ];
  const METRICS = "metrics=clicks,gross_clicks,impressions,spend_micros,ctr,avg_cpc_micros";

  it("are those of facts_day, to everybody and to one publisher, in any range", async () => {
    for (const range of RANGES) {
      for (const search of SEARCHES) {
        for (const asked of [{}, { authorization: publisherKey }]) {
          const path = `/v1/reports/clicks?${range}&${search}&${METRICS}`;
          const [summed, folded] = [await askJson(path, asked), await askJson(`${path}&${WITHOUT_SUMS}`, asked)];
          expect(summed.rows, path).toEqual(folded.rows);
          expect(summed.meta.totals, path).toEqual(folded.meta.totals);
          expect(summed.meta.tiers, path).toEqual(folded.meta.tiers);
        }
      }
    }
  });

  it("are what was counted, day by day, with late deltas", async () => {
    const { rows } = await askJson(`/v1/reports/clicks?${ROLLED}&group_by=day,publisher_id&publisher_id=pub_2`);
    const expected = Array.from({ length: 30 }, (_, at) => {
      const atMs = START_MS + (at + 2) * DAY_MS;
      const own = CELLS.filter((cell) => dayOf(cell.atMs) === dayOf(atMs) && cell.publisher_id === "pub_2");
      const late = at + 2 === 3 || at + 2 === 20 ? 100 : 0;
      return own.reduce((sum, { counts }) => sum + (counts.valid ?? 0), late);
    });
    expect(rows.map((row) => row["clicks"])).toEqual(expected);
  });

  it("come page by page without a gap or a repeat", async () => {
    const asked = ["", "&order=-day,country", "&order=-country,day", "&order=-clicks"].map(
      (order) => `country${order}`,
    );
    for (const by of [...asked, "country,device", "device,country&order=-device,day,country"]) {
      const path = `/v1/reports/clicks?${WHOLE}&group_by=day,${by}`;
      const whole = await askJson(path);
      const rows: unknown[] = [];
      let cursor: string | null = "";
      while (cursor !== null) {
        const next = cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`;
        const page = await askJson(`${path}&limit=13${next}`);
        rows.push(...page.rows);
        cursor = page.meta.nextCursor;
      }
      expect(rows, by).toEqual(whole.rows);
      expect(rows.length).toBeGreaterThan(150);
    }
  });

  it("are read from one row for each day and value, and not further than the page", async () => {
    const none = (await askJson(`/v1/reports/clicks?from=2020-01-01&to=2020-01-01`)).meta.rowsRead;
    const rowsRead = async (search: string, asked = {}) =>
      (await askJson(`/v1/reports/clicks?${ROLLED}&${search}`, asked)).meta.rowsRead - none;
    expect(await rowsRead("group_by=day")).toBeLessThanOrEqual(30 + 4);
    expect(await rowsRead("group_by=day,country")).toBeLessThanOrEqual(30 * 4 + 4);
    // Out of the sorter once more: the value is taken apart.
    expect(await rowsRead("group_by=day,country,device")).toBeLessThanOrEqual(2 * 30 * 4 * 2 + 4);
    expect(await rowsRead("group_by=day,country&limit=10")).toBeLessThanOrEqual(10 + 4);
    expect(await rowsRead("group_by=month")).toBeLessThanOrEqual(2 * 30 + 4);
    expect(await rowsRead("group_by=day,country", { authorization: publisherKey })).toBeLessThanOrEqual(30 * 4 + 4);
    expect(await rowsRead(`group_by=day,country&${WITHOUT_SUMS}`)).toBeGreaterThan(30 * 24);
  });

  it("hold what is not rolled yet in every bucket", async () => {
    const { meta, rows } = await askJson(`/v1/reports/clicks?${WHOLE}`);
    const days = meta.tiers.filter(({ tier }) => tier === "day");
    expect(days).toEqual([{ tier: "day", from: "2026-01-20T00:00:00Z", to: "2026-03-01T00:00:00Z" }]);
    const counted = CELLS.reduce((sum, { counts }) => sum + (counts.valid ?? 0), 4 * 99);
    expect(rows).toEqual([{ clicks: counted }]);
    expect(new Set(ADVERTISERS.map(advertiserBucketOf)).size).toBeGreaterThan(3);
  });
});
