/**
 * The catalogue: every dimension that counts are split by, and every measure that is counted, each named once.
 *
 *   from here     cells and rows of facts, tables and views of the report database (scripts/schema.ts), click ids,
 *                 uploads, Parquet, filters, `group_by`, metrics, OpenAPI, definitions, labels, CSV headers
 *   to add one    append it to its list, run `npm run schema` (docs/ARCHITECTURE.md, "Add a dimension")
 *
 * Keeps: both lists only ever append behind what is stored: a stored cell is read by position, and an older, shorter
 * one reads as `''` and 0 in what came later. Dimensions of rows are part of primary keys, so that list is closed.
 */
import type { Claims } from "./claims.ts";
import type { DeviceClass } from "./device.ts";

/** What one dimension is. */
type DimensionField = {
  /** In the key of a facts row, or packed into its cells. */
  readonly at: "row" | "cell";
  /** What of a click or impression says it: a claim of its token, or a fact that the edge observed. */
  readonly from: { readonly claim: keyof Claims } | { readonly fact: "country" | "device" };
  /** Its values; `id`s are those of tokens. What is unknown is `''`. */
  readonly values: "id" | "country" | "device";
  /** Whether every event has one. */
  readonly isRequired: boolean;
  /** Whether a page of a report may be smaller than the number of its values: it may be full by its first windows. */
  readonly isMany: boolean;
  /** The traffic whose days are also kept as sums by this dimension: everybody's, one publisher's. */
  readonly sums: readonly ("all" | "publisher")[];
  readonly label: string;
  readonly means: string;
};

export const DIMENSION_FIELDS = {
  advertiser_id: {
    ...{ at: "row", from: { claim: "adv" }, values: "id", isRequired: true, isMany: true, sums: ["all"] },
    ...{ label: "Advertiser", means: "Who pays for the click." },
  },
  campaign_id: {
    ...{ at: "row", from: { claim: "cmp" }, values: "id", isRequired: true, isMany: true, sums: ["all"] },
    ...{ label: "Campaign", means: "The campaign that the token names." },
  },
  ad_group_id: {
    ...{ at: "row", from: { claim: "grp" }, values: "id", isRequired: false, isMany: true, sums: [] },
    ...{ label: "Ad group", means: "The ad group that the token names." },
  },
  ad_id: {
    ...{ at: "row", from: { claim: "ad" }, values: "id", isRequired: true, isMany: true, sums: [] },
    ...{ label: "Ad", means: "The ad that was shown." },
  },
  publisher_id: {
    ...{ at: "cell", from: { claim: "pub" }, values: "id", isRequired: true, isMany: true, sums: ["all"] },
    ...{ label: "Publisher", means: "Who showed the ad." },
  },
  country: {
    ...{ at: "cell", from: { fact: "country" }, values: "country", isRequired: false, isMany: false },
    ...{ sums: ["all", "publisher"], label: "Country", means: "Of the request's address, ISO 3166-1." },
  },
  device: {
    ...{ at: "cell", from: { fact: "device" }, values: "device", isRequired: true, isMany: false },
    ...{ sums: ["all", "publisher"], label: "Device", means: "Class of the device, from the agent and its hints." },
  },
  creative_id: {
    ...{ at: "cell", from: { claim: "crt" }, values: "id", isRequired: false, isMany: true, sums: [] },
    ...{ label: "Creative", means: "The creative that the token names." },
  },
  placement_id: {
    ...{ at: "cell", from: { claim: "plc" }, values: "id", isRequired: false, isMany: true },
    ...{ sums: ["all", "publisher"] },
    ...{ label: "Placement", means: "The place on the publisher's page that the token names." },
  },
  ad_format: {
    ...{ at: "cell", from: { claim: "fmt" }, values: "id", isRequired: false, isMany: false },
    ...{ sums: ["all", "publisher"], label: "Ad format", means: "The format of the ad that the token names." },
  },
} as const satisfies Readonly<Record<string, DimensionField>>;

export type Dimension = keyof typeof DIMENSION_FIELDS;
type At<Place extends DimensionField["at"]> = {
  [D in Dimension]: (typeof DIMENSION_FIELDS)[D]["at"] extends Place ? D : never;
}[Dimension];
export type RowDimension = Exclude<At<"row">, "advertiser_id">;
export type CellDimension = At<"cell">;

/** Those of rows, then those of cells, each in the catalogue's order. */
export const DIMENSIONS = Object.keys(DIMENSION_FIELDS) as readonly Dimension[];
/** Columns of a facts row's key, after advertiser and window. */
export const ROW_DIMENSIONS = DIMENSIONS.filter(
  (name): name is RowDimension => DIMENSION_FIELDS[name].at === "row" && name !== "advertiser_id",
);
/** Dimensions packed into cells, in the order of a cell's first list. */
export const CELL_DIMENSIONS = DIMENSIONS.filter((name): name is CellDimension => DIMENSION_FIELDS[name].at === "cell");

/** `ad_group_id` → `adGroupId`, in types and as text. */
export type CamelCase<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

export function toCamelCase<Name extends string>(name: Name): CamelCase<Name> {
  return name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()) as CamelCase<Name>;
}

/** The value of each dimension under its name in camelCase: `advertiserId`, `adGroupId`, … */
export type Dimensioned = {
  readonly [D in Dimension as CamelCase<D>]: D extends "device" ? DeviceClass : string;
};
export type CellValues = Pick<Dimensioned, CamelCase<CellDimension>>;

/** Dimension → its member of `Dimensioned`. */
export const MEMBERS = Object.fromEntries(DIMENSIONS.map((name) => [name, toCamelCase(name)])) as {
  readonly [D in Dimension]: CamelCase<D>;
};

/** The value of a dimension. */
export function valueIn(values: Partial<Dimensioned>, name: Dimension): string {
  return values[MEMBERS[name]] ?? "";
}

/** Values by dimension as an object by member. */
export function toDimensioned(read: (name: Dimension) => string): Dimensioned {
  return Object.fromEntries(DIMENSIONS.map((name) => [MEMBERS[name], read(name)])) as Dimensioned;
}

/** No value of any dimension: what names only some begins with it. */
export const UNSET_DIMENSIONS: Dimensioned = toDimensioned(() => "");

const SOURCES = DIMENSIONS.map((name) => ({ name: MEMBERS[name], from: DIMENSION_FIELDS[name].from }));

/** The dimensions of a click or an impression, from its claims and what the edge observed. */
export function dimensionsOf(
  claims: Claims,
  facts: { readonly country: string | null; readonly device: DeviceClass },
): Dimensioned {
  const values: Record<string, string> = {};
  for (const { name, from } of SOURCES) {
    values[name] = ("claim" in from ? (claims[from.claim] as string | null) : facts[from.fact]) ?? "";
  }
  return values as Dimensioned;
}

/** What one measure is. */
type MeasureField = {
  /** What a report calls its sum. */
  readonly metric: string;
  /** Money is held in two measures (core/measures.ts). */
  readonly unit: "count" | "micros";
  /** Stations beside the click path where events of it may still wait, so that a watermark asks them. */
  readonly stations: readonly ("conversions" | "counts")[];
  readonly label: string;
  readonly means: string;
  /** What of the same kind it leaves out, in words of verdicts and reasons. */
  readonly leavesOut: readonly string[];
};

const NOT_VALID = ["duplicate", "invalid", "late"] as const;
const NOT_CREDITED = ["outside_window", "test", "same_order", "retracted"] as const;

export const MEASURE_FIELDS = {
  impressions: {
    metric: "impressions",
    ...{ unit: "count", stations: ["counts"], label: "Impressions" },
    means: "Valid impressions: pixels, at most one for each token, and what ad servers uploaded as valid.",
    leavesOut: ["duplicate", "invalid", "filtered_by_sender"],
  },
  gross_impressions: {
    metric: "gross_impressions",
    ...{ unit: "count", stations: ["counts"], label: "Gross impressions" },
    means: "All impressions: every pixel request whose token was verified, and what ad servers uploaded.",
    leavesOut: [],
  },
  valid: {
    metric: "clicks",
    ...{ unit: "count", stations: [], label: "Clicks" },
    means: "Valid clicks, which are billed: at most one for each impression.",
    leavesOut: NOT_VALID,
  },
  gross: {
    metric: "gross_clicks",
    ...{ unit: "count", stations: [], label: "Gross clicks" },
    means: "All clicks that were received with a verified token: valid, duplicate, invalid and late ones.",
    leavesOut: [],
  },
  duplicate: {
    metric: "duplicate_clicks",
    ...{ unit: "count", stations: [], label: "Duplicate clicks" },
    means: "Further clicks on an impression whose valid click is known.",
    leavesOut: ["valid", "invalid", "late"],
  },
  invalid: {
    metric: "invalid_clicks",
    ...{ unit: "count", stations: [], label: "Invalid clicks" },
    means: "Clicks that a rule on invalid traffic names, and late clicks that were rejected.",
    leavesOut: ["valid", "duplicate", "late"],
  },
  late: {
    metric: "late_clicks",
    ...{ unit: "count", stations: [], label: "Late clicks" },
    means: "Clicks that were reported too late and wait for a decision.",
    leavesOut: ["valid", "duplicate", "invalid"],
  },
  valid_with_user: {
    metric: "clicks_with_user",
    ...{ unit: "count", stations: [], label: "Clicks with user" },
    means: "Valid clicks whose user is known, by a key of the ad server or of the day.",
    leavesOut: [...NOT_VALID, "no user key"],
  },
  conversions: {
    metric: "conversions",
    ...{ unit: "count", stations: ["conversions"], label: "Conversions" },
    means: "Orders that are credited to a click, in the minute of that click.",
    leavesOut: NOT_CREDITED,
  },
  conversions_by_time: {
    metric: "conversions_by_time",
    ...{ unit: "count", stations: ["conversions"], label: "Conversions by time" },
    means: "The same orders, in the minute when each occurred.",
    leavesOut: NOT_CREDITED,
  },
  spend_micros: {
    metric: "spend_micros",
    ...{ unit: "micros", stations: [], label: "Spend" },
    means: "The prices that were signed into the tokens of valid clicks.",
    leavesOut: NOT_VALID,
  },
  conversion_value_micros: {
    metric: "conversion_value_micros",
    ...{ unit: "micros", stations: ["conversions"], label: "Conversion value" },
    means: "The value of credited orders with their corrections, in the minute of the click.",
    leavesOut: NOT_CREDITED,
  },
  conversion_value_by_time_micros: {
    metric: "conversion_value_by_time_micros",
    ...{ unit: "micros", stations: ["conversions"] },
    ...{ label: "Conversion value by time", means: "The same values, in the minute when each order occurred." },
    leavesOut: NOT_CREDITED,
  },
  givt: {
    metric: "givt_clicks",
    ...{ unit: "count", stations: [], label: "General invalid clicks" },
    means: "Invalid clicks of machines, by the rules on requests, agents, networks and speed: what the MRC calls GIVT.",
    leavesOut: ["test", "expired_token", "late_rejected"],
  },
} as const satisfies Readonly<Record<string, MeasureField>>;

/** A measure that has an entry; of money, the one that holds its micros. */
export type NamedMeasure = keyof typeof MEASURE_FIELDS;
export const NAMED_MEASURES = Object.keys(MEASURE_FIELDS) as readonly NamedMeasure[];
export type MoneyMeasure = {
  [M in NamedMeasure]: (typeof MEASURE_FIELDS)[M]["unit"] extends "micros" ? M : never;
}[NamedMeasure];
type HundredsOf<M extends string> = M extends `${infer Stem}_micros` ? `${Stem}_hundreds` : never;
export type Measure = NamedMeasure | HundredsOf<MoneyMeasure>;

export function isMoney(measure: Measure): measure is MoneyMeasure {
  return Object.hasOwn(MEASURE_FIELDS, measure) && MEASURE_FIELDS[measure as NamedMeasure].unit === "micros";
}

/** Measures of money → the measure of their whole hundreds. */
export const HUNDREDS = Object.fromEntries(
  NAMED_MEASURES.filter(isMoney).map((measure) => [measure, measure.replace(/_micros$/, "_hundreds")]),
) as { readonly [M in MoneyMeasure]: HundredsOf<M> };

/** What is stored, in the order of a cell's second list: of money, its micros and then its hundreds. */
export const MEASURES: readonly Measure[] = NAMED_MEASURES.flatMap((measure): Measure[] =>
  isMoney(measure) ? [measure, HUNDREDS[measure]] : [measure],
);
