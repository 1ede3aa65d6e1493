/**
 * The words that rows are split by, and how each word of a report is spelled.
 *
 *   query and CSV: snake_case (`ad_id`, `gross_clicks`)      JSON: camelCase (`adId`, `grossClicks`)
 *
 * Keeps: closed lists (core/fields.ts). Only these names reach SQL, as keys of constant fragments
 * (src/report/read/segments-sql.ts).
 */
import { DIMENSION_FIELDS, DIMENSIONS as STORED, type Dimension as Stored } from "../../core/fields.ts";

/**
 * Those of facts, and one that is of the advertiser's profile and stands on no facts (src/report/query/currency.ts).
 */
export type Dimension = Stored | "currency";
export const DIMENSIONS: readonly Dimension[] = [...STORED, "currency"];

/** A dimension as asked for: an answer keeps the caller's spelling of an alias. */
export type NamedDimension = { readonly dimension: Dimension; readonly name: string };

export const DIMENSION_ALIASES: Readonly<Record<string, Dimension>> = { device_type: "device" };

/** Dimensions that a row may lack; a filter asks for it by `UNSET`, and its value is then ''. */
export const MAY_BE_UNSET: ReadonlySet<Dimension> = new Set(
  DIMENSIONS.filter((dimension) => dimension === "currency" || !DIMENSION_FIELDS[dimension].isRequired),
);

/** Parentheses stand in no id and in no code. */
export const UNSET = "(unset)";

/** Names that a caller may use for a dimension. */
export const DIMENSION_NAMES: readonly string[] = [...DIMENSIONS, ...Object.keys(DIMENSION_ALIASES)];

/** The dimension that a word names in either spelling, or null. */
export function toDimension(word: string): NamedDimension | null {
  const name = toSnakeCase(word);
  const alias = Object.hasOwn(DIMENSION_ALIASES, name) ? DIMENSION_ALIASES[name] : undefined;
  const dimension = alias ?? DIMENSIONS.find((candidate) => candidate === name);
  return dimension === undefined ? null : { dimension, name };
}

/** Whether a column of a facts row holds the dimension; the others are packed in cells. */
export function isRowDimension(dimension: Dimension): boolean {
  return dimension === "currency" || DIMENSION_FIELDS[dimension].at === "row";
}

/** What the values of a dimension are. */
export function valuesOf(dimension: Dimension): (typeof DIMENSION_FIELDS)[Stored]["values"] | "currency" {
  return dimension === "currency" ? "currency" : DIMENSION_FIELDS[dimension].values;
}

/** `adGroupId` → `ad_group_id`, which stays as it is. */
export function toSnakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => "_".concat(letter.toLowerCase()));
}

/** Whether a page may be smaller than the number of its values. */
export function isManyValued(dimension: Dimension): boolean {
  return dimension !== "currency" && DIMENSION_FIELDS[dimension].isMany;
}
