import { describe, expect, it } from "vitest";
import { parseClaims } from "../../src/core/claims.ts";
import {
  CELL_DIMENSIONS,
  DIMENSION_FIELDS,
  DIMENSIONS,
  dimensionsOf,
  HUNDREDS,
  isMoney,
  MEASURE_FIELDS,
  MEASURES,
  NAMED_MEASURES,
  ROW_DIMENSIONS,
  toCamelCase,
  toDimensioned,
  valueIn,
} from "../../src/core/fields.ts";
import { aPayload } from "../support/builders.ts";

describe("the order of the catalogue", () => {
  it("never changes, since stored cells are read by position: both lists only append", () => {
    expect(ROW_DIMENSIONS).toEqual(["campaign_id", "ad_group_id", "ad_id"]);
    expect(CELL_DIMENSIONS.slice(0, 4)).toEqual(["publisher_id", "country", "device", "creative_id"]);
    expect(MEASURES.slice(0, 16)).toEqual([
      ...["impressions", "gross_impressions", "valid", "gross", "duplicate", "invalid", "late", "valid_with_user"],
      ...["conversions", "conversions_by_time", "spend_micros", "spend_hundreds"],
      ...["conversion_value_micros", "conversion_value_hundreds"],
      ...["conversion_value_by_time_micros", "conversion_value_by_time_hundreds"],
    ]);
  });

  it("has the dimensions of rows before those of cells, as click ids do", () => {
    const places = DIMENSIONS.map((name) => DIMENSION_FIELDS[name].at);
    expect(places).toEqual([...places].sort().reverse());
  });
});

describe("a dimension", () => {
  it("is read from its claim or from what the edge observed, and is empty where it is not known", () => {
    const claims = parseClaims(aPayload({ grp: "grp_2" }));
    if (!claims.ok) throw new Error("a payload has claims");
    const values = dimensionsOf(claims.value, { country: null, device: "tv" });
    expect(values).toMatchObject({ advertiserId: claims.value.adv, adGroupId: "grp_2", country: "", device: "tv" });
    expect(Object.keys(values)).toEqual(DIMENSIONS.map(toCamelCase));
    expect(toDimensioned((name) => valueIn(values, name))).toEqual(values);
  });
});

describe("a measure", () => {
  it("of money is stored as two, next to each other", () => {
    for (const measure of NAMED_MEASURES.filter(isMoney)) {
      expect(MEASURES[MEASURES.indexOf(measure) + 1]).toBe(HUNDREDS[measure]);
      expect(measure).toBe(HUNDREDS[measure].replace("_hundreds", "_micros"));
    }
  });

  it("is shown under a name of its own", () => {
    const names = NAMED_MEASURES.map((measure) => MEASURE_FIELDS[measure].metric);
    expect(new Set(names).size).toBe(names.length);
  });
});
