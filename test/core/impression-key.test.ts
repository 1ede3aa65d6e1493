import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { impressionKeyOf } from "../../src/core/impression-key.ts";
import type { EventType } from "../../src/core/token-event.ts";
import { NOON_S } from "../support/builders.ts";
import vectors from "../vectors/impression-keys.json" with { type: "json" };

const BASE = { adv: "adv_1", ad: "ad_9", pub: "pub_1", jti: "imp_1", iat: NOON_S };

describe("an impression key", () => {
  it.each(vectors.keys)("of $type $adv $ad $pub $jti $iat is $key for ever", ({ type, key, ...claims }) => {
    expect(impressionKeyOf(type as EventType, claims)).toBe(key);
  });

  it("is told apart wherever the same characters are cut differently", () => {
    const cuts = [
      { adv: "a", ad: "bc", pub: "d", jti: "e" },
      { adv: "ab", ad: "c", pub: "d", jti: "e" },
      { adv: "a", ad: "b", pub: "cd", jti: "e" },
      { adv: "a", ad: "b", pub: "c", jti: "de" },
      { adv: "abc", ad: "d", pub: "e", jti: "1" },
    ];
    const keys = cuts.map((cut) => impressionKeyOf("click", { ...cut, iat: 1 }));
    expect(new Set(keys).size).toBe(cuts.length);
  });

  it.each([
    ["advertiser", { adv: "adv_2" }],
    ["ad", { ad: "ad_10" }],
    ["publisher", { pub: "pub_2" }],
    ["impression id", { jti: "imp_2" }],
    ["instant of issue: a re-mint", { iat: NOON_S + 1 }],
    ["fraction of the instant of issue", { iat: NOON_S + 0.001 }],
  ])("differs with another %s", (_, other) => {
    expect(impressionKeyOf("click", { ...BASE, ...other })).not.toBe(impressionKeyOf("click", BASE));
  });

  it("differs between a click and an impression", () => {
    expect(impressionKeyOf("impression", BASE)).not.toBe(impressionKeyOf("click", BASE));
  });

  it("does not depend on how JSON spells the same instant", () => {
    const spellings = ["1776686400", "1776686400.0", "1.7766864e9"].map((text) => JSON.parse(text) as number);
    expect(new Set(spellings.map((iat) => impressionKeyOf("click", { ...BASE, iat }))).size).toBe(1);
  });

  it("is equal only for equal claims", () => {
    const id = fc.string({ unit: fc.constantFrom("a", "b", "1"), minLength: 1, maxLength: 3 });
    const claims = fc.record({ adv: id, ad: id, pub: id, jti: id, iat: fc.constantFrom(1, 11, 111, 1.5) });
    fc.assert(
      fc.property(claims, claims, (one, other) => {
        const areSame = JSON.stringify(one) === JSON.stringify(other);
        expect(impressionKeyOf("click", one) === impressionKeyOf("click", other)).toBe(areSame);
      }),
      { seed: 20261122, numRuns: 1_000 },
    );
  });
});
