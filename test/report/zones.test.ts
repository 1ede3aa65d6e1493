/** Reports in a time zone: what a day is, how windows are named, what is compared with what. */
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { dayOf, hourOf } from "../../src/core/time.ts";
import { ask, askJson } from "./ask.ts";
import { aCell, type Cell, clicks, seedCells } from "./seed.ts";

const at = (iso: string, ad_id = "ad_9", count = 1): Cell =>
  aCell({ atMs: Date.parse(iso), ad_id, counts: clicks(count) });

const CELLS: Cell[] = [
  // Berlin, 29 March 2026: clocks go from 02:00 to 03:00 at 01:00Z.
  at("2026-03-28T22:59Z", "ad_9", 64),
  at("2026-03-28T23:00Z", "ad_9", 1),
  at("2026-03-29T00:59Z", "ad_9", 2),
  at("2026-03-29T01:00Z", "ad_9", 4),
  at("2026-03-29T21:59Z", "ad_9", 8),
  at("2026-03-29T22:00Z", "ad_9", 16),
  // Kolkata, 20 April: from 18:30Z on the day before.
  at("2026-04-19T18:29Z", "ad_k", 32),
  at("2026-04-19T18:30Z", "ad_k", 1),
  at("2026-04-19T19:29Z", "ad_k", 2),
  at("2026-04-19T19:30Z", "ad_k", 4),
  at("2026-04-20T18:29Z", "ad_k", 8),
  at("2026-04-20T18:30Z", "ad_k", 16),
  // A year before and after a 29 February.
  at("2025-02-28T12:00Z", "ad_y", 1),
  at("2025-03-01T12:00Z", "ad_y", 2),
  at("2024-02-28T12:00Z", "ad_y", 4),
  at("2024-02-29T12:00Z", "ad_y", 8),
  at("2024-03-01T12:00Z", "ad_y", 16),
];

beforeAll(() =>
  seedCells(env.REPORT_DB, CELLS, () => ({
    hour: hourOf(Date.UTC(2026, 3, 20, 12)),
    day: dayOf(Date.UTC(2026, 3, 20)),
  })),
);

describe("a day on which clocks change", () => {
  const DAY = "from=2026-03-29&to=2026-03-29&timezone=Europe/Berlin&ad_id=ad_9";

  it("has 23 hours, named by local time and offset", async () => {
    const { series, meta } = await askJson(`/v1/metrics/clicks?${DAY}&granularity=hour`);
    const points = series[0]?.points ?? [];
    expect(points.length).toBe(23);
    expect(points.slice(0, 3)).toEqual([
      { hour: "2026-03-29T00:00:00+01:00", clicks: 1 },
      { hour: "2026-03-29T01:00:00+01:00", clicks: 2 },
      { hour: "2026-03-29T03:00:00+02:00", clicks: 4 },
    ]);
    expect(points.at(-1)).toEqual({ hour: "2026-03-29T23:00:00+02:00", clicks: 8 });
    expect(meta.query).toMatchObject({ from: "2026-03-29T00:00:00+01:00", to: "2026-03-30T00:00:00+02:00" });
    expect(meta["timezone"]).toBe("Europe/Berlin");
    expect(meta.warnings).toEqual([]);
  });

  it("has 25 in autumn, two of them at two o'clock", async () => {
    const { series } = await askJson(
      "/v1/metrics/clicks?from=2026-10-25&to=2026-10-25&timezone=Europe/Berlin&granularity=hour",
    );
    const times = series[0]?.points.map(({ hour }) => hour) ?? [];
    expect(times.length).toBe(25);
    expect(times.slice(2, 4)).toEqual(["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]);
  });

  it("holds its clicks and no others, by day, week and month", async () => {
    const rowsOf = async (granularity: string, range = DAY) =>
      (await askJson(`/v1/reports/clicks?${range}&group_by=${granularity}`)).rows;
    expect(await rowsOf("day")).toEqual([{ day: "2026-03-29T00:00:00+01:00", clicks: 15 }]);
    const month = "from=2026-03-01&to=2026-03-31&timezone=Europe/Berlin&ad_id=ad_9";
    expect(await rowsOf("month", month)).toEqual([{ month: "2026-03-01T00:00:00+01:00", clicks: 95 }]);
    expect(await rowsOf("week", month)).toEqual([
      { week: "2026-03-23T00:00:00+01:00", clicks: 79 },
      { week: "2026-03-30T00:00:00+02:00", clicks: 16 },
    ]);
  });

  it("names minutes by local time", async () => {
    const { rows } = await askJson(`/v1/reports/clicks?${DAY}&group_by=minute&limit=3`);
    expect(rows.map(({ minute }) => minute)).toEqual([
      "2026-03-29T00:00:00+01:00",
      "2026-03-29T01:59:00+01:00",
      "2026-03-29T03:00:00+02:00",
    ]);
  });
});

describe("a zone whose hours start at half past ours", () => {
  const DAY = "from=2026-04-20&to=2026-04-20&timezone=Asia/Kolkata&ad_id=ad_k";

  it("counts its day exactly: whole hours from hours, half hours from minutes", async () => {
    const { rows, meta } = await askJson(`/v1/reports/clicks?${DAY}&group_by=day`);
    expect(rows).toEqual([{ day: "2026-04-20T00:00:00+05:30", clicks: 15 }]);
    expect(meta.tiers.map(({ tier, from }) => `${tier} ${from}`)).toEqual([
      "minute 2026-04-19T18:30:00Z",
      "hour 2026-04-19T19:00:00Z",
      "minute 2026-04-20T12:00:00Z",
    ]);
  });

  it("counts its hours from minutes", async () => {
    const { rows } = await askJson(`/v1/reports/clicks?${DAY}&group_by=hour`);
    expect(rows).toEqual([
      { hour: "2026-04-20T00:00:00+05:30", clicks: 3 },
      { hour: "2026-04-20T01:00:00+05:30", clicks: 4 },
      { hour: "2026-04-20T23:00:00+05:30", clicks: 8 },
    ]);
  });

  it("says what to ask instead of too many of its hours", async () => {
    const ask60 = (zone: string, granularity: string) =>
      ask(`/v1/reports/clicks?from=2026-03-01&to=2026-04-30&timezone=${zone}&group_by=${granularity}`);
    const refused = await (await ask60("Asia/Kolkata", "hour")).json();
    expect(refused).toMatchObject({ type: "/problems/range-too-long", field: "granularity" });
    expect((refused as { detail: string }).detail).toContain("ask by day");
    expect((await ask60("Asia/Kolkata", "day")).status).toBe(200);
    expect((await ask60("Europe/Berlin", "hour")).status).toBe(200);
  });

  it("lists no more tiers than anybody reads", async () => {
    const path = "/v1/reports/clicks?from=2026-01-01&to=2026-04-19&timezone=Asia/Kolkata&group_by=day";
    const { meta } = await askJson(`${path}&advertiser_id=adv_1`);
    expect(meta.tiers.length).toBe(100);
    expect(meta.warnings.map(({ code }) => code)).toEqual(["tiers_cut"]);
  });

  it("reads a year by month mostly from days", async () => {
    const { meta } = await askJson(
      "/v1/reports/clicks?from=2026-01-01&to=2026-04-19&timezone=Asia/Kolkata&group_by=month&advertiser_id=adv_1",
    );
    const minutes = meta.tiers.filter(({ tier }) => tier === "minute");
    expect(minutes.every(({ from, to }) => Date.parse(to) - Date.parse(from) <= 3_600_000)).toBe(true);
    expect(meta.tiers.filter(({ tier }) => tier === "day").length).toBe(4);
  });
});

describe("compare=previous_period", () => {
  const compare = async (search: string) => askJson(`/v1/reports/clicks?${search}&compare=previous_period&totals=true`);

  it("takes as many days before, also over a change of the clock, and pairs them by place", async () => {
    const { rows, meta } = await compare("from=2026-03-30&to=2026-03-31&timezone=Europe/Berlin&group_by=day");
    expect(meta.query["previous"]).toEqual({ from: "2026-03-28T00:00:00+01:00", to: "2026-03-30T00:00:00+02:00" });
    expect(rows).toEqual([{ day: "2026-03-30T00:00:00+02:00", clicks: 16, previous: { clicks: 64 } }]);
    expect(meta.totals).toEqual({ clicks: 16, previous: { clicks: 79 } });
  });

  it("takes as many months before, however long they are", async () => {
    const { meta } = await compare("from=2026-03-01&to=2026-04-30&group_by=month");
    expect(meta.query["previous"]).toEqual({ from: "2026-01-01T00:00:00Z", to: "2026-03-01T00:00:00Z" });
  });

  it("takes whole days for whole days, and as many minutes for anything else", async () => {
    const whole = await compare("from=2026-03-29&to=2026-03-29&timezone=Europe/Berlin");
    expect(whole.meta.query["previous"]).toEqual({
      from: "2026-03-28T00:00:00+01:00",
      to: "2026-03-29T00:00:00+01:00",
    });
    const part = await compare("from=2026-03-29T12:00Z&to=2026-03-29T12:30Z&group_by=minute");
    expect(part.meta.query["previous"]).toEqual({ from: "2026-03-29T11:30:00Z", to: "2026-03-29T12:00:00Z" });
  });

  it("pairs rows by their dimensions; a row without counterpart had nothing", async () => {
    const { rows } = await compare(
      "from=2026-04-20&to=2026-04-20&timezone=Asia/Kolkata&group_by=ad_id&metrics=clicks,ctr",
    );
    expect(rows).toEqual([{ adId: "ad_k", clicks: 15, ctr: null, previous: { clicks: 32, ctr: null } }]);
    const none = await compare("from=2026-03-29&to=2026-03-29&group_by=country,ad_id");
    expect(none.rows).toEqual([{ country: "DE", adId: "ad_9", clicks: 30, previous: { clicks: 65 } }]);
    const empty = await compare("from=2026-03-28&to=2026-03-28&ad_id=ad_9");
    expect(empty.rows).toEqual([{ clicks: 65, previous: { clicks: 0 } }]);
  });

  it("adds to the points of a series, place by place, and to its totals", async () => {
    const path = "/v1/metrics/clicks?from=2026-03-29&to=2026-03-30&timezone=Europe/Berlin&compare=previous_period";
    const { series, meta } = await askJson(`${path}&totals=true&breakdown=ad_id`);
    expect(series).toEqual([
      {
        adId: "ad_9",
        points: [
          { day: "2026-03-29T00:00:00+01:00", clicks: 15, previous: { clicks: 0 } },
          { day: "2026-03-30T00:00:00+02:00", clicks: 16, previous: { clicks: 64 } },
        ],
      },
    ]);
    expect(meta.totals).toEqual({ clicks: 31, previous: { clicks: 64 } });
    expect(await (await ask(`${path}&format=csv`)).text()).toBe(
      "day,clicks,previous.clicks,state\r\n2026-03-29,15,0,provisional\r\n2026-03-30,16,64,provisional\r\n",
    );
  });

  it("adds columns to CSV", async () => {
    const path = "/v1/reports/clicks?from=2026-03-29&to=2026-03-29&ad_id=ad_9&group_by=ad_id&format=csv";
    const response = await ask(`${path}&compare=previous_period&totals=true`);
    expect(await response.text()).toBe("ad_id,clicks,previous.clicks\r\nad_9,30,65\r\n");
    const empty = await ask(`${path.replace("=ad_9", "=nobody")}&compare=previous_period`);
    expect(await empty.text()).toBe("ad_id,clicks,previous.clicks\r\n");
    expect(response.headers.get("X-Report-Totals")).toBe('{"clicks":30,"previous":{"clicks":65}}');
  });
});

describe("compare=previous_year", () => {
  const YEAR = "compare=previous_year&totals=true&ad_id=ad_y";
  const pairs = ({ series }: Awaited<ReturnType<typeof askJson>>) =>
    series[0]?.points.map(({ clicks: now, previous }) => [now, (previous as unknown as { clicks: number }).clicks]);

  it("pairs days by their dates; a 29 February before is in the totals alone", async () => {
    const answer = await askJson(`/v1/metrics/clicks?from=2025-02-28&to=2025-03-02&granularity=day&${YEAR}`);
    expect(answer.meta.query["previous"]).toEqual({ from: "2024-02-28T00:00:00Z", to: "2024-03-03T00:00:00Z" });
    expect(pairs(answer)).toEqual([
      [1, 4],
      [2, 16],
      [0, 0],
    ]);
    expect(answer.meta["totals"]).toEqual({ clicks: 3, previous: { clicks: 28 } });
  });

  it("pairs months by month, and rows of a table as the points of a series", async () => {
    const months = await askJson(`/v1/metrics/clicks?from=2025-02-01&to=2025-03-31&granularity=month&${YEAR}`);
    expect(pairs(months)).toEqual([
      [1, 12],
      [2, 16],
    ]);
    const { rows } = await askJson(`/v1/reports/clicks?from=2025-02-28&to=2025-03-02&group_by=day&${YEAR}`);
    expect(rows).toEqual([
      { day: "2025-02-28T00:00:00Z", clicks: 1, previous: { clicks: 4 } },
      { day: "2025-03-01T00:00:00Z", clicks: 2, previous: { clicks: 16 } },
    ]);
    const whole = await askJson(`/v1/reports/clicks?from=2025-02-28&to=2025-03-02&${YEAR}`);
    expect(whole.rows).toEqual([{ clicks: 3, previous: { clicks: 28 } }]);
  });
});
