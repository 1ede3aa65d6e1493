import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJson } from "../../src/core/base64url.ts";
import { DEVICE_CLASSES } from "../../src/core/device.ts";
import { DIMENSION_FIELDS, DIMENSIONS } from "../../src/core/fields.ts";
import { encodeImpressionCounts, isImpressionCount, parseImpressionCounts } from "../../src/core/impression-counts.ts";
import { COUNTS_PER_ROW_MAX, MINUTE_MS } from "../../src/core/limits.ts";
import { NOON_MS } from "../support/builders.ts";
import { someCounts } from "../support/submissions.ts";

const wireOf = (overrides: Record<string, unknown> = {}) => ({
  ...JSON.parse(encodeImpressionCounts(someCounts())),
  ...overrides,
});

describe("the wire form of uploaded counts", () => {
  it("reads back any counts", () => {
    const parts = fc.record({
      batchId: fc.string({ minLength: 1, maxLength: 128 }),
      row: fc.nat({ max: 999 }),
      minuteAtMs: fc.nat({ max: 50_000 }).map((minutes) => NOON_MS - minutes * MINUTE_MS),
      adGroupId: fc.constantFrom("", "grp_2"),
      creativeId: fc.constantFrom("", "crt_3"),
      country: fc.constantFrom("", "DE"),
      device: fc.constantFrom(...DEVICE_CLASSES),
      counts: fc.tuple(fc.nat({ max: COUNTS_PER_ROW_MAX }), fc.nat({ max: COUNTS_PER_ROW_MAX })),
    });
    fc.assert(
      fc.property(parts, ({ counts, ...overrides }) => {
        const event = someCounts({
          ...overrides,
          impressions: Math.min(...counts),
          grossImpressions: Math.max(...counts),
        });
        expect(parseImpressionCounts(parseJson(encodeImpressionCounts(event)))).toEqual(event);
      }),
      { seed: 20261122 },
    );
  });

  it("keeps its member names, since stored events depend on them", () => {
    expect(Object.keys(wireOf()).join(" ")).toBe(
      `v type id batch_id row minute_at_ms received_at_ms ${DIMENSIONS.join(" ")} impressions gross_impressions by`,
    );
  });

  it("ignores members that a later version may add", () => {
    expect(parseImpressionCounts(wireOf({ added_later: 1 }))).not.toBeNull();
  });
});

describe("counts that cannot be read", () => {
  const optional = DIMENSIONS.filter((name) => !DIMENSION_FIELDS[name].isRequired);
  it.each(Object.keys(wireOf()).filter((member) => !optional.some((name) => name === member)))(
    "are those without %s",
    (member) => {
      expect(parseImpressionCounts(wireOf({ [member]: undefined }))).toBeNull();
    },
  );

  it.each(optional)("are not those that were made before there was %s", (name) => {
    const { [name]: _, ...older } = wireOf();
    expect(parseImpressionCounts(older)).toEqual(parseImpressionCounts({ ...older, [name]: "" }));
    expect(parseImpressionCounts(older)).not.toBeNull();
  });

  it.each([
    ["v", 2],
    ["type", "impression"],
    ["id", "short"],
    ["batch_id", 1],
    ["row", 0.5],
    ["minute_at_ms", "x"],
    ["received_at_ms", null],
    ["advertiser_id", ""],
    ["campaign_id", "a b"],
    ["ad_id", null],
    ["publisher_id", ".."],
    ["ad_group_id", null],
    ["creative_id", "ü"],
    ["country", null],
    ["device", "phone"],
    ["impressions", -1],
    ["impressions", 0.5],
    ["impressions", "1"],
    ["impressions", 1_101],
    ["gross_impressions", 999],
    ["gross_impressions", COUNTS_PER_ROW_MAX + 1],
    ["by", null],
  ])("are those with %s = %j", (member, value) => {
    expect(parseImpressionCounts(wireOf({ [member]: value }))).toBeNull();
  });

  it.each([null, "{}", 1, [], undefined])("are %j", (value) => {
    expect(parseImpressionCounts(value)).toBeNull();
  });
});

describe("a number of impressions", () => {
  it.each([
    [0, true],
    [COUNTS_PER_ROW_MAX, true],
    [COUNTS_PER_ROW_MAX + 1, false],
    [-1, false],
    [0.5, false],
    ["1", false],
    [null, false],
  ])("%j: %s", (value, expected) => {
    expect(isImpressionCount(value)).toBe(expected);
  });
});
