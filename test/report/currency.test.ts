/** Money of two currencies is never added up: by table, series, totals, comparison, order, pages, CSV and NDJSON. */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { moveMinutes } from "../../src/batch/move-minutes.ts";
import type { Measure } from "../../src/core/fields.ts";
import { dayOf, hourOf } from "../../src/core/time.ts";
import { NOON_MS } from "../support/builders.ts";
import { ALL_BUCKETS } from "../support/cold-facts.ts";
import { ask, askJson } from "./ask.ts";
import { aCell, type Cell, postCells, seedCells, seedKey, seedProfiles } from "./seed.ts";

const DAY_MS = 86_400_000;
const DAY = "from=2026-04-20&to=2026-04-20";
const LATER_MS = NOON_MS + 3 * DAY_MS;

function spent(advertiser_id: string, spend: number, more: Partial<Cell> = {}): Cell {
  const counts: Partial<Record<Measure, number>> = { gross: 1, valid: 1, spend_micros: spend };
  return aCell({ advertiser_id, counts, ...more });
}

/** Two pay in euro, one in yen, one nobody knows; all share a campaign, an ad and a publisher. */
const CELLS: Cell[] = [
  spent("adv_eur", 1_000_000),
  spent("adv_eur_2", 2_000_000, { country: "FR" }),
  spent("adv_jpy", 500_000_000, { publisher_id: "pub_2" }),
  spent("adv_jpy", 300_000_000, { atMs: NOON_MS + 60_000 }),
  spent("adv_none", 7),
  spent("adv_eur", 4_000_000, { atMs: NOON_MS - DAY_MS }),
  spent("adv_jpy", 100_000_000, { atMs: NOON_MS - DAY_MS, country: "JP" }),
  aCell({ advertiser_id: "adv_jpy", counts: { conversions: 1, conversion_value_micros: 900_000_000 } }),
];
const keys: Record<string, string> = {};

beforeAll(async () => {
  await seedCells(env.REPORT_DB, CELLS, () => ({
    hour: hourOf(NOON_MS - 12 * 3_600_000),
    day: dayOf(NOON_MS - DAY_MS / 2),
  }));
  await seedProfiles(env.REPORT_DB, [
    { id: "adv_eur", currency: "EUR", timeZone: "Europe/Berlin" },
    { id: "adv_eur_2", currency: "EUR" },
    { id: "adv_jpy", currency: "JPY", timeZone: "Asia/Tokyo" },
    { id: "adv_none", currency: null },
  ]);
  keys["eur"] = await seedKey(env.REPORT_DB, { name: "eur", advertiserId: "adv_eur", scopes: ["report"] });
  keys["none"] = await seedKey(env.REPORT_DB, { name: "none", advertiserId: "adv_none", scopes: ["report"] });
  keys["unknown"] = await seedKey(env.REPORT_DB, { name: "unknown", advertiserId: "adv_new", scopes: ["report"] });
  keys["pub"] = await seedKey(env.REPORT_DB, { name: "pub", publisherId: "pub_1", scopes: ["report"] });
});

const rowsOf = async (search: string, authorization?: string) =>
  (await askJson(`/v1/reports/clicks?${search}`, authorization === undefined ? {} : { authorization })).rows;

describe("[fault B1] money of several advertisers", () => {
  it("is one row for each currency, also without a group, and an unknown currency is added to no other", async () => {
    const { rows, meta } = await askJson(`/v1/reports/clicks?${DAY}&metrics=spend_micros,clicks`);
    expect(rows).toEqual([
      { currency: "", spendMicros: 7, clicks: 1 },
      { currency: "EUR", spendMicros: 3_000_000, clicks: 2 },
      { currency: "JPY", spendMicros: 800_000_000, clicks: 2 },
    ]);
    expect(meta).toMatchObject({ currency: null, currencies: ["", "EUR", "JPY"], query: { dimensions: ["currency"] } });
    expect(meta.warnings.map(({ code }) => code)).toEqual(["currency_unset"]);
  });

  it("is so for every metric that is made of money, and for no other", async () => {
    const money = [
      ...["spend_micros", "conversion_value_micros", "conversion_value_by_time_micros"],
      ...["avg_cpc_micros", "cpa_micros", "roas"],
    ];
    for (const metric of money) {
      const { meta } = await askJson(`/v1/reports/clicks?${DAY}&metrics=${metric}`);
      expect(meta.query["dimensions"], metric).toEqual(["currency"]);
    }
    for (const metric of ["clicks", "ctr", "cvr", "conversions", "unique_users", "reasons"]) {
      const { meta } = await askJson(`/v1/reports/clicks?${DAY}&metrics=${metric}`);
      expect([meta.query["dimensions"], meta["currency"]], metric).toEqual([[], undefined]);
    }
    expect(await rowsOf(`${DAY}&metrics=roas,cpa_micros&currency=JPY`)).toEqual([
      { roas: 1.125, cpaMicros: 800_000_000 },
    ]);
  });

  it.each([
    [
      "campaign_id",
      [
        ["cmp_7", "", 7],
        ["cmp_7", "EUR", 3_000_000],
        ["cmp_7", "JPY", 800_000_000],
      ],
    ],
    [
      "ad_id",
      [
        ["ad_9", "", 7],
        ["ad_9", "EUR", 3_000_000],
        ["ad_9", "JPY", 800_000_000],
      ],
    ],
    [
      "publisher_id",
      [
        ["pub_1", "", 7],
        ["pub_1", "EUR", 3_000_000],
        ["pub_1", "JPY", 300_000_000],
        ["pub_2", "JPY", 500_000_000],
      ],
    ],
    [
      "country",
      [
        ["DE", "", 7],
        ["DE", "EUR", 1_000_000],
        ["DE", "JPY", 800_000_000],
        ["FR", "EUR", 2_000_000],
      ],
    ],
    [
      "advertiser_id",
      [
        ["adv_eur", "EUR", 1_000_000],
        ["adv_eur_2", "EUR", 2_000_000],
        ["adv_jpy", "JPY", 800_000_000],
        ["adv_none", "", 7],
      ],
    ],
    [
      "currency",
      [
        ["", 7],
        ["EUR", 3_000_000],
        ["JPY", 800_000_000],
      ],
    ],
  ])("by %s has a currency in each row", async (word, expected) => {
    const rows = await rowsOf(`${DAY}&metrics=spend_micros&group_by=${word}`);
    expect(rows.map((row) => Object.values(row))).toEqual(expected);
  });

  it("is so in every tier: in sums of days, and in minutes that have left the database", async () => {
    const before = "from=2026-04-19&to=2026-04-19&metrics=spend_micros";
    const none = [
      ["EUR", 4_000_000],
      ["JPY", 100_000_000],
    ];
    const country = [
      ["DE", "EUR", 4_000_000],
      ["JP", "JPY", 100_000_000],
    ];
    const read = async () => [
      (await rowsOf(before)).map((row) => Object.values(row)),
      (await rowsOf(`${before}&group_by=country`)).map((row) => Object.values(row)),
      (await rowsOf(`${before}&group_by=minute,country`)).map((row) => Object.values(row).slice(1)),
      (await rowsOf(`${before}&group_by=hour&timezone=Asia/Kolkata&currency!=EUR`)).map((row) =>
        Object.values(row).slice(1),
      ),
      (await rowsOf(`${before}&group_by=day&timezone=Asia/Kolkata`)).map((row) => Object.values(row).slice(1)),
    ];
    const expected = [none, country, country, [["JPY", 100_000_000]], none];
    expect(await read()).toEqual(expected);
    const ports = { database: env.REPORT_DB, archive: env.ARCHIVE, clock: () => LATER_MS };
    await moveMinutes(ports, { nowMs: LATER_MS, hotMinutesMs: 0, untilMs: Infinity, buckets: ALL_BUCKETS });
    expect(await read()).toEqual(expected);
  });

  it("has one series for each currency", async () => {
    const { series } = await askJson(`/v1/metrics/clicks?from=2026-04-19&to=2026-04-20&metrics=spend_micros`);
    expect(
      series.map(({ points, ...one }) => [one["currency"], ...points.map((point) => point["spendMicros"])]),
    ).toEqual([
      ["", 0, 7],
      ["EUR", 4_000_000, 3_000_000],
      ["JPY", 100_000_000, 800_000_000],
    ]);
  });

  it("has totals for each currency, and over all only what is no money", async () => {
    const search = `${DAY}&metrics=clicks,spend_micros&group_by=ad_id&totals=true&compare=previous_period`;
    const { meta, rows } = await askJson(`/v1/reports/clicks?${search}`);
    expect(meta.totals).toEqual({
      clicks: 5,
      previous: { clicks: 2 },
      byCurrency: [
        { currency: "", clicks: 1, spendMicros: 7, previous: { clicks: 0, spendMicros: 0 } },
        { currency: "EUR", clicks: 2, spendMicros: 3_000_000, previous: { clicks: 1, spendMicros: 4_000_000 } },
        { currency: "JPY", clicks: 2, spendMicros: 800_000_000, previous: { clicks: 1, spendMicros: 100_000_000 } },
      ],
    });
    expect(rows.map(({ currency, previous }) => [currency, previous])).toEqual([
      ["", { clicks: 0, spendMicros: 0 }],
      ["EUR", { clicks: 1, spendMicros: 4_000_000 }],
      ["JPY", { clicks: 1, spendMicros: 100_000_000 }],
    ]);
  });

  it("pages through currencies in either order, and an order by money keeps them apart", async () => {
    for (const [order, expected] of [
      ["", ["", "EUR", "JPY"]],
      ["&order=-currency", ["JPY", "EUR", ""]],
      ["&order=-spend_micros", ["JPY", "EUR", ""]],
      ["&order=spend_micros", ["", "EUR", "JPY"]],
    ] as const) {
      const seen: unknown[] = [];
      let cursor = "";
      for (let page = 0; page < 3; page++) {
        const { rows, meta } = await askJson(
          `/v1/reports/clicks?${DAY}&metrics=spend_micros&group_by=ad_id&limit=1${order}${cursor}`,
        );
        seen.push(...rows.map((row) => row["currency"]));
        cursor = `&cursor=${meta.nextCursor}`;
      }
      expect(seen, order).toEqual(expected);
    }
  });

  it("is said by CSV, by NDJSON and by a query as JSON", async () => {
    const csv = await ask(`/v1/reports/clicks?${DAY}&metrics=spend_micros&group_by=ad_id&format=csv`);
    expect(csv.headers.get("X-Report-Currency")).toBe(", EUR, JPY");
    expect(await csv.text()).toBe(
      "ad_id,currency,spend_micros\r\nad_9,,7\r\nad_9,EUR,3000000\r\nad_9,JPY,800000000\r\n",
    );
    const series = await ask(`/v1/metrics/clicks?${DAY}&metrics=spend_micros&format=csv`);
    expect((await series.text()).split("\r\n")[2]).toContain("EUR,3000000");
    const lines = await ask(`/v1/reports/clicks?${DAY}&metrics=spend_micros&format=ndjson`);
    expect((await lines.text()).split("\n")[1]).toBe('{"currency":"EUR","spendMicros":3000000}');
    const body = { from: "2026-04-20", to: "2026-04-20", metrics: ["spend_micros"], "currency!": ["JPY"] };
    expect((await askJson("/v1/reports/query", { body })).rows).toEqual([
      { currency: "", spendMicros: 7 },
      { currency: "EUR", spendMicros: 3_000_000 },
    ]);
  });

  it("has the same fields where nothing was counted", async () => {
    const empty = "from=2026-01-01&to=2026-01-01&metrics=spend_micros&group_by=ad_id&format=csv";
    expect(await (await ask(`/v1/reports/clicks?${empty}`)).text()).toBe("ad_id,currency,spend_micros\r\n");
  });
});

describe("[fault B1] money of one currency", () => {
  it("is one sum where the query names one advertiser or one currency", async () => {
    for (const [filter, sum, currency] of [
      ["advertiser_id=adv_jpy", 800_000_000, "JPY"],
      ["advertiser_id=adv_none", 7, null],
      ["currency=EUR", 3_000_000, "EUR"],
      ["currency=eur", 3_000_000, "EUR"],
    ] as const) {
      const { rows, meta } = await askJson(`/v1/reports/clicks?${DAY}&metrics=spend_micros&${filter}&totals=true`);
      expect([rows, meta.totals, meta["currency"]], filter).toEqual([
        [{ spendMicros: sum }],
        { spendMicros: sum },
        currency,
      ]);
    }
    const two = await rowsOf(`${DAY}&metrics=spend_micros&advertiser_id=adv_eur,adv_eur_2`);
    expect(two).toEqual([{ currency: "EUR", spendMicros: 3_000_000 }]);
  });

  it("is told to an advertiser's key, which may name it as any dimension", async () => {
    const authorization = keys["eur"] ?? "";
    const path = `/v1/reports/clicks?${DAY}&metrics=spend_micros`;
    const { rows, meta } = await askJson(path, { authorization });
    expect([rows, meta["currency"], meta["currencies"]]).toEqual([[{ spendMicros: 1_000_000 }], "EUR", ["EUR"]]);
    expect((await ask(`${path}&format=csv`, { authorization })).headers.get("X-Report-Currency")).toBe("EUR");
    expect(await rowsOf(`${DAY}&group_by=currency,ad_id`, authorization)).toEqual([
      { currency: "EUR", adId: "ad_9", clicks: 1 },
    ]);
    expect(await rowsOf(`${DAY}&currency=JPY`, authorization)).toEqual([]);
    expect(await rowsOf(`${DAY}&currency=EUR`, authorization)).toEqual([{ clicks: 1 }]);
    expect((await askJson(path, { authorization: keys["none"] ?? "" })).meta["currency"]).toBeNull();
  });

  it("is by currency to a publisher's key, of its own traffic alone", async () => {
    expect(await rowsOf(`${DAY}&metrics=spend_micros`, keys["pub"])).toEqual([
      { currency: "", spendMicros: 7 },
      { currency: "EUR", spendMicros: 3_000_000 },
      { currency: "JPY", spendMicros: 300_000_000 },
    ]);
  });

  it("costs nothing more where all have one, and is split from the moment at which another comes", async () => {
    const before = await askJson(`/v1/reports/clicks?from=2026-04-19&to=2026-04-19&metrics=spend_micros&currency=EUR`);
    expect(before.rows).toEqual([{ spendMicros: 4_000_000 }]);
    await env.REPORT_DB.batch([env.REPORT_DB.prepare("UPDATE advertiser_profiles SET currency = 'EUR'")]);
    const path = `/v1/reports/clicks?${DAY}&group_by=country&metrics=spend_micros,clicks&totals=true&compare=previous_period`;
    const one = await askJson(path);
    expect(one.rows.map((row) => [row["country"], row["currency"], row["spendMicros"]])).toEqual([
      ["DE", "EUR", 801_000_007],
      ["FR", "EUR", 2_000_000],
    ]);
    expect(one.meta.totals?.["byCurrency"]).toEqual([
      {
        ...{ currency: "EUR", spendMicros: 803_000_007, clicks: 5 },
        previous: { spendMicros: 104_000_000, clicks: 2 },
      },
    ]);
    await postCells(env.REPORT_DB, [spent("adv_usd", 5)]);
    await seedProfiles(env.REPORT_DB, [{ id: "adv_usd", currency: "USD" }]);
    const two = await rowsOf(`${DAY}&metrics=spend_micros`);
    expect(two).toEqual([
      { currency: "EUR", spendMicros: 803_000_007 },
      { currency: "USD", spendMicros: 5 },
    ]);
  });
});

describe("[fault B9] the zone of a query that names none", () => {
  const timesOf = async (key: string, more = "") => {
    const { meta } = await askJson(`/v1/reports/clicks?${DAY}${more}`, { authorization: keys[key] ?? "" });
    return [meta.query["from"], meta["timezone"], meta["timezoneFrom"]];
  };

  it("is that of the advertiser's profile, else UTC, and meta says which", async () => {
    expect(await timesOf("eur")).toEqual(["2026-04-20T00:00:00+02:00", "Europe/Berlin", "profile"]);
    expect(await timesOf("eur", "&timezone=UTC")).toEqual(["2026-04-20T00:00:00Z", "UTC", "query"]);
    expect(await timesOf("eur", "&timezone=Asia/Tokyo")).toEqual(["2026-04-20T00:00:00+09:00", "Asia/Tokyo", "query"]);
    expect(await timesOf("none")).toEqual(["2026-04-20T00:00:00Z", "UTC", "profile"]);
    expect(await timesOf("unknown")).toEqual(["2026-04-20T00:00:00Z", "UTC", "default"]);
    expect(await timesOf("pub")).toEqual(["2026-04-20T00:00:00Z", "UTC", "default"]);
  });

  it("is the same for series, for queries as JSON and in the name of a file", async () => {
    const authorization = keys["eur"] ?? "";
    const series = await askJson(`/v1/metrics/clicks?${DAY}`, { authorization });
    expect(series.series[0]?.points.length).toBe(1);
    expect(series.meta["timezone"]).toBe("Europe/Berlin");
    const body = { from: "2026-04-20", to: "2026-04-20", group_by: ["day"] };
    expect((await askJson("/v1/reports/query", { body, authorization })).rows[0]?.["day"]).toBe(
      "2026-04-20T00:00:00+02:00",
    );
    const csv = await ask(`/v1/reports/clicks?${DAY}&format=csv`, { authorization });
    expect(csv.headers.get("Content-Disposition")).toContain("_Europe-Berlin.csv");
    expect(csv.headers.get("X-Report-Timezone")).toBe("Europe/Berlin");
  });
});
