/** Unique users in answers: united over time, tiers and ads; what the answer says of them. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { elementOf } from "../../src/core/sketch.ts";
import { dayOf, hourOf } from "../../src/core/time.ts";
import { NOON_MS } from "../support/builders.ts";
import { wipeFacts } from "../support/wipe-facts.ts";
import { ask, askJson } from "./ask.ts";
import { aCell, type Cell, seedCells } from "./seed.ts";

const DAY = 86_400_000;
const RANGE = "from=2026-04-18&to=2026-04-20";

const elements = new Map<number, number>();

/** The element of a user; SHA-256 stands for any uniform hash. */
async function userOf(user: number): Promise<number> {
  const known = elements.get(user);
  if (known !== undefined) return known;
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`user ${user}`));
  const element = elementOf(new Uint8Array(hash));
  elements.set(user, element);
  return element;
}

/** A cell with one valid click of each user, and as many of nobody known. */
async function clicksOf(users: readonly number[], unknown: number, overrides: Partial<Cell> = {}): Promise<Cell> {
  const valid = users.length + unknown;
  const counts = { gross: valid, valid, valid_with_user: users.length };
  return aCell({ counts, users: await Promise.all(users.map(userOf)), ...overrides });
}

const from = (first: number, count: number) => Array.from({ length: count }, (_, index) => first + index);

/** Three days in three tiers; ad_10 shares users with ad_9. */
beforeEach(async () => {
  await wipeFacts(env.REPORT_DB);
  const cells = [
    await clicksOf(from(0, 10), 2, { atMs: NOON_MS - 2 * DAY }),
    await clicksOf(from(5, 10), 0, { atMs: NOON_MS - DAY }),
    await clicksOf(from(8, 10), 8, {}),
    await clicksOf(from(17, 5), 0, { ad_id: "ad_10" }),
    await clicksOf([], 3, { ad_id: "ad_11" }),
  ];
  const marks = { hour: hourOf(Date.UTC(2026, 3, 20)), day: dayOf(Date.UTC(2026, 3, 19)) };
  await seedCells(env.REPORT_DB, cells, () => marks);
});

describe("unique_users", () => {
  it("counts a person once over days, tiers and ads, and states error and coverage", async () => {
    const { rows, meta } = await askJson(`/v1/reports/clicks?${RANGE}&metrics=unique_users,clicks`);
    expect(meta.tiers.map(({ tier }) => tier)).toEqual(["day", "hour", "minute"]);
    expect(rows).toEqual([{ uniqueUsers: 22, clicks: 48 }]);
    expect(meta["uniqueUsers"]).toMatchObject({ standardError: 0, exact: true, coverage: 0.729167, keyLifeDays: 1 });
  });

  it("splits by time and row dimensions; the parts may add up to more than the whole", async () => {
    const byAd = await askJson(`/v1/reports/clicks?${RANGE}&group_by=ad_id&metrics=unique_users&order=-unique_users`);
    expect(byAd.rows).toEqual([
      { adId: "ad_9", uniqueUsers: 18 },
      { adId: "ad_10", uniqueUsers: 5 },
      { adId: "ad_11", uniqueUsers: 0 },
    ]);
    const { series } = await askJson(`/v1/metrics/clicks?${RANGE}&ad_id=ad_9&metrics=unique_users`);
    expect(series[0]?.points.map((point) => point["uniqueUsers"])).toEqual([10, 10, 10]);
    const inKolkata = await askJson(
      `/v1/metrics/clicks?${RANGE}&ad_id=ad_9&metrics=unique_users&timezone=Asia/Kolkata`,
    );
    expect(inKolkata.series[0]?.points.map((point) => point["uniqueUsers"])).toEqual([10, 10, 10]);
  });

  it("has totals of its own, never the sum of rows", async () => {
    const path = `/v1/reports/clicks?${RANGE}&group_by=ad_id&metrics=unique_users&totals=true&limit=1`;
    const { meta, rows } = await askJson(path);
    expect(meta.totals).toEqual({ uniqueUsers: 22 });
    const lowered = (await askJson(path.replace("limit=1", "limit=2001"))).meta;
    expect([lowered.query["limit"], lowered.warnings.map(({ code }) => code)]).toEqual([2_000, ["limit_lowered"]]);
    expect(rows).toEqual([{ adId: "ad_10", uniqueUsers: 5 }]);
    const next = await askJson(`${path}&cursor=${meta.nextCursor}`);
    expect(next.rows).toEqual([{ adId: "ad_11", uniqueUsers: 0 }]);
  });

  it("is an estimate where there are many, and says how good", async () => {
    await wipeFacts(env.REPORT_DB);
    await seedCells(env.REPORT_DB, [
      await clicksOf(from(0, 3_000), 0, { atMs: NOON_MS - DAY }),
      await clicksOf(from(1_000, 3_000), 0),
    ]);
    const { rows, meta } = await askJson(`/v1/reports/clicks?${RANGE}&metrics=unique_users`);
    const users = Number(rows[0]?.["uniqueUsers"]);
    expect(Math.abs(users / 4_000 - 1)).toBeLessThan(4 * 0.0162);
    expect(meta["uniqueUsers"]).toMatchObject({ standardError: 0.0162, exact: false, coverage: 1 });
  });

  it("says no coverage where there were no clicks, and 0 users", async () => {
    const { meta, series } = await askJson("/v1/metrics/clicks?from=2026-01-01&to=2026-01-01&metrics=unique_users");
    expect(series[0]?.points).toEqual([{ day: "2026-01-01T00:00:00Z", uniqueUsers: 0 }]);
    expect(meta["uniqueUsers"]).toMatchObject({ coverage: null, exact: true });
  });

  it("is a column of CSV", async () => {
    const path = `/v1/reports/clicks?${RANGE}&group_by=ad_id&metrics=unique_users,clicks_with_user&format=csv`;
    expect(await (await ask(path)).text()).toBe(
      "ad_id,unique_users,clicks_with_user\r\nad_10,5,5\r\nad_11,0,0\r\nad_9,18,30\r\n",
    );
  });

  it("pages over more groups than may be united at once", { timeout: 60_000 }, async () => {
    await env.REPORT_DB.prepare(MANY_SKETCHES.replace("'ad_1'", "'ad_' || (10000 + n)").replace("2600", "4999")).run();
    await env.REPORT_DB.prepare(
      "UPDATE facts_minute SET sketch = CAST('p0000000' AS BLOB) WHERE ad_id > 'ad_10000'",
    ).run();
    const path = "/v1/reports/clicks?from=2026-06-01&to=2026-06-05&group_by=ad_id&metrics=unique_users&limit=1999";
    let cursor = "";
    const counts: unknown[] = [];
    for (let page = 0; page < 3; page++) {
      const { rows, meta } = await askJson(path.concat(cursor));
      counts.push(rows.filter((row) => row["uniqueUsers"] !== 0).length);
      cursor = `&cursor=${meta.nextCursor}`;
    }
    expect(counts).toEqual([1_999, 1_999, 1_002]);
    const byMetric = await ask(path.concat("&order=-unique_users"));
    expect(await byMetric.json()).toMatchObject({ type: "/problems/too-many-rows" });
  });

  it("reads long sketches in steps, to the same number", { timeout: 60_000 }, async () => {
    // 2 600 minutes of registers are 10 MB: more than one step.
    await env.REPORT_DB.prepare(MANY_SKETCHES).run();
    const path = "/v1/reports/clicks?from=2026-06-01&to=2026-06-03&metrics=unique_users";
    const all = await askJson(path);
    await env.REPORT_DB.prepare("DELETE FROM facts_minute WHERE minute BETWEEN 29671201 AND 29680000").run();
    const one = await askJson(path);
    expect(all.rows[0]?.["uniqueUsers"]).toBe(one.rows[0]?.["uniqueUsers"]);
    expect(Number(one.rows[0]?.["uniqueUsers"])).toBeGreaterThan(1_000);
  });

  it("is refused for more sketches than a query may read", { timeout: 60_000 }, async () => {
    await env.REPORT_DB.prepare(MANY_SKETCHES.replace("2600", "17500")).run();
    const refused = await ask("/v1/reports/clicks?from=2026-06-01&to=2026-06-30&metrics=unique_users");
    expect(await refused.json()).toMatchObject({ type: "/problems/too-many-rows", field: "metrics" });
  });
});

/** One ad, a sketch of equal registers in each of many minutes. */
const MANY_SKETCHES = `
WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 2600)
INSERT INTO facts_minute (advertiser_id, minute, campaign_id, ad_group_id, ad_id, part, impressions, gross, valid,
  duplicate, invalid, late, conversions, conversions_by_time, spend_micros, conversion_value_micros, cells, reasons, sketch)
SELECT 'adv_1', 29671200 + n, 'cmp', '', 'ad_1', 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, '[]', '{}',
  CAST(replace(hex(zeroblob(2048)), '0', '3') AS BLOB)
FROM numbers`;
