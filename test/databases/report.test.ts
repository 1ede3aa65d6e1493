/** Reports over three report databases: which of them a question reads, and that what they hold adds up as if it were one. */
import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { advertiserBucketOf } from "../../src/core/routing.ts";
import { elementOf } from "../../src/core/sketch.ts";
import { dayOf, hourOf } from "../../src/core/time.ts";
import { ask, askJson } from "../report/ask.ts";
import { aCell, type Cell, clicks, type Mark, seedKey } from "../report/seed.ts";
import { NOON_MS } from "../support/builders.ts";
import { assignHomes, bindingsWithout, databaseOf, NAMES, type Name, seedHomes, tellingBindings } from "./spread.ts";

const DAY = 86_400_000;
const RANGE = "from=2026-04-18&to=2026-04-20";
const REPORT = `/v1/reports/clicks?${RANGE}`;
const keys: Record<string, string> = {};

/** A click on the first day, two on the second, three on the third; `times` as many. */
function threeDays(advertiser_id: string, times: number, more: Partial<Cell> = {}): Cell[] {
  return [2, 1, 0].map((back, at) =>
    aCell({ advertiser_id, atMs: NOON_MS - back * DAY, counts: clicks(times * (at + 1)), ...more }),
  );
}

const CELLS = [
  ...threeDays("adv_1", 1),
  ...threeDays("adv_2", 10, { publisher_id: "pub_2" }),
  ...threeDays("adv_3", 100),
  ...threeDays("adv_4", 1_000, { publisher_id: "pub_2" }),
];

/** The first database is rolled for two days, the second not at all, the third into hours only. */
const MARKS: Readonly<Record<Name, Mark>> = {
  REPORT_DB: { hour: hourOf(Date.UTC(2026, 3, 20)), day: dayOf(Date.UTC(2026, 3, 20)) },
  REPORT_DB_1: { hour: 0, day: 0 },
  REPORT_DB_2: { hour: hourOf(Date.UTC(2026, 3, 20)), day: 0 },
};

beforeAll(async () => {
  await assignHomes();
  for (const id of ["adv_1", "adv_2", "adv_3"]) {
    keys[id] = await seedKey(env.REPORT_DB, { name: id.replace("_", ""), advertiserId: id, scopes: ["report"] });
  }
  keys["pub_2"] = await seedKey(env.REPORT_DB, { name: "pub2", publisherId: "pub_2", scopes: ["report"] });
});

beforeEach(() => seedHomes(CELLS, (name) => MARKS[name]));

const as = (owner: string) => ({ authorization: keys[owner] ?? "" });

describe("the databases that are read", () => {
  const readsFacts = (sql: string) => /\b(facts|cells)_|\broll_marks\b/.test(sql);

  /** The databases whose facts a question reads, and all that was prepared. */
  async function readBy(search: string, owner?: string) {
    const { bindings, told } = tellingBindings();
    const { rows } = await askJson(`${REPORT}${search}`, { bindings, ...(owner === undefined ? {} : as(owner)) });
    return { rows, told, names: NAMES.filter((name) => told[name].some(readsFacts)) };
  }

  it("are, under a key of an advertiser, its own alone, whatever it filters by", async () => {
    for (const filter of ["", "&advertiser_id=adv_1,adv_3", "&advertiser_id!=adv_2", "&advertiser_id=adv_x"]) {
      const { names, told } = await readBy(filter, "adv_2");
      expect(names).toEqual(["REPORT_DB_1"]);
      expect(told.REPORT_DB_2).toEqual([]);
    }
    expect((await readBy("", "adv_2")).rows).toEqual([{ clicks: 60 }]);
    expect((await readBy("", "adv_1")).names).toEqual(["REPORT_DB"]);
  });

  it("are the same, by the same statements, for a foreign and an unknown id", async () => {
    for (const owner of ["adv_2", "pub_2"]) {
      const [foreign, unknown] = [
        await readBy("&advertiser_id=adv_3&group_by=day", owner),
        await readBy("&advertiser_id=adv_x&group_by=day", owner),
      ];
      expect([foreign.told, foreign.rows]).toEqual([unknown.told, []]);
    }
  });

  it("are those of the advertisers that the operator lists, else all", async () => {
    expect((await readBy("&advertiser_id=adv_2,adv_3")).names).toEqual(["REPORT_DB_1", "REPORT_DB_2"]);
    expect((await readBy("&advertiser_id=adv_4")).names).toEqual(["REPORT_DB"]);
    expect((await readBy("&advertiser_id=adv_x")).names).toEqual(["REPORT_DB"]);
    expect((await readBy("&advertiser_id!=adv_2")).names).toEqual(NAMES);
    expect((await readBy("")).names).toEqual(NAMES);
  });

  it("are all for a publisher, also where it filters by advertiser", async () => {
    expect(await readBy("&group_by=advertiser_id", "pub_2")).toMatchObject({
      names: NAMES,
      rows: [
        { advertiserId: "adv_2", clicks: 60 },
        { advertiserId: "adv_4", clicks: 6_000 },
      ],
    });
    expect(await readBy("&advertiser_id=adv_2", "pub_2")).toMatchObject({ names: NAMES, rows: [{ clicks: 60 }] });
  });

  it("are planned each by its own marks: one that is not rolled costs no other a row", async () => {
    const { told } = await readBy("&group_by=day,ad_id");
    const tiersOf = (name: Name) =>
      ["minute", "hour", "day"].filter((tier) => told[name].some((sql) => sql.includes(`facts_${tier} AS`)));
    expect(tiersOf("REPORT_DB")).toEqual(["minute", "day"]);
    expect(tiersOf("REPORT_DB_1")).toEqual(["minute"]);
    expect(tiersOf("REPORT_DB_2")).toEqual(["minute", "hour"]);
  });
});

describe("what they hold", () => {
  const tiersOf = async (search: string, asked = {}) =>
    (await askJson(`${REPORT}${search}`, asked)).meta.tiers.map(({ tier, from, to }) => `${tier} ${from} ${to}`);

  it("adds up, with totals and the previous period, whatever is rolled in each", async () => {
    const path = "/v1/reports/clicks?from=2026-04-20&to=2026-04-20&compare=previous_period&totals=true";
    const { rows, meta } = await askJson(`${path}&group_by=campaign_id`);
    expect(rows).toEqual([{ campaignId: "cmp_7", clicks: 3_333, previous: { clicks: 2_222 } }]);
    expect(meta.totals).toEqual({ clicks: 3_333, previous: { clicks: 2_222 } });
    const byDay = await askJson(`${REPORT}&group_by=day&timezone=Asia/Kolkata`);
    expect(byDay.rows.map((row) => row["clicks"])).toEqual([1_111, 2_222, 3_333]);
    const { series } = await askJson(`/v1/metrics/clicks?${RANGE}&breakdown=advertiser_id`);
    expect(series.map(({ advertiserId, points }) => [advertiserId, points.map((point) => point["clicks"])])).toEqual([
      ["adv_1", [1, 2, 3]],
      ["adv_2", [10, 20, 30]],
      ["adv_3", [100, 200, 300]],
      ["adv_4", [1_000, 2_000, 3_000]],
    ]);
  });

  it("is said to be read from the finest tier that any of them needed", async () => {
    const [first, last, end] = ["2026-04-18T00:00:00Z", "2026-04-20T00:00:00Z", "2026-04-21T00:00:00Z"];
    expect(await tiersOf("")).toEqual([`minute ${first} ${end}`]);
    expect(await tiersOf("", as("adv_1"))).toEqual([`day ${first} ${last}`, `minute ${last} ${end}`]);
    const hours = [`hour ${first} ${last}`, `minute ${last} ${end}`];
    expect(await tiersOf("", as("adv_3"))).toEqual(hours);
    expect(await tiersOf("&advertiser_id=adv_1,adv_3")).toEqual(hours);
  });

  it("counts the rows that were read in all of them", async () => {
    const rowsRead = async (filter: string) => (await askJson(`${REPORT}&${filter}`)).meta.rowsRead;
    const [one, other] = [await rowsRead("advertiser_id=adv_1"), await rowsRead("advertiser_id=adv_2")];
    expect(await rowsRead("advertiser_id=adv_1,adv_2")).toBeGreaterThanOrEqual(one + other);
  });

  it("is ordered by the sums of groups that are small in each and large together", async () => {
    const one = (advertiser_id: string, publisher_id: string, count: number) =>
      aCell({ advertiser_id, publisher_id, counts: clicks(count) });
    await seedHomes([
      ...["adv_1", "adv_2", "adv_3"].map((id) => one(id, "pub_everywhere", 5)),
      ...[one("adv_1", "pub_1", 8), one("adv_2", "pub_2", 9), one("adv_3", "pub_3", 10)],
    ]);
    const path = `${REPORT}&group_by=publisher_id&order=-clicks&limit=2`;
    const first = await askJson(path);
    expect(first.rows).toEqual([
      { publisherId: "pub_everywhere", clicks: 15 },
      { publisherId: "pub_3", clicks: 10 },
    ]);
    // What is kept for the further pages is of all databases as well.
    const second = await askJson(`${path}&cursor=${first.meta.nextCursor}`);
    expect(second.rows.map((row) => row["publisherId"])).toEqual(["pub_2", "pub_1"]);
  });

  it("is whole by a metric, though one database has more rows than a page holds", { timeout: 60_000 }, async () => {
    await manyAds("REPORT_DB_1", "adv_2", { count: 50_010, sketch: null });
    const path = "/v1/reports/clicks?from=2026-06-01&to=2026-06-01&group_by=ad_id&order=-clicks&limit=3";
    for (const asked of [path, `${path}&advertiser_id=adv_2`]) {
      const { rows, meta } = await askJson(asked);
      expect(rows.map((row) => row["clicks"])).toEqual([50_010, 50_009, 50_008]);
      expect(meta.warnings).toMatchObject([{ code: "no_next_page" }]);
    }
    const byKey = await askJson(path.replace("-clicks", "ad_id"));
    expect(byKey.rows.map((row) => row["adId"])).toEqual(["adv_2/1", "adv_2/10", "adv_2/100"]);
  });
});

describe("unique users", () => {
  /** The element of a user; SHA-256 stands for any uniform hash. */
  async function userOf(user: number): Promise<number> {
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`user ${user}`));
    return elementOf(new Uint8Array(hash));
  }

  async function visitsOf(advertiser_id: string, users: readonly number[], more: Partial<Cell> = {}): Promise<Cell> {
    const counts = { gross: users.length, valid: users.length, valid_with_user: users.length };
    return aCell({ advertiser_id, counts, users: await Promise.all(users.map(userOf)), ...more });
  }

  beforeEach(async () => {
    await seedHomes(
      [
        await visitsOf("adv_1", [1, 2, 3], { atMs: NOON_MS - 2 * DAY }),
        await visitsOf("adv_2", [2, 3, 4, 5]),
        await visitsOf("adv_3", [5, 6], { ad_id: "ad_10" }),
        await visitsOf("adv_4", [1, 7], { ad_id: "ad_10", campaign_id: "cmp_8" }),
      ],
      (name) => MARKS[name],
    );
  });

  it("count a user of several databases once, in rows, totals and pages", async () => {
    const { rows, meta } = await askJson(`${REPORT}&group_by=campaign_id,ad_id&metrics=unique_users&totals=true`);
    expect(rows).toEqual([
      { campaignId: "cmp_7", adId: "ad_10", uniqueUsers: 2 },
      { campaignId: "cmp_7", adId: "ad_9", uniqueUsers: 5 },
      { campaignId: "cmp_8", adId: "ad_10", uniqueUsers: 2 },
    ]);
    expect(meta.totals).toEqual({ uniqueUsers: 7 });
    const path = `${REPORT}&group_by=ad_id&metrics=unique_users&limit=1`;
    for (const [order, counts] of [
      ["ad_id", [4, 5]],
      ["-ad_id", [5, 4]],
      ["-unique_users", [5, 4]],
    ] as const) {
      const first = await askJson(`${path}&order=${order}`);
      const second = await askJson(`${path}&order=${order}&cursor=${first.meta.nextCursor}`);
      expect([...first.rows, ...second.rows].map((row) => row["uniqueUsers"])).toEqual(counts);
      expect(second.meta.nextCursor).toBeNull();
    }
  });

  it("are limited over all databases together", { timeout: 60_000 }, async () => {
    await manyAds("REPORT_DB_1", "adv_2", { count: 2_500, sketch: "p0000000" });
    await manyAds("REPORT_DB_2", "adv_3", { count: 2_500, sketch: "p0000000" });
    const path =
      "/v1/reports/clicks?from=2026-06-01&to=2026-06-01&group_by=ad_id&metrics=unique_users&order=-unique_users";
    expect(await (await ask(path)).json()).toMatchObject({ type: "/problems/too-many-rows", field: "metrics" });
    expect((await askJson(`${path}&advertiser_id=adv_3&limit=1`)).rows).toMatchObject([{ uniqueUsers: 1 }]);
    // By key nobody asks for the users of groups behind the page, whichever database they are in.
    const page = await askJson(`${path.replace("-unique_users", "ad_id")}&limit=1999`);
    expect(page.rows.filter((row) => row["uniqueUsers"] === 1)).toHaveLength(1_999);
  });
});

describe("objects in R2", () => {
  it("are limited over all databases together", async () => {
    for (const [name, id] of [
      ["REPORT_DB_1", "adv_2"],
      ["REPORT_DB_2", "adv_3"],
    ] as const) {
      const bucket = advertiserBucketOf(id);
      const minute = NOON_MS / 60_000;
      const mark = databaseOf(name)
        .prepare("INSERT INTO cold_marks VALUES (?1, ?2, 1)")
        .bind(bucket, minute + 1_440);
      const objects = databaseOf(name).prepare(MANY_OBJECTS).bind(bucket, dayOf(NOON_MS), minute);
      await databaseOf(name).batch([mark, objects]);
    }
    const path = "/v1/reports/clicks?from=2026-04-20&to=2026-04-20&group_by=minute&advertiser_id=";
    expect((await askJson(`${path}adv_2`)).rows).toMatchObject([{ clicks: 30 }]);
    expect((await askJson(`${path}adv_3`)).rows).toMatchObject([{ clicks: 300 }]);
    const refused = await ask(`${path}adv_2,adv_3`);
    expect([refused.status, await refused.json()]).toMatchObject([400, { type: "/problems/too-many-rows" }]);
  });
});

describe("a database that rows stand in and that is not bound", () => {
  it("is 503 for whoever needs it, with Retry-After and no word of the cause, and nothing to others", async () => {
    const bindings = bindingsWithout("REPORT_DB_2");
    for (const path of [REPORT, `/v1/metrics/clicks?${RANGE}`]) {
      for (const asked of [{}, as("adv_3"), as("pub_2")]) {
        const response = await ask(path, { bindings, ...asked });
        expect([response.status, response.headers.get("Retry-After")]).toEqual([503, "5"]);
        const text = await response.text();
        expect(text).toContain("/problems/database-unavailable");
        expect(text).not.toContain("REPORT_DB");
      }
      expect((await ask(path, { bindings, ...as("adv_1") })).status).toBe(200);
      expect((await ask(`${path}&advertiser_id=adv_1,adv_2`, { bindings })).status).toBe(200);
    }
  });

  it("is 503 as well when one of them fails", async () => {
    const fails = { all: () => Promise.reject(new Error("D1_ERROR: Network connection lost.")) };
    const failing = { prepare: () => ({ ...fails, bind: () => fails }) } as unknown as D1Database;
    const bindings = { ...env, REPORT_DB_1: failing } as Env;
    expect((await ask(REPORT, { bindings })).status).toBe(503);
    expect((await ask(REPORT, { bindings, ...as("adv_3") })).status).toBe(200);
  });
});

/** So many ads of an advertiser in one minute, each with as many clicks as its number. */
async function manyAds(
  name: Name,
  advertiser: string,
  { count, sketch }: { count: number; sketch: string | null },
): Promise<void> {
  await databaseOf(name).prepare(MANY_ADS).bind(advertiser, count, sketch).run();
}

const MANY_ADS = `
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?2)
INSERT INTO facts_minute (advertiser_id, minute, campaign_id, ad_group_id, ad_id, part, impressions, gross, valid,
  duplicate, invalid, late, conversions, conversions_by_time, spend_micros, conversion_value_micros, cells, reasons, sketch)
SELECT ?1, 29671200, 'cmp', '', ?1 || '/' || n, 0, 0, n, n, 0, 0, 0, 0, 0, 0, 0, '[]', '{}', CAST(?3 AS BLOB) FROM numbers`;

/** 600 objects of bucket ?1 and day ?2 with minute ?3, which hold no advertiser of the tests. */
const MANY_OBJECTS = `
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 600)
INSERT INTO cold_objects (bucket, day, sequence, state, rows, is_cut, advertiser_first, advertiser_last, minute_first,
  minute_last, last_key, claimed_at_ms, object_key, etag, sha256, bytes, footer_bytes, cold_at_ms)
SELECT ?1, ?2, n, 'cold', 1, 0, 'z', 'z', ?3, ?3, '[]', 0, 'none', 'none', 'none', 1, 1, 0 FROM numbers`;
