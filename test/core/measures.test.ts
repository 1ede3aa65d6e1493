import { describe, expect, it } from "vitest";
import {
  addCounts,
  CELL_DIMENSIONS,
  isZero,
  MEASURES,
  ROW_DIMENSIONS,
  toCounts,
  zeroCounts,
} from "../../src/core/measures.ts";

describe("the order of measures", () => {
  it("never changes, since packed cells in storage depend on it", () => {
    expect(MEASURES).toEqual([
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
      "spend_hundreds",
      "conversion_value_hundreds",
      "conversion_value_by_time_hundreds",
    ]);
    expect(CELL_DIMENSIONS).toEqual(["publisher_id", "country", "device", "creative_id"]);
    expect(ROW_DIMENSIONS).toEqual(["campaign_id", "ad_group_id", "ad_id"]);
  });
});

describe("counts", () => {
  it("start at zero, each its own", () => {
    expect(zeroCounts()).toEqual(MEASURES.map(() => 0));
    expect(zeroCounts()).not.toBe(zeroCounts());
  });

  it("are set by name and zero elsewhere", () => {
    expect(toCounts({ gross: 3, late: 1 })).toEqual([0, 3, 0, 0, 0, 1, ...MEASURES.slice(6).map(() => 0)]);
  });

  it("add up in place", () => {
    const sum = toCounts({ gross: 1, valid: 1 });
    addCounts(sum, toCounts({ gross: 2, duplicate: 2 }));
    expect(sum).toEqual(toCounts({ gross: 3, valid: 1, duplicate: 2 }));
  });

  it("may be negative, as corrections are", () => {
    const sum = toCounts({ gross: 1, valid: 1 });
    addCounts(sum, toCounts({ gross: -1, valid: -1 }));
    expect(isZero(sum)).toBe(true);
  });

  it("are zero only when each is", () => {
    expect(isZero(toCounts({}))).toBe(true);
    expect(isZero(toCounts({ valid: 1, duplicate: -1 }))).toBe(false);
  });
});
