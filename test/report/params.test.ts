/** What the API refuses, each by its name. */
import { describe, expect, it } from "vitest";
import { ask, parseSeries, parseTable } from "./ask.ts";

const RANGE = "from=2026-04-01&to=2026-04-02";

/** Route, query string, problem, and the parameter it blames. */
const REFUSALS: [string, string, string, string?][] = [
  ["table", "to=2026-04-20", "missing-parameter", "from"],
  ["table", "from=2026-04-20", "missing-parameter", "to"],
  ["table", "", "missing-parameter", "from"],
  ["table", "from=yesterday&to=2026-04-20", "invalid-instant", "from"],
  ["table", "from=2026-02-30&to=2026-04-20", "invalid-instant", "from"],
  ["table", "from=2026-04-01T00:00:00&to=2026-04-20", "invalid-instant", "from"],
  ["table", "from=2026-04-01T24:00:00Z&to=2026-04-20", "invalid-instant", "from"],
  ["table", "from=1776686400000&to=2026-04-20", "invalid-instant", "from"],
  ["table", "from=20260401&to=2026-04-20", "invalid-instant", "from"],
  ["table", "from=-1&to=2026-04-20", "invalid-instant", "from"],
  ["table", "from=&to=2026-04-20", "invalid-instant", "from"],
  ["table", "from=2026-04-01&to=2999-01-01", "invalid-instant", "to"],
  ["table", "from=2026-04-20&to=2026-04-18", "reversed-range", "to"],
  ["table", "from=2026-04-20T12:00:00Z&to=2026-04-20T12:00:00Z", "empty-range", "to"],
  ["table", `${RANGE}&from=2026-04-01`, "repeated-parameter", "from"],
  ["table", `${RANGE}&limit=5&limit=5`, "repeated-parameter", "limit"],
  ["table", `${RANGE}&campain_id=cmp_7`, "unknown-parameter", "campain_id"],
  ["table", `${RANGE}&group_buy=ad_id`, "unknown-parameter", "group_buy"],
  ["table", `${RANGE}&breakdown=ad_id`, "unknown-parameter", "breakdown"],
  ["table", `${RANGE}&__proto__=1`, "unknown-parameter", "__proto__"],
  ["table", "form=2026-04-01&to=2026-04-02", "unknown-parameter", "form"],
  ["series", `${RANGE}&groupBy=ad_id`, "unknown-parameter", "groupBy"],
  ["series", `${RANGE}&limit=5`, "unknown-parameter", "limit"],
  ["series", `${RANGE}&order=clicks`, "unknown-parameter", "order"],
  ["table", `${RANGE}&campaign_id=`, "empty-value", "campaign_id"],
  ["table", `${RANGE}&campaign_id=cmp_7,,cmp_8`, "empty-value", "campaign_id"],
  ["table", `${RANGE}&groupBy=`, "empty-value", "groupBy"],
  ["table", `${RANGE}&ad_id=${Array.from({ length: 1_001 }, () => "a").join(",")}`, "too-many-values"],
  ["table", `${RANGE}&groupBy=adid`, "unknown-dimension", "groupBy"],
  ["table", `${RANGE}&groupBy=constructor`, "unknown-dimension", "groupBy"],
  ["table", `${RANGE}&groupBy=ad_id,ad_id`, "repeated-dimension"],
  ["table", `${RANGE}&groupBy=device,device_type`, "repeated-dimension"],
  ["table", `${RANGE}&groupBy=minute,hour`, "conflicting-granularity", "group_by"],
  ["table", `${RANGE}&groupBy=minute&granularity=day`, "conflicting-granularity", "group_by"],
  ["table", `${RANGE}&granularity=fortnight`, "unknown-granularity", "granularity"],
  ["table", `${RANGE}&granularity=toString`, "unknown-granularity", "granularity"],
  ["series", `${RANGE}&breakdown=minute`, "unknown-dimension", "breakdown"],
  ["table", `${RANGE}&metrics=click`, "unknown-metric", "metrics"],
  ["table", `${RANGE}&metrics=clicks,clicks`, "repeated-metric", "metrics"],
  ["table", `${RANGE}&metrics=unique_users&groupBy=country`, "uniques-not-mergeable", "metrics"],
  ["table", `${RANGE}&metrics=clicks,unique_users&publisher_id!=pub_1`, "uniques-not-mergeable", "metrics"],
  ["series", `${RANGE}&metrics=unique_users&breakdown=device_type`, "uniques-not-mergeable", "metrics"],
  ["table", `${RANGE}&metrics=reasons&groupBy=creative_id`, "reasons-not-splittable", "metrics"],
  ["series", `${RANGE}&metrics=reasons&device=mobile`, "reasons-not-splittable", "metrics"],
  ["table", `${RANGE}&metrics=reasons&order=reasons`, "unknown-order-field", "order"],
  ["table", `${RANGE}&timezone=Europe/Nowhere`, "unknown-time-zone", "timezone"],
  ["table", `${RANGE}&timezone=%2B02:00`, "unknown-time-zone", "timezone"],
  ["table", `${RANGE}&timezone=`, "unknown-time-zone", "timezone"],
  ["table", `${RANGE}&timezone=UTC'--`, "unknown-time-zone", "timezone"],
  ["series", `${RANGE}&timezone=../../etc/passwd`, "unknown-time-zone", "timezone"],
  ["table", `${RANGE}&order=spend_micros`, "unknown-order-field", "order"],
  ["table", `${RANGE}&order=-minute`, "unknown-order-field", "order"],
  ["table", `${RANGE}&limit=0`, "invalid-value", "limit"],
  ["table", `${RANGE}&limit=50001`, "invalid-value", "limit"],
  ["table", `${RANGE}&limit=1e3`, "invalid-value", "limit"],
  ["table", `${RANGE}&limit=-5`, "invalid-value", "limit"],
  ["table", `${RANGE}&format=xml`, "invalid-value", "format"],
  ["table", `${RANGE}&device_type=phone`, "invalid-value", "device_type"],
  ["table", "from=2026-01-01&to=2026-02-01&groupBy=minute", "range-too-long", "granularity"],
  ["table", "from=2001-01-01&to=2026-02-01", "range-too-long"],
  ["series", "from=2026-01-01&to=2026-02-04&granularity=1m", "too-many-points"],
];

describe("refusals", () => {
  for (const [route, search, problem, parameter] of REFUSALS) {
    it(`${route}?${search.slice(0, 80)} is ${problem}`, async () => {
      const path = route === "table" ? "/v1/reports/clicks" : "/api/v1/metrics/clicks";
      const response = await ask(`${path}?${search}`);
      const body = await response.json<Record<string, unknown>>();
      expect(body).toMatchObject({ type: `/problems/${problem}`, status: 400 });
      expect(body["field"]).toBe(parameter);
      expect(response.headers.get("Content-Type")).toBe("application/problem+json");
    });
  }

  it("names the nearest valid name", async () => {
    const detailOf = async (search: string) =>
      (await (await ask(`/v1/reports/clicks?${RANGE}&${search}`)).json<{ detail: string }>()).detail;
    expect(await detailOf("campain_id=cmp_7")).toContain("Did you mean campaign_id?");
    expect(await detailOf("groupby=ad_id")).toContain("Did you mean groupBy?");
    expect(await detailOf("groupBy=adid")).toContain("Did you mean ad_id?");
    expect(await detailOf("metrics=spend")).not.toContain("Did you mean");
    expect(await detailOf("device=moble")).toContain("Did you mean mobile?");
  });

  it("accepts the longest table by minute and no minute more", () => {
    const parse = (to: string) => parseTable(new URLSearchParams({ from: "2026-03-01", to, groupBy: "minute" }));
    expect(parse("2026-03-31").ok).toBe(true);
    expect(parse("2026-04-01T00:01:00Z").ok).toBe(false);
  });
});

describe("spellings", () => {
  it("takes each granularity by its short name, and by day unless told for a series", () => {
    const granularityOf = (granularity: string) => {
      const query = parseSeries(new URLSearchParams(`${RANGE}${granularity}`));
      return query.ok ? query.value.granularity : query.error.reason;
    };
    const words = ["", "&granularity=1m", "&granularity=1h", "&granularity=1d", "&granularity=1w", "&granularity=1mo"];
    expect(words.map(granularityOf)).toEqual(["day", "minute", "hour", "day", "week", "month"]);
  });

  it("joins repeated lists and aliases, and trims their words", () => {
    const query = parseTable(
      new URLSearchParams(`${RANGE}&groupBy=ad_id&group_by=hour, country&device=mobile&device_type=TV&country=de`),
    );
    expect(query).toMatchObject({
      value: {
        granularity: "hour",
        dimensions: [{ name: "ad_id" }, { name: "country" }],
        filters: [
          { dimension: "country", include: ["DE"] },
          { dimension: "device", include: ["mobile", "tv"] },
        ],
      },
    });
  });
});
