/**
 * What a chart shows is what its table says, and that is the file, and that is what the API answers: over generated
 * queries, of which an overview asks four (the chart and three cards) and Explore one.
 *
 * 80 queries; `CLICKLEDGER_QUERIES=2000` asks more.
 */
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, expect, it } from "vitest";
import { parseExact } from "../../src/core/exact.ts";
import { cardsOf } from "../../src/dashboard/breakdown.tsx";
import { isSum, labelOf, type MetricName, Writer } from "../../src/dashboard/figures.ts";
import {
  type Counted,
  figureIn,
  type SeriesAnswer,
  type TableAnswer,
  textOf,
} from "../../src/dashboard/report-answer.ts";
import { scaleOf } from "../../src/dashboard/scale.ts";
import { metricsOf } from "../../src/dashboard/series.ts";
import { valueLabel } from "../../src/dashboard/words.ts";
import { METRICS } from "../../src/report/query/metrics.ts";
import { aCell, type Cell, seedCells, seedKey, seedProfiles } from "../report/seed.ts";
import { tablesIn, textOfHtml } from "./html.ts";
import { app, ORIGIN, send, visitorWith } from "./pages-asked.ts";

const QUERIES = Number((env as unknown as Record<string, string>)["CLICKLEDGER_QUERIES"] ?? 80);
const FIRST_MS = Date.UTC(2026, 2, 20);
const DAY_MS = 86_400_000;
const DAYS = 40;
const VALUES = {
  campaign_id: ["cmp_1", "cmp_2", "cmp_3"],
  country: ["DE", "FR", ""],
  device: ["mobile", "desktop", "tablet"],
  publisher_id: ["pub_1", "pub_2"],
} as const;
type Filterable = keyof typeof VALUES;
const OVERVIEW_QUERIES = 4;
const ADVERTISER = { kind: "advertiser" } as const;
/** A key may ask so often in ten seconds, and a fast machine asks more: each request has the next of these. */
const KEYS = 24;
const bearers: string[] = [];
let requests = 0;
const nextKey = () => requests++ % KEYS;

/** Numbers that look like chance and are the same every time. */
function someCells(): Cell[] {
  return Array.from({ length: 220 }, (_, at) => {
    const pick = <T>(values: readonly T[], factor: number) => values[(at * factor + (at >> 3)) % values.length] as T;
    const valid = (at * 37) % 91;
    const isHuge = at % 40 === 0;
    return aCell({
      atMs: FIRST_MS + ((at * 7) % DAYS) * DAY_MS + ((at * 131) % 1_440) * 60_000,
      campaign_id: pick(VALUES.campaign_id, 1),
      ad_id: `ad_${at % 7}`,
      publisher_id: pick(VALUES.publisher_id, 5),
      country: pick(VALUES.country, 2),
      device: pick(VALUES.device, 3),
      counts: {
        ...{ gross: valid + (at % 5), valid, invalid: at % 5, impressions: valid * 61, gross_impressions: valid * 64 },
        ...{ conversions: at % 3, spend_micros: isHuge ? 9_007_199_254_740_991 : valid * 420_000 },
      },
    });
  });
}

beforeAll(async () => {
  await seedCells(env.REPORT_DB, someCells());
  await seedProfiles(env.REPORT_DB, [{ id: "adv_1", currency: "EUR", timeZone: "Europe/Berlin" }]);
  for (let at = 0; at < KEYS; at++) {
    const spec = { name: `same-${at}-`, advertiserId: "adv_1", scopes: ["report"] };
    bearers.push(await seedKey(env.REPORT_DB, spec));
  }
}, 60_000);

const dayAt = (at: number) => new Date(FIRST_MS + at * DAY_MS).toISOString().slice(0, 10);
const filter = fc
  .constantFrom<Filterable>(...(Object.keys(VALUES) as Filterable[]))
  .chain((name) =>
    fc.tuple(
      fc.constantFrom(name, `${name}!`),
      fc.subarray([...VALUES[name]] as string[], { minLength: 1, maxLength: 2 }),
    ),
  );
const commons = {
  range: fc.tuple(fc.integer({ min: -3, max: DAYS }), fc.integer({ min: 0, max: 45 })),
  filters: fc.uniqueArray(filter, { maxLength: 2, selector: ([name]) => name.replace("!", "") }),
  zone: fc.constantFrom(null, "UTC", "America/New_York", "Australia/Lord_Howe"),
  locale: fc.constantFrom("en-GB", "de-DE", "fr-FR", "ar-EG"),
};
type Common = {
  readonly range: readonly [number, number];
  readonly filters: readonly (readonly [string, readonly string[]])[];
  readonly zone: string | null;
  readonly locale: string;
};

/** The part of the query that page and API share. */
function queryOf({ range: [from, length], filters, zone }: Common): URLSearchParams {
  const search = new URLSearchParams({ from: dayAt(from), to: dayAt(from + length) });
  if (zone !== null) search.set("timezone", zone);
  for (const [name, values] of filters) search.set(name, values.map((value) => value || "(unset)").join(","));
  return search;
}

async function api<T>(path: string, query: URLSearchParams): Promise<T> {
  const headers = { Authorization: bearers[nextKey()] ?? "" };
  const response = await app.request(`${ORIGIN}${path}?${query}`, { headers }, env as Env);
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return parseExact(text) as T;
}

async function page(path: string, query: URLSearchParams, { locale }: Common): Promise<string> {
  const { status, text } = await send(`${path}?${query}`, visitorWith(`same-${nextKey()}-`), {
    headers: { "Accept-Language": locale },
  });
  expect(status).toBe(200);
  const trouble = /<section class="trouble"[\s\S]*?<\/section>/.exec(text)?.[0] ?? "";
  expect(textOfHtml(trouble), `${path}?${query}`).toBe("");
  return text;
}

/** The file that a page offers, line by line, each value under its name. */
async function fileOf(html: string, path: string): Promise<Record<string, string>[]> {
  const links = [...html.matchAll(/href="(\/export[^"]*)"/g)].map(([, href = ""]) => href.replaceAll("&amp;", "&"));
  const { status, text } = await send(
    links.find((href) => href.startsWith(`/export${path}?`)) ?? "/nothing",
    visitorWith(`same-${nextKey()}-`),
  );
  expect(status, text).toBe(200);
  const [head = "", ...lines] = text.trimEnd().split(/\r?\n/);
  const names = head.split(",");
  return lines.map((line) => Object.fromEntries(line.split(",").map((value, at) => [names[at] ?? "", value])));
}

const plain = (text: string) => text.replaceAll(/\s+/g, " ").trim();
const fileText = (counted: Counted, metric: MetricName) => String(figureIn(counted, metric) ?? "");

/** Heights of columns, against the values that they stand for. */
function checkColumns(html: string, values: readonly number[]): void {
  const svg = /<svg class="chart"[\s\S]*?<g class="ticks">/.exec(html)?.[0] ?? "";
  const yOf = [...svg.matchAll(/<line x1="0" x2="100%" y1="([\d.]+)"/g)].map(([, y]) => Number(y));
  const { top } = scaleOf(Math.max(0, ...values));
  const plot = Math.max(...yOf) - (values.some((value) => value > 0) ? Math.min(...yOf) : 0);
  const heights = [...svg.matchAll(/<rect class="fill \w+"[^>]* height="([\d.]+)"/g)].map(([, tall]) => Number(tall));
  expect(heights).toHaveLength(values.length);
  for (const [at, value] of values.entries()) {
    expect(Math.abs((heights[at] ?? -1) - (value === 0 ? 0 : (plot * value) / top))).toBeLessThan(0.05);
  }
}

async function checkOverview(asked: Common & { metric: MetricName; card: number }): Promise<void> {
  const { metric, card } = asked;
  const query = queryOf(asked);
  const tabs = cardsOf(ADVERTISER).map((of) => of[card % of.length] ?? "campaign_id");
  const shown = new URLSearchParams(query);
  for (const [name, value] of Object.entries({ metric, compare: "none" })) shown.set(name, value);
  for (const [at, tab] of tabs.entries()) shown.set(`card${at + 1}`, tab);
  const html = await page("/", shown, asked);
  const [table] = tablesIn(html);
  const granularity = table?.head[0] ?? "";
  const own = { granularity, metrics: metricsOf(ADVERTISER).join(","), totals: "true" };
  const { series, meta } = await api<SeriesAnswer>(
    "/v1/metrics/clicks",
    new URLSearchParams([...query, ...Object.entries(own)]),
  );
  const writer = new Writer(asked.locale, asked.zone ?? "Europe/Berlin");
  const points = series[0]?.points ?? [];
  const inWords = points.map((point) => plain(writer.value(metric, figureIn(point, metric), "EUR")));

  expect(
    table?.rows.map(([, value]) => value),
    "the table is the API",
  ).toEqual(inWords);
  const titles = [...html.matchAll(/<rect class="slot"[^>]*><title>([\s\S]*?)<\/title>/g)].map(
    ([, text]) => text ?? "",
  );
  expect(titles.map(textOfHtml), "the chart says what the table says").toEqual(
    table?.rows.map(([name, value]) => `${name}: ${value}`),
  );
  if (isSum(metric))
    checkColumns(
      html,
      points.map((point) => Number(figureIn(point, metric) ?? 0)),
    );
  const amounts = [...html.matchAll(/<p class="amount">([\s\S]*?)<\/p>/g)].map(([, text]) => textOfHtml(text ?? ""));
  const totals = metricsOf(ADVERTISER).map((name) => plain(writer.value(name, figureIn(meta.totals, name), "EUR")));
  expect(amounts, "the figures are the totals").toEqual(totals);
  const lines = await fileOf(html, "/v1/metrics/clicks");
  expect(
    lines.map((line) => line[metric]),
    "the file is the API",
  ).toEqual(points.map((point) => fileText(point, metric)));

  const cards = tablesIn(html).slice(1);
  for (const [at, tab] of tabs.entries()) {
    const of = { group_by: tab, metrics: metric, order: `-${metric}`, limit: "9" };
    const { rows } = await api<TableAnswer>(
      "/v1/reports/clicks",
      new URLSearchParams([...query, ...Object.entries(of)]),
    );
    const said = rows.map((row) => [
      valueLabel(tab, textOf(row, tab)),
      plain(writer.value(metric, figureIn(row, metric), "EUR")),
    ]);
    const drawn =
      rows.length === 0
        ? []
        : cards.shift()?.rows.map((cells) => cells.slice(0, 2).map((cell) => cell.replace(/ Open →$/, "")));
    expect(new Set(drawn?.map(String)), `card ${at + 1}, by ${tab}`).toEqual(new Set(said.map(String)));
  }
}

async function checkExplore(
  asked: Common & { groups: readonly string[]; metrics: readonly MetricName[] },
): Promise<void> {
  const hasCells = [...asked.groups, ...asked.filters.map(([name]) => name.replace("!", ""))].some((word) =>
    ["country", "device", "publisher_id"].includes(word),
  );
  const metrics = asked.metrics.filter((name) => name !== "reasons" && !(hasCells && name === "unique_users"));
  if (metrics.length === 0) metrics.push("clicks");
  const own = { group_by: asked.groups.join(","), metrics: metrics.join(","), limit: "500", order: `-${metrics[0]}` };
  const query = new URLSearchParams([...queryOf(asked), ...Object.entries(own)]);
  const html = await page("/explore", new URLSearchParams([...query, ["compare", "none"]]), asked);
  const { rows, meta } = await api<TableAnswer>(
    "/v1/reports/clicks",
    new URLSearchParams([...query, ["totals", "true"]]),
  );
  const writer = new Writer(asked.locale, asked.zone ?? "Europe/Berlin");
  const [table] = tablesIn(html);
  if (rows.length === 0) {
    expect(table?.rows ?? []).toEqual([]);
    return;
  }
  const columnOf = (metric: MetricName) =>
    table?.head.findIndex((cell) => cell.replace(/ [↓↑]$/, "") === labelOf(metric)) ?? -1;
  const lines = await fileOf(html, "/v1/reports/clicks");
  for (const metric of metrics) {
    const said = rows.map((row) => plain(writer.value(metric, figureIn(row, metric), "EUR")));
    expect(
      table?.rows.map((cells) => cells[columnOf(metric)]),
      `${metric} of the table`,
    ).toEqual(said);
    expect(
      lines.map((line) => line[metric]),
      `${metric} of the file`,
    ).toEqual(rows.map((row) => fileText(row, metric)));
    const total = table?.foot[0]?.[columnOf(metric) - asked.groups.length + 1];
    expect(total, `${metric} of all`).toBe(plain(writer.value(metric, figureIn(meta.totals, metric), "EUR")));
  }
}

it("chart, table, file and API say the same: overviews", { timeout: 3_600_000 }, async () => {
  const query = fc.record({ ...commons, metric: fc.constantFrom(...metricsOf(ADVERTISER)), card: fc.nat(3) });
  const numRuns = Math.ceil(QUERIES / 2 / OVERVIEW_QUERIES);
  await fc.assert(fc.asyncProperty(query, checkOverview), { seed: 20_260_420, numRuns, endOnFailure: true });
});

it("table, file and API say the same: Explore", { timeout: 3_600_000 }, async () => {
  const groups = fc.shuffledSubarray(["campaign_id", "ad_id", "country", "device", "publisher_id"], {
    minLength: 1,
    maxLength: 3,
  });
  const metrics = fc.shuffledSubarray(METRICS as readonly MetricName[] as MetricName[], { minLength: 1, maxLength: 4 });
  const property = fc.asyncProperty(fc.record({ ...commons, groups, metrics }), checkExplore);
  await fc.assert(property, { seed: 20_260_420, numRuns: Math.ceil(QUERIES / 2), endOnFailure: true });
});
