/**
 * Any report equals a fold of the cells in JavaScript: random facts, marks, ranges, filters, dimensions, orders.
 * The model shares no code with the report: it names windows through Date alone.
 */
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { expect, it } from "vitest";
import { ask, askJson } from "./ask.ts";
import { type Cell, clearFacts, type Mark, seedCells } from "./seed.ts";

const MINUTE = 60_000;
const START_MS = Date.UTC(2025, 11, 20);
const SPAN_MINUTES = 60 * 1_440;

const DIMENSIONS = [
  "advertiser_id",
  "campaign_id",
  "ad_group_id",
  "ad_id",
  "creative_id",
  "publisher_id",
  "country",
  "device",
] as const;
type Dimension = (typeof DIMENSIONS)[number];
const VALUES: Record<Dimension, string[]> = {
  advertiser_id: ["adv_1", "adv_2", "adv_3", "adv_4"],
  campaign_id: ["cmp_1", "cmp_2", "7"],
  ad_group_id: ["", "grp_1"],
  ad_id: ["ad_1", "ad_2", "ad_10", "100"],
  creative_id: ["", "crt_1", "0"],
  publisher_id: ["pub_1", "pub_2"],
  country: ["", "DE", "US"],
  device: ["mobile", "desktop", "tv"],
};
const MEASURE_OF = {
  impressions: "impressions",
  clicks: "valid",
  gross_clicks: "gross",
  duplicate_clicks: "duplicate",
  conversions: "conversions",
  spend_micros: "spend_micros",
} as const;
type Metric = keyof typeof MEASURE_OF;
const METRICS = Object.keys(MEASURE_OF) as Metric[];
const GRANULARITIES = ["minute", "hour", "day", "week", "month", "all"] as const;
type Granularity = (typeof GRANULARITIES)[number];

/** Day 30 is Monday 2026-01-19. Instants crowd around it, and at its first hours, so that groups and tiers meet. */
const CROWD_DAY = 30;
const instant = fc.oneof(
  fc.integer({ min: 0, max: SPAN_MINUTES - 1 }),
  fc.integer({ min: (CROWD_DAY - 2) * 1_440, max: (CROWD_DAY + 2) * 1_440 }),
  fc.integer({ min: CROWD_DAY * 1_440, max: CROWD_DAY * 1_440 + 180 }),
);

const cell: fc.Arbitrary<Cell> = fc
  .record({
    minute: instant,
    second: fc.integer({ min: 0, max: 59 }),
    values: fc.record({
      advertiser_id: fc.constantFrom(...VALUES.advertiser_id),
      campaign_id: fc.constantFrom(...VALUES.campaign_id),
      ad_group_id: fc.constantFrom(...VALUES.ad_group_id),
      ad_id: fc.constantFrom(...VALUES.ad_id),
      creative_id: fc.constantFrom(...VALUES.creative_id),
      publisher_id: fc.constantFrom(...VALUES.publisher_id),
      country: fc.constantFrom(...VALUES.country),
      device: fc.constantFrom(...VALUES.device),
    }),
    valid: fc.integer({ min: -2, max: 5 }),
    duplicate: fc.integer({ min: 0, max: 3 }),
    impressions: fc.integer({ min: 0, max: 9 }),
    conversions: fc.integer({ min: -1, max: 1 }),
    spend_micros: fc.integer({ min: -1_000_000_000_000, max: 1_000_000_000_000 }),
  })
  .map(({ minute, second, values, valid, duplicate, ...counts }) => ({
    ...values,
    atMs: START_MS + minute * MINUTE + second * 1_000,
    counts: { ...counts, valid, duplicate, gross: valid + duplicate },
  }));

/** Marks of 16 buckets, a few hours apart around the crowd; some worlds roll days ahead of hours, or nothing. */
const marks: fc.Arbitrary<Mark[]> = fc
  .record({
    hour: fc.integer({ min: (CROWD_DAY - 2) * 24, max: (CROWD_DAY + 2) * 24 }),
    daysBehind: fc.integer({ min: -1, max: 3 }),
    jitter: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 16, maxLength: 16 }),
    isRolled: fc.integer({ min: 0, max: 9 }).map((pick) => pick > 0),
  })
  .map(({ hour, daysBehind, jitter, isRolled }) =>
    jitter.map((hours) => ({
      hour: isRolled ? START_MS / 3_600_000 + hour + hours : 0,
      day: isRolled ? START_MS / 86_400_000 + Math.floor(hour / 24) - daysBehind : 0,
    })),
  );

type Query = {
  from: number;
  to: number;
  granularity: Granularity;
  dimensions: Dimension[];
  metrics: Metric[];
  filters: { dimension: Dimension; include: string[]; exclude: string[] }[];
  orderPick: number;
  isDescending: boolean;
  limit: number;
};

/** Most filters leave most rows: an empty answer tests little. */
const filter = fc.constantFrom(...DIMENSIONS).chain((dimension) => {
  const values = VALUES[dimension].filter((value) => value !== "");
  return fc.record({
    dimension: fc.constant(dimension),
    include: fc.oneof(fc.constant<string[]>([]), fc.subarray(values, { minLength: Math.ceil(values.length / 2) })),
    exclude: fc.oneof(fc.constant<string[]>([]), fc.subarray(values, { maxLength: 1 })),
  });
});

const query: fc.Arbitrary<Query> = fc
  .record({
    edges: fc.tuple(instant, instant).filter(([a, b]) => a !== b),
    isAligned: fc.boolean(),
    granularity: fc.constantFrom(...GRANULARITIES),
    dimensions: fc.shuffledSubarray([...DIMENSIONS], { maxLength: 4 }),
    metrics: fc.shuffledSubarray(METRICS, { minLength: 1 }),
    filters: fc.uniqueArray(filter, { selector: ({ dimension }) => dimension, maxLength: 2 }),
    orderPick: fc.integer({ min: 0, max: 20 }),
    isDescending: fc.boolean(),
    limit: fc.constantFrom(3, 20, 10_000),
  })
  .map(({ edges: [a, b], isAligned, ...rest }) => {
    const round = (minute: number) => (isAligned ? Math.floor(minute / 1_440) * 1_440 : minute);
    const from = START_MS + round(Math.min(a, b)) * MINUTE;
    const to = Math.max(START_MS + round(Math.max(a, b)) * MINUTE, from + MINUTE);
    const isByMinute = rest.granularity === "minute";
    return { ...rest, from, to: isByMinute ? Math.min(to, from + 31 * 86_400_000) : to };
  });

function nameOf(atMs: number, granularity: Granularity): string {
  const date = new Date(atMs);
  date.setUTCSeconds(0, 0);
  if (granularity !== "minute") date.setUTCMinutes(0);
  if (granularity !== "minute" && granularity !== "hour") date.setUTCHours(0);
  if (granularity === "week") date.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % 7));
  if (granularity === "month") date.setUTCDate(1);
  return date.toISOString().replace(".000Z", "Z");
}

const camel = (name: string) => name.replaceAll(/_(.)/g, (_, letter: string) => letter.toUpperCase());

/** Every group of the answer, before the limit and with those that sum to zero: keys as text, then sums. */
function expectedGroups(cells: readonly Cell[], asked: Query): { keys: string[]; sums: number[] }[] {
  const groups = new Map<string, { keys: string[]; sums: number[] }>();
  for (const one of cells) {
    if (one.atMs < asked.from || one.atMs >= asked.to) continue;
    const isKept = asked.filters.every(
      ({ dimension, include, exclude }) =>
        (include.length === 0 || include.includes(one[dimension])) && !exclude.includes(one[dimension]),
    );
    if (!isKept) continue;
    const time = asked.granularity === "all" ? [] : [nameOf(one.atMs, asked.granularity)];
    const keys = [...time, ...asked.dimensions.map((dimension) => one[dimension])];
    const group = groups.get(JSON.stringify(keys)) ?? { keys, sums: asked.metrics.map(() => 0) };
    asked.metrics.forEach((metric, index) => {
      group.sums[index] = (group.sums[index] ?? 0) + (one.counts[MEASURE_OF[metric]] ?? 0);
    });
    groups.set(JSON.stringify(keys), group);
  }
  return [...groups.values()];
}

const isCounted = ({ sums }: { sums: number[] }) => sums.some((sum) => sum !== 0);

function namesOf(asked: Query): string[] {
  return [...(asked.granularity === "all" ? [] : [asked.granularity]), ...asked.dimensions, ...asked.metrics];
}

function searchOf(asked: Query): URLSearchParams {
  const iso = (instantMs: number) => new Date(instantMs).toISOString();
  const search = new URLSearchParams({ from: iso(asked.from), to: iso(asked.to), metrics: asked.metrics.join(",") });
  for (const { dimension, include, exclude } of asked.filters) {
    const words = [...include, ...exclude.map((value) => `-${value}`)];
    if (words.length > 0) search.set(dimension, words.join(","));
  }
  return search;
}

function pathOfTable(asked: Query, order: string): string {
  const search = searchOf(asked);
  const words = [...(asked.granularity === "all" ? [] : [asked.granularity]), ...asked.dimensions];
  if (words.length > 0) search.set("group_by", words.join(","));
  search.set("order", order);
  search.set("limit", String(asked.limit));
  return `/v1/reports/clicks?${search}`;
}

async function checkTable(cells: readonly Cell[], asked: Query): Promise<void> {
  const names = namesOf(asked);
  const picked = asked.orderPick % names.length;
  const answer = await askJson(pathOfTable(asked, `${asked.isDescending ? "-" : ""}${names[picked]}`));
  const groups = expectedGroups(cells, asked);
  const rows = groups
    .filter(isCounted)
    .map(({ keys, sums }) => [...keys, ...sums])
    .sort((left, right) => {
      const columns = [picked, ...names.keys()];
      for (const [rank, column] of columns.entries()) {
        const [a = "", b = ""] = [left[column], right[column]];
        if (a !== b) return (a < b ? -1 : 1) * (rank === 0 && asked.isDescending ? -1 : 1);
      }
      return 0;
    });
  const expected = rows
    .slice(0, asked.limit)
    .map((values) => Object.fromEntries(names.map((name, index) => [camel(name), values[index]])));
  if (answer.meta["truncated"] && !groups.every(isCounted)) {
    // Sums that cancel across segments may shorten a cut answer; what it has is right.
    expect(answer.rows).toEqual(expected.slice(0, answer.rows.length));
    return;
  }
  expect(answer.rows).toEqual(expected);
  expect(answer.meta["truncated"]).toBe(rows.length > asked.limit);
}

/** The sum of each series' points is the model's; series are gapless; none is missing. */
async function checkSeries(cells: readonly Cell[], asked: Query): Promise<void> {
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
  const points = new Map<string, unknown[]>();
  for (const { points: members, ...dimensions } of answer.series) {
    for (const { time, ...sums } of members) {
      const values = Object.values(sums);
      const keys = [...(asked.granularity === "all" ? [] : [time]), ...Object.values(dimensions)];
      if (values.some((value) => value !== 0)) points.set(JSON.stringify(keys), values);
    }
    expect(members.map((point) => point["time"])).toEqual(answer.series[0]?.points.map((point) => point["time"]));
  }
  const expected = expectedGroups(cells, asked)
    .filter(isCounted)
    .map(({ keys, sums }): [string, number[]] => [JSON.stringify(keys), sums]);
  expect([...points].sort()).toEqual(expected.sort());
}

it("any table and any series equal a fold of the facts, whatever is rolled", { timeout: 120_000 }, async () => {
  const world = fc.record({
    cells: fc.array(cell, { minLength: 1, maxLength: 120, size: "max" }),
    marks,
    queries: fc.array(query, { minLength: 12, maxLength: 12 }),
  });
  const property = fc.asyncProperty(world, async ({ cells, marks, queries }) => {
    await clearFacts(env.REPORT_DB);
    await seedCells(env.REPORT_DB, cells, (bucket) => marks[bucket] ?? { hour: 0, day: 0 });
    for (const asked of queries) {
      await checkTable(cells, asked);
      await checkSeries(cells, asked);
    }
  });
  await fc.assert(property, { seed: 20_260_420, numRuns: 25, endOnFailure: true });
});
