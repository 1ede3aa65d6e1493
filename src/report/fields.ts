/**
 * The words that rows are split by, and how each word of a report is spelled.
 *
 *   query and CSV: snake_case (`ad_id`, `gross_clicks`)      JSON: camelCase (`adId`, `grossClicks`)
 *
 * Keeps: closed lists (core/fields.ts). Only these names reach SQL, as keys of constant fragments
 * (src/report/segments-sql.ts).
 */
import { DIMENSION_FIELDS, DIMENSIONS, type Dimension } from "../core/fields.ts";

/** A dimension as asked for: an answer keeps the caller's spelling of an alias. */
export type NamedDimension = { readonly dimension: Dimension; readonly name: string };

export const DIMENSION_ALIASES: Readonly<Record<string, Dimension>> = { device_type: "device" };

/** Names that a caller may use for a dimension. */
export const DIMENSION_NAMES: readonly string[] = [...DIMENSIONS, ...Object.keys(DIMENSION_ALIASES)];

/** The dimension that a word names, or null. */
export function toDimension(word: string): NamedDimension | null {
  const alias = Object.hasOwn(DIMENSION_ALIASES, word) ? DIMENSION_ALIASES[word] : undefined;
  const dimension = alias ?? DIMENSIONS.find((candidate) => candidate === word);
  return dimension === undefined ? null : { dimension, name: word };
}

/** Whether a column of a facts row holds the dimension; the others are packed in cells. */
export function isRowDimension(dimension: Dimension): boolean {
  return DIMENSION_FIELDS[dimension].at === "row";
}
