/** How answers travel: JSON, CSV, lines; tags and 304; the query as JSON. */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { NOON_MS } from "../support/builders.ts";
import { ask, askJson } from "./ask.ts";
import { aCell, clicks, postCells } from "./seed.ts";

const ADS = Array.from({ length: 2_000 }, (_, index) => `ad_${String(index).padStart(4, "0")}`);
const TABLE = "/v1/reports/clicks?from=2026-04-20T12:00Z&to=2026-04-20T13:00Z&group_by=ad_id";
const LATER_MS = NOON_MS + 2 * 3_600_000;

beforeAll(() =>
  postCells(
    env.REPORT_DB,
    ADS.map((ad_id, index) => aCell({ ad_id, counts: clicks(index + 1) })),
  ),
);

describe("NDJSON", () => {
  it("is a row a line, and the meta in the last", async () => {
    for (const [path, accept] of [
      [`${TABLE}&format=ndjson`, undefined],
      [TABLE, "application/x-ndjson"],
    ] as const) {
      const response = await ask(`${path}&limit=3`, accept === undefined ? {} : { accept });
      expect(response.headers.get("Content-Type")).toBe("application/x-ndjson; charset=utf-8");
      const lines = (await response.text()).split("\n");
      expect(lines.slice(0, 3)).toEqual([
        '{"adId":"ad_0000","clicks":1}',
        '{"adId":"ad_0001","clicks":2}',
        '{"adId":"ad_0002","clicks":3}',
      ]);
      expect(JSON.parse(lines[3] ?? "")).toMatchObject({ meta: { truncated: true, query: { limit: 3 } } });
      expect(lines.slice(4)).toEqual([""]);
    }
  });

  it("is streamed: many rows come in several chunks, each of whole lines", async () => {
    const response = await ask(`${TABLE}&format=ndjson&metrics=clicks,gross_clicks,spend_micros`);
    const chunks: string[] = [];
    for await (const chunk of response.body ?? []) chunks.push(new TextDecoder().decode(chunk as Uint8Array));
    expect(chunks.length).toBeGreaterThan(1);
    expect(chunks.every((chunk) => chunk.endsWith("\n"))).toBe(true);
    expect(chunks.join("").split("\n").length).toBe(ADS.length + 2);
  });

  it("is a series a line for a series", async () => {
    const path = "/v1/metrics/clicks?from=2026-04-20&to=2026-04-20&ad_id=ad_0001,ad_0002&breakdown=ad_id&format=ndjson";
    const lines = (await (await ask(path)).text()).split("\n");
    expect(lines[0]).toBe('{"adId":"ad_0001","points":[{"day":"2026-04-20T00:00:00Z","clicks":2,"state":"open"}]}');
    expect(lines.length).toBe(4);
  });
});

describe("CSV", () => {
  const disposition = async (path: string) => (await ask(`${path}&format=csv`)).headers.get("Content-Disposition");

  it("is a file whose name says period and zone, dates as they are asked for", async () => {
    const names = [
      ["from=2026-04-01&to=2026-04-21&timezone=Europe/Berlin", "clicks_2026-04-01_2026-04-21_Europe-Berlin.csv"],
      ["from=2026-04-20&to=2026-04-20", "clicks_2026-04-20_2026-04-20_UTC.csv"],
      // A leap day, and the last day of a year.
      ["from=2024-02-29&to=2024-02-29", "clicks_2024-02-29_2024-02-29_UTC.csv"],
      ["from=2025-12-31&to=2025-12-31&timezone=Asia/Kolkata", "clicks_2025-12-31_2025-12-31_Asia-Kolkata.csv"],
      // Days of 23 and of 25 hours.
      ["from=2026-03-29&to=2026-03-29&timezone=Europe/Berlin", "clicks_2026-03-29_2026-03-29_Europe-Berlin.csv"],
      ["from=2025-10-26&to=2025-10-26&timezone=Europe/Berlin", "clicks_2025-10-26_2025-10-26_Europe-Berlin.csv"],
      // The same days, given as instants.
      ["from=2026-04-20T00:00Z&to=2026-04-22T00:00Z", "clicks_2026-04-20_2026-04-21_UTC.csv"],
    ];
    for (const [search, name] of names) {
      const found = await disposition(`/v1/reports/clicks?${search}&group_by=ad_id`);
      expect(found, search).toBe(`attachment; filename="${name}"`);
    }
    expect(await disposition("/v1/metrics/clicks?from=2026-04-19&to=2026-04-20")).toBe(
      'attachment; filename="clicks_2026-04-19_2026-04-20_UTC.csv"',
    );
  });

  it("spells instants without the characters that a file name may not hold", async () => {
    const names = [
      ["from=2026-04-20T12:00Z&to=2026-04-20T13:00Z", "clicks_2026-04-20T1200Z_2026-04-20T1300Z_UTC.csv"],
      // One bound within a day: neither is a date, since the other would be read as the end of its day.
      ["from=2026-04-20&to=2026-04-21T12:00Z", "clicks_2026-04-20T0000Z_2026-04-21T1200Z_UTC.csv"],
      [
        "from=2025-10-26T00:00Z&to=2025-10-26T01:00Z&timezone=Europe/Berlin",
        "clicks_2025-10-26T0200+0200_2025-10-26T0200+0100_Europe-Berlin.csv",
      ],
      [
        "from=2026-04-20T12:00Z&to=2026-04-20T13:00Z&timezone=America/Argentina/Buenos_Aires",
        "clicks_2026-04-20T0900-0300_2026-04-20T1000-0300_America-Argentina-Buenos_Aires.csv",
      ],
      // Midnight does not exist in Cairo on 24 April 2026: the day starts at 01:00.
      [
        "from=2026-04-24&to=2026-04-24&timezone=Africa/Cairo",
        "clicks_2026-04-24T0100+0300_2026-04-25T0000+0300_Africa-Cairo.csv",
      ],
    ];
    for (const [search, name] of names) {
      const found = await disposition(`/v1/reports/clicks?${search}&group_by=ad_id`);
      expect(found, search).toBe(`attachment; filename="${name}"`);
      expect(name).toMatch(/^[\w.+-]+$/);
    }
  });

  it("says in headers what decides whether the numbers may be used, and where the next page begins", async () => {
    const first = await ask(`${TABLE}&format=csv&limit=1500&totals=true`, { nowMs: LATER_MS });
    expect(first.headers.get("X-Report-Watermark")).toMatch(/^2026-04-20T13:59:\d\dZ$/);
    expect(first.headers.get("X-Report-Complete")).toBe("true");
    expect(first.headers.get("X-Report-Truncated")).toBe("true");
    expect(JSON.parse(first.headers.get("X-Report-Totals") ?? "")).toEqual({ clicks: (2_000 * 2_001) / 2 });
    const cursor = first.headers.get("X-Report-Next-Cursor") ?? "";
    const second = await ask(`${TABLE}&format=csv&limit=1500&totals=true&cursor=${cursor}`, { nowMs: LATER_MS });
    expect((await second.text()).split("\r\n")[1]).toBe("ad_1500,1501");
    expect(second.headers.get("X-Report-Next-Cursor")).toBeNull();
    expect(second.headers.get("X-Report-Truncated")).toBe("false");
    const open = await ask(`${TABLE}&format=csv`, { nowMs: NOON_MS });
    expect(open.headers.get("X-Report-Complete")).toBe("false");
  });
});

describe("tags", () => {
  const PATH = `${TABLE}&limit=5`;
  const closed = { nowMs: LATER_MS };

  it("of a closed range stay while nothing is posted, however the watermark moves, and change when something is", async () => {
    for (const format of ["json", "csv"]) {
      const path = `${PATH}&format=${format}`;
      const first = await ask(path, closed);
      const tag = first.headers.get("ETag") ?? "";
      expect(tag).toMatch(/^W\/"[\w-]{24}"$/);
      expect(first.headers.get("Cache-Control")).toBe("private, max-age=60");
      const again = await ask(path, { nowMs: LATER_MS + 60_000, headers: { "If-None-Match": tag } });
      expect([again.status, await again.text(), again.headers.get("ETag")]).toEqual([304, "", tag]);
      expect(again.headers.get("Cache-Control")).toBe("private, max-age=60");
      for (const other of ['"x"', "W/", `"${tag}`]) {
        expect((await ask(path, { ...closed, headers: { "If-None-Match": other } })).status).toBe(200);
      }
      for (const same of [`"x", ${tag}`, "*", tag.replace("W/", "")]) {
        expect((await ask(path, { ...closed, headers: { "If-None-Match": same } })).status).toBe(304);
      }
      await postCells(env.REPORT_DB, [aCell({ ad_id: "ad_0000", counts: clicks(1) })]);
      const changed = await ask(path, { ...closed, headers: { "If-None-Match": tag } });
      expect(changed.status).toBe(200);
      expect(changed.headers.get("ETag")).not.toBe(tag);
    }
  });

  it("differ between queries, formats and pages", async () => {
    const paths = [
      PATH,
      `${PATH}&totals=true`,
      `${PATH}&format=csv`,
      `${PATH}&limit=5`.replace("&limit=5&", "&"),
      TABLE,
    ];
    const tags = await Promise.all(paths.map(async (path) => (await ask(path, closed)).headers.get("ETag")));
    expect(new Set(tags).size).toBe(4);
  });

  it("are not given for an open range, nor when a source is silent, nor for a POST", async () => {
    const open = await ask(PATH, { nowMs: NOON_MS });
    const silent = await ask(PATH, { ...closed, sources: { queueOldestMs: () => Promise.reject(new Error("down")) } });
    const body = { from: "2026-04-20T12:00Z", to: "2026-04-20T13:00Z" };
    const post = await ask("/v1/reports/query", { ...closed, body, headers: { "If-None-Match": "*" } });
    for (const response of [open, silent, post]) {
      expect([response.status, response.headers.get("ETag")]).toEqual([200, null]);
      expect(response.headers.get("Cache-Control")).toBe("private, no-store");
    }
  });
});

describe("POST /v1/reports/query", () => {
  it("is the same query as JSON", async () => {
    const search =
      "from=2026-04-20&to=2026-04-20&timezone=Asia/Kolkata&group_by=day,ad_id&metrics=clicks,ctr&ad_id=ad_0001&ad_id!=ad_0002" +
      "&device_type=mobile&order=-clicks&limit=2&totals=true&compare=previous_period";
    const body = {
      from: "2026-04-20",
      to: "2026-04-20",
      timezone: "Asia/Kolkata",
      group_by: ["day", "ad_id"],
      metrics: ["clicks", "ctr"],
      ad_id: ["ad_0001"],
      "ad_id!": ["ad_0002"],
      device_type: "mobile",
      order: ["-clicks"],
      limit: 2,
      totals: true,
      compare: "previous_period",
    };
    const got = await askJson(`/v1/reports/clicks?${search}`);
    for (const path of ["/v1/reports/query", "/api/v1/reports/query"])
      expect(await askJson(path, { body })).toEqual(got);
    expect(got.rows.length).toBe(1);
  });

  it("pages like the other, and takes its cursor", async () => {
    const body = { from: 1_776_686_400, to: 1_776_690_000, group_by: ["ad_id"], limit: 1_500 };
    const first = await askJson("/v1/reports/query", { body });
    const second = await askJson("/v1/reports/query", { body: { ...body, cursor: first.meta.nextCursor } });
    expect(second.rows.length).toBe(500);
    const search = `from=1776686400&to=1776690000&group_by=ad_id&limit=10&cursor=${first.meta.nextCursor}`;
    expect((await askJson(`/v1/reports/clicks?${search}`)).rows[0]).toEqual({ adId: "ad_1500", clicks: 1_501 });
  });

  it("refuses a body by name", async () => {
    const range = { from: "2026-04-20", to: "2026-04-20" };
    const long = { ...range, ad_id: Array.from({ length: 40_000 }, (_, index) => `ad_${index}`) };
    const refusals: [unknown, number, string, string?][] = [
      ["", 400, "body-not-json"],
      ["{", 400, "body-not-json"],
      ["null", 400, "body-not-json"],
      ["[]", 400, "body-not-json"],
      ["7", 400, "body-not-json"],
      ["\u0000", 400, "body-not-json"],
      [long, 413, "body-too-large"],
      [{ ...range, ad_id: Array.from({ length: 1_001 }, () => "a") }, 400, "too-many-values"],
      [{ ...range, campain_id: "cmp_7" }, 400, "unknown-parameter", "campain_id"],
      ['{"from":"2026-04-20","to":"2026-04-20","__proto__":"x"}', 400, "unknown-parameter", "__proto__"],
      [{ ...range, campaign_id: {} }, 400, "invalid-value", "campaign_id"],
      [{ ...range, campaign_id: [["a"]] }, 400, "invalid-value", "campaign_id"],
      [{ ...range, campaign_id: [] }, 400, "empty-value", "campaign_id"],
      [{ ...range, campaign_id: null }, 400, "invalid-value", "campaign_id"],
      [{ ...range, limit: 0 }, 400, "invalid-value", "limit"],
      [{ ...range, limit: 1.5 }, 400, "invalid-value", "limit"],
      [{ ...range, totals: "yes" }, 400, "invalid-value", "totals"],
      [{ ...range, compare: "last_year" }, 400, "invalid-value", "compare"],
      [{ ...range, groupBy: ["ad_id"], group_by: ["ad_id"] }, 400, "repeated-dimension"],
      [{ ...range, metrics: ["clicks", "DROP TABLE"] }, 400, "unknown-metric", "metrics"],
      [{ to: "2026-04-20" }, 400, "missing-parameter", "from"],
    ];
    for (const [body, status, problem, field] of refusals) {
      const response = await ask("/v1/reports/query", { body });
      const answer = await response.json<{ field?: string }>();
      expect(answer, JSON.stringify(body).slice(0, 80)).toMatchObject({ type: `/problems/${problem}`, status });
      expect(answer.field).toBe(field);
    }
  });

  it("takes no other method, and asks who is there before it reads", async () => {
    const get = await ask("/v1/reports/query");
    expect([get.status, get.headers.get("Allow")]).toEqual([405, "POST"]);
    const anonymous = await ask("/v1/reports/query", { body: "{", authorization: null });
    expect(anonymous.status).toBe(401);
  });
});

describe("injection", () => {
  const HOSTILE = ["' OR 1=1 --", '"; DROP TABLE facts_minute; --', "\u0000", "{{7*7}}", "%27", "=cmd|' /C calc'!A0"];
  const PARAMETERS = ["from", "to", "granularity", "group_by", "metrics", "order", "limit", "format", "timezone"];
  const MORE = ["totals", "compare", "cursor", "campaign_id", "country", "device", "advertiser_id", "x'y"];

  it("in any parameter is a named problem or finds nothing, and changes nothing", async () => {
    const before = (await askJson(TABLE)).rows.length;
    for (const parameter of [...PARAMETERS, ...MORE]) {
      for (const value of HOSTILE) {
        const search = new URLSearchParams({ from: "2026-04-20", to: "2026-04-20", [parameter]: value });
        const response = await ask(`/v1/reports/clicks?${search}`);
        const body = await response.json<{ type?: string; rows?: unknown[] }>();
        if (response.status === 200) expect(body.rows).toEqual([]);
        else expect([response.status, body.type]).toEqual([400, expect.stringMatching(/^\/problems\/[a-z-]+$/)]);
      }
    }
    expect((await askJson(TABLE)).rows.length).toBe(before);
  });
});
