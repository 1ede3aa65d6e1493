/** What reports did with a straight face: seconds cut off, ids taken for exclusions, tags and headers that hid a change. */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { NOON_MS } from "../support/builders.ts";
import { ask, askJson, parseTable } from "./ask.ts";
import { aCell, clicks, postCells, seedCells, seedKey, seedProfiles } from "./seed.ts";

const MINUTE = 60_000;
const DAY_MS = 86_400_000;
const DAY = "from=2026-04-20&to=2026-04-20";
const LATER_MS = NOON_MS + 5 * DAY_MS;
const TABLE = "/v1/reports/clicks";

beforeAll(async () => {
  await seedCells(env.REPORT_DB, [
    aCell({ ad_id: "-neg", counts: clicks(1) }),
    aCell({ ad_id: "-12", counts: clicks(2), ad_group_id: "", country: "" }),
    aCell({ ad_id: "12", counts: clicks(4), creative_id: "", country: "GB" }),
    aCell({ ad_id: "neg", counts: clicks(8), device: "tv" }),
    aCell({ ad_id: "last", atMs: Date.UTC(2026, 3, 20, 23, 59), counts: clicks(16) }),
    // A day of 25 hours in New York, and the day after it.
    ...Array.from({ length: 25 }, (_, hour) =>
      aCell({ ad_id: "fall", atMs: Date.UTC(2026, 10, 1, 4 + hour), counts: clicks(100 + hour) }),
    ),
    ...Array.from({ length: 24 }, (_, hour) =>
      aCell({ ad_id: "fall", atMs: Date.UTC(2026, 10, 2, 5 + hour), counts: clicks(200 + hour) }),
    ),
  ]);
  await seedProfiles(env.REPORT_DB, [{ id: "adv_1", currency: "EUR" }]);
});

const rowsOf = async (search: string) => (await askJson(`${TABLE}?${search}`)).rows;
const adsOf = async (search: string) => (await rowsOf(`${DAY}&group_by=ad_id&${search}`)).map((row) => row["adId"]);

describe("[fault B2] a `to` with seconds", () => {
  const toOf = (to: string, zone = "UTC") => {
    const query = parseTable(new URLSearchParams({ from: "2026-04-01", to, timezone: zone }));
    return query.ok ? new Date(query.value.range.toMs).toISOString() : query.error;
  };

  it.each([
    ["2026-04-20T23:59:59Z", "2026-04-21T00:00:00.000Z"],
    ["2026-04-20T23:59:59.999Z", "2026-04-21T00:00:00.000Z"],
    ["2026-04-20T23:59:59.999999999Z", "2026-04-21T00:00:00.000Z"],
    ["2026-04-20T23:59:59.0Z", "2026-04-21T00:00:00.000Z"],
    ["2026-04-20T23:59:59-04:00", "2026-04-21T04:00:00.000Z"],
    ["2026-04-20T23:59:59.999+05:30", "2026-04-20T18:30:00.000Z"],
    [String(Date.UTC(2026, 3, 20, 12, 29, 59) / 1_000), "2026-04-20T12:30:00.000Z"],
    ["2026-04-20T12:29:00Z", "2026-04-20T12:29:00.000Z"],
    ["2026-04-20T12:29:00.000Z", "2026-04-20T12:29:00.000Z"],
  ])("%s ends at %s", (to, end) => {
    expect(toOf(to)).toBe(end);
  });

  it("that are neither the first nor the last of a minute is refused by name, as a `from` with seconds is", async () => {
    for (const to of ["2026-04-20T23:59:30Z", "2026-04-20T23:59:58.999Z", "2026-04-20T23:59:00.001Z", "1776729598"]) {
      expect(toOf(to), to).toMatchObject({ reason: "instant_within_minute", field: "to" });
    }
    for (const from of ["2026-04-20T00:00:59Z", "2026-04-20T00:00:59.999Z", "2026-04-20T00:00:00.5Z", "1776643201"]) {
      const response = await ask(`${TABLE}?from=${from}&to=2026-04-20`);
      expect(await response.json(), from).toMatchObject({ type: "/problems/instant-within-minute", field: "from" });
    }
  });

  it("counts the last minute, by GET, POST and in series", async () => {
    const to = "2026-04-20T23:59:59Z";
    expect(await rowsOf(`from=2026-04-20T23:00Z&to=${to}`)).toEqual([{ clicks: 16 }]);
    const body = { from: "2026-04-20T23:00Z", to };
    expect((await askJson("/v1/reports/query", { body })).rows).toEqual([{ clicks: 16 }]);
    const { series, meta } = await askJson(`/v1/metrics/clicks?from=2026-04-20&to=${to}`);
    expect(series[0]?.points).toEqual([{ day: "2026-04-20T00:00:00Z", clicks: 31 }]);
    expect([meta.query["to"], meta.warnings]).toEqual(["2026-04-21T00:00:00Z", []]);
  });
});

describe("[fault B3] CSV", () => {
  it("says what JSON warns of, and what was forgotten is not complete in any format", async () => {
    const old = "from=2019-01-01&to=2019-01-31&group_by=ad_id";
    const { meta } = await askJson(`${TABLE}?${old}`, { nowMs: LATER_MS });
    expect([meta["complete"], meta.warnings.map(({ code }) => code)]).toEqual([false, ["past_retention"]]);
    const csv = await ask(`${TABLE}?${old}&format=csv`, { nowMs: LATER_MS });
    expect(csv.headers.get("X-Report-Complete")).toBe("false");
    expect(csv.headers.get("Cache-Control")).toBe("private, no-store");
    expect(JSON.parse(csv.headers.get("X-Report-Warnings") ?? "")).toEqual(meta.warnings);
    const week = await ask(`${TABLE}?from=2026-04-21&to=2026-04-23&group_by=week&format=csv`, { nowMs: LATER_MS });
    expect(week.headers.get("X-Report-Warnings")).toContain("partial_window");
    const lines = (await (await ask(`${TABLE}?${old}&format=ndjson`, { nowMs: LATER_MS })).text()).split("\n");
    expect(JSON.parse(lines.at(-2) ?? "")).toMatchObject({ meta: { complete: false } });
  });

  it("shows a cut in the name of its file, and each page the next by a link", async () => {
    for (const order of ["", "&order=-clicks"]) {
      let url = `${TABLE}?${DAY}&group_by=ad_id&format=csv&limit=2&campaign_id=cmp_7${order}`;
      const names: string[] = [];
      const ads: string[] = [];
      for (let page = 0; page < 5 && url !== ""; page++) {
        const response = await ask(url, { nowMs: LATER_MS });
        names.push(/filename="clicks_(.*)"/.exec(response.headers.get("Content-Disposition") ?? "")?.[1] ?? "");
        ads.push(...(await response.text()).split("\r\n").slice(1, -1));
        url = /^<(\/v1\/reports\/clicks\?[^>]*)>; rel="next"$/.exec(response.headers.get("Link") ?? "")?.[1] ?? "";
      }
      expect(names).toEqual([
        "2026-04-20_2026-04-20_UTC_first-2-rows.csv",
        "2026-04-20_2026-04-20_UTC_further-rows.csv",
        "2026-04-20_2026-04-20_UTC_further-rows.csv",
      ]);
      expect(ads.length).toBe(5);
    }
  });

  it("and the other formats link the next page where there is one, under the address that was asked", async () => {
    for (const format of ["json", "ndjson"]) {
      const first = await ask(`/api${TABLE}?${DAY}&group_by=ad_id&limit=4&format=${format}`);
      const link = first.headers.get("Link") ?? "";
      expect(link).toMatch(/^<\/api\/v1\/reports\/clicks\?.*cursor=.*>; rel="next"$/);
      const next = await ask(/<(.*)>/.exec(link)?.[1] ?? "");
      expect([next.status, next.headers.get("Link")]).toEqual([200, null]);
    }
    const post = await ask("/v1/reports/query", {
      body: { from: "2026-04-20", to: "2026-04-20", group_by: "ad_id", limit: 1 },
    });
    expect(post.headers.get("Link")).toBeNull();
  });
});

describe("[fault B4] an id that begins with a minus", () => {
  it("is that id, included or excluded, in a query string and as JSON", async () => {
    expect(await adsOf("ad_id=-neg")).toEqual(["-neg"]);
    expect(await adsOf("ad_id=-12,neg")).toEqual(["-12", "neg"]);
    expect(await adsOf("ad_id!=-neg,neg")).toEqual(["-12", "12", "last"]);
    expect(await adsOf("ad_id!=-12&ad_id!=last&ad_id=-neg,12,-12")).toEqual(["-neg", "12"]);
    const body = {
      from: "2026-04-20",
      to: "2026-04-20",
      group_by: ["ad_id"],
      "ad_id!": ["-neg", "last"],
      device: "mobile",
    };
    const answer = await askJson("/v1/reports/query", { body });
    expect(answer.rows.map((row) => row["adId"])).toEqual(["-12", "12"]);
    expect(answer.meta.query["filters"]).toEqual({ "adId!": ["-neg", "last"], device: ["mobile"] });
    expect(await adsOf("adId!=-neg,neg,last")).toEqual(["-12", "12"]);
  });

  it.each([
    ["advertiser_id", "adv_1"],
    ["campaign_id", "cmp_7"],
    ["ad_group_id", "grp_1"],
    ["creative_id", "crt_1"],
    ["publisher_id", "pub_1"],
    ["country", "DE"],
    ["device", "mobile"],
    ["currency", "EUR"],
  ])("no dimension takes a minus for an exclusion: %s", async (dimension, value) => {
    const all = await adsOf("");
    const those = await adsOf(`${dimension}=${value}`);
    expect(await adsOf(`${dimension}!=${value}`)).toEqual(all.filter((ad) => !those.includes(ad)));
    const isCode = dimension === "country" || dimension === "device" || dimension === "currency";
    const response = await ask(`${TABLE}?${DAY}&${dimension}=-${value}`);
    if (!isCode) expect((await response.json<{ rows: unknown[] }>()).rows).toEqual([]);
    else
      expect(await response.json()).toMatchObject({
        status: 400,
        detail: expect.stringContaining(`${dimension}!=${value}`),
      });
  });
});

describe("[fault B5] whole days of a zone", () => {
  const NEW_YORK = "timezone=America/New_York&compare=previous_period&totals=true&ad_id=fall";

  it.each(["minute", "hour", "day", "all"])(
    "are compared with whole days by %s, over a change of clocks",
    async (word) => {
      const { meta } = await askJson(`${TABLE}?from=2026-11-02&to=2026-11-02&granularity=${word}&${NEW_YORK}`);
      expect(meta.query["previous"]).toEqual({ from: "2026-11-01T00:00:00-04:00", to: "2026-11-02T00:00:00-05:00" });
      const sum = (first: number, count: number) => (count * (2 * first + count - 1)) / 2;
      expect(meta.totals).toEqual({ clicks: sum(200, 24), previous: { clicks: sum(100, 25) } });
    },
  );

  it("of 25 hours are compared with the 24 before, hour by hour, and the one too many with nothing", async () => {
    const { rows, meta } = await askJson(`${TABLE}?from=2026-11-01&to=2026-11-01&group_by=hour&${NEW_YORK}`);
    expect(meta.query["previous"]).toEqual({ from: "2026-10-31T00:00:00-04:00", to: "2026-11-01T00:00:00-04:00" });
    expect(rows.length).toBe(25);
    const spring = await askJson(`${TABLE}?from=2026-03-09&to=2026-03-10&group_by=hour&${NEW_YORK}`);
    expect(spring.meta.query["previous"]).toEqual({
      from: "2026-03-07T00:00:00-05:00",
      to: "2026-03-09T00:00:00-04:00",
    });
    const parts = await askJson(`${TABLE}?from=2026-11-02T05:00Z&to=2026-11-02T06:00Z&group_by=hour&${NEW_YORK}`);
    expect(parts.meta.query["previous"]).toEqual({
      from: "2026-11-01T23:00:00-05:00",
      to: "2026-11-02T00:00:00-05:00",
    });
  });
});

describe("[fault B6] a tag", () => {
  const closed = { nowMs: LATER_MS };
  const PATHS = ["format=csv", "format=json", "format=ndjson"].map(
    (format) => `${TABLE}?${DAY}&group_by=ad_id&metrics=conversions,clicks&limit=1&totals=true&${format}`,
  );
  const tagOf = async (path: string) => (await ask(path, closed)).headers.get("ETag") ?? "none";

  it.each(PATHS)("covers the totals: a conversion on page 2 of %s is no 304", async (path) => {
    const before = await tagOf(path);
    expect(before).toMatch(/^W\/"/);
    expect((await ask(path, { ...closed, headers: { "If-None-Match": before } })).status).toBe(304);
    await postCells(env.REPORT_DB, [aCell({ ad_id: "neg", device: "tv", counts: { conversions: 1 } })]);
    const after = await ask(path, { ...closed, headers: { "If-None-Match": before } });
    expect([after.status, after.headers.get("ETag") === before]).toEqual([200, false]);
  });

  it.each(["csv", "json", "ndjson"])("covers truncation, comparison and series in %s", async (format) => {
    const cut = `${TABLE}?from=2026-04-21&to=2026-04-21&group_by=ad_id&limit=1&campaign_id=${format}&format=${format}`;
    const compared = `${TABLE}?from=2026-04-22&to=2026-04-22&group_by=ad_id&compare=previous_period&totals=true&campaign_id=${format}&format=${format}`;
    const series = `/v1/metrics/clicks?from=2026-04-21&to=2026-04-22&campaign_id=${format}&format=${format}`;
    const at = (ad_id: string, day: number) =>
      aCell({ ad_id, campaign_id: format, atMs: NOON_MS + day * DAY_MS, counts: clicks(1) });
    await postCells(env.REPORT_DB, [at("a_first", 1), at("a_first", 2)]);
    const before = await Promise.all([cut, compared, series].map(tagOf));
    await postCells(env.REPORT_DB, [at(`b_${format}`, 1)]);
    const after = await Promise.all([cut, compared, series].map(tagOf));
    for (const [index, tag] of after.entries()) expect(tag, String(index)).not.toBe(before[index]);
  });

  it("of a page with a cursor changes before the cursor is too old", async () => {
    const path = `${TABLE}?${DAY}&group_by=ad_id&limit=1`;
    const etag = await tagOf(path);
    const later = await ask(path, { nowMs: LATER_MS + 60 * MINUTE, headers: { "If-None-Match": etag } });
    expect(later.status).toBe(200);
    const whole = `${TABLE}?${DAY}&group_by=ad_id`;
    const kept = { "If-None-Match": await tagOf(whole) };
    expect((await ask(whole, { nowMs: LATER_MS + 60 * MINUTE, headers: kept })).status).toBe(304);
  });
});

describe("[fault B8] rows without a value", () => {
  it.each([
    ["ad_group_id", ["-12"]],
    ["country", ["-12"]],
    ["creative_id", ["12"]],
  ])("are asked for and left out by (unset): %s", async (dimension, ads) => {
    const all = await adsOf("");
    expect(await adsOf(`${dimension}=(unset)`)).toEqual(ads);
    expect(await adsOf(`${dimension}!=(unset)`)).toEqual(all.filter((ad) => !ads.includes(String(ad))));
    const more = { ad_group_id: "grp_1", country: "DE,GB", creative_id: "crt_1" }[dimension] ?? "";
    expect(await adsOf(`${dimension}=(unset),${more}`)).toEqual(all);
    const body = { from: "2026-04-20", to: "2026-04-20", [dimension]: ["(unset)"], group_by: ["ad_id"] };
    const { rows, meta } = await askJson("/v1/reports/query", { body });
    expect(rows.map((row) => row["adId"])).toEqual(ads);
    expect(Object.values(meta.query["filters"] as object)).toEqual([["(unset)"]]);
  });

  it("are of no campaign, ad, advertiser, publisher or device: those all rows have; and an empty value is refused", async () => {
    for (const dimension of ["advertiser_id", "campaign_id", "ad_id", "publisher_id", "device"]) {
      const response = await ask(`${TABLE}?${DAY}&${dimension}=(unset)`);
      expect(await response.json(), dimension).toMatchObject({ type: "/problems/invalid-value", field: dimension });
    }
    for (const written of ["ad_group_id=", "ad_group_id!=", "ad_group_id=,grp_1", "country=DE,"]) {
      const response = await ask(`${TABLE}?${DAY}&${written}`);
      expect(await response.json(), written).toMatchObject({
        type: "/problems/empty-value",
        detail: expect.stringContaining("(unset)"),
      });
    }
  });
});

describe("[fault B13] a value that no row can have", () => {
  it.each([
    ["country=UK", "GB"],
    ["country=Germany", "DE"],
    ["country!=germany", "DE"],
    ["country=DEU", "DE"],
    ["country=DE,USA", "US"],
    ["country=XX", "ISO 3166-1"],
    ["country=EU", "ISO 3166-1"],
    ["ad_id=a;b", "separated by commas"],
    ["campaign_id=cmp_7;cmp_8", "separated by commas"],
    ["publisher_id=pub 1", "separated by commas"],
    ["ad_id=a|b", "separated by commas"],
    ["ad_group_id=..", "not only dots"],
    [`ad_id=${"a".repeat(65)}`, "1 to 64"],
    ["ad_id=%22ad_9%22", "1 to 64"],
    ["device=phone", "mobile"],
    ["currency=EURO", "EUR"],
    ["currency=$", "ISO 4217"],
    ["ad_id=a,b&ad_id!=b,a", "excluded"],
    ["country=de&country!=DE", "excluded"],
  ])("%s is refused with the hint", async (search, hint) => {
    for (const path of [TABLE, "/v1/metrics/clicks"]) {
      const response = await ask(`${path}?${DAY}&${search}`);
      const problem = await response.json<{ detail: string; field: string }>();
      expect([response.status, problem.detail]).toEqual([400, expect.stringContaining(hint)]);
      expect(search.split("&").some((part) => part.startsWith(problem.field))).toBe(true);
    }
  });

  it("takes codes in any case, Kosovo and Tor", async () => {
    for (const country of ["gb", "XK", "t1"])
      expect((await ask(`${TABLE}?${DAY}&country=${country}`)).status).toBe(200);
  });

  it.each([
    "clicks,clicks",
    "clicks,-clicks",
    "ad_id,-adId",
    "day,-day",
    "device,device_type",
    "spend_micros,-spendMicros",
  ])("the same field twice in the order is refused: %s", async (order) => {
    const search = `${DAY}&group_by=day,ad_id,device&metrics=clicks,spend_micros&order=${order}`;
    const response = await ask(`${TABLE}?${search}`);
    expect(await response.json()).toMatchObject({ type: "/problems/repeated-order-field", field: "order" });
  });
});

describe("[fault B15] either spelling", () => {
  it("of answers and of queries is taken, as a name and as a value", async () => {
    const snake = `${DAY}&ad_id=12,neg&group_by=ad_id,device_type&metrics=gross_clicks,spend_micros&order=-gross_clicks`;
    const camel = `${DAY}&adId=12,neg&groupBy=adId,deviceType&metrics=grossClicks,spendMicros&order=-grossClicks`;
    const expected = await askJson(`${TABLE}?${snake}`);
    expect(await askJson(`${TABLE}?${camel}`)).toEqual(expected);
    expect(expected.rows.map((row) => row["adId"])).toEqual(["neg", "12"]);
    const body = {
      ...{ from: "2026-04-20", to: "2026-04-20", adId: ["12", "neg"], groupBy: ["adId", "deviceType"] },
      ...{ metrics: ["grossClicks", "spendMicros"], order: ["-grossClicks"] },
    };
    expect(await askJson("/v1/reports/query", { body })).toEqual(expected);
    const { filters, ...copied } = expected.meta.query;
    const again = { ...(filters as object), from: copied["from"], to: copied["to"], groupBy: copied["dimensions"] };
    const query = { ...again, metrics: copied["metrics"], order: copied["order"] };
    expect((await askJson("/v1/reports/query", { body: query })).rows).toEqual(expected.rows);
    expect(await adsOf("adGroupId=(unset)&deviceType!=tv")).toEqual(["-12"]);
  });

  it("names a parameter that is given in both spellings as given twice", async () => {
    const response = await ask(`${TABLE}?${DAY}&timezone=UTC&timezone=UTC`);
    expect(await response.json()).toMatchObject({ type: "/problems/repeated-parameter", field: "timezone" });
    const unknown = await ask(`${TABLE}?${DAY}&adGroup=grp_1`);
    expect(await unknown.json()).toMatchObject({ type: "/problems/unknown-parameter", field: "adGroup" });
  });

  it("a window has one name in tables and series, and is a date in CSV where it is one", async () => {
    const RANGE = "from=2026-04-20&to=2026-04-20&ad_id=12&timezone=Europe/Berlin";
    for (const [word, json, csv, state = ""] of [
      ["day", "2026-04-20T00:00:00+02:00", "2026-04-20", ",open"],
      ["week", "2026-04-20T00:00:00+02:00", "2026-04-20", ",open"],
      ["month", "2026-04-01T00:00:00+02:00", "2026-04-01", ",open"],
      ["hour", "2026-04-20T14:00:00+02:00", "2026-04-20T14:00:00+02:00"],
      ["minute", "2026-04-20T14:00:00+02:00", "2026-04-20T14:00:00+02:00"],
    ]) {
      const head = state === "" ? `${word},clicks` : `${word},clicks,state`;
      expect(await rowsOf(`${RANGE}&group_by=${word}`)).toEqual([{ [`${word}`]: json, clicks: 4 }]);
      const table = await (await ask(`${TABLE}?${RANGE}&group_by=${word}&format=csv`)).text();
      expect(table).toBe(`${head}\r\n${csv},4${state}\r\n`);
      const { series } = await askJson(`/v1/metrics/clicks?${RANGE}&granularity=${word}`);
      expect(series[0]?.points).toContainEqual({ [`${word}`]: json, clicks: 4 });
      const points = await (await ask(`/v1/metrics/clicks?${RANGE}&granularity=${word}&format=csv`)).text();
      expect(points.split("\r\n")[0]).toBe(head);
      expect(points).toContain(`\r\n${csv},4${state}\r\n`);
    }
    const all = await askJson(`/v1/metrics/clicks?${RANGE}&granularity=all`);
    expect(all.series[0]?.points).toEqual([{ clicks: 4 }]);
    expect(await (await ask(`/v1/metrics/clicks?${RANGE}&granularity=all&format=csv`)).text()).toBe("clicks\r\n4\r\n");
    // Midnight does not exist in Cairo on 24 April 2026.
    const cairo = "from=2026-04-24&to=2026-04-24&timezone=Africa/Cairo&format=csv";
    expect(await (await ask(`/v1/metrics/clicks?${cairo}`)).text()).toBe("day,clicks,state\r\n2026-04-24,0,open\r\n");
  });
});

it("[fault B6] a page that cannot be followed says so beside everything else that it warns of", async () => {
  const sources = { warnings: async () => [{ code: "conversions_undecided", detail: "One." }] };
  const key = await seedKey(env.REPORT_DB, { name: "warned", advertiserId: "adv_1", scopes: ["report"] });
  const path = `${TABLE}?${DAY}&group_by=ad_id&metrics=ctr,clicks&order=-ctr&limit=1`;
  const { meta } = await askJson(path, { authorization: key, sources, nowMs: LATER_MS, bindings: withoutRoom() });
  expect(meta.warnings.map(({ code }) => code)).toEqual(["conversions_undecided", "no_next_page"]);
  expect(meta["complete"]).toBe(false);
});

/** Gates that let nothing be kept. */
function withoutRoom(): Env {
  const gate = new Proxy(env.READ_GATE.getByName("traps"), {
    get: (target, name) => (name === "mayKeep" ? async () => false : Reflect.get(target, name)),
  });
  return { ...env, READ_GATE: { getByName: () => gate } } as unknown as Env;
}
