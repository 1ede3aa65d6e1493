import { describe, expect, it } from "vitest";
import { parseJson } from "../../src/core/base64url.ts";
import { parseClaims } from "../../src/core/claims.ts";
import { checkKeyLimits, importKeyRing, type KeyLimits } from "../../src/core/key-ring.ts";
import { aPayload } from "../support/builders.ts";
import { TEST_TOKEN_KEYS } from "../support/secrets.ts";

const KEY = TEST_TOKEN_KEYS["test-1"];

describe("a key ring", () => {
  it("verifies with every key and signs with the one that is named", async () => {
    const ring = await importKeyRing(TEST_TOKEN_KEYS, "test-2");
    expect(ring.ok && [...ring.value.keys.keys()]).toEqual(["test-1", "test-2", "limited"]);
    expect(ring.ok && ring.value.signing.kid).toBe("test-2");
  });

  it("takes a key alone or with limits, and null for no limit", async () => {
    const ring = await importKeyRing(
      { a: KEY, b: { key: KEY }, c: { key: KEY, advertisers: null, publishers: ["p"], cpc_max: 0 } },
      "a",
    );
    expect(ring.ok && [...ring.value.keys.values()].map((key) => key.limits)).toEqual([
      { advertisers: null, publishers: null, cpcMicrosMax: null },
      { advertisers: null, publishers: null, cpcMicrosMax: null },
      { advertisers: null, publishers: new Set(["p"]), cpcMicrosMax: 0 },
    ]);
  });

  it("keeps its keys out of reach: they cannot be exported", async () => {
    const ring = await importKeyRing(TEST_TOKEN_KEYS, "test-1");
    expect(ring.ok && ring.value.signing.key).toMatchObject({ extractable: false });
  });

  it("takes a key of 32 bytes and longer", async () => {
    expect((await importKeyRing({ a: "A".repeat(43) }, "a")).ok).toBe(true);
    expect((await importKeyRing({ a: "A".repeat(86) }, "a")).ok).toBe(true);
  });

  it("holds a key whose kid is the name of an inherited member", async () => {
    const keys = parseJson(`{"__proto__":"${KEY}","constructor":"${KEY}"}`);
    expect((await importKeyRing(keys, "__proto__")).ok).toBe(true);
    expect((await importKeyRing({ a: KEY }, "constructor")).ok).toBe(false);
  });

  it.each([
    ["no object", null, "TOKEN_KEYS must be a JSON object"],
    ["a text", KEY, "TOKEN_KEYS must be a JSON object"],
    ["a list", [KEY], "TOKEN_KEYS must be a JSON object"],
    ["nothing", undefined, "TOKEN_KEYS must be a JSON object"],
    ["no key", {}, "TOKEN_SIGNING_KID names no key"],
    ["another key than the one that signs", { b: KEY }, "TOKEN_SIGNING_KID names no key"],
    ["a kid outside the alphabet", { "a b": KEY }, "a kid in TOKEN_KEYS is outside"],
    ["an empty kid", { "": KEY }, "a kid in TOKEN_KEYS is outside"],
    ["a kid of 65 characters", { ["k".repeat(65)]: KEY }, "a kid in TOKEN_KEYS is outside"],
    ["a key that is a number", { a: 1 }, "key a is not base64url"],
    ["a key that is null", { a: null }, "key a is not base64url"],
    ["a key that is a list", { a: [KEY] }, "key a is not base64url"],
    ["an object without a key", { a: { advertisers: ["adv_1"] } }, "key a is not base64url"],
    ["a padded key", { a: `${KEY}=` }, "key a is not base64url"],
    ["a key with stray last bits", { a: `${KEY.slice(0, -1)}9` }, "key a is not base64url"],
    ["a key in standard base64", { a: `+/${KEY.slice(2)}` }, "key a is not base64url"],
    ["an empty key", { a: "" }, "key a is shorter than 32 bytes"],
    ["a key of 31 bytes", { a: "A".repeat(42).slice(0, 42) }, "key a is shorter than 32 bytes"],
    ["advertisers that are no list", { a: { key: KEY, advertisers: "adv_1" } }, "key a has limits of the wrong form"],
    [
      "an advertiser outside the alphabet",
      { a: { key: KEY, advertisers: ["a b"] } },
      "key a has limits of the wrong form",
    ],
    ["publishers that are no list", { a: { key: KEY, publishers: {} } }, "key a has limits of the wrong form"],
    ["a publisher that is a number", { a: { key: KEY, publishers: [1] } }, "key a has limits of the wrong form"],
    ["a negative price", { a: { key: KEY, cpc_max: -1 } }, "key a has limits of the wrong form"],
    ["a price with a fraction", { a: { key: KEY, cpc_max: 0.5 } }, "key a has limits of the wrong form"],
    ["a price that is text", { a: { key: KEY, cpc_max: "1" } }, "key a has limits of the wrong form"],
    ["a misspelt limit", { a: { key: KEY, cpcMax: 1 } }, "key a has an unknown member"],
    ["a good key and a broken one", { a: KEY, b: "short" }, "key b is"],
  ])("is not made from %s", async (_, keys, error) => {
    const ring = await importKeyRing(keys, "a");
    expect(ring.ok ? "" : ring.error).toContain(error);
  });

  it("never puts key material into an error", async () => {
    const ring = await importKeyRing({ a: "SECRETSECRET" }, "a");
    expect(ring.ok ? "" : ring.error).not.toContain("SECRET");
  });
});

describe("limits of a key", () => {
  const none: KeyLimits = { advertisers: null, publishers: null, cpcMicrosMax: null };
  const claims = parseClaims(aPayload());
  it.each([
    ["no limits", none, null],
    ["its advertiser", { ...none, advertisers: new Set(["adv_1"]) }, null],
    ["another advertiser", { ...none, advertisers: new Set(["adv_2"]) }, "key_limit_advertiser"],
    ["no advertiser at all", { ...none, advertisers: new Set<string>() }, "key_limit_advertiser"],
    ["another publisher", { ...none, publishers: new Set(["pub_2"]) }, "key_limit_publisher"],
    ["exactly its price", { ...none, cpcMicrosMax: 250_000 }, null],
    ["one micro less", { ...none, cpcMicrosMax: 249_999 }, "key_limit_price"],
    ["price zero", { ...none, cpcMicrosMax: 0 }, "key_limit_price"],
  ])("judge claims against %s", (_, limits, expected) => {
    expect(claims.ok && checkKeyLimits(limits, claims.value)).toBe(expected);
  });
});
