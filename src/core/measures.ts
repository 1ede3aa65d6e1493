/**
 * What is counted, in the one order that facts rows, their packed cells, postings and reports share, and the dimensions
 * that a cell is split by.
 *
 *   cell = [publisher_id, country, device, creative_id, ...one integer per measure]
 *
 * Keeps: append-only, since stored cells are read by position; an older, shorter cell reads as 0 in what came later.
 * The law gross = valid + duplicate + invalid + late (a CHECK of each facts table). Deltas may be negative.
 */
export const MEASURES = [
  "impressions",
  "gross",
  "valid",
  "duplicate",
  "invalid",
  "late",
  "conversions",
  "conversions_by_time",
  "spend_micros",
  "conversion_value_micros",
  "gross_impressions",
  "valid_with_user",
  "conversion_value_by_time_micros",
] as const;
export type Measure = (typeof MEASURES)[number];

/** One integer per measure, in the order of `MEASURES`. */
export type Counts = number[];

/** Columns of a facts row's key, after advertiser and window. */
export const ROW_DIMENSIONS = ["campaign_id", "ad_group_id", "ad_id"] as const;
/** Dimensions packed into cells. An unknown value is the empty string. */
export const CELL_DIMENSIONS = ["publisher_id", "country", "device", "creative_id"] as const;

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

/** The counts with the named measures set and zero elsewhere. */
export function toCounts(values: Partial<Record<Measure, number>>): Counts {
  return MEASURES.map((measure) => values[measure] ?? 0);
}
