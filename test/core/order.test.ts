import { describe, expect, it } from "vitest";
import { parseJson } from "../../src/core/base64url.ts";
import type { ClickIdentity } from "../../src/core/click-id.ts";
import type { ConversionEvent } from "../../src/core/conversion.ts";
import { makeEventId } from "../../src/core/event-id.ts";
import { CONVERSION_VALUE_MICROS_MAX, CORRECTIONS_PER_ORDER_MAX, DAY_MS, MINUTE_MS } from "../../src/core/limits.ts";
import {
  CLICKS_PER_ORDER_MAX,
  type ConversionLine,
  decideConversion,
  type OrderState,
  orderHashOf,
  orderKeyOf,
} from "../../src/core/order.ts";
import { NOON_MS } from "../support/builders.ts";
import { aClickIdentity, aConversion } from "../support/submissions.ts";

const EARLY = aClickIdentity({ clickedAtMs: NOON_MS - 60 * MINUTE_MS, campaignId: "cmp_early" });
const FIRST = aClickIdentity({ campaignId: "cmp_first" });
const LATER = aClickIdentity({ clickedAtMs: NOON_MS + 5 * MINUTE_MS, campaignId: "cmp_later" });
const OLD = aClickIdentity({ clickedAtMs: NOON_MS - 8 * DAY_MS, campaignId: "cmp_old" });
const TEST = aClickIdentity({ clickedAtMs: NOON_MS + 8 * MINUTE_MS, campaignId: "cmp_test", isTest: true });
const OCCURRED_AT_MS = NOON_MS + 10 * MINUTE_MS;

type Overrides = Parameters<typeof aConversion>[0];
const record = (click = FIRST, overrides: Overrides = {}) =>
  aConversion({ occurredAtMs: OCCURRED_AT_MS, ...overrides }, click);
const correct = (valueMicros: number, correctionId: string | null = null) =>
  record(FIRST, { action: "correct", valueMicros, correctionId });
const retract = () => record(FIRST, { action: "retract", valueMicros: 0 });

/** What the decision on an event is called. */
type Outcome = { status: string; line: ConversionLine | null };

/** Decides events in turn, with a state that was stored as JSON each time; returns what became of the last. */
function decideAll(events: readonly ConversionEvent[]): Outcome & { state: OrderState | null } {
  let state: OrderState | null = null;
  let last: Outcome = { status: "nothing", line: null };
  for (const event of events) {
    const before = JSON.stringify(state);
    const decided = decideConversion(event, state);
    expect(JSON.stringify(state), "a state is a value").toBe(before);
    if (decided.ok) state = parseJson(JSON.stringify(decided.value.state)) as OrderState;
    last = decided.ok ? decided.value : { status: decided.error, line: null };
  }
  return { ...last, state };
}

const creditOf = (click: ClickIdentity, valueMicros = 5_000_000) => {
  const { clickId } = record(click);
  return { clickId, click, valueMicros, occurredAtMs: OCCURRED_AT_MS };
};

const TRANSITIONS: [string, ConversionEvent[], string, ConversionLine | null][] = [
  [
    "a record, first of its order",
    [record()],
    "recorded",
    { verdict: "valid", reason: null, prior: null, next: creditOf(FIRST) },
  ],
  ["the same again", [record(), record()], "repeated", null],
  [
    "an earlier click after it",
    [record(), record(EARLY)],
    "duplicate",
    { verdict: "duplicate", reason: "same_order", prior: null, next: null },
  ],
  ["an earlier click again", [record(), record(EARLY), record(EARLY)], "repeated", null],
  [
    "a later click after it",
    [record(), record(LATER)],
    "reattributed",
    { verdict: "valid", reason: "later_click", prior: creditOf(FIRST), next: creditOf(LATER) },
  ],
  ["the first click after the later one", [record(), record(LATER), record()], "repeated", null],
  [
    "a click outside the window",
    [record(OLD)],
    "not_attributed",
    { verdict: "invalid", reason: "outside_window", prior: null, next: null },
  ],
  ["the same, again", [record(OLD), record(OLD)], "repeated", null],
  [
    "a test click, even though it is the latest",
    [record(), record(TEST)],
    "not_attributed",
    { verdict: "invalid", reason: "test", prior: null, next: null },
  ],
  [
    "a click in the window after one that was not",
    [record(OLD), record()],
    "recorded",
    { verdict: "valid", reason: null, prior: null, next: creditOf(FIRST) },
  ],
  ["another value", [record(), record(LATER, { valueMicros: 1 })], "order_conflict", null],
  [
    "another value of an order that was not credited",
    [record(OLD), record(FIRST, { valueMicros: 1 })],
    "order_conflict",
    null,
  ],
  [
    "a refund of a part",
    [record(), correct(-2_000_000)],
    "corrected",
    { verdict: "valid", reason: "corrected", prior: creditOf(FIRST), next: creditOf(FIRST, 3_000_000) },
  ],
  [
    "a refund of all",
    [record(), correct(-5_000_000)],
    "corrected",
    { verdict: "valid", reason: "corrected", prior: creditOf(FIRST), next: creditOf(FIRST, 0) },
  ],
  ["a refund again", [record(), correct(-2_000_000), correct(-2_000_000)], "repeated", null],
  ["a refund of more than there is", [record(), correct(-5_000_001)], "correction_exceeds_value", null],
  [
    "two refunds of more than there is",
    [record(), correct(-3_000_000, "a"), correct(-3_000_000, "b")],
    "correction_exceeds_value",
    null,
  ],
  [
    "a second refund under a name of its own",
    [record(), correct(-2_000_000), correct(-1_000_000, "second")],
    "corrected",
    { verdict: "valid", reason: "corrected", prior: creditOf(FIRST, 3_000_000), next: creditOf(FIRST, 2_000_000) },
  ],
  [
    "a correction of another value",
    [record(), correct(-2_000_000, "a"), correct(-1_000_000, "a")],
    "correction_conflict",
    null,
  ],
  [
    "a correction named like a member that objects inherit",
    [record(), correct(-1, "constructor"), correct(-2, "__proto__")],
    "corrected",
    { verdict: "valid", reason: "corrected", prior: creditOf(FIRST, 4_999_999), next: creditOf(FIRST, 4_999_997) },
  ],
  ["the same again", [record(), correct(-2, "__proto__"), correct(-2, "__proto__")], "repeated", null],
  ["a correction of nothing known", [correct(-1)], "order_unknown", null],
  ["a correction of an order that was only refused", [correct(-1), correct(-1)], "order_unknown", null],
  [
    "a correction of an order that is not credited",
    [record(OLD), correct(-2_000_000)],
    "corrected",
    { verdict: "valid", reason: "corrected", prior: null, next: null },
  ],
  [
    "a click in the window after that",
    [record(OLD), correct(-2_000_000), record()],
    "recorded",
    { verdict: "valid", reason: null, prior: null, next: creditOf(FIRST, 3_000_000) },
  ],
  [
    "a later click after a correction: the credit moves as it stands",
    [record(), correct(-2_000_000), record(LATER)],
    "reattributed",
    { verdict: "valid", reason: "later_click", prior: creditOf(FIRST, 3_000_000), next: creditOf(LATER, 3_000_000) },
  ],
  [
    "a retraction",
    [record(), retract()],
    "retracted",
    { verdict: "valid", reason: "retracted", prior: creditOf(FIRST), next: null },
  ],
  [
    "a retraction after corrections",
    [record(), correct(-2_000_000), retract()],
    "retracted",
    { verdict: "valid", reason: "retracted", prior: creditOf(FIRST, 3_000_000), next: null },
  ],
  [
    "a retraction of an order that is not credited",
    [record(OLD), retract()],
    "retracted",
    { verdict: "valid", reason: "retracted", prior: null, next: null },
  ],
  ["a retraction again", [record(), retract(), retract()], "repeated", null],
  ["a retraction of nothing known", [retract()], "order_unknown", null],
  ["a record after a retraction", [record(), retract(), record()], "order_retracted", null],
  ["a later click after a retraction", [record(), retract(), record(LATER)], "order_retracted", null],
  ["a correction after a retraction", [record(), retract(), correct(-1)], "order_retracted", null],
  ["a correction from before the retraction, again", [record(), correct(-1), retract(), correct(-1)], "repeated", null],
];

describe("an order", () => {
  it.each(TRANSITIONS)("%s", (_, events, status, line) => {
    const decided = decideAll(events);
    expect({ status: decided.status, line: decided.line }).toEqual({ status, line });
  });

  it("is not changed by what is refused", () => {
    const known = decideAll([record(), correct(-1, "a")]).state;
    const refused = [record(LATER, { valueMicros: 1 }), correct(-2, "a"), correct(-5_000_000, "b")];
    expect(decideAll([record(), correct(-1, "a"), ...refused]).state).toEqual(known);
  });

  it("keeps the time that it was first told, when its credit moves", () => {
    const { line } = decideAll([record(), record(LATER, { occurredAtMs: OCCURRED_AT_MS + MINUTE_MS })]);
    expect(line?.next?.occurredAtMs).toBe(OCCURRED_AT_MS);
  });

  it.each([
    ["the last millisecond of the window", 0, "recorded"],
    ["the first after it", 1, "not_attributed"],
  ])("is credited by the window of the conversion: %s", (_, lateMs, status) => {
    const occurredAtMs = FIRST.clickedAtMs + 3 * DAY_MS + lateMs;
    expect(decideAll([record(FIRST, { occurredAtMs, windowDays: 3 })]).status).toBe(status);
  });

  it("goes to the later of two clicks of one minute, whichever is told first", () => {
    const click = (receivedAtMs: number) =>
      aClickIdentity({ eventId: makeEventId({ receivedAtMs, routingHash: 7 }, new Uint8Array(8)) });
    const [one, other] = [click(NOON_MS + 1_000), click(NOON_MS + 2_000)];
    expect(decideAll([record(one), record(other)]).status).toBe("reattributed");
    expect(decideAll([record(other), record(one)]).status).toBe("duplicate");
  });

  it("[attack 16] goes to its latest click, however many it is told under, and in whatever order", () => {
    const count = 3 * CLICKS_PER_ORDER_MAX;
    const clicks = Array.from({ length: count }, (_, at) => aClickIdentity({ clickedAtMs: NOON_MS - at * MINUTE_MS }));
    const latest = clicks[0] as ClickIdentity;
    const orders = [clicks, clicks.toReversed(), clicks.toSorted((a, b) => (a.eventId < b.eventId ? -1 : 1))];
    // Those with odd places before those with even ones, so that credit moves often and late.
    orders.push([...clicks.filter((_, at) => at % 2 === 1), ...clicks.filter((_, at) => at % 2 === 0).reverse()]);
    for (const order of orders) {
      const { state } = decideAll(order.map((click) => record(click)));
      expect(state?.credit?.clickedAtMs).toBe(latest.clickedAtMs);
      expect(state?.clicks.length).toBeLessThanOrEqual(CLICKS_PER_ORDER_MAX);
      // Whatever is sent again moves nothing and leaves no line.
      for (const click of clicks) {
        const again = decideConversion(record(click), state);
        expect(again.ok && again.value.line).toBeNull();
      }
      expect(decideAll([...order, latest].map((click) => record(click))).status).toBe("repeated");
    }
  });

  it("[attack 16] is credited to a click in the window, however many outside of it came before", () => {
    const outside = Array.from({ length: 2 * CLICKS_PER_ORDER_MAX }, (_, at) =>
      aClickIdentity({ clickedAtMs: NOON_MS - 8 * DAY_MS - at * MINUTE_MS }),
    );
    const events = outside.map((click) => record(click));
    expect(decideAll(events)).toMatchObject({ status: "not_attributed", line: null });
    expect(decideAll([...events, record()])).toMatchObject({ status: "recorded", line: { verdict: "valid" } });
  });

  it("answers what moves nothing as it is, and logs as many of those as it tells apart", () => {
    const clicks = Array.from({ length: CLICKS_PER_ORDER_MAX + 1 }, (_, at) =>
      aClickIdentity({ clickedAtMs: NOON_MS - at * MINUTE_MS }),
    );
    expect(decideAll(clicks.slice(0, -1).map((click) => record(click))).line).not.toBeNull();
    expect(decideAll(clicks.map((click) => record(click)))).toMatchObject({ status: "duplicate", line: null });
  });

  it("[attack 2b] has no more value with its corrections than a conversion may have", () => {
    const most = record(FIRST, { valueMicros: CONVERSION_VALUE_MICROS_MAX });
    expect(decideAll([most, correct(1, "a")])).toMatchObject({ status: "correction_exceeds_limit", line: null });
    const few = [record(), ...Array.from({ length: 90 }, (_, at) => correct(CONVERSION_VALUE_MICROS_MAX, `c${at}`))];
    const decided = decideAll(few);
    expect([decided.status, decided.state?.netMicros]).toEqual(["correction_exceeds_limit", 5_000_000]);
    const exactly = decideAll([record(), correct(CONVERSION_VALUE_MICROS_MAX - 5_000_000, "a")]);
    expect([exactly.status, exactly.state?.netMicros]).toEqual(["corrected", CONVERSION_VALUE_MICROS_MAX]);
    expect(decideAll([most, correct(-1, "a"), correct(1, "b")]).status).toBe("corrected");
  });

  it.each(["x", '"', "\\", "ä", "№", "🛒", "\u2028"])(
    "[attack 2] is remembered in a bounded text of ASCII, whatever its corrections are called: %s",
    (character) => {
      const longest = aClickIdentity({
        ...{ advertiserId: "a".repeat(64), campaignId: "c".repeat(64), adGroupId: "g".repeat(64) },
        ...{ adId: "d".repeat(64), publisherId: "p".repeat(64), creativeId: "r".repeat(64), isTest: false },
      });
      const clicks = Array.from({ length: 40 }, (_, at) => ({
        ...longest,
        eventId: aClickIdentity({ clickedAtMs: NOON_MS + at * 1_000 }).eventId,
      }));
      const most = clicks.map((click) => record(click, { valueMicros: CONVERSION_VALUE_MICROS_MAX }));
      const names = Array.from({ length: CORRECTIONS_PER_ORDER_MAX }, (_, at) => String(at).padEnd(128, character));
      const values = names.map((name, at) => correct((at % 2 === 0 ? -1 : 1) * CONVERSION_VALUE_MICROS_MAX, name));
      const { state, status } = decideAll([...most, ...values]);
      expect([status, Object.keys(state?.corrections ?? {}).length]).toEqual(["corrected", CORRECTIONS_PER_ORDER_MAX]);
      const text = JSON.stringify(state);
      expect(text.length).toBeLessThan(8_000);
      expect(text).toMatch(/^[\x20-\x7e]*$/);
    },
  );
});

describe("the key of an order", () => {
  const keys = (...conversions: ConversionEvent[]) => new Set(conversions.map(orderKeyOf)).size;

  it("is that of advertiser, kind and order, whatever the click, the value and the time", () => {
    expect(orderKeyOf(record())).toMatch(/^[0-9a-f]{32}$/);
    expect(keys(record(), record(LATER, { valueMicros: 1, occurredAtMs: 1, by: "other" }), retract())).toBe(1);
    const other = aClickIdentity({ advertiserId: "adv_2" });
    expect(keys(record(), record(FIRST, { kind: "lead" }), record(FIRST, { orderId: "A-1002" }), record(other))).toBe(
      4,
    );
  });

  it("is that of the click and kind, where the order has no name", () => {
    const unnamed = (click: ClickIdentity, overrides: Overrides = {}) => record(click, { orderId: null, ...overrides });
    expect(keys(unnamed(FIRST), unnamed(FIRST, { valueMicros: 1 }))).toBe(1);
    expect(keys(unnamed(FIRST), unnamed(LATER), unnamed(FIRST, { kind: "signup" }), record())).toBe(4);
    expect(keys(unnamed(FIRST), record(FIRST, { orderId: FIRST.eventId }))).toBe(2);
  });

  it("does not join its parts into another's, whatever they hold", () => {
    expect(
      keys(record(FIRST, { orderId: "a:1" }), record(FIRST, { orderId: "a" }), record(FIRST, { orderId: "1:a" })),
    ).toBe(3);
  });

  it("decides its shard for ever", () => {
    expect(orderHashOf(orderKeyOf(record()))).toBe(orderHashOf(orderKeyOf(record(LATER))));
    expect([orderKeyOf(record()), orderHashOf(orderKeyOf(record()))]).toMatchInlineSnapshot(`
      [
        "e300e9cdf60939ff8b2de5e1ca98e8b8",
        867434224,
      ]
    `);
  });
});
