import { describe, expect, it } from "vitest";
import { encodeBase64url, encodeUtf8, parseJson } from "../../src/core/base64url.ts";
import { parseClaims } from "../../src/core/claims.ts";
import { checkKeyLimits, type DerivedKeys, importKeyRing, type KeyLimits } from "../../src/core/key-ring.ts";
import { isSealed } from "../../src/core/seal.ts";
import { verifyToken } from "../../src/core/token.ts";
import { aPayload, NOON_MS } from "../support/builders.ts";
import { TEST_TOKEN_KEYS } from "../support/secrets.ts";
import { aSignedToken, POLICY } from "../support/signing.ts";

const KEY = TEST_TOKEN_KEYS["test-1"];
const PUBLIC = TEST_TOKEN_KEYS["ed-limited"].public_key;
const JWK = TEST_TOKEN_KEYS["ed-1"].public_key;

describe("a key ring", () => {
  it("verifies with every key and signs with the one that is named", async () => {
    const ring = await importKeyRing(TEST_TOKEN_KEYS, "test-2");
    expect(ring.ok && [...ring.value.keys.keys()]).toEqual([
      ...["test-1", "test-2", "limited"],
      ...["ed-1", "ed-limited"],
    ]);
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
    ["a signing key with limits", { a: { key: KEY, cpc_max: 1 } }, "TOKEN_SIGNING_KID names a key with limits"],
    ["a signing key that is retired", { a: { key: KEY, retired: true } }, "TOKEN_SIGNING_KID names no key"],
    ["a key that is retired in words", { a: { key: KEY, retired: "yes" } }, "key a is retired or not: true or false"],
    ["a key that is retired by a number", { a: { key: KEY, retired: 1 } }, "key a is retired or not: true or false"],
    ["a kid outside the alphabet", { "a b": KEY }, "a kid is outside"],
    ["an empty kid", { "": KEY }, "a kid is outside"],
    ["a kid of 65 characters", { ["k".repeat(65)]: KEY }, "a kid is outside"],
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
    ["a public key alone", { a: { public_key: PUBLIC } }, "TOKEN_SIGNING_KID names a public key, which cannot sign"],
    ["a secret and a public key in one", { a: { key: KEY, public_key: PUBLIC } }, "both a secret and a public key"],
    ["a public key that is null", { a: KEY, b: { public_key: null } }, "key b has a public key that is neither"],
    ["a public key with a misspelt limit", { a: KEY, b: { public_key: PUBLIC, cpcMax: 1 } }, "b has an unknown member"],
    [
      "a public key with limits of another form",
      { a: KEY, b: { public_key: PUBLIC, hosts: ["*"] } },
      "key b has limits of the wrong form",
    ],
    ["limits within a JWK", { a: KEY, b: { public_key: { ...JWK, cpc_max: 1 } } }, "no public key of Ed25519"],
    ["a public key for a secret", { a: KEY, b: PUBLIC, c: { public_key: PUBLIC } }, "key b is no secret"],
    ["a JWK's x for a secret", { a: KEY, b: { key: JWK.x, cpc_max: 1 }, c: { public_key: JWK } }, "key b is no secret"],
  ])("is not made from %s", async (_, keys, error) => {
    const ring = await importKeyRing(keys, "a");
    expect(ring.ok ? "" : ring.error).toContain(error);
  });

  it("never puts key material into an error", async () => {
    const ring = await importKeyRing({ a: "SECRETSECRET" }, "a");
    expect(ring.ok ? "" : ring.error).not.toContain("SECRET");
  });
});

describe("a retired key", () => {
  const keys = { "test-1": { key: KEY, retired: true }, "test-2": TEST_TOKEN_KEYS["test-2"] };

  it("verifies no token any more, and still stands behind click ids", async () => {
    const ring = await importKeyRing(keys, "test-2");
    expect(ring.ok && [...ring.value.keys.keys()]).toEqual(["test-2"]);
    expect(ring.ok && [...ring.value.derived.keys()]).toEqual(["test-1", "test-2"]);
    expect(ring.ok && new Set([...ring.value.byHeader.values()].map(({ kid }) => kid))).toEqual(new Set(["test-2"]));
    if (!ring.ok) return;
    const context = { ring: ring.value, policy: POLICY, nowMs: NOON_MS };
    const header = (kid: string) => ({ alg: "HS256", kid, typ: "JWT" });
    const retired = await verifyToken(await aSignedToken(aPayload(), header("test-1")), context);
    expect(retired).toMatchObject({ ok: false, error: { reason: "key_unknown" } });
    expect((await verifyToken(await aSignedToken(aPayload(), header("test-2")), context)).ok).toBe(true);
  });

  it("is one only by the word true", async () => {
    const ring = await importKeyRing({ a: { key: KEY, retired: false } }, "a");
    expect(ring.ok && [...ring.value.keys.keys()]).toEqual(["a"]);
  });
});

describe("a public key", () => {
  it("verifies beside secrets, by its own algorithm, and nothing is signed or derived with it", async () => {
    const ring = await importKeyRing(TEST_TOKEN_KEYS, "test-1");
    if (!ring.ok) throw new Error(ring.error);
    const { keys, retired, derived } = ring.value;
    const names = [...keys.values(), ...retired.values()].map(({ kid, algorithm }) => [kid, algorithm.name]);
    expect(Object.fromEntries(names)).toEqual({
      "test-1": "HS256",
      "test-2": "HS256",
      limited: "HS256",
      "ed-1": "EdDSA",
      "ed-limited": "EdDSA",
      "ed-retired": "EdDSA",
    });
    expect([...derived.keys()]).toEqual(["test-1", "test-2"]);
    expect(keys.get("ed-1")?.key).toMatchObject({ type: "public", usages: ["verify"] });
  });

  it("seals nothing, whatever is said to be its seal", async () => {
    const ring = await importKeyRing(TEST_TOKEN_KEYS, "test-1");
    if (!ring.ok) throw new Error(ring.error);
    for (const mac of ["", "A".repeat(43), "A".repeat(86)]) {
      expect(await isSealed(ring.value, "text", { kid: "ed-1", mac })).toBe(false);
    }
  });
});

describe("derived keys", () => {
  const digestOf = (hash: DerivedKeys["clickId"]) => encodeBase64url(hash.digest("text"));

  it("come of every key without limits, and of no other", async () => {
    const keys = { ...TEST_TOKEN_KEYS, capped: { key: KEY, cpc_max: 0 }, open: { key: KEY, advertisers: null } };
    const ring = await importKeyRing(keys, "test-1");
    expect(ring.ok && [...ring.value.derived.keys()]).toEqual(["test-1", "test-2", "open"]);
    expect(ring.ok && ring.value.derivedSigning).toBe(ring.ok && ring.value.derived.get("test-1"));
  });

  it("differ by purpose and by key, and none is the key itself", async () => {
    const ring = await importKeyRing(TEST_TOKEN_KEYS, "test-1");
    if (!ring.ok) throw new Error(ring.error);
    const signed = await crypto.subtle.sign("HMAC", ring.value.signing.key, encodeUtf8("text"));
    const derived = [...ring.value.derived.values()].flatMap(({ clickId, postback }) => [clickId, postback]);
    const digests = [...derived.map(digestOf), encodeBase64url(new Uint8Array(signed))];
    expect(new Set(digests).size).toBe(5);
  });

  it("never change, since click ids and postback secrets outlive a deployment", async () => {
    const ring = await importKeyRing(TEST_TOKEN_KEYS, "test-1");
    if (!ring.ok) throw new Error(ring.error);
    const { clickId, postback } = ring.value.derivedSigning;
    const oracle = async (purpose: string) => {
      const hmac = async (key: Uint8Array<ArrayBuffer>, text: string) => {
        const algorithm = { name: "HMAC", hash: "SHA-256" };
        const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
        return new Uint8Array(await crypto.subtle.sign("HMAC", imported, encodeUtf8(text)));
      };
      const derived = await hmac(Uint8Array.from(Buffer.from(KEY, "base64url")), `clickledger ${purpose} v1`);
      return encodeBase64url(await hmac(derived, "text"));
    };
    expect(digestOf(clickId)).toBe(await oracle("click id"));
    expect(digestOf(postback)).toBe(await oracle("postback"));
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
    expect(claims.ok && (checkKeyLimits(limits, claims.value)?.reason ?? null)).toBe(expected);
  });

  it.each([
    ["https://shop.example/", true],
    ["HTTPS://Shop.Example:8443/a?b", true],
    ["http://shop.example/", true],
    ["https://www.shop.example/", false],
    ["https://eu.pages.example/", true],
    ["https://a.b.pages.example/", true],
    ["https://pages.example/", false],
    ["https://evilpages.example/", false],
    ["https://shop.example.evil.example/", false],
    ["https://evil.example/?u=https://shop.example/", false],
    ["https://shop.example./", false],
    ["shop.example://open", false],
    ["market://shop.example/", false],
    ["https://[2001:db8::1]/", true],
  ])("[attack 19] bind a landing URL to hosts: %s", async (url, isAllowed) => {
    const hosts = ["shop.example", "*.pages.example", "[2001:db8::1]"];
    const ring = await importKeyRing({ a: KEY, b: { key: KEY, hosts } }, "a");
    const bound = parseClaims(aPayload({ url }));
    const limits = ring.ok ? ring.value.keys.get("b")?.limits : undefined;
    expect(bound.ok && limits && (checkKeyLimits(limits, bound.value)?.reason ?? null)).toBe(
      isAllowed ? null : "key_limit_host",
    );
  });

  it.each([
    "shop.example",
    [1],
    ["Shop.example"],
    ["https://shop.example"],
    ["*"],
    ["a.*.example"],
    ["shop.example/"],
    [""],
  ])("[attack 19] are refused with hosts of another form: %j", async (hosts) => {
    expect((await importKeyRing({ a: KEY, b: { key: KEY, hosts } }, "a")).ok).toBe(false);
  });
});
