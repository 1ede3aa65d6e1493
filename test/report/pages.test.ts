/** Pages: nothing that is posted between two of them disturbs them; cursors open for their owner, query and hour alone. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { budgetOf } from "../../src/access/read-rules.ts";
import { dropKeptRows, KEPT_PREFIX } from "../../src/report/page/page-store.ts";
import { NOON_MS } from "../support/builders.ts";
import { wipeFacts } from "../support/wipe-facts.ts";
import { type Answer, type Asked, ask, askJson } from "./ask.ts";
import { aCell, clicks, postCells, seedKey } from "./seed.ts";

const HOUR = 3_600_000;
const RANGE = "from=2026-04-19&to=2026-04-21";
const AD_IDS = Array.from({ length: 23 }, (_, index) => `ad_${String(index * 2).padStart(2, "0")}`);

beforeEach(async () => {
  await wipeFacts(env.REPORT_DB);
  const days = [-24, 0, 24].map((hours) => NOON_MS + hours * HOUR);
  const cells = days.flatMap((atMs, day) =>
    AD_IDS.map((ad_id, index) => aCell({ atMs, ad_id, counts: clicks(((index * 7 + day) % 23) + 1) })),
  );
  await postCells(env.REPORT_DB, cells);
});

type Row = Answer["rows"][number];

/** All pages of a path, with something done between them. */
async function pagesOf(path: string, between: (page: number) => Promise<void>, asked: Asked = {}): Promise<Row[][]> {
  const pages: Row[][] = [];
  let cursor = "";
  for (let page = 0; page < 100; page++) {
    const { rows, meta } = await askJson(path.concat(cursor), asked);
    pages.push(rows);
    if (meta.nextCursor === null) return pages;
    cursor = `&cursor=${meta.nextCursor}`;
    await between(page);
  }
  throw new Error("pages without end");
}

/** Clicks on ads of every kind: shown, to be shown, new before the cursor, new behind it. */
async function disturb(page: number): Promise<void> {
  const ads = ["ad_00", "ad_44", `ad_${String(page * 2 + 1).padStart(2, "0")}`, "ad_43", "ad_99"];
  await postCells(
    env.REPORT_DB,
    ads.map((ad_id) => aCell({ ad_id, counts: clicks(1_000 * (page + 1)) })),
  );
}

describe("pages in an order by key fields", () => {
  const ORDERS = ["", "&order=-day", "&order=ad_id", "&order=-ad_id,-day"];
  for (const order of ORDERS) {
    it(`show each row once, whatever is posted between them${order}`, async () => {
      const path = `/v1/reports/clicks?${RANGE}&group_by=day,ad_id&limit=7${order}`;
      const before = (await askJson(path.replace("limit=7", "limit=1000"))).rows;
      expect(before.length).toBe(69);
      const pages = await pagesOf(path, disturb);
      const keyOf = ({ day, adId }: Row) => `${day} ${adId}`;
      const keys = pages.flat().map(keyOf);
      expect(new Set(keys).size).toBe(keys.length);
      // Every row of the beginning is there, in its place among the others.
      const old = new Set(before.map(keyOf));
      expect(keys.filter((key) => old.has(key))).toEqual(before.map(keyOf));
      expect(pages.slice(0, -1).every((rows) => rows.length === 7)).toBe(true);
      expect(pages.length).toBeGreaterThan(9);
    });
  }

  it("add up to the table when nothing is posted, also in a zone, by week and with reasons", async () => {
    const searches = [
      "group_by=minute,ad_id",
      "group_by=hour,ad_id&timezone=Asia/Kolkata",
      "group_by=week,ad_id&timezone=Africa/Cairo",
    ];
    for (const search of searches) {
      const path = `/v1/reports/clicks?${RANGE}&${search}&metrics=clicks,reasons`;
      const pages = await pagesOf(`${path}&limit=10`, async () => {});
      expect(pages.flat()).toEqual((await askJson(path)).rows);
      expect(pages.length).toBeGreaterThan(2);
    }
  });

  it("read only what lies behind the cursor", async () => {
    for (const search of ["group_by=day,ad_id", "group_by=day,ad_id&order=-day&timezone=Asia/Kolkata"]) {
      const path = `/v1/reports/clicks?${RANGE}&advertiser_id=adv_1&${search}&limit=23`;
      const first = await askJson(path);
      const second = await askJson(`${path}&cursor=${first.meta.nextCursor}`);
      const third = await askJson(`${path}&cursor=${second.meta.nextCursor}`);
      expect(third.meta.nextCursor).toBeNull();
      // Three days of 23 rows; the second page reads the first day's once more, to find that it has no more.
      expect(first.meta.rowsRead - third.meta.rowsRead).toBeGreaterThanOrEqual(23);
    }
  });

  it("may change their length and format on the way", async () => {
    const path = `/v1/reports/clicks?${RANGE}&group_by=ad_id`;
    const first = await askJson(`${path}&limit=5`);
    const rest = await ask(`${path}&limit=100&format=csv&cursor=${first.meta.nextCursor}`);
    expect((await rest.text()).split("\r\n").length).toBe(1 + 18 + 1);
    expect(rest.headers.get("X-Report-Next-Cursor")).toBeNull();
  });
});

describe("pages in an order by a metric", () => {
  for (const order of ["-clicks", "clicks", "-ctr", "-gross_clicks,-day"]) {
    it(`are those of the first reading, sums included: ${order}`, async () => {
      const metrics = "metrics=clicks,gross_clicks,ctr,reasons,unique_users";
      const path = `/v1/reports/clicks?${RANGE}&group_by=day,ad_id&${metrics}&order=${order}&totals=true&limit=7`;
      const before = await askJson(path.replace("limit=7", "limit=1000"));
      const pages = await pagesOf(path, disturb);
      expect(pages.flat()).toEqual(before.rows);
      expect(pages.length).toBe(10);
    });
  }

  it("carry totals, watermark and the previous period of the first reading", async () => {
    const path = `/v1/reports/clicks?${RANGE}&group_by=ad_id&order=-clicks&totals=true&compare=previous_period&limit=20`;
    const first = await askJson(path, { nowMs: NOON_MS });
    await disturb(0);
    const second = await askJson(`${path}&cursor=${first.meta.nextCursor}`, { nowMs: NOON_MS + 60_000 });
    expect(second.rows.length).toBe(3);
    expect(second.meta.totals).toEqual(first.meta.totals);
    expect(second.meta["watermark"]).toBe(first.meta["watermark"]);
    expect(second.meta["lagSeconds"]).toBe(65);
    expect(second.rows[0]).toMatchObject({ previous: { clicks: 0 } });
  });

  it("end at the first, with a reason, where there are more rows than are read", { timeout: 60_000 }, async () => {
    await env.REPORT_DB.prepare(MANY_ROWS).run();
    const path = "/v1/reports/clicks?from=2026-06-01&to=2026-06-01&group_by=ad_id&order=-clicks&limit=3";
    const { rows, meta } = await askJson(path);
    expect(rows.map((row) => row["clicks"])).toEqual([50_010, 50_009, 50_008]);
    expect(meta).toMatchObject({ truncated: true, nextCursor: null });
    expect(meta.warnings.map(({ code }) => code)).toContain("no_next_page");
    const byKey = await askJson(path.replace("-clicks", "ad_id"));
    expect(byKey.meta.nextCursor).not.toBeNull();
  });

  it("[attack 19] end at the first, with a reason, where the tenant has as much kept as it may have", async () => {
    const tenant = { advertiserId: "adv_keeper", publisherId: null };
    await postCells(
      env.REPORT_DB,
      AD_IDS.map((ad_id) => aCell({ advertiser_id: "adv_keeper", ad_id })),
    );
    const authorization = await seedKey(env.REPORT_DB, { name: "keeper", ...tenant, scopes: ["report"] });
    const path = `/v1/reports/clicks?${RANGE}&group_by=ad_id&order=-clicks&limit=3`;
    const keptBefore = (await env.ARCHIVE.list({ prefix: KEPT_PREFIX })).objects.length;
    // More than all its room, so that none comes back meanwhile.
    expect(await env.READ_GATE.getByName("REPORT_DB").mayKeep(budgetOf(tenant), 1e12)).toBe(true);
    const { rows, meta } = await askJson(path, { authorization });
    expect(rows).toHaveLength(3);
    expect(meta).toMatchObject({ truncated: true, nextCursor: null });
    expect(meta.warnings).toContainEqual({ code: "no_next_page", detail: expect.stringContaining("kept for an hour") });
    expect((await env.ARCHIVE.list({ prefix: KEPT_PREFIX })).objects.length).toBe(keptBefore);
    // Pages in an order by a dimension are read anew, and need no room.
    const byKey = await askJson(path.replace("-clicks", "ad_id"), { authorization });
    expect(byKey.meta.nextCursor).not.toBeNull();
  });
});

/** 50 010 ads in one minute. */
const MANY_ROWS = `
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 50010)
INSERT INTO facts_minute (advertiser_id, minute, campaign_id, ad_group_id, ad_id, part, impressions, gross, valid,
  duplicate, invalid, late, conversions, conversions_by_time, spend_micros, conversion_value_micros, cells, reasons)
SELECT 'adv_1', 29671200, 'cmp', '', 'ad_' || n, 0, 0, n, n, 0, 0, 0, 0, 0, 0, 0, '[]', '{}' FROM numbers`;

describe("a cursor", () => {
  const BY_KEY = `/v1/reports/clicks?${RANGE}&group_by=ad_id&limit=5`;
  const BY_METRIC = `${BY_KEY}&order=-clicks`;

  async function refusalOf(path: string, asked: Asked = {}): Promise<string> {
    const response = await ask(path, asked);
    return `${response.status} ${(await response.json<{ type: string }>()).type.replace("/problems/", "")}`;
  }

  it("that was edited in any part does not open", async () => {
    for (const path of [BY_KEY, BY_METRIC]) {
      const cursor = (await askJson(path)).meta.nextCursor ?? "";
      const [payload = "", mac = "", kid = ""] = cursor.split(".");
      const flip = (text: string, at: number) =>
        text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
      const later = atob(payload.replaceAll("-", "+").replaceAll("_", "/")).replace(/"at":\d+/, '"at":9999999999999');
      const edited = [
        ...[0, 20, payload.length - 2].map((at) => [flip(payload, at), mac, kid].join(".")),
        [payload, flip(mac, 3), kid].join("."),
        [payload, mac, "other"].join("."),
        [payload, mac].join("."),
        [btoa(later), mac, kid].join("."),
        payload,
        "..",
        "x",
        "%00",
        encodeURIComponent("' OR 1=1 --"),
        "A".repeat(4_096),
      ];
      for (const one of edited) expect(await refusalOf(`${path}&cursor=${one}`), one).toBe("400 tampered-cursor");
    }
    expect(await refusalOf(`${BY_KEY}&cursor=`)).toBe("400 invalid-value");
    expect(await refusalOf(`${BY_KEY}&cursor=${"A".repeat(4_097)}`)).toBe("400 invalid-value");
    expect(await refusalOf(`${BY_KEY}&cursor=a&cursor=b`)).toBe("400 repeated-parameter");
  });

  it("of another key does not open, whether that key is of another tenant or an admin's", async () => {
    const one = await seedKey(env.REPORT_DB, { name: "pageOne", advertiserId: "adv_1", scopes: ["report"] });
    const two = await seedKey(env.REPORT_DB, { name: "pageTwo", advertiserId: "adv_2", scopes: ["report"] });
    for (const path of [BY_KEY, BY_METRIC]) {
      const { meta } = await askJson(path, { authorization: one });
      const next = `${path}&cursor=${meta.nextCursor}`;
      expect(await refusalOf(next, { authorization: two })).toBe("400 tampered-cursor");
      expect(await refusalOf(next)).toBe("400 tampered-cursor");
      expect((await askJson(next, { authorization: one })).rows.length).toBe(5);
    }
  });

  it("belongs to its query", async () => {
    const { meta } = await askJson(BY_KEY);
    const others = [
      BY_KEY.replace("group_by=ad_id", "group_by=ad_id,country"),
      BY_KEY.replace("to=2026-04-21", "to=2026-04-20"),
      `${BY_KEY}&metrics=gross_clicks`,
      `${BY_KEY}&order=-ad_id`,
      `${BY_KEY}&ad_id!=ad_00`,
      `${BY_KEY}&timezone=Asia/Kolkata`,
      `${BY_KEY}&totals=true`,
      `${BY_KEY}&compare=previous_period`,
    ];
    for (const other of others) {
      expect(await refusalOf(`${other}&cursor=${meta.nextCursor}`), other).toBe("400 cursor-of-another-query");
    }
  });

  it("is good for an hour", async () => {
    for (const path of [BY_KEY, BY_METRIC]) {
      const { meta } = await askJson(path, { nowMs: NOON_MS });
      const next = `${path}&cursor=${meta.nextCursor}`;
      expect((await askJson(next, { nowMs: NOON_MS + HOUR })).rows.length).toBe(5);
      expect(await refusalOf(next, { nowMs: NOON_MS + HOUR + 1 })).toBe("410 stale-cursor");
      expect(await refusalOf(next, { nowMs: NOON_MS - 60_001 })).toBe("410 stale-cursor");
    }
  });

  it("is stale when its rows are gone", async () => {
    const { meta } = await askJson(BY_METRIC);
    const { objects } = await env.ARCHIVE.list({ prefix: KEPT_PREFIX });
    await env.ARCHIVE.delete(objects.map(({ key }) => key));
    expect(await refusalOf(`${BY_METRIC}&cursor=${meta.nextCursor}`)).toBe("410 stale-cursor");
  });
});

describe("kept rows", () => {
  it("are dropped when no cursor can name them any more, and not before", async () => {
    const path = `/v1/reports/clicks?${RANGE}&group_by=ad_id&limit=5&order=-clicks`;
    const { meta } = await askJson(path, { nowMs: NOON_MS });
    await askJson(path, { nowMs: NOON_MS + 10 * 60_000 });
    await dropKeptRows(env.ARCHIVE, NOON_MS + HOUR);
    expect((await askJson(`${path}&cursor=${meta.nextCursor}`, { nowMs: NOON_MS + HOUR })).rows.length).toBe(5);
    const count = async () => (await env.ARCHIVE.list({ prefix: KEPT_PREFIX })).objects.length;
    const kept = await count();
    expect(await dropKeptRows(env.ARCHIVE, NOON_MS + HOUR + 1_000)).toBe(1);
    expect(await count()).toBe(kept - 1);
  });

  it("are not written for a table that ends on its first page, nor for one ordered by its keys", async () => {
    const count = async () => (await env.ARCHIVE.list({ prefix: KEPT_PREFIX })).objects.length;
    const before = await count();
    await askJson(`/v1/reports/clicks?${RANGE}&group_by=ad_id&order=-clicks`);
    await askJson(`/v1/reports/clicks?${RANGE}&group_by=ad_id&limit=5`);
    expect(await count()).toBe(before);
  });
});
