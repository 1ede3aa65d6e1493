import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJson } from "../../src/core/base64url.ts";
import {
  type ConversionAction,
  type ConversionEvent,
  type ConversionKind,
  encodeConversion,
  isConversionValue,
  parseConversion,
} from "../../src/core/conversion.ts";
import { isReference } from "../../src/core/reference.ts";
import { NOON_MS } from "../support/builders.ts";
import { aClickIdentity, aConversion } from "../support/submissions.ts";

/** A million million of a currency's units, and 128 characters. */
const CONVERSION_VALUE_MICROS_MAX = 1_000_000_000_000_000;
const ORDER_ID_LENGTH_MAX = 128;
const KINDS: ConversionKind[] = ["purchase", "lead", "signup", "install", "subscription", "add_to_cart", "other"];
const ACTIONS: ConversionAction[] = ["record", "correct", "retract"];

const wireOf = (overrides: Record<string, unknown> = {}) => ({
  ...JSON.parse(encodeConversion(aConversion())),
  ...overrides,
});
const read = (event: ConversionEvent) => parseConversion(parseJson(encodeConversion(event)));

const reference = fc.string({ minLength: 1, maxLength: ORDER_ID_LENGTH_MAX, unit: "grapheme" }).filter(isReference);

describe("the wire form of a conversion", () => {
  it("reads back any conversion", () => {
    const parts = fc.record({
      orderId: fc.option(reference),
      kind: fc.constantFrom<ConversionKind>(...KINDS),
      action: fc.constantFrom<ConversionAction>(...ACTIONS),
      correctionId: fc.option(reference),
      valueMicros: fc.integer({ min: -CONVERSION_VALUE_MICROS_MAX, max: CONVERSION_VALUE_MICROS_MAX }),
      occurredAtMs: fc.nat({ max: 2 ** 31 }).map((ms) => NOON_MS + ms),
      receivedAtMs: fc.nat({ max: 2 ** 31 }).map((ms) => NOON_MS + ms),
      windowDays: fc.integer({ min: 1, max: 90 }),
      by: fc.string({ maxLength: 64 }),
    });
    fc.assert(
      fc.property(parts, (overrides) => {
        const event = aConversion(overrides);
        expect(read(event)).toEqual(event);
      }),
      { seed: 20261122 },
    );
  });

  it("keeps the click id byte for byte, and the click that it names", () => {
    const click = aClickIdentity({ adGroupId: "grp_2", creativeId: "crt_3", device: "tv", country: "", isTest: true });
    const event = aConversion({}, click);
    expect(read(event)).toMatchObject({ clickId: event.clickId, click });
  });

  it("keeps its member names, since stored events depend on them", () => {
    expect(Object.keys(wireOf()).join(" ")).toBe(
      "v type id click_id order_id kind action correction_id value_micros occurred_at_ms received_at_ms window_days by",
    );
  });

  it("ignores members that a later version may add", () => {
    expect(parseConversion(wireOf({ added_later: 1 }))).not.toBeNull();
  });
});

describe("a conversion that cannot be read", () => {
  it.each(Object.keys(wireOf()))("is one without %s", (member) => {
    expect(parseConversion(wireOf({ [member]: undefined }))).toBeNull();
  });

  it.each([
    ["v", 2],
    ["type", "click"],
    ["id", "short"],
    ["click_id", 1],
    ["click_id", ""],
    ["click_id", "0OqekkMc----0k---------1"],
    ["order_id", ""],
    ["order_id", 7],
    ["order_id", "a\nb"],
    ["order_id", "x".repeat(ORDER_ID_LENGTH_MAX + 1)],
    ["kind", "sale"],
    ["kind", null],
    ["action", "delete"],
    ["correction_id", " "],
    ["value_micros", "1"],
    ["value_micros", 0.5],
    ["value_micros", CONVERSION_VALUE_MICROS_MAX + 1],
    ["value_micros", null],
    ["occurred_at_ms", null],
    ["received_at_ms", 0.5],
    ["window_days", "7"],
    ["by", 7],
  ])("is one with %s = %j", (member, value) => {
    expect(parseConversion(wireOf({ [member]: value }))).toBeNull();
  });

  it.each([null, "{}", 1, [], undefined])("is %j", (value) => {
    expect(parseConversion(value)).toBeNull();
  });
});

describe("the name of an order", () => {
  it.each([
    ["A-1001", true],
    ["№ 12/ü 🛒", true],
    [" x ", true],
    ["__proto__", true],
    ["x".repeat(ORDER_ID_LENGTH_MAX), true],
    ["x".repeat(ORDER_ID_LENGTH_MAX + 1), false],
    ["", false],
    ["   ", false],
    ["\u00a0", false],
    ["a\u0000b", false],
    ["a\tb", false],
    ["a\u007fb", false],
    ["a\u0085b", false],
    ["\ud800", false],
    [null, false],
    [1, false],
  ])("%j: %s", (value, expected) => {
    expect(isReference(value)).toBe(expected);
  });
});

describe("a value", () => {
  it.each([
    [0, true],
    [-1, true],
    [CONVERSION_VALUE_MICROS_MAX, true],
    [-CONVERSION_VALUE_MICROS_MAX, true],
    [CONVERSION_VALUE_MICROS_MAX + 1, false],
    [-CONVERSION_VALUE_MICROS_MAX - 1, false],
    [0.1, false],
    [Number.NaN, false],
    ["1", false],
    [null, false],
  ])("%j: %s", (value, expected) => {
    expect(isConversionValue(value)).toBe(expected);
  });
});
