/** Quotients and reasons in answers: derived from sums over every tier, ordered, spelled in CSV. */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { dayOf, hourOf } from "../../src/core/time.ts";
import { NOON_MS } from "../support/builders.ts";
import { ask, askJson } from "./ask.ts";
import { aCell, type Cell, seedCells } from "./seed.ts";

const DAY = 86_400_000;
const RANGE = "from=2026-04-18&to=2026-04-20";

const counts = (impressions: number, valid: number, invalid: number, spend_micros: number) => ({
  impressions,
  gross_impressions: impressions,
  valid,
  invalid,
  gross: valid + invalid,
  spend_micros,
});

/** Three days that lie in three tiers; publishers so that rows have two cells, and so two parts. */
const CELLS: Cell[] = [
  aCell({ atMs: NOON_MS - 2 * DAY, counts: counts(100, 3, 2, 10), reasons: { declared_crawler: 2, test: 1 } }),
  aCell({ atMs: NOON_MS - 2 * DAY, publisher_id: "pub_2", counts: counts(100, 2, 1, 5) }),
  aCell({ atMs: NOON_MS - DAY, counts: counts(50, 5, 0, 20), reasons: { "impression.declared_crawler": 7 } }),
  aCell({ counts: counts(50, 0, 4, 0), reasons: { declared_crawler: 4, test: -1 } }),
  aCell({ ad_id: "ad_10", counts: counts(0, 1, 0, 9) }),
  aCell({ ad_id: "ad_11", counts: counts(10, 1, 0, 7) }),
  aCell({ ad_id: "ad_12", counts: {}, reasons: { "conversion.unknown_click": 3 } }),
];

beforeAll(() =>
  seedCells(env.REPORT_DB, CELLS, () => ({ hour: hourOf(Date.UTC(2026, 3, 20)), day: dayOf(Date.UTC(2026, 3, 19)) })),
);

describe("quotients", () => {
  it("derive from the sums over all tiers, never from quotients", async () => {
    const { rows, meta } = await askJson(
      `/v1/reports/clicks?${RANGE}&advertiser_id=adv_1&ad_id=ad_9&metrics=ctr,avg_cpc_micros,roas,cvr`,
    );
    expect(meta.tiers.map(({ tier }) => tier)).toEqual(["day", "hour", "minute"]);
    // 10 clicks of 300 impressions for 35 micros: 3.5 rounds up.
    expect(rows).toEqual([{ ctr: 0.033333, avgCpcMicros: 4, roas: 0, cvr: 0 }]);
  });

  it("are null, and empty in CSV, where the denominator is 0", async () => {
    const path = `/v1/reports/clicks?${RANGE}&advertiser_id=adv_1&ad_id=ad_10&group_by=ad_id&metrics=ctr,cpa_micros,clicks`;
    expect((await askJson(path)).rows).toEqual([{ adId: "ad_10", ctr: null, cpaMicros: null, clicks: 1 }]);
    expect(await (await ask(`${path}&format=csv`)).text()).toBe("ad_id,ctr,cpa_micros,clicks\r\nad_10,,,1\r\n");
  });

  it("order rows, those without a value last in either direction", async () => {
    const adsBy = async (order: string) =>
      (await askJson(`/v1/reports/clicks?${RANGE}&group_by=ad_id&metrics=ctr&order=${order}`)).rows.map(
        (row) => row["adId"],
      );
    expect(await adsBy("ctr")).toEqual(["ad_9", "ad_11", "ad_10"]);
    expect(await adsBy("-ctr")).toEqual(["ad_11", "ad_9", "ad_10"]);
  });

  it("are null in the empty points of a series", async () => {
    const { series } = await askJson(`/v1/metrics/clicks?${RANGE}&ad_id=ad_11&metrics=ctr,clicks,reasons`);
    expect(series[0]?.points).toEqual([
      { day: "2026-04-18T00:00:00Z", ctr: null, clicks: 0, reasons: {} },
      { day: "2026-04-19T00:00:00Z", ctr: null, clicks: 0, reasons: {} },
      { day: "2026-04-20T00:00:00Z", ctr: 0.1, clicks: 1, reasons: {} },
    ]);
  });
});

describe("reasons", () => {
  it("are counts by name, summed over tiers and parts", async () => {
    const { rows } = await askJson(`/v1/reports/clicks?${RANGE}&ad_id=ad_9&metrics=invalid_clicks,reasons`);
    expect(rows).toEqual([{ invalidClicks: 7, reasons: { declared_crawler: 6, "impression.declared_crawler": 7 } }]);
  });

  it("split by time and row dimensions, and alone make a row where there is one", async () => {
    const { rows } = await askJson(`/v1/reports/clicks?${RANGE}&group_by=ad_id,day&metrics=reasons`);
    expect(rows).toEqual([
      { day: "2026-04-18T00:00:00Z", adId: "ad_9", reasons: { declared_crawler: 2, test: 1 } },
      { day: "2026-04-19T00:00:00Z", adId: "ad_9", reasons: { "impression.declared_crawler": 7 } },
      { day: "2026-04-20T00:00:00Z", adId: "ad_12", reasons: { "conversion.unknown_click": 3 } },
      { day: "2026-04-20T00:00:00Z", adId: "ad_9", reasons: { declared_crawler: 4, test: -1 } },
    ]);
  });

  it("[fault B7] are the same columns in CSV whatever was counted, on every page and on none", async () => {
    const headerOf = async (search: string) =>
      (
        (
          await (await ask(`/v1/reports/clicks?${search}&group_by=ad_id&metrics=reasons,clicks&format=csv`)).text()
        ).split("\r\n")[0] ?? ""
      ).split(",");
    const header = await headerOf(`${RANGE}&ad_id=ad_9,ad_12`);
    expect(header.length).toBe(new Set(header).size);
    for (const other of [
      `${RANGE}&ad_id=ad_9`,
      `${RANGE}&limit=1`,
      `${RANGE}&ad_id=nobody`,
      "from=2019-01-01&to=2019-01-02",
    ]) {
      expect(await headerOf(other), other).toEqual(header);
    }
    const compared = await headerOf(`${RANGE}&ad_id=ad_9&compare=previous_period`);
    expect(compared.slice(1)).toEqual([...header.slice(1), ...header.slice(1).map((name) => `previous.${name}`)]);
    const path = `/v1/reports/clicks?${RANGE}&ad_id=ad_9,ad_12&group_by=ad_id&metrics=reasons,clicks&format=csv`;
    const [, twelve = "", nine = ""] = (await (await ask(path)).text()).split("\r\n");
    const told = (line: string) =>
      Object.fromEntries(line.split(",").flatMap((cell, at) => (cell === "0" ? [] : [[header[at], cell]])));
    expect(told(twelve)).toEqual({ ad_id: "ad_12", "reason.other": "3" });
    expect(told(nine)).toEqual({
      ...{ ad_id: "ad_9", "reason.declared_crawler": "6", "reason.impression.declared_crawler": "7", clicks: "10" },
    });
  });

  it("come in key order page by page as in one", async () => {
    const path = `/v1/reports/clicks?${RANGE}&group_by=ad_id&metrics=clicks,reasons`;
    const all = await askJson(path);
    for (const limit of [1, 2, 3])
      expect((await askJson(`${path}&limit=${limit}`)).rows).toEqual(all.rows.slice(0, limit));
  });
});
