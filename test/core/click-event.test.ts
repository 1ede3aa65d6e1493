import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CLICK_METHODS, CLOCKS, encodeClickEvent, parseClickEvent } from "../../src/core/click-event.ts";
import { DEVICE_CLASSES } from "../../src/core/device.ts";
import { FOLDED_COUNT_MAX, TOKEN_LENGTH_MAX, USER_AGENT_LENGTH_MAX } from "../../src/core/limits.ts";
import { aClick, NOON_MS } from "../support/builders.ts";

const wireOf = (overrides: Record<string, unknown> = {}) => ({
  ...JSON.parse(encodeClickEvent(aClick())),
  ...overrides,
});

describe("the wire form of a click", () => {
  it("reads back what it writes, with every fact known and with none", () => {
    const full = aClick({
      ipHash: "f".repeat(64),
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
      expect(parseClickEvent(JSON.parse(encodeClickEvent(event)))).toEqual({ ok: true, value: event });
    }
  });

  it("reads back any event", () => {
    const shortOrNull = fc.option(fc.string({ maxLength: 32 }), { nil: null });
    const facts = fc.record({
      receivedAtMs: fc.nat({ max: 2 ** 31 }).map((ms) => NOON_MS + ms),
      occurredAtMs: fc.nat(),
      method: fc.constantFrom(...CLICK_METHODS),
      count: fc.integer({ min: 1, max: FOLDED_COUNT_MAX }),
      country: shortOrNull,
      region: shortOrNull,
      colo: shortOrNull,
      asn: fc.option(fc.nat(), { nil: null }),
      device: fc.constantFrom(...DEVICE_CLASSES),
      ipHash: shortOrNull,
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
        expect(parseClickEvent(JSON.parse(encodeClickEvent(event)))).toEqual({ ok: true, value: event });
      }),
      { seed: 20261122 },
    );
  });

  it("keeps its member names, since stored events depend on them", () => {
    expect(Object.keys(wireOf())).toMatchInlineSnapshot(`
      [
        "v",
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

  it("ignores members that a later version may add", () => {
    expect(parseClickEvent(wireOf({ added_later: 1 })).ok).toBe(true);
  });
});

describe("an event that cannot be read", () => {
  it.each(Object.keys(wireOf()))("is one without %s", (member) => {
    expect(parseClickEvent(wireOf({ [member]: undefined }))).toEqual({ ok: false, error: "event_shape" });
  });

  it.each([
    ["v", 2],
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
    expect(parseClickEvent(wireOf({ [member]: value }))).toEqual({ ok: false, error: "event_shape" });
  });

  it.each([
    ["null", null],
    ["text", "{}"],
    ["a number", 1],
    ["a list", []],
    ["nothing", undefined],
  ])("is %s", (_, value) => {
    expect(parseClickEvent(value)).toEqual({ ok: false, error: "event_shape" });
  });
});
