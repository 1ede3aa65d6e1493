/**
 * Counts: one integer for each measure of the catalogue (core/fields.ts), as facts rows, their packed cells, postings
 * and reports share them.
 *
 *   cell = [[publisher_id, country, device, creative_id, …], [one integer per measure]]
 *
 * Money is held in two measures, so that no sum of them leaves a 64-bit integer, however much a tenant reports: an
 * amount of 1 234 567 890 micros (1 234.56789 units) adds 34 567 890 to `spend_micros` and 12 to `spend_hundreds`.
 *
 *   amount = hundreds · 10^8 + micros        one sum holds 9.2 · 10^10 events of any worth, or 9.2 · 10^11 orders of
 *                                           10^15 micros
 *
 * Keeps: the law gross = valid + duplicate + invalid + late (a CHECK of each facts table). Deltas may be negative.
 */
import { HUNDREDS, MEASURES, type Measure, type MoneyMeasure } from "./fields.ts";
import { CONVERSION_VALUE_MICROS_MAX, CPC_MICROS_MAX } from "./limits.ts";
import { assert } from "./result.ts";

/** Micros in a hundred units of a currency. */
export const MICROS_PER_HUNDRED = 100_000_000;

assert(CPC_MICROS_MAX / MICROS_PER_HUNDRED < 2 ** 31, "hundreds of a price are small");
assert(CONVERSION_VALUE_MICROS_MAX / MICROS_PER_HUNDRED < 2 ** 31, "hundreds of an order are small");

/** One integer per measure, in the order of `MEASURES`. */
export type Counts = number[];

export function zeroCounts(): Counts {
  return MEASURES.map(() => 0);
}

/** Adds `counts` to `sum` in place. */
export function addCounts(sum: Counts, counts: readonly number[]): void {
  for (let index = 0; index < sum.length; index++) sum[index] = (sum[index] ?? 0) + (counts[index] ?? 0);
}

export function isZero(counts: readonly number[]): boolean {
  return counts.every((count) => count === 0);
}

/** An amount of micros as the two measures that hold it. O(1). */
export function moneyOf(measure: MoneyMeasure, micros: number): Partial<Record<Measure, number>> {
  if (micros >= 0 && micros < MICROS_PER_HUNDRED) return { [measure]: micros };
  const hundreds = Math.floor(micros / MICROS_PER_HUNDRED);
  return { [measure]: micros - hundreds * MICROS_PER_HUNDRED, [HUNDREDS[measure]]: hundreds };
}

/** The counts with the named measures set and zero elsewhere. */
export function toCounts(values: Partial<Record<Measure, number>>): Counts {
  return MEASURES.map((measure) => values[measure] ?? 0);
}
