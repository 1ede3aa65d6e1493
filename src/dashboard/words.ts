/**
 * What dimensions and their values are called on a page.
 *
 * Keeps: labels are the catalogue's (core/fields.ts). A country and a class of device have names; every other value is
 * an id, which is shown as it is.
 */
import { DIMENSION_FIELDS } from "../core/fields.ts";
import { type Dimension, UNSET } from "../report/query/fields.ts";

const DEVICES: Readonly<Record<string, string>> = {
  desktop: "Desktop",
  mobile: "Phone",
  tablet: "Tablet",
  tv: "Television",
  other: "Other",
};
const WITHOUT: Readonly<Partial<Record<Dimension, string>>> = {
  country: "Unknown country",
  ad_group_id: "No ad group",
  creative_id: "No creative",
  placement_id: "No placement",
  ad_format: "No format",
  currency: "No currency",
};
const TOR = "T1";

export function dimensionLabel(dimension: Dimension): string {
  return dimension === "currency" ? "Currency" : DIMENSION_FIELDS[dimension].label;
}

/** A value in words; `name` is what the catalogue calls an id. */
export function valueLabel(dimension: Dimension, value: string, name: string | null = null): string {
  if (value === "" || value === UNSET) return WITHOUT[dimension] ?? "Not set";
  if (name !== null && name !== "") return name;
  if (dimension === "country") return countryName(value);
  return dimension === "device" ? (DEVICES[value] ?? value) : value;
}

let countries: Intl.DisplayNames | undefined;

function countryName(code: string): string {
  if (code === TOR) return "Tor network";
  countries ??= new Intl.DisplayNames("en", { type: "region", fallback: "code" });
  try {
    return countries.of(code) ?? code;
  } catch {
    // A code that is none is a RangeError.
    return code;
  }
}
