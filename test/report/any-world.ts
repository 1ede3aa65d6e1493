/**
 * Worlds for comparing reports with the raw events that they come from, at random: a log, rolls and moves of minutes to
 * R2 in any order, and queries with zones, ranges, filters, dimensions, metrics and orders.
 */
import fc from "fast-check";
import { QUOTIENTS, SUMS } from "./fold-model.ts";
import { anyDimensions, type Currencies, DIMENSIONS, type Dimension, type Spec, VALUES } from "./raw-events.ts";

const MINUTE = 60_000;
const DAY = 1_440;

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
export const QUERIES_PER_WORLD = 8;
export const MOVES = ["none", "some", "all"] as const;
export type Moves = (typeof MOVES)[number];
const ZONES = ["UTC", "Africa/Cairo", "America/New_York", "Asia/Tokyo", "Asia/Kolkata", "Australia/Lord_Howe"];
const GRANULARITIES = ["minute", "hour", "day", "week", "month", "all"] as const;
export type Granularity = (typeof GRANULARITIES)[number];

const METRICS = [...Object.keys(SUMS), ...Object.keys(QUOTIENTS), "reasons", "unique_users"];

/** How far one database is rolled and what has left it. */
type Settling = {
  readonly rolls: readonly number[];
  readonly moves: Moves;
  /** Some of the last events are shown and not posted. */
  readonly isOpen: boolean;
};

/** A log, how each database is rolled and moved while it is posted, and what is asked of it. */
export type World = {
  /** What each advertiser pays in; '' where its profile does not say. */
  readonly currencies: Currencies;
  readonly log: readonly Spec[];
  readonly settlings: readonly Settling[];
  readonly queries: readonly Query[];
};

/** Worlds over so many databases, each with rolls and moves of its own. */
export function worlds(databases: number): fc.Arbitrary<World> {
  return fc.constantFrom(...SEASONS).chain(({ startMs, crowds }) => {
    const start = startMs / MINUTE;
    const minute = fc.oneof(
      fc.integer({ min: start, max: start + SPAN_DAYS * DAY - 1 }),
      fc
        .tuple(fc.constantFrom(...crowds), fc.integer({ min: -2 * DAY, max: 2 * DAY }))
        .map(([at, by]) => at / MINUTE + by),
      fc.tuple(fc.constantFrom(...crowds), fc.integer({ min: -90, max: 90 })).map(([at, by]) => at / MINUTE + by),
    );
    const settling = fc.record({
      rolls: fc.array(minute, { maxLength: 2 }),
      moves: fc.constantFrom(...MOVES),
      isOpen: fc.boolean(),
    });
    return fc.record({
      currencies: fc.constantFrom<Currencies>(...CURRENCIES),
      log: fc.array(spec(minute), { minLength: 30, maxLength: 150, size: "max" }),
      settlings: fc.array(settling, { minLength: databases, maxLength: databases }),
      queries: fc.array(query(minute), { minLength: QUERIES_PER_WORLD, maxLength: QUERIES_PER_WORLD }),
    });
  });
}

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

export type Query = {
  readonly from: number;
  readonly to: number;
  readonly zone: string;
  readonly granularity: Granularity;
  readonly dimensions: readonly Dimension[];
  readonly metrics: readonly string[];
  readonly filters: readonly { dimension: Dimension; include: string[]; exclude: string[] }[];
  readonly orderPick: number;
  /** Pages in the order of time, without totals, are read from the first windows that fill them. */
  readonly isInTime: boolean;
  readonly wantsTotals: boolean;
  readonly isDescending: boolean;
  readonly limit: number;
};

const ROW_DIMENSIONS: readonly Dimension[] = ["currency", "advertiser_id", "campaign_id", "ad_group_id", "ad_id"];

function query(minute: fc.Arbitrary<number>): fc.Arbitrary<Query> {
  return fc
    .record({
      edges: fc.tuple(minute, minute).filter(([a, b]) => a !== b),
      isAligned: fc.boolean(),
      zone: fc.constantFrom(...ZONES),
      granularity: fc.constantFrom(...GRANULARITIES),
      // What one dimension answers stands in sums.
      dimensions: fc.oneof(...[1, 5].map((maxLength) => fc.shuffledSubarray([...DIMENSIONS], { maxLength }))),
      metrics: fc.shuffledSubarray(METRICS, { minLength: 1, maxLength: 6 }),
      filters: fc.uniqueArray(filter, { selector: ({ dimension }) => dimension, maxLength: 2 }),
      orderPick: fc.integer({ min: 0, max: 20 }),
      isInTime: fc.boolean(),
      wantsTotals: fc.boolean(),
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

/** Everybody in one, in several, and nobody in any that is known. */
const CURRENCIES: readonly Currencies[] = [
  { adv_1: "EUR", adv_2: "JPY", adv_3: "EUR", adv_4: "" },
  { adv_1: "JPY", adv_2: "EUR", adv_3: "USD", adv_4: "JPY" },
  { adv_1: "EUR", adv_2: "EUR", adv_3: "EUR", adv_4: "EUR" },
  { adv_1: "", adv_2: "", adv_3: "", adv_4: "" },
];

/** Most filters leave most rows: an empty answer tests little. */
const filter = fc.constantFrom(...DIMENSIONS).chain((dimension) => {
  const values: string[] = [...VALUES[dimension]];
  return fc
    .record({
      dimension: fc.constant(dimension),
      include: fc.oneof(fc.constant<string[]>([]), fc.subarray(values, { minLength: Math.ceil(values.length / 2) })),
      exclude: fc.oneof(fc.constant<string[]>([]), fc.subarray(values, { maxLength: 1 })),
    })
    .map(({ include, exclude, ...rest }) => {
      // A filter that leaves nothing by its own words is refused.
      const leavesNothing = include.length > 0 && include.every((value) => exclude.includes(value));
      return { ...rest, include, exclude: leavesNothing ? [] : exclude };
    });
});
