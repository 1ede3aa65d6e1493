import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EventId } from "../../src/core/event-id.ts";
import { CLICKS_PER_MINUTE_MAX, excessClicks, type RatedClick } from "../../src/core/rate-rule.ts";
import { AssertionError } from "../../src/core/result.ts";
import { minuteOf } from "../../src/core/time.ts";
import { VERDICTS } from "../../src/core/verdict.ts";
import { NOON_MS } from "../support/builders.ts";

const SEED = 20_261_122;

const click = (serial: number, change: Partial<RatedClick> = {}): RatedClick => ({
  id: `e${serial}` as EventId,
  advertiserId: "adv_1",
  adId: "ad_1",
  userKey: "u1",
  occurredAtMs: NOON_MS + serial,
  verdict: "valid",
  ...change,
});
const clicks = (count: number, change: Partial<RatedClick> = {}) =>
  Array.from({ length: count }, (_, serial) => click(serial, change));

describe("clicks of one user on one ad in one minute", () => {
  it("up to the limit stand", () => {
    expect(excessClicks(clicks(CLICKS_PER_MINUTE_MAX))).toEqual([]);
  });

  it("beyond the limit are excess, in the order of the log", () => {
    expect(excessClicks(clicks(5), 3)).toEqual(["e3", "e4"]);
  });

  it("count by the log's order, not by their own time", () => {
    const backwards = [click(1, { occurredAtMs: NOON_MS + 9 }), click(2, { occurredAtMs: NOON_MS })];
    expect(excessClicks(backwards, 1)).toEqual(["e2"]);
  });

  it.each([
    ["of another user", { userKey: "u2" }],
    ["on another ad", { adId: "ad_2" }],
    ["on another advertiser's ad of the same name", { advertiserId: "adv_2" }],
    ["in the next minute", { occurredAtMs: NOON_MS + 60_000 }],
  ])("are counted apart from clicks %s", (_, change) => {
    expect(excessClicks([...clicks(3), click(10, change)], 3)).toEqual([]);
    expect(excessClicks([...clicks(3), click(10)], 3)).toEqual(["e10"]);
  });

  it("are told apart, whatever blanks the user's key holds", () => {
    const pair = [click(1, { adId: "a", userKey: "b c" }), click(2, { adId: "a", userKey: "b" })];
    expect(excessClicks(pair, 1)).toEqual([]);
  });

  it("without a user key are never judged", () => {
    expect(excessClicks(clicks(50, { userKey: null }), 1)).toEqual([]);
  });

  it("that are not valid neither count nor are judged", () => {
    for (const verdict of VERDICTS.filter((each) => each !== "valid")) {
      expect(excessClicks([...clicks(9, { verdict }), click(10)], 1)).toEqual([]);
    }
  });

  it("have a limit of at least one", () => {
    for (const limit of [0, -1, 1.5, Number.NaN]) expect(() => excessClicks([], limit)).toThrow(AssertionError);
  });
});

describe("laws", () => {
  const anyClicks = fc
    .array(
      fc.record({
        advertiserId: fc.constantFrom("adv_1", "adv_2"),
        adId: fc.constantFrom("ad_1", "ad_2"),
        userKey: fc.constantFrom("u1", "u2", "u 1", null),
        occurredAtMs: fc.integer({ min: NOON_MS - 60_000, max: NOON_MS + 60_000 }),
        verdict: fc.constantFrom("valid", "valid", "valid", "duplicate", "invalid", "late"),
      }),
      { maxLength: 60 },
    )
    .map((all) => all.map((each, serial) => click(serial, each as Partial<RatedClick>)));
  const anyLimit = fc.integer({ min: 1, max: 6 });
  const groupOf = ({ advertiserId, adId, userKey, occurredAtMs }: RatedClick) =>
    JSON.stringify([advertiserId, adId, userKey, minuteOf(occurredAtMs)]);

  it("exactly the first N valid clicks of each user, ad and minute stand", () => {
    fc.assert(
      fc.property(anyClicks, anyLimit, (all, limit) => {
        const excess = new Set(excessClicks(all, limit));
        for (const [place, each] of all.entries()) {
          const before = all.slice(0, place).filter((other) => other.verdict === "valid");
          const rank = before.filter((other) => groupOf(other) === groupOf(each)).length;
          const isJudged = each.verdict === "valid" && each.userKey !== null;
          expect(excess.has(each.id)).toBe(isJudged && rank >= limit);
        }
      }),
      { seed: SEED },
    );
  });

  it("more clicks never take back an excess that was found", () => {
    fc.assert(
      fc.property(anyClicks, fc.nat(60), anyLimit, (all, length, limit) => {
        const found = excessClicks(all.slice(0, length), limit);
        expect(excessClicks(all, limit).slice(0, found.length)).toEqual(found);
      }),
      { seed: SEED },
    );
  });

  it("a higher limit finds a part of what a lower one finds", () => {
    fc.assert(
      fc.property(anyClicks, anyLimit, (all, limit) => {
        const lower = new Set(excessClicks(all, limit));
        for (const id of excessClicks(all, limit + 1)) expect(lower.has(id)).toBe(true);
      }),
      { seed: SEED },
    );
  });

  it("what stands, judged alone, has no excess", () => {
    fc.assert(
      fc.property(anyClicks, anyLimit, (all, limit) => {
        const excess = new Set(excessClicks(all, limit));
        const rest = all.filter(({ id }) => !excess.has(id));
        expect(excessClicks(rest, limit)).toEqual([]);
      }),
      { seed: SEED },
    );
  });
});
