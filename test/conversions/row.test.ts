// biome-ignore-all lint/suspicious/noTemplateCurlyInString: templates of others are what this is about
/** A row of a conversions call: what it may say, what each of its fields means, and what is refused. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readRow } from "../../src/conversions/row.ts";
import { makeClickId } from "../../src/core/click-id.ts";
import { CONVERSION_KINDS } from "../../src/core/conversion.ts";
import { importKeyRing } from "../../src/core/key-ring.ts";
import {
  CONVERSION_VALUE_MICROS_MAX,
  DAY_MS,
  MINUTE_MS,
  OCCURRED_AHEAD_MAX_MS,
  OCCURRED_BEHIND_MAX_MS,
  ORDER_ID_LENGTH_MAX,
  ORDER_KEY_DAYS,
} from "../../src/core/limits.ts";
import { isReason } from "../../src/problems/catalog.ts";
import { NOON_MS } from "../support/builders.ts";
import { TEST_TOKEN_KEYS } from "../support/secrets.ts";
import { aKeyRing } from "../support/signing.ts";
import { aClickIdentity } from "../support/submissions.ts";

const SEED = 20_261_122;

const ring = await aKeyRing();
const click = aClickIdentity();
const CLICK_ID = makeClickId(click, ring);
const NOW_MS = NOON_MS + 10 * MINUTE_MS;
const CONTEXT = { ring, advertiserId: null, nowMs: NOW_MS };

const read = (fields: Record<string, unknown>, context: Partial<typeof CONTEXT> = {}) =>
  readRow({ click_id: CLICK_ID, ...fields }, { ...CONTEXT, ...context });
const refused = (reason: string, field: string) => ({ ok: false, error: expect.objectContaining({ reason, field }) });

describe("a row", () => {
  it("of a click id alone is a purchase of now without value or order", () => {
    expect(read({})).toEqual({
      ok: true,
      value: {
        ...{ type: "conversion", clickId: CLICK_ID, click, orderId: null, kind: "purchase", action: "record" },
        ...{ correctionId: null, valueMicros: 0, occurredAtMs: NOW_MS, receivedAtMs: NOW_MS },
      },
    });
  });

  it.each<[string, Record<string, unknown>, Record<string, unknown>]>([
    ["a text as order id", { order_id: "A-1" }, { orderId: "A-1" }],
    ["an order id of every script", { order_id: "Bestellung № 7 🛒" }, { orderId: "Bestellung № 7 🛒" }],
    ["a number as order id, as its digits", { order_id: 1_001 }, { orderId: "1001" }],
    ["zero as order id", { order_id: 0 }, { orderId: "0" }],
    ["an empty order id as none", { order_id: "" }, { orderId: null }],
    ["an order id of spaces as none", { order_id: " \t " }, { orderId: null }],
    ["an order id of null as none", { order_id: null }, { orderId: null }],
    [
      "the longest order id",
      { order_id: "x".repeat(ORDER_ID_LENGTH_MAX) },
      { orderId: "x".repeat(ORDER_ID_LENGTH_MAX) },
    ],
    ["the highest value", { value_micros: CONVERSION_VALUE_MICROS_MAX }, { action: "record" }],
    ["a negative value as a correction", { order_id: "A", value_micros: -1 }, { action: "correct", valueMicros: -1 }],
    [
      "a correction id as a correction",
      { value_micros: 5, correction_id: "c" },
      { action: "correct", correctionId: "c" },
    ],
    [
      "a blank correction id as none",
      { value_micros: 5, correction_id: " " },
      { action: "record", correctionId: null },
    ],
    ["retract", { retract: true, value_micros: -5 }, { action: "retract" }],
    ["no retract", { retract: false }, { action: "record" }],
    ["an instant with its zone", { occurred_at: "2026-04-20T14:05:00+02:00" }, { occurredAtMs: NOON_MS + 300_000 }],
    ["an instant in milliseconds", { occurred_at: NOON_MS + 1 }, { occurredAtMs: NOON_MS + 1 }],
    ["the minute of its click", { occurred_at: click.clickedAtMs }, { occurredAtMs: click.clickedAtMs }],
    ["a clock a little ahead", { occurred_at: NOW_MS + OCCURRED_AHEAD_MAX_MS }, {}],
    ...CONVERSION_KINDS.map((kind): [string, object & { type: string }, { kind: string }] => [
      `type ${kind}`,
      { type: kind },
      { kind },
    ]),
  ])("may say %s", (_, fields, expected) => {
    expect(read(fields)).toMatchObject({ ok: true, value: expected });
  });

  it.each<[string, unknown, string]>([
    ["order_id", "x".repeat(ORDER_ID_LENGTH_MAX + 1), "field_invalid"],
    ["order_id", "A\n1", "field_invalid"],
    ["order_id", "A\u00001", "field_invalid"],
    ["order_id", "\ud83d", "field_invalid"],
    ["order_id", 1.5, "field_invalid"],
    ["order_id", 2 ** 53, "field_invalid"],
    ["order_id", true, "field_invalid"],
    ["order_id", ["A"], "field_invalid"],
    ["order_id", { A: 1 }, "field_invalid"],
    ["correction_id", "x".repeat(ORDER_ID_LENGTH_MAX + 1), "field_invalid"],
    ["correction_id", {}, "field_invalid"],
    ["value_micros", CONVERSION_VALUE_MICROS_MAX + 1, "field_invalid"],
    ["value_micros", -CONVERSION_VALUE_MICROS_MAX - 1, "field_invalid"],
    ["value_micros", 1e300, "field_invalid"],
    ["value_micros", 0.5, "field_invalid"],
    ["value_micros", "4990000", "field_invalid"],
    ["value_micros", true, "field_invalid"],
    ["retract", "true", "field_invalid"],
    ["retract", 1, "field_invalid"],
    ["occurred_at", "2026-04-20T12:05:00", "field_invalid"],
    ["occurred_at", "2026-02-30T12:05:00Z", "field_invalid"],
    ["occurred_at", "yesterday", "field_invalid"],
    ["occurred_at", "", "field_invalid"],
    ["occurred_at", 1.5, "field_invalid"],
    ["occurred_at", -1, "field_invalid"],
    ["occurred_at", click.clickedAtMs - OCCURRED_BEHIND_MAX_MS - 1, "occurred_before_click"],
    ["occurred_at", NOW_MS + OCCURRED_AHEAD_MAX_MS + 1, "occurred_in_future"],
    ["type", "gift", "unknown_type"],
    ["type", "Purchase", "unknown_type"],
    ["type", "", "unknown_type"],
    ["type", 1, "unknown_type"],
    ["click_id", null, "click_id_missing"],
    ["click_id", "", "click_id_missing"],
    ["click_id", 7, "click_id_refused"],
    ["click_id", [CLICK_ID], "click_id_refused"],
    ["click_id", click.eventId, "click_id_refused"],
    ["orderId", "A-1", "field_unknown"],
    ["__proto__", { order_id: "A-1" }, "field_unknown"],
  ])("is refused for %s = %o: %s", (field, value, reason) => {
    const own = JSON.parse(`{${JSON.stringify(field)}: ${JSON.stringify(value)}}`) as Record<string, unknown>;
    const row = Object.defineProperties({ click_id: CLICK_ID }, Object.getOwnPropertyDescriptors(own));
    expect(readRow(row, CONTEXT)).toEqual(refused(reason, field));
  });

  it.each([[null], ["text"], [7], [true], [[]], [[{ click_id: CLICK_ID }]]])("is an object, not %o", (row) => {
    expect(readRow(row, CONTEXT)).toMatchObject({ ok: false, error: { reason: "field_invalid" } });
  });

  it("names a stranger's field in 64 characters at most", () => {
    expect(read({ ["x".repeat(1_000)]: 1 })).toEqual(refused("field_unknown", "x".repeat(64)));
  });
});

describe("what senders' systems make of a row", () => {
  const detailOf = (fields: Record<string, unknown>) => {
    const answer = read(fields);
    return answer.ok ? "taken" : `${answer.error.reason} ${answer.error.field}: ${answer.error.detail ?? ""}`;
  };

  it.each([" ", "\n", "\t", "\u00a0", "\u00ad", "\u200b", "\u200f", "\u2060", "\ufeff", "\r\n \u202e"])(
    "[fault A2] invisible characters at either end name the same: %j",
    (text) => {
      const [plain, spelt] = [(name: string) => name, (name: string) => `${text}${name}${text}`].map((around) =>
        read({
          ...{ click_id: around(CLICK_ID), order_id: around("w-W 1"), correction_id: around("C-1") },
          ...{ type: around("lead"), occurred_at: around("2026-04-20T14:05:00+02:00"), value_micros: 5 },
        }),
      );
      expect(spelt).toEqual(plain);
      expect(plain).toMatchObject({ ok: true, value: { orderId: "w-W 1", clickId: CLICK_ID } });
    },
  );

  it.each(["{lead_id}", "{{x}}", "${x}", "%%X%%", "[X]", "undefined", "null", "None", "NaN", "(not set)"])(
    "[fault A3] a template that nobody filled is refused by name in every field that names: %s",
    (template) => {
      for (const field of ["order_id", "correction_id", "click_id"]) {
        for (const value of [template, ` ${template}\n`, encodeURIComponent(template)]) {
          expect(read({ [field]: value })).toEqual(refused("template_unfilled", field));
        }
      }
    },
  );

  it("[fault A3] an order id that only holds such characters is an order id", () => {
    expect(read({ order_id: "A[1]-{2}" })).toMatchObject({ ok: true, value: { orderId: "A[1]-{2}" } });
  });

  it.each([
    [0, NOON_MS],
    [1, NOON_MS],
    [OCCURRED_BEHIND_MAX_MS, NOON_MS],
    [-1, NOON_MS + 1],
  ])("[fault A13] %i ms before the click is credited at the click's instant", (earlierMs, expected) => {
    const occurredAt = click.clickedAtMs - earlierMs;
    expect(read({ occurred_at: occurredAt })).toMatchObject({ ok: true, value: { occurredAtMs: expected } });
    const text = new Date(occurredAt).toISOString();
    expect(read({ occurred_at: text })).toMatchObject({ ok: true, value: { occurredAtMs: expected } });
  });

  it.each<[unknown, RegExp]>([
    [NOON_MS / 1_000, /seconds times 1000/],
    [String(NOON_MS / 1_000), /seconds times 1000/],
    [NOON_MS / 1_000 + 0.5, /seconds times 1000/],
    [NOON_MS * 1_000, /not microseconds/],
    [NOON_MS * 1_000_000, /nanoseconds/],
    [String(NOON_MS * 1_000_000), /nanoseconds/],
    [NOON_MS + 0.5, /Whole milliseconds/],
    [-NOON_MS, /above 0/],
    ["2026-04-20T12:05:00", /its zone/],
  ])("[fault A17] an instant in another unit is refused, and the detail says so: %s", (occurredAt, detail) => {
    expect(detailOf({ occurred_at: occurredAt })).toMatch(detail);
  });

  it("[fault A17] milliseconds are taken as digits too", () => {
    expect(read({ occurred_at: String(NOON_MS + 1) })).toMatchObject({ value: { occurredAtMs: NOON_MS + 1 } });
  });

  it.each([[2 ** 53], [Number("9007199254740993")], [1e20], [-(2 ** 53)]])(
    "[fault A17] an integer that JSON has rounded is refused, and the detail says what to send: %d",
    (orderId) => {
      for (const field of ["order_id", "correction_id"]) {
        expect(detailOf({ [field]: orderId })).toMatch(/^field_invalid .*: JSON numbers above 9007199254740991/);
      }
      expect(read({ order_id: String(orderId) }).ok).toBe(true);
    },
  );
});

describe("a click id", () => {
  const foreign = makeClickId(aClickIdentity({ advertiserId: "adv_2" }), ring);
  const forged = `${CLICK_ID.slice(0, CLICK_ID.lastIndexOf("~"))}~${"A".repeat(22)}`;
  const dearer = CLICK_ID.replace("~ad_9~", "~ad_8~");

  it("that is forged, changed, another's or none is one problem", () => {
    const own = { advertiserId: "adv_1" } as never;
    const answers = [forged, dearer, foreign, CLICK_ID.slice(1), "~".repeat(13), "x".repeat(601)].map((clickId) =>
      read({ click_id: clickId }, own),
    );
    for (const answer of answers)
      expect(answer).toEqual({ ok: false, error: { reason: "click_id_refused", field: "click_id" } });
    expect(read({}, own).ok).toBe(true);
    expect(read({ click_id: foreign }).ok).toBe(true);
  });

  it("is refused before anything else of its row is looked at, so that a stranger learns nothing", () => {
    expect(read({ click_id: forged, type: "gift" })).toEqual(refused("click_id_refused", "click_id"));
  });

  it("is believed for 400 days", () => {
    const endMs = click.clickedAtMs + ORDER_KEY_DAYS * DAY_MS;
    expect(read({}, { nowMs: endMs }).ok).toBe(true);
    expect(read({}, { nowMs: endMs + 1 })).toEqual(refused("click_id_expired", "click_id"));
  });

  it("is believed under a retired key, not under one that is gone", async () => {
    const { "test-1": old, "test-2": current } = TEST_TOKEN_KEYS;
    const rings = await Promise.all([
      importKeyRing({ "test-1": { key: old, retired: true }, "test-2": current }, "test-2"),
      importKeyRing({ "test-2": current }, "test-2"),
    ]);
    const [retired, gone] = rings.map((imported) => {
      if (!imported.ok) throw new Error(imported.error);
      return read({}, { ring: imported.value });
    });
    expect(retired?.ok).toBe(true);
    expect(gone).toEqual(refused("click_id_refused", "click_id"));
  });

  it("of a click a little ahead of our clock takes a conversion of right now", () => {
    const ahead = makeClickId(aClickIdentity({ clickedAtMs: NOON_MS + MINUTE_MS }), ring);
    const nowMs = NOON_MS + MINUTE_MS - 1_000;
    expect(read({ click_id: ahead }, { nowMs })).toMatchObject({
      ok: true,
      value: { occurredAtMs: NOON_MS + MINUTE_MS },
    });
  });
});

describe("any row", () => {
  const anything = fc.oneof(
    fc.jsonValue(),
    fc.record(
      {
        click_id: fc.oneof(fc.constant(CLICK_ID), fc.string(), fc.jsonValue()),
        order_id: fc.oneof(fc.string({ unit: "binary" }), fc.double(), fc.jsonValue()),
        type: fc.oneof(fc.constantFrom(...CONVERSION_KINDS), fc.string()),
        value_micros: fc.oneof(fc.integer(), fc.double(), fc.string()),
        occurred_at: fc.oneof(
          fc.integer({ min: NOON_MS, max: NOW_MS }),
          fc.double(),
          fc.string(),
          fc.date().map(String),
        ),
        retract: fc.oneof(fc.boolean(), fc.string()),
        correction_id: fc.oneof(fc.string(), fc.jsonValue()),
      },
      { requiredKeys: ["click_id"] },
    ),
  );

  it("is taken with every field in its range, or is refused by a known name; it never throws", () => {
    let taken = 0;
    fc.assert(
      fc.property(anything, (row) => {
        const result = readRow(row, CONTEXT);
        if (!result.ok) {
          expect(isReason(result.error.reason)).toBe(true);
          return;
        }
        taken++;
        const { clickId, valueMicros, occurredAtMs, orderId } = result.value;
        expect(clickId).toBe(CLICK_ID);
        expect(Number.isSafeInteger(valueMicros)).toBe(true);
        expect(occurredAtMs).toBeGreaterThanOrEqual(click.clickedAtMs);
        expect(occurredAtMs).toBeLessThanOrEqual(NOW_MS + OCCURRED_AHEAD_MAX_MS);
        expect(orderId).not.toBe("");
      }),
      { seed: SEED, numRuns: 2_000 },
    );
    expect(taken).toBeGreaterThan(0);
  });
});
