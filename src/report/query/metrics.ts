/**
 * What can be counted: sums of the facts, quotients of such sums, and two that are no number of a cell.
 *
 *   sum         clicks, spend_micros, …        one measure, added up in SQL
 *   quotient    ctr = clicks / impressions     derived from sums when an answer is written, never added up
 *   reasons     {"same_impression":3, …}       counts by reason, which stand on rows and not on cells
 *   uniques     unique_users                   an estimate from sketches, which stand on rows and not on cells
 *
 * Keeps: closed lists; only these names reach SQL, as measures. A quotient is null where its denominator is 0. It is
 * computed in integers: money is a whole number of micros and a ratio a whole number of millionths, rounded half up.
 * Sums and money are exact whatever their size; a ratio above 9 · 10^9 is the nearest double.
 */
import { addExact, type Exact, multiplyAdd, toExact } from "../../core/exact.ts";
import {
  HUNDREDS,
  isMoney,
  MEASURE_FIELDS,
  type Measure,
  NAMED_MEASURES,
  type NamedMeasure,
} from "../../core/fields.ts";
import { MICROS_PER_HUNDRED } from "../../core/measures.ts";
import { toSnakeCase } from "./fields.ts";

/** Metric → the measure whose sum it is. `clicks` are the valid ones, which are billed. */
export const SUM_METRICS = Object.fromEntries(
  NAMED_MEASURES.map((measure) => [MEASURE_FIELDS[measure].metric, measure]),
) as { readonly [M in NamedMeasure as (typeof MEASURE_FIELDS)[M]["metric"]]: M };

type Quotient = { readonly of: NamedMeasure; readonly per: NamedMeasure; readonly unit: "ratio" | "micros" };

/** Metric → the two measures whose sums it divides. */
export const QUOTIENT_METRICS = {
  ctr: { of: "valid", per: "impressions", unit: "ratio" },
  cvr: { of: "conversions", per: "valid", unit: "ratio" },
  avg_cpc_micros: { of: "spend_micros", per: "valid", unit: "micros" },
  cpa_micros: { of: "spend_micros", per: "conversions", unit: "micros" },
  roas: { of: "conversion_value_micros", per: "spend_micros", unit: "ratio" },
} as const satisfies Record<string, Quotient>;

export type SumMetric = keyof typeof SUM_METRICS;
export type QuotientMetric = keyof typeof QUOTIENT_METRICS;
export type Metric = SumMetric | QuotientMetric | "unique_users" | "reasons";
export const METRICS = [
  ...Object.keys(SUM_METRICS),
  ...Object.keys(QUOTIENT_METRICS),
  "unique_users",
  "reasons",
] as readonly Metric[];

/** Millionths: a ratio has six places. */
export const RATIO_SCALE = 1_000_000n;

/** The metric that a word names in either spelling, or null. */
export function toMetric(word: string): Metric | null {
  const name = toSnakeCase(word);
  return METRICS.find((candidate) => candidate === name) ?? null;
}

export function isSumMetric(metric: Metric): metric is SumMetric {
  return Object.hasOwn(SUM_METRICS, metric);
}

function isQuotientMetric(metric: Metric): metric is QuotientMetric {
  return Object.hasOwn(QUOTIENT_METRICS, metric);
}

/**
 * The measures whose sums the metrics need, each once, in the order of `MEASURES`. Uniques state their coverage. Money
 * is named by its micros.
 */
export function measuresOf(metrics: readonly Metric[]): NamedMeasure[] {
  const needed = new Set<NamedMeasure>(
    metrics.flatMap((metric): NamedMeasure[] => {
      if (isSumMetric(metric)) return [SUM_METRICS[metric]];
      if (isQuotientMetric(metric)) return [QUOTIENT_METRICS[metric].of, QUOTIENT_METRICS[metric].per];
      return metric === "unique_users" ? ["valid", "valid_with_user"] : [];
    }),
  );
  return NAMED_MEASURES.filter((measure) => needed.has(measure));
}

/** Whether a metric is made of money, and so is of one currency: a sum of two is no number of anything. */
export function isMoneyMetric(metric: Metric): boolean {
  return measuresOf([metric]).some(isMoney);
}

/** The measures with those of hundreds, where they are of money: what is stored and read of them. */
export function withHundreds(measures: readonly Measure[]): Measure[] {
  return measures.flatMap((measure) => (isMoney(measure) ? [measure, HUNDREDS[measure]] : [measure]));
}

/** The sum of a measure in a row that was read; money whole. */
export function sumIn(row: Readonly<Record<string, string | number | bigint | null>>, measure: Measure): Exact {
  const sum = toExact(row[measure] ?? 0);
  return isMoney(measure) ? multiplyAdd(toExact(row[HUNDREDS[measure]] ?? 0), MICROS_PER_HUNDRED, sum) : sum;
}

/** Adds `more` to `sums` in place. */
export function addSums(sums: Exact[], more: readonly Exact[]): void {
  for (let index = 0; index < sums.length; index++) sums[index] = addExact(sums[index] ?? 0, more[index] ?? 0);
}

/** The value of a sum or a quotient from the sum of each measure; null for a quotient by zero. */
export function metricValue(metric: SumMetric | QuotientMetric, sumOf: (measure: NamedMeasure) => Exact): Exact | null {
  if (isSumMetric(metric)) return sumOf(SUM_METRICS[metric]);
  const { of, per, unit } = QUOTIENT_METRICS[metric];
  if (unit === "ratio") return ratioOf(sumOf(of), sumOf(per));
  const divisor = BigInt(sumOf(per));
  return divisor === 0n ? null : toExact(divideHalfUp(BigInt(sumOf(of)), divisor));
}

/** The ratio of two integers as a decimal of six places; null by zero. */
export function ratioOf(of: Exact, per: Exact): number | null {
  if (per === 0) return null;
  // The nearest number to a decimal of six places, which JSON and CSV write as that decimal.
  return Number(divideHalfUp(BigInt(of) * RATIO_SCALE, BigInt(per))) / Number(RATIO_SCALE);
}

/** The quotient as an integer; exactly a half goes up, also below zero (−1.5 → −1). */
export function divideHalfUp(dividend: bigint, divisor: bigint): bigint {
  const [of, per] = divisor < 0n ? [-dividend, -divisor] : [dividend, divisor];
  const doubled = 2n * of + per;
  const floor = doubled / (2n * per);
  return doubled < 0n && floor * 2n * per !== doubled ? floor - 1n : floor;
}
