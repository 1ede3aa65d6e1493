/**
 * Any report equals a fold of the raw events in JavaScript: random logs, postings, rolls and moves of minutes to R2 in
 * any order, also moves that are under way, zones, ranges,
 * filters, dimensions, metrics, orders, pages. The model shares no code with the report: it names windows through
 * Intl.DateTimeFormat, minute by minute, and divides in doubles where those are exact.
 *
 * 200 queries; `CLICKLEDGER_QUERIES=2000` asks more.
 */
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { expect, it } from "vitest";
import { moveMinutes } from "../../src/batch/move-minutes.ts";
import { claimBatch } from "../../src/sinks/cold-store.ts";
import { ALL_BUCKETS } from "../support/cold-facts.ts";
import { ask, askJson } from "./ask.ts";
import {
  anyDimensions,
  DIMENSIONS,
  type Dimension,
  type Measurement,
  measure,
  type Spec,
  VALUES,
  writeLog,
} from "./raw-events.ts";
import { clearFacts } from "./seed.ts";
import { windowLabel } from "./zone-model.ts";

const MINUTE = 60_000;
const DAY = 1_440;
const QUERIES = Number((env as unknown as Record<string, string>)["CLICKLEDGER_QUERIES"] ?? 200);
const QUERIES_PER_WORLD = 8;
const PAGES_MAX = 12;

/** Where instants crowd, so that groups, tiers and changes of the clock meet: one season in spring, one in autumn. */
const SEASONS = [
  {
    startMs: Date.UTC(2026, 2, 1),
    // New York 8 March, Lord Howe 4 April, Monday 20 April, Cairo 23 April.
    crowds: [Date.UTC(2026, 2, 8, 7), Date.UTC(2026, 3, 4, 15), Date.UTC(2026, 3, 20), Date.UTC(2026, 3, 23, 22)],
  },
  {
    startMs: Date.UTC(2026, 8, 20),
    // Lord Howe 3 October, Cairo 29 October, New York 1 November, Monday 2 November.
    crowds: [Date.UTC(2026, 9, 3, 15, 30), Date.UTC(2026, 9, 29, 21), Date.UTC(2026, 10, 1, 6), Date.UTC(2026, 10, 2)],
  },
] as const;
const SPAN_DAYS = 60;
const ZONES = ["UTC", "Africa/Cairo", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"];
const GRANULARITIES = ["minute", "hour", "day", "week", "month", "all"] as const;
type Granularity = (typeof GRANULARITIES)[number];

const SUMS = {
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
} as const;
const QUOTIENTS = {
  ctr: ["valid", "impressions", 1e6],
  cvr: ["conversions", "valid", 1e6],
  avg_cpc_micros: ["spend_micros", "valid", 1],
  cpa_micros: ["spend_micros", "conversions", 1],
} as const;
const METRICS = [...Object.keys(SUMS), ...Object.keys(QUOTIENTS), "reasons", "unique_users"];

const world = fc.constantFrom(...SEASONS).chain(({ startMs, crowds }) => {
  const start = startMs / MINUTE;
  const minute = fc.oneof(
    fc.integer({ min: start, max: start + SPAN_DAYS * DAY - 1 }),
    fc
      .tuple(fc.constantFrom(...crowds), fc.integer({ min: -2 * DAY, max: 2 * DAY }))
      .map(([at, by]) => at / MINUTE + by),
    fc.tuple(fc.constantFrom(...crowds), fc.integer({ min: -90, max: 90 })).map(([at, by]) => at / MINUTE + by),
  );
  return fc.record({
    log: fc.array(spec(minute), { minLength: 30, maxLength: 150, size: "max" }),
    rolls: fc.array(minute, { maxLength: 2 }),
    moves: fc.constantFrom("none", "some", "all"),
    queries: fc.array(query(minute), { minLength: QUERIES_PER_WORLD, maxLength: QUERIES_PER_WORLD }),
  });
});

function spec(minute: fc.Arbitrary<number>): fc.Arbitrary<Spec> {
  return fc.record({
    type: fc.constantFrom("click", "click", "click", "impression", "conversion"),
    minute,
    second: fc.integer({ min: 0, max: 59 }),
    dimensions: anyDimensions,
    verdict: fc.constantFrom("valid", "valid", "valid", "accepted", "duplicate", "invalid", "late", "deferred"),
    count: fc.integer({ min: 1, max: 3 }),
    cpc: fc.integer({ min: 0, max: 1_000_000 }),
    user: fc.option(fc.integer({ min: 1, max: 5 })),
    laterMinutes: fc.integer({ min: 0, max: 3_000 }),
  });
}

type Query = {
  readonly from: number;
  readonly to: number;
  readonly zone: string;
  readonly granularity: Granularity;
  readonly dimensions: readonly Dimension[];
  readonly metrics: readonly string[];
  readonly filters: readonly { dimension: Dimension; include: string[]; exclude: string[] }[];
  readonly orderPick: number;
  readonly isDescending: boolean;
  readonly limit: number;
};

const ROW_DIMENSIONS: readonly Dimension[] = ["advertiser_id", "campaign_id", "ad_group_id", "ad_id"];

function query(minute: fc.Arbitrary<number>): fc.Arbitrary<Query> {
  return fc
    .record({
      edges: fc.tuple(minute, minute).filter(([a, b]) => a !== b),
      isAligned: fc.boolean(),
      zone: fc.constantFrom(...ZONES),
      granularity: fc.constantFrom(...GRANULARITIES),
      dimensions: fc.shuffledSubarray([...DIMENSIONS], { maxLength: 5 }),
      metrics: fc.shuffledSubarray(METRICS, { minLength: 1, maxLength: 6 }),
      filters: fc.uniqueArray(filter, { selector: ({ dimension }) => dimension, maxLength: 2 }),
      orderPick: fc.integer({ min: 0, max: 20 }),
      isDescending: fc.boolean(),
      limit: fc.constantFrom(3, 20, 10_000),
    })
    .map(({ edges: [a, b], isAligned, ...rest }) => {
      const round = (at: number) => (isAligned ? Math.floor(at / DAY) * DAY : at);
      const from = round(Math.min(a, b));
      const isFine = rest.granularity === "minute" || rest.granularity === "hour";
      const to = Math.min(Math.max(round(Math.max(a, b)), from + 1), isFine ? from + 31 * DAY : Infinity);
      const fields = [...rest.dimensions, ...rest.filters.map(({ dimension }) => dimension)];
      const hasCells = fields.some((dimension) => !ROW_DIMENSIONS.includes(dimension));
      const metrics = rest.metrics.filter((metric) => !hasCells || (metric !== "reasons" && metric !== "unique_users"));
      return { ...rest, metrics: metrics.length === 0 ? ["clicks"] : metrics, from, to };
    });
}

/** Most filters leave most rows: an empty answer tests little. */
const filter = fc.constantFrom(...DIMENSIONS).chain((dimension) => {
  const values = VALUES[dimension].filter((value: string) => value !== "") as string[];
  return fc.record({
    dimension: fc.constant(dimension),
    include: fc.oneof(fc.constant<string[]>([]), fc.subarray(values, { minLength: Math.ceil(values.length / 2) })),
    exclude: fc.oneof(fc.constant<string[]>([]), fc.subarray(values, { maxLength: 1 })),
  });
});

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

function expectedSums(measurements: readonly Measurement[], asked: Query, hasKeys: boolean): Sum[] {
  const sums = new Map<string, Sum>();
  for (const one of measurements) {
    if (one.minute < asked.from || one.minute >= asked.to) continue;
    const isKept = asked.filters.every(({ dimension, include, exclude }) => {
      const value = one.dimensions[dimension];
      return (include.length === 0 || include.includes(value)) && !exclude.includes(value);
    });
    if (!isKept) continue;
    const isTimed = hasKeys && asked.granularity !== "all";
    const time = isTimed ? [windowLabel(one.minute * MINUTE, asked.granularity, asked.zone)] : [];
    const keys = hasKeys ? [...time, ...asked.dimensions.map((dimension) => one.dimensions[dimension])] : [];
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
    const words = [...include, ...exclude.map((value) => `-${value}`)];
    if (words.length > 0) search.set(dimension, words.join(","));
  }
  return search;
}

/** Every page of the table, one after the other, is the model's table; so are its totals. */
async function checkTable(measurements: readonly Measurement[], asked: Query): Promise<void> {
  const keys = [...(asked.granularity === "all" ? [] : [asked.granularity]), ...asked.dimensions];
  const names = [...keys, ...asked.metrics];
  const orderable = names.filter((name) => name !== "reasons");
  const picked = orderable[asked.orderPick % Math.max(1, orderable.length)] ?? "";
  const search = searchOf(asked);
  if (keys.length > 0) search.set("group_by", keys.join(","));
  if (picked !== "") search.set("order", `${asked.isDescending ? "-" : ""}${picked}`);
  search.set("limit", String(asked.limit));
  search.set("totals", "true");

  const expected = expectedSums(measurements, asked, true)
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
    const answer = await askJson(`/v1/reports/clicks?${search}`);
    rows.push(...answer.rows);
    const [total] = expectedSums(measurements, asked, false);
    const nothing: Sum = { keys: [], measured: {}, reasons: {}, users: new Set() };
    const totals = asked.metrics.map((metric): [string, Value] => [
      camel(metric),
      modelValue(metric, total ?? nothing),
    ]);
    expect(answer.meta.totals).toEqual(Object.fromEntries(totals));
    expect(answer.meta["truncated"]).toBe(answer.meta.nextCursor !== null);
    if (answer.meta.nextCursor === null) {
      expect(rows).toEqual(expected);
      return;
    }
    search.set("cursor", answer.meta.nextCursor);
  }
  expect(rows).toEqual(expected.slice(0, rows.length));
}

/** The sum of each series' points is the model's; series are gapless; none is missing. */
async function checkSeries(measurements: readonly Measurement[], asked: Query): Promise<void> {
  const search = searchOf(asked);
  search.set("granularity", asked.granularity);
  if (asked.dimensions.length > 0) search.set("breakdown", asked.dimensions.join(","));
  const path = `/v1/metrics/clicks?${search}`;
  const response = await ask(path);
  if (response.status === 400) {
    expect(await response.json()).toMatchObject({ type: "/problems/too-many-points" });
    return;
  }
  const answer = await askJson(path);
  const expected = new Map(
    expectedSums(measurements, asked, true).map((sum) => [
      JSON.stringify(sum.keys),
      asked.metrics.map((metric) => modelValue(metric, sum)),
    ]),
  );
  const nothing: Sum = { keys: [], measured: {}, reasons: {}, users: new Set() };
  const zeros = asked.metrics.map((metric) => modelValue(metric, nothing));
  for (const { points, ...dimensions } of answer.series) {
    let earlier = Number.NEGATIVE_INFINITY;
    for (const { time, ...values } of points) {
      const key = JSON.stringify([...(asked.granularity === "all" ? [] : [time]), ...Object.values(dimensions)]);
      expect(Object.values(values)).toEqual(expected.get(key) ?? zeros);
      expected.delete(key);
      expect(Date.parse(String(time))).toBeGreaterThan(earlier);
      earlier = Date.parse(String(time));
    }
  }
  expect([...expected.keys()]).toEqual([]);
}

/** Moves every day that is rolled; of "some", half of the buckets stay with a batch under way. */
async function moveRolled(moves: "none" | "some" | "all", nowMs: number): Promise<void> {
  if (moves === "none") return;
  const isStuck = (bucket: number) => moves === "some" && bucket % 2 === 0;
  const ports = { database: env.REPORT_DB, archive: env.ARCHIVE, clock: () => nowMs };
  const due = { nowMs, hotMinutesMs: 0, untilMs: Infinity };
  await moveMinutes(ports, { ...due, buckets: ALL_BUCKETS.filter((bucket) => !isStuck(bucket)) });
  for (const bucket of ALL_BUCKETS.filter(isStuck)) {
    await claimBatch(env.REPORT_DB, { bucket, beforeDay: Math.floor(nowMs / MINUTE / DAY), nowMs });
  }
}

it("any table and any series equal a fold of the raw events, whatever is rolled", { timeout: 3_600_000 }, async () => {
  const property = fc.asyncProperty(world, async ({ log, rolls, moves, queries }) => {
    await clearFacts(env.REPORT_DB);
    await writeLog(
      env.REPORT_DB,
      log,
      rolls.toSorted((a, b) => a - b),
      (nowMs) => moveRolled(moves, nowMs),
    );
    const measurements = log.flatMap(measure);
    for (const asked of queries) {
      await checkTable(measurements, asked);
      await checkSeries(measurements, asked);
    }
  });
  const numRuns = Math.ceil(QUERIES / QUERIES_PER_WORLD);
  await fc.assert(property, { seed: 20_260_420, numRuns, endOnFailure: true });
});
