/**
 * The model that reports are compared with: a fold of the raw events in JavaScript. It shares no code with the report: it
 * names windows through Intl.DateTimeFormat, minute by minute, and divides in doubles where those are exact.
 */
import { expect } from "vitest";
import type { Query } from "./any-world.ts";
import { ask, askJson } from "./ask.ts";
import type { Dimension, Measurement as RawMeasurement } from "./raw-events.ts";
import { windowLabel } from "./zone-model.ts";

/** With the currency of its advertiser. */
export type Measurement = Omit<RawMeasurement, "dimensions"> & {
  readonly dimensions: Readonly<Record<Dimension, string>>;
};

const MINUTE = 60_000;
const PAGES_MAX = 12;

export const SUMS = {
  impressions: "impressions",
  gross_impressions: "gross_impressions",
  clicks: "valid",
  gross_clicks: "gross",
  duplicate_clicks: "duplicate",
  late_clicks: "late",
  clicks_with_user: "valid_with_user",
  conversions: "conversions",
  conversions_by_time: "conversions_by_time",
  spend_micros: "spend_micros",
  conversion_value_micros: "conversion_value_micros",
  conversion_value_by_time_micros: "conversion_value_by_time_micros",
} as const;
export const QUOTIENTS = {
  ctr: ["valid", "impressions", 1e6],
  cvr: ["conversions", "valid", 1e6],
  avg_cpc_micros: ["spend_micros", "valid", 1],
  cpa_micros: ["spend_micros", "conversions", 1],
  roas: ["conversion_value_micros", "spend_micros", 1e6],
} as const;
const MONEY: readonly string[] = [
  ...["spend_micros", "conversion_value_micros", "conversion_value_by_time_micros"],
  ...["avg_cpc_micros", "cpa_micros", "roas"],
];

type Value = string | number | null | Record<string, number>;
type ExpectedRow = Record<string, Value>;

const camel = (name: string) => name.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase());

type Sum = {
  readonly keys: string[];
  measured: Record<string, number>;
  reasons: Record<string, number>;
  users: Set<string>;
};

function add(sum: Sum, { measured, reasons, user }: Measurement): void {
  for (const [name, count] of Object.entries(measured)) sum.measured[name] = (sum.measured[name] ?? 0) + count;
  for (const [name, count] of Object.entries(reasons)) sum.reasons[name] = (sum.reasons[name] ?? 0) + count;
  if (user !== null) sum.users.add(user);
}

function modelValue(metric: string, { measured, reasons, users }: Sum): Value {
  if (metric === "reasons") return reasons;
  if (metric === "unique_users") return users.size;
  const quotient = QUOTIENTS[metric as keyof typeof QUOTIENTS];
  if (quotient === undefined) return measured[SUMS[metric as keyof typeof SUMS]] ?? 0;
  const [of, per, scale] = [measured[quotient[0]] ?? 0, measured[quotient[1]] ?? 0, quotient[2]];
  return per === 0 ? null : Math.floor((2 * of * scale + per) / (2 * per)) / scale;
}

/** The measures that a metric is made of: a group in which they are all zero is not there. */
function isSeen(metric: string, sum: Sum): boolean {
  if (metric === "reasons") return Object.keys(sum.reasons).length > 0;
  if (metric === "unique_users") return (sum.measured["valid"] ?? 0) !== 0;
  const names = QUOTIENTS[metric as keyof typeof QUOTIENTS]?.slice(0, 2) ?? [SUMS[metric as keyof typeof SUMS]];
  return names.some((name) => (sum.measured[String(name)] ?? 0) !== 0);
}

/** Whether the operator asks for money of several currencies. */
function isSplit({ metrics, filters }: Query): boolean {
  const isOne = filters.some(
    ({ dimension, include }) => (dimension === "advertiser_id" || dimension === "currency") && include.length === 1,
  );
  return metrics.some((metric) => MONEY.includes(metric)) && !isOne;
}

/** What is answered to a query: money is split by currency. */
function answered(asked: Query): Query {
  if (!isSplit(asked) || asked.dimensions.includes("currency")) return asked;
  return { ...asked, dimensions: [...asked.dimensions, "currency"] };
}

const NOTHING: Sum = { keys: [], measured: {}, reasons: {}, users: new Set() };

function expectedTotals(measurements: readonly Measurement[], asked: Query): Record<string, unknown> {
  const valuesOf = (sum: Sum | undefined, metrics: readonly string[]) =>
    Object.fromEntries(metrics.map((metric): [string, Value] => [camel(metric), modelValue(metric, sum ?? NOTHING)]));
  const all: Query = { ...asked, granularity: "all", dimensions: [] };
  const [total] = expectedSums(measurements, all);
  if (!isSplit(asked)) return valuesOf(total, asked.metrics);
  const byCurrency = expectedSums(measurements, { ...all, dimensions: ["currency"] })
    .toSorted((left, right) => ((left.keys[0] ?? "") < (right.keys[0] ?? "") ? -1 : 1))
    .map((sum) => ({ currency: sum.keys[0], ...valuesOf(sum, asked.metrics) }));
  return {
    ...valuesOf(
      total,
      asked.metrics.filter((metric) => !MONEY.includes(metric)),
    ),
    byCurrency,
  };
}

function expectedSums(measurements: readonly Measurement[], asked: Query): Sum[] {
  const sums = new Map<string, Sum>();
  for (const one of measurements) {
    if (one.minute < asked.from || one.minute >= asked.to) continue;
    const isKept = asked.filters.every(({ dimension, include, exclude }) => {
      const value = one.dimensions[dimension];
      return (include.length === 0 || include.includes(value)) && !exclude.includes(value);
    });
    if (!isKept) continue;
    const isTimed = asked.granularity !== "all";
    const time = isTimed ? [windowLabel(one.minute * MINUTE, asked.granularity, asked.zone)] : [];
    const keys = [...time, ...asked.dimensions.map((dimension) => one.dimensions[dimension])];
    const key = JSON.stringify(keys);
    const sum = sums.get(key) ?? { keys, measured: {}, reasons: {}, users: new Set<string>() };
    sums.set(key, sum);
    add(sum, one);
  }
  return [...sums.values()].filter((sum) => asked.metrics.some((metric) => isSeen(metric, sum)));
}

function compareRows(left: ExpectedRow, right: ExpectedRow, names: readonly string[], asked: Query, picked: string) {
  for (const [rank, name] of [picked, ...names].entries()) {
    const isTime = name === asked.granularity;
    const read = (row: ExpectedRow) => (isTime ? Date.parse(String(row[camel(name)])) : row[camel(name)]);
    const [a, b] = [read(left), read(right)];
    if (a === b || typeof a === "object" || typeof b === "object") {
      if (a === b || (a !== null && b !== null)) continue;
      return a === null ? 1 : -1;
    }
    if (a === undefined || b === undefined) continue;
    return (a < b ? -1 : 1) * (rank === 0 && asked.isDescending ? -1 : 1);
  }
  return 0;
}

function searchOf(asked: Query): URLSearchParams {
  const iso = (minute: number) => new Date(minute * MINUTE).toISOString();
  const search = new URLSearchParams({ from: iso(asked.from), to: iso(asked.to), metrics: asked.metrics.join(",") });
  search.set("timezone", asked.zone);
  for (const { dimension, include, exclude } of asked.filters) {
    const spell = (values: readonly string[]) => values.map((value) => (value === "" ? "(unset)" : value)).join(",");
    if (include.length > 0) search.set(dimension, spell(include));
    if (exclude.length > 0) search.set(`${dimension}!`, spell(exclude));
  }
  return search;
}

/** Every page of the table, one after the other, is the model's table; so are its totals, where they are asked. */
export async function checkTable(measurements: readonly Measurement[], query: Query): Promise<void> {
  const asked = answered(query);
  const keys = [...(asked.granularity === "all" ? [] : [asked.granularity]), ...asked.dimensions];
  const names = [...keys, ...asked.metrics];
  const orderable = names.filter((name) => name !== "reasons");
  const isInTime = asked.isInTime && asked.granularity !== "all";
  const picked = isInTime ? asked.granularity : (orderable[asked.orderPick % Math.max(1, orderable.length)] ?? "");
  const search = searchOf(asked);
  const given = keys.filter((key) => key === query.granularity || query.dimensions.some((one) => one === key));
  if (given.length > 0) search.set("group_by", given.join(","));
  if (picked !== "") search.set("order", `${asked.isDescending ? "-" : ""}${picked}`);
  search.set("limit", String(asked.limit));
  if (asked.wantsTotals) search.set("totals", "true");

  const expected = expectedSums(measurements, asked)
    .map((sum): ExpectedRow => {
      const pairs = names.map((name, index): [string, Value] => [
        camel(name),
        sum.keys[index] ?? modelValue(name, sum),
      ]);
      return Object.fromEntries(pairs);
    })
    .sort((left, right) => compareRows(left, right, keys, asked, picked));
  const rows: unknown[] = [];
  for (let page = 0; page < PAGES_MAX; page++) {
    const answer = await askJson(`/v1/reports/clicks?${search}`, slicedBy(query));
    rows.push(...answer.rows);
    expect(answer.meta.totals).toEqual(asked.wantsTotals ? expectedTotals(measurements, query) : undefined);
    expect(answer.meta["truncated"]).toBe(answer.meta.nextCursor !== null);
    if (answer.meta.nextCursor === null) {
      expect(rows).toEqual(expected);
      return;
    }
    search.set("cursor", answer.meta.nextCursor);
  }
  expect(rows).toEqual(expected.slice(0, rows.length));
}

const SLICE_WEIGHTS = [undefined, undefined, 40, 10] as const;

/** Some queries are read in slices, down to a row each. */
function slicedBy({ orderPick }: Query): { readonly sliceWeight: number | undefined } {
  return { sliceWeight: SLICE_WEIGHTS[orderPick % SLICE_WEIGHTS.length] };
}

/** The sum of each series' points is the model's; series are gapless; none is missing. */
export async function checkSeries(measurements: readonly Measurement[], query: Query): Promise<void> {
  const asked = answered(query);
  const search = searchOf(asked);
  search.set("granularity", asked.granularity);
  if (query.dimensions.length > 0) search.set("breakdown", query.dimensions.join(","));
  const path = `/v1/metrics/clicks?${search}`;
  const response = await ask(path, slicedBy(query));
  if (response.status === 400) {
    expect(await response.json()).toMatchObject({ type: "/problems/too-many-points" });
    return;
  }
  const answer = await askJson(path, slicedBy(query));
  const expected = new Map(
    expectedSums(measurements, asked).map((sum) => [
      JSON.stringify(sum.keys),
      asked.metrics.map((metric) => modelValue(metric, sum)),
    ]),
  );
  const zeros = asked.metrics.map((metric) => modelValue(metric, NOTHING));
  for (const { points, ...dimensions } of answer.series) {
    let earlier = Number.NEGATIVE_INFINITY;
    for (const point of points) {
      const { [asked.granularity]: time, ...values } = point;
      const key = JSON.stringify([...(asked.granularity === "all" ? [] : [time]), ...Object.values(dimensions)]);
      expect(Object.values(values)).toEqual(expected.get(key) ?? zeros);
      expected.delete(key);
      if (asked.granularity === "all") continue;
      expect(Date.parse(String(time))).toBeGreaterThan(earlier);
      earlier = Date.parse(String(time));
    }
  }
  expect([...expected.keys()]).toEqual([]);
}
