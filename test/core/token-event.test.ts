import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEVICE_CLASSES } from "../../src/core/device.ts";
import { FOLDED_COUNT_MAX, TOKEN_LENGTH_MAX, USER_AGENT_LENGTH_MAX } from "../../src/core/limits.ts";
import { CLOCKS, EVENT_TYPES, encodeTokenEvent, METHODS, parseTokenEvent } from "../../src/core/token-event.ts";
import { aClick, NOON_MS } from "../support/builders.ts";

const wireOf = (overrides: Record<string, unknown> = {}) => ({
  ...JSON.parse(encodeTokenEvent(aClick())),
  ...overrides,
});

describe("the wire form of a click or an impression", () => {
  it("reads back what it writes, with every fact known and with none", () => {
    const full = aClick({
      type: "impression",
      ipHash: "f".repeat(64),
      userHash: "u".repeat(64),
      hints: { brands: '"Chromium";v="142"', platform: "Linux", mobile: "?0" },
    });
    const bare = aClick({
      country: null,
      region: null,
      colo: null,
      asn: null,
      referrerHost: null,
      userAgent: "",
      gpc: true,
    });
    for (const event of [full, bare]) {
      expect(parseTokenEvent(JSON.parse(encodeTokenEvent(event)))).toEqual({ ok: true, value: event });
    }
  });

  it("reads back any event", () => {
    const shortOrNull = fc.option(fc.string({ maxLength: 32 }), { nil: null });
    const facts = fc.record({
      type: fc.constantFrom(...EVENT_TYPES),
      receivedAtMs: fc.nat({ max: 2 ** 31 }).map((ms) => NOON_MS + ms),
      occurredAtMs: fc.nat(),
      method: fc.constantFrom(...METHODS),
      count: fc.integer({ min: 1, max: FOLDED_COUNT_MAX }),
      country: shortOrNull,
      region: shortOrNull,
      colo: shortOrNull,
      asn: fc.option(fc.nat(), { nil: null }),
      device: fc.constantFrom(...DEVICE_CLASSES),
      ipHash: shortOrNull,
      userHash: shortOrNull,
      userAgent: fc.string({ maxLength: 200, unit: "binary" }),
      referrerHost: shortOrNull,
      gpc: fc.boolean(),
      clock: fc.constantFrom(...CLOCKS),
      redirectByMs: fc.option(fc.nat(), { nil: null }),
      acceptedAtMs: fc.option(fc.nat(), { nil: null }),
    });
    fc.assert(
      fc.property(facts, (overrides) => {
        const event = aClick(overrides);
        expect(parseTokenEvent(JSON.parse(encodeTokenEvent(event)))).toEqual({ ok: true, value: event });
      }),
      { seed: 20261122 },
    );
  });

  it("keeps its member names, since stored events depend on them", () => {
    expect(Object.keys(wireOf())).toMatchInlineSnapshot(`
      [
        "v",
        "type",
        "id",
        "token",
        "received_at_ms",
        "occurred_at_ms",
        "method",
        "count",
        "country",
        "region",
        "colo",
        "asn",
        "device",
        "ip_hash",
        "user_hash",
        "user_agent",
        "hints",
        "referrer_host",
        "gpc",
        "clock",
        "redirect_by_ms",
        "accepted_at_ms",
      ]
    `);
  });

  it("takes a record of before there were types and users for a click without a user", () => {
    const event = aClick({ userHash: null });
    const old = wireOf({ type: undefined, user_hash: undefined, id: event.id });
    expect(parseTokenEvent(old)).toEqual({ ok: true, value: { ...event, token: old.token } });
  });

  it("ignores members that a later version may add", () => {
    expect(parseTokenEvent(wireOf({ added_later: 1 })).ok).toBe(true);
  });
});

describe("an event that cannot be read", () => {
  const younger = ["type", "user_hash"];
  it.each(Object.keys(wireOf()).filter((member) => !younger.includes(member)))("is one without %s", (member) => {
    expect(parseTokenEvent(wireOf({ [member]: undefined }))).toEqual({ ok: false, error: "event_shape" });
  });

  it.each([
    ["v", 2],
    ["type", "view"],
    ["type", null],
    ["type", "conversion"],
    ["id", "short"],
    ["id", 1],
    ["token", 1],
    ["token", "a".repeat(TOKEN_LENGTH_MAX + 1)],
    ["received_at_ms", -1],
    ["received_at_ms", 0.5],
    ["received_at_ms", "1"],
    ["occurred_at_ms", null],
    ["method", "PUT"],
    ["method", "get"],
    ["count", 0],
    ["count", -1],
    ["count", 1.5],
    ["count", FOLDED_COUNT_MAX + 1],
    ["country", 1],
    ["country", "x".repeat(65)],
    ["region", {}],
    ["colo", []],
    ["asn", "3320"],
    ["asn", -1],
    ["device", "phone"],
    ["device", null],
    ["ip_hash", 1],
    ["user_hash", 1],
    ["user_hash", "u".repeat(65)],
    ["user_agent", null],
    ["user_agent", "x".repeat(USER_AGENT_LENGTH_MAX + 1)],
    ["hints", null],
    ["hints", []],
    ["hints", { brands: 1 }],
    ["hints", { brands: "x".repeat(129) }],
    ["hints", { model: "Pixel" }],
    ["referrer_host", "x".repeat(254)],
    ["gpc", 1],
    ["clock", "guess"],
    ["redirect_by_ms", -1],
    ["redirect_by_ms", "1"],
    ["accepted_at_ms", 0.5],
    ["accepted_at_ms", false],
  ])("is one with %s = %j", (member, value) => {
    expect(parseTokenEvent(wireOf({ [member]: value }))).toEqual({ ok: false, error: "event_shape" });
  });

  it.each([
    ["null", null],
    ["text", "{}"],
    ["a number", 1],
    ["a list", []],
    ["nothing", undefined],
  ])("is %s", (_, value) => {
    expect(parseTokenEvent(value)).toEqual({ ok: false, error: "event_shape" });
  });
});
