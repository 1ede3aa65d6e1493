import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBase64url, encodeBase64url, encodeUtf8 } from "../../src/core/base64url.ts";
import { readPublicKey } from "../../src/core/ed25519.ts";
import { importKeyRing } from "../../src/core/key-ring.ts";
import { signerOf, tokenWithin, verifyOldToken, verifyToken } from "../../src/core/token.ts";
import { withoutUser } from "../../src/core/unnamed-token.ts";
import { aPayload } from "../support/builders.ts";
import { TEST_PRIVATE_KEYS, TEST_TOKEN_KEYS } from "../support/secrets.ts";
import { aContext, aKeyRing, aSignedToken, POLICY } from "../support/signing.ts";
import vectors from "../vectors/ed25519.json" with { type: "json" };

const JWK = TEST_TOKEN_KEYS["ed-1"].public_key;
const HEADER = { alg: "EdDSA", kid: "ed-1", typ: "JWT" };
const context = { ...(await aContext()), nowMs: vectors.now_ms };
const good = vectors.valid[0]?.token ?? "";

async function outcome(token: string): Promise<string> {
  const result = await verifyToken(token, context);
  return result.ok ? "accepted" : result.error.reason;
}

describe("a public key of Ed25519", () => {
  it("is 32 bytes, as text or as a JWK with what key stores write beside them", () => {
    const bytes = { ok: true, value: decodeBase64url(JWK.x) };
    expect(readPublicKey(JWK.x, "a")).toEqual(bytes);
    expect(readPublicKey(JWK, "a")).toEqual(bytes);
    const stored = { ...JWK, kid: "a", alg: "EdDSA", use: "sig", key_ops: ["verify"], ext: true };
    expect(readPublicKey(stored, "a")).toEqual(bytes);
    expect(readPublicKey({ ...JWK, alg: "Ed25519" }, "a")).toEqual(bytes);
  });

  it.each(vectors.keys_refused)("is refused when it is $name", ({ public_key: text }) => {
    const refused = { ok: false, error: "has a public key that is no safe point of Ed25519" };
    expect(readPublicKey(text, "a")).toEqual(refused);
    expect(readPublicKey({ ...JWK, x: text }, "a")).toEqual(refused);
  });

  it.each([
    ["a private key", { ...JWK, d: TEST_PRIVATE_KEYS["ed-1"] }, "has a private key (d)"],
    ["a private key that is empty", { ...JWK, d: "" }, "has a private key (d)"],
    ["a key for agreement", { ...JWK, crv: "X25519" }, "for signatures: crv"],
    ["a key of Ed448", { ...JWK, crv: "Ed448" }, "for signatures: crv"],
    ["an RSA key", { kty: "RSA", n: "AQAB", e: "AQAB" }, "for signatures: kty"],
    ["a symmetric key", { kty: "oct", k: JWK.x }, "for signatures: kty"],
    ["a key of P-256", { kty: "EC", crv: "P-256", x: JWK.x, y: JWK.x }, "for signatures: kty"],
    ["no kty", { crv: "Ed25519", x: JWK.x }, "without kty, crv or x"],
    ["no crv", { kty: "OKP", x: JWK.x }, "without kty, crv or x"],
    ["no x", { kty: "OKP", crv: "Ed25519" }, "without kty, crv or x"],
    ["an x that is no text", { ...JWK, x: 1 }, "for signatures: x"],
    ["another kid", { ...JWK, kid: "b" }, "for signatures: kid"],
    ["another algorithm", { ...JWK, alg: "HS256" }, "for signatures: alg"],
    ["a use for encryption", { ...JWK, use: "enc" }, "for signatures: use"],
    ["a key that signs", { ...JWK, key_ops: ["sign", "verify"] }, "for signatures: key_ops"],
    ["a member whose name is long", { ...JWK, SECRETSECRETSECRETSECRET: 1 }, "for signatures: an unknown member"],
    ["a member that objects inherit", JSON.parse('{"kty":"OKP","__proto__":1}'), "for signatures: __proto__"],
    ["a list", [JWK], "neither base64url nor a JWK"],
    ["null", null, "neither base64url nor a JWK"],
    ["a number", 32, "neither base64url nor a JWK"],
    ["31 bytes", "A".repeat(42), "not 32 bytes"],
    ["33 bytes", "A".repeat(44), "not 32 bytes"],
    ["64 bytes, a seed with its key", `${TEST_PRIVATE_KEYS["ed-1"]}${JWK.x}`, "not 32 bytes"],
    ["padded", `${JWK.x}=`, "not 32 bytes"],
    ["hex", Buffer.from(JWK.x, "base64url").toString("hex"), "not 32 bytes"],
    ["PEM", "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----", "not 32 bytes"],
    ["a DER structure", `MCowBQYDK2VwAyEA${JWK.x}`, "not 32 bytes"],
    ["with stray last bits", `${JWK.x.slice(0, -1)}p`, "not 32 bytes"],
    ["empty", "", "not 32 bytes"],
  ])("is refused as %s, without a word of the key", (_, written, error) => {
    const read = readPublicKey(written, "a");
    expect(read.ok ? "" : read.error).toContain(error);
    expect(read.ok ? "" : read.error).not.toMatch(/SECRET|nWGx|11qY/);
  });

  it("verifies the example of RFC 8037", async () => {
    const ring = await importKeyRing({ a: TEST_TOKEN_KEYS["test-1"], rfc: { public_key: vectors.rfc8037.jwk } }, "a");
    const key = ring.ok ? ring.value.keys.get("rfc") : undefined;
    const [header = "", payload = "", signature = ""] = vectors.rfc8037.jws.split(".");
    const bytes = decodeBase64url(signature);
    if (key === undefined || bytes === null) throw new Error("the example imports");
    const isSigned = (text: string) => crypto.subtle.verify(key.algorithm.primitive, key.key, bytes, encodeUtf8(text));
    expect([signature.length, await isSigned(`${header}.${payload}`)]).toEqual([key.algorithm.signatureLength, true]);
    expect(await isSigned(`${header}.${payload}x`)).toBe(false);
  });
});

describe("a token under a public key", () => {
  it.each(vectors.valid)("is accepted: $name", async ({ token }) => {
    expect(await outcome(token)).toBe("accepted");
  });

  it.each(vectors.refused)("is refused by name: $name", async ({ token, reason }) => {
    expect(await outcome(token)).toBe(reason);
  });

  it("is refused with any bit of its signature changed, and with any other spelling of its end", async () => {
    const [header, payload, signature = ""] = good.split(".");
    const bytes = decodeBase64url(signature) ?? new Uint8Array();
    for (let bit = 0; bit < 512; bit++) {
      const changed = bytes.with(bit >> 3, (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7)));
      expect(await outcome(`${header}.${payload}.${encodeBase64url(changed)}`), `bit ${bit}`).toBe("signature_invalid");
    }
    for (const last of "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".replace(good.slice(-1), "")) {
      expect(await outcome(good.slice(0, -1) + last)).toMatch(/^(token_encoding|signature_invalid)$/);
    }
  });

  it("ends with its signature, whatever stands around it", () =>
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 20 }), fc.nat(2), (junk, form) => {
        const behind = encodeURIComponent(junk.toWellFormed());
        const text = [`${good}${junk}`, `${good}${behind}`, `"${good}"${junk}`][form] ?? "";
        expect(tokenWithin(text, context.ring)).toBe(good);
      }),
      { seed: 20261128, numRuns: 200 },
    ));

  it("verifies after its key is retired, for whoever asks about it, and not as a click", async () => {
    const token = await aSignedToken(aPayload(), { ...HEADER, kid: "ed-retired" });
    expect(await outcome(token)).toBe("key_unknown");
    expect(await verifyOldToken(token, context)).toMatchObject({ ok: true, value: { jti: "imp_1" } });
    const forged = await aSignedToken(aPayload(), { ...HEADER, alg: "HS256", kid: "ed-retired" });
    expect(await verifyOldToken(forged, context)).toEqual({ ok: false, error: { reason: "algorithm_mismatch" } });
  });

  it("names its key and algorithm, as one under a secret does", async () => {
    expect(signerOf(good)).toEqual({ kid: "ed-1", alg: "EdDSA" });
    expect(signerOf(vectors.valid[1]?.token ?? "")).toEqual({ kid: "ed-1", alg: "EdDSA" });
    expect(signerOf(await aSignedToken(aPayload()))).toEqual({ kid: "test-1", alg: "HS256" });
    expect(["", ".", "abc", "e30.e30."].map(signerOf)).toEqual([null, null, null, null]);
  });

  it("keeps its signature without a user where it names nobody, and is signed anew by us where it does", async () => {
    const ring = await aKeyRing();
    expect(await withoutUser(good, ring)).toBe(good);
    const named = await withoutUser(await aSignedToken(aPayload({ uid: "u_1" }), HEADER), ring);
    expect(signerOf(named)).toEqual({ kid: "test-1", alg: "HS256" });
    expect(await verifyToken(named, { ...context, policy: POLICY })).toMatchObject({ ok: true, value: { uid: null } });
  });
});
