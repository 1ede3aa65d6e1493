/**
 * Signs tokens of any shape, right or wrong, with the fixed test keys: `mintToken` refuses to sign what is wrong.
 */
import { encodeBase64url, encodeUtf8 } from "../../src/core/base64url.ts";
import { importKeyRing, type KeyRing } from "../../src/core/key-ring.ts";
import { assert } from "../../src/core/result.ts";
import type { TokenPolicy } from "../../src/core/token.ts";
import { NOON_MS } from "./builders.ts";
import { TEST_PRIVATE_KEYS, TEST_TOKEN_KEYS } from "./secrets.ts";

export const HEADER = { alg: "HS256", kid: "test-1", typ: "JWT" };

export const POLICY: TokenPolicy = {
  tokenTtlMaxS: 86_400,
  landingHttpHosts: new Set(["plain.example"]),
  landingSchemes: new Set(),
};

/** The ring of the fixed test keys. */
export async function aKeyRing(signingKid = "test-1"): Promise<KeyRing> {
  const ring = await importKeyRing(TEST_TOKEN_KEYS, signingKid);
  assert(ring.ok, "the test keys import");
  return ring.value;
}

/** What `verifyToken` and `mintToken` take beside the token: test keys, default policy, the frozen noon. */
export async function aContext({ nowMs = NOON_MS, signingKid = "test-1" } = {}) {
  return { ring: await aKeyRing(signingKid), policy: POLICY, nowMs };
}

/** A value as a token segment; a string is taken as JSON text. */
export function segmentOf(value: unknown): string {
  return encodeBase64url(encodeUtf8(typeof value === "string" ? value : JSON.stringify(value)));
}

/** Two segments with the signature of `key` over them, whatever they hold. */
export async function signSegments(header: string, payload: string, key: CryptoKey): Promise<string> {
  const signature = await crypto.subtle.sign(key.algorithm.name, key, encodeUtf8(`${header}.${payload}`));
  return `${header}.${payload}.${encodeBase64url(new Uint8Array(signature))}`;
}

/** A token whose signature is real, by the key that the header names or else by `test-1`. A public key signs by its private half. */
export async function aSignedToken(payload: unknown, header: unknown = HEADER): Promise<string> {
  const ring = await aKeyRing();
  const { kid } = (header ?? {}) as { kid?: unknown };
  const key = (await privateKeyOf(String(kid))) ?? (ring.keys.get(String(kid)) ?? ring.signing).key;
  return signSegments(segmentOf(header), segmentOf(payload), key);
}

/** The private half of a public key of the ring, as only its ad server has it. */
async function privateKeyOf(kid: string): Promise<CryptoKey | null> {
  const d = Object.hasOwn(TEST_PRIVATE_KEYS, kid) ? TEST_PRIVATE_KEYS[kid] : undefined;
  if (d === undefined) return null;
  // PKCS #8 of an Ed25519 seed (RFC 8410 §7): a constant, and the seed.
  const pkcs8 = Buffer.concat([Buffer.from("302e020100300506032b657004220420", "hex"), Buffer.from(d, "base64url")]);
  return crypto.subtle.importKey("pkcs8", pkcs8, { name: "Ed25519" }, false, ["sign"]);
}
