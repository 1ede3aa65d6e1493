/** A row of uploaded counts: what it may say, within what its sender may count. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEVICE_CLASSES } from "../../src/core/device.ts";
import {
  COUNTS_AGE_DAYS_MAX,
  COUNTS_PER_ROW_MAX,
  DAY_MS,
  MINUTE_MS,
  OCCURRED_AHEAD_MAX_MS,
} from "../../src/core/limits.ts";
import { readCounts } from "../../src/impression-counts/counts-row.ts";
import { isReason } from "../../src/problems/catalog.ts";
import { NOON_MS } from "../support/builders.ts";

const SEED = 20_261_122;

const NOW_MS = NOON_MS + 10 * MINUTE_MS;
const UNLIMITED = { advertisers: null, publishers: null, cpcMicrosMax: null };
const ROW = {
  minute: "2026-04-20T12:00:00Z",
  advertiser_id: "adv_1",
  campaign_id: "cmp_7",
  ad_id: "ad_9",
  publisher_id: "pub_1",
  impressions: 1_200,
};

const read = (fields: Record<string, unknown>, limits = UNLIMITED) => readCounts({ ...ROW, ...fields }, limits, NOW_MS);

describe("a row of counts", () => {
  it("is complete with its minute, its four ids and its impressions", () => {
    expect(read({})).toEqual({
      ok: true,
      value: {
        ...{ minuteAtMs: NOON_MS, advertiserId: "adv_1", campaignId: "cmp_7", adGroupId: "", adId: "ad_9" },
        ...{ publisherId: "pub_1", creativeId: "", country: "", device: "other", placementId: "", adFormat: "" },
        ...{ impressions: 1_200, grossImpressions: 1_200 },
      },
    });
  });

  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ["an instant within its minute", { minute: "2026-04-20T14:00:59.999+02:00" }, { minuteAtMs: NOON_MS }],
    ["milliseconds", { minute: NOON_MS + 61_000 }, { minuteAtMs: NOON_MS + MINUTE_MS }],
    ["the oldest minute", { minute: NOW_MS - COUNTS_AGE_DAYS_MAX * DAY_MS }, {}],
    ["a clock a little ahead", { minute: NOW_MS + OCCURRED_AHEAD_MAX_MS }, {}],
    ["its ad group and creative", { ad_group_id: "g", creative_id: "c" }, { adGroupId: "g", creativeId: "c" }],
    ["its placement and format", { placement_id: "p", ad_format: "f" }, { placementId: "p", adFormat: "f" }],
    ["no ad group", { ad_group_id: null, creative_id: "" }, { adGroupId: "", creativeId: "" }],
    ["a country", { country: "DE" }, { country: "DE" }],
    ["no country", { country: "" }, { country: "" }],
    ["gross impressions", { gross_impressions: 1_260 }, { impressions: 1_200, grossImpressions: 1_260 }],
    ["nothing valid", { impressions: 0, gross_impressions: 5 }, { impressions: 0, grossImpressions: 5 }],
    ["the most", { impressions: COUNTS_PER_ROW_MAX }, { impressions: COUNTS_PER_ROW_MAX }],
    ...DEVICE_CLASSES.map((device): [string, { device: string }, { device: string }] => [
      device,
      { device },
      { device },
    ]),
  ])("may say %s", (_, fields, expected) => {
    expect(read(fields)).toMatchObject({ ok: true, value: expected });
  });

  it.each<[string, unknown, string]>([
    ["advertiser_id", undefined, "field_invalid"],
    ["advertiser_id", "", "field_invalid"],
    ["campaign_id", null, "field_invalid"],
    ["ad_id", "a b", "field_invalid"],
    ["ad_id", 9, "field_invalid"],
    ["publisher_id", "p".repeat(65), "field_invalid"],
    ["ad_group_id", "a b", "field_invalid"],
    ["creative_id", 7, "field_invalid"],
    ["minute", undefined, "field_invalid"],
    ["minute", null, "field_invalid"],
    ["minute", "2026-04-20T12:00", "field_invalid"],
    ["minute", 1.5, "field_invalid"],
    ["minute", true, "field_invalid"],
    ["minute", NOW_MS - COUNTS_AGE_DAYS_MAX * DAY_MS - 1, "minute_too_old"],
    ["minute", NOON_MS / 1_000, "field_invalid"],
    ["minute", NOW_MS + OCCURRED_AHEAD_MAX_MS + 1, "minute_in_future"],
    ["country", "de", "field_invalid"],
    ["country", "DEU", "field_invalid"],
    ["country", 49, "field_invalid"],
    ["device", "phone", "field_invalid"],
    ["device", "", "field_invalid"],
    ["impressions", undefined, "field_invalid"],
    ["impressions", -1, "field_invalid"],
    ["impressions", 0.5, "field_invalid"],
    ["impressions", "1200", "field_invalid"],
    ["impressions", COUNTS_PER_ROW_MAX + 1, "field_invalid"],
    ["gross_impressions", 1_199, "field_invalid"],
    ["gross_impressions", null, "field_invalid"],
    ["gross_impressions", COUNTS_PER_ROW_MAX + 1, "field_invalid"],
    ["clicks", 3, "field_unknown"],
  ])("is refused for %s = %o: %s", (field, value, reason) => {
    expect(read({ [field]: value })).toMatchObject({ ok: false, error: { reason, field } });
  });

  it.each([[null], ["text"], [7], [[]]])("is an object, not %o", (row) => {
    const detail = "A row is a JSON object.";
    expect(readCounts(row, UNLIMITED, NOW_MS)).toEqual({ ok: false, error: { reason: "field_invalid", detail } });
  });

  it("keeps within the limits of its sender's key", () => {
    const limits = { ...UNLIMITED, advertisers: new Set(["adv_1"]), publishers: new Set(["pub_1"]) } as never;
    expect(read({}, limits).ok).toBe(true);
    expect(read({ advertiser_id: "adv_2" }, limits)).toMatchObject({ error: { reason: "key_limit_advertiser" } });
    expect(read({ publisher_id: "pub_2" }, limits)).toMatchObject({ error: { reason: "key_limit_publisher" } });
  });

  it("is taken with valid ≤ gross, or is refused by a known name; it never throws", () => {
    const field = fc.oneof(fc.jsonValue(), fc.integer({ min: -5, max: 5 }), fc.constantFrom("DE", "tv", "adv_1"));
    const changes = fc.dictionary(fc.constantFrom(...Object.keys(ROW), "gross_impressions", "device", "x"), field);
    fc.assert(
      fc.property(fc.oneof(changes, fc.jsonValue()), (change) => {
        const isObject = typeof change === "object" && change !== null && !Array.isArray(change);
        const row = isObject ? { ...ROW, ...change } : change;
        const result = readCounts(row, UNLIMITED, NOW_MS);
        if (!result.ok) {
          expect(isReason(result.error.reason)).toBe(true);
          return;
        }
        expect(result.value.impressions).toBeGreaterThanOrEqual(0);
        expect(result.value.grossImpressions).toBeGreaterThanOrEqual(result.value.impressions);
      }),
      { seed: SEED, numRuns: 2_000 },
    );
  });
});
