/** Pages over three report databases: each row once, in the asked order, whatever is posted into whichever of them. */
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type Answer, askJson } from "../report/ask.ts";
import { aCell, type Cell, clicks } from "../report/seed.ts";
import { NOON_MS } from "../support/builders.ts";
import { assignHomes, HOMES, postHomes, seedHomes } from "./spread.ts";

const HOUR = 3_600_000;
const RANGE = "from=2026-04-19&to=2026-04-21";
const ADVERTISERS = Object.keys(HOMES);

/** Ads that lie between each other, and one of each name that every advertiser has. */
function cellsOf(advertiser_id: string, owner: number): Cell[] {
  const ads = Array.from({ length: 9 }, (_, at) => `ad_${String(at * 8 + owner * 2).padStart(2, "0")}`);
  return [-24, 0, 24].flatMap((hours, day) =>
    [...ads, "ad_03", "ad_41", "ad_99"].map((ad_id, at) =>
      aCell({ advertiser_id, ad_id, atMs: NOON_MS + hours * HOUR, counts: clicks(((at * 7 + day + owner) % 23) + 1) }),
    ),
  );
}

beforeAll(assignHomes);
beforeEach(async () => {
  await seedHomes([]);
  await postHomes(ADVERTISERS.flatMap(cellsOf));
});

type Row = Answer["rows"][number];

/** All pages of a path, with something done between them. */
async function pagesOf(path: string, between: (page: number) => Promise<void> = async () => {}): Promise<Row[][]> {
  const pages: Row[][] = [];
  let cursor = "";
  for (let page = 0; page < 100; page++) {
    const { rows, meta } = await askJson(path.concat(cursor));
    pages.push(rows);
    if (meta.nextCursor === null) return pages;
    cursor = `&cursor=${meta.nextCursor}`;
    await between(page);
  }
  throw new Error("pages without end");
}

/** Clicks of every advertiser on ads of every kind: shown, to be shown, new before the cursor, new behind it. */
function disturb(page: number): Promise<void> {
  const ads = ["ad_00", "ad_44", `ad_${String(page * 2 + 1).padStart(2, "0")}`, "ad_43", "ad_99"];
  const counts = clicks(1_000 * (page + 1));
  return postHomes(ADVERTISERS.flatMap((id) => ads.map((ad_id) => aCell({ advertiser_id: id, ad_id, counts }))));
}

describe("pages over three databases, in an order by key fields", () => {
  for (const order of ["", "&order=-day", "&order=ad_id", "&order=-ad_id,-day", "&order=-ad_id,day"]) {
    it(`show each row once, whatever is posted between them${order}`, async () => {
      const path = `/v1/reports/clicks?${RANGE}&group_by=day,ad_id&limit=7${order}`;
      const before = (await askJson(path.replace("limit=7", "limit=1000"))).rows;
      expect(before).toHaveLength(3 * (4 * 9 + 3));
      const pages = await pagesOf(path, disturb);
      const keyOf = ({ day, adId }: Row) => `${day} ${adId}`;
      const keys = pages.flat().map(keyOf);
      expect(new Set(keys).size).toBe(keys.length);
      // Every row of the beginning is there, in its place among the others.
      const old = new Set(before.map(keyOf));
      expect(keys.filter((key) => old.has(key))).toEqual(before.map(keyOf));
      expect(pages.slice(0, -1).every((rows) => rows.length === 7)).toBe(true);
    });
  }

  it("add up to the table, also by advertiser, in a zone, with reasons and users", async () => {
    const searches = [
      "group_by=advertiser_id,ad_id",
      "group_by=hour,ad_id&timezone=Asia/Kolkata&order=-ad_id",
      "group_by=week,publisher_id,ad_id&timezone=Africa/Cairo&order=-week",
    ];
    for (const search of searches) {
      const metrics = search.includes("publisher") ? "clicks" : "clicks,reasons,unique_users";
      const path = `/v1/reports/clicks?${RANGE}&${search}&metrics=${metrics}`;
      const pages = await pagesOf(`${path}&limit=10`);
      expect(pages.flat()).toEqual((await askJson(path)).rows);
      expect(pages.length).toBeGreaterThan(2);
    }
  });

  it("hold the sums of all databases in every row", async () => {
    const pages = await pagesOf(`/v1/reports/clicks?${RANGE}&group_by=ad_id&limit=5`);
    const shared = pages.flat().find((row) => row["adId"] === "ad_41");
    const own = await askJson(`/v1/reports/clicks?${RANGE}&group_by=advertiser_id&ad_id=ad_41`);
    expect(own.rows).toHaveLength(4);
    expect(shared?.["clicks"]).toBe(own.rows.reduce((sum, row) => sum + Number(row["clicks"]), 0));
  });
});

describe("pages over three databases, in an order by a metric", () => {
  for (const order of ["-clicks", "clicks", "-ctr", "-gross_clicks,-day"]) {
    it(`are those of the first reading, sums included: ${order}`, async () => {
      const metrics = "metrics=clicks,gross_clicks,ctr,reasons,unique_users";
      const path = `/v1/reports/clicks?${RANGE}&group_by=day,ad_id&${metrics}&order=${order}&totals=true&limit=7`;
      const before = await askJson(path.replace("limit=7", "limit=1000"));
      expect((await pagesOf(path, disturb)).flat()).toEqual(before.rows);
    });
  }
});
