/**
 * Tokens of the demonstration, minted with node:crypto and nothing of src/: a second reading of the token's contract.
 *
 *   base64url({"alg":"HS256","kid":"…","typ":"JWT"}) . base64url(claims) . base64url(HMAC-SHA-256)
 *   base64url({"alg":"EdDSA","kid":"…","typ":"JWT"}) . base64url(claims) . base64url(Ed25519)
 */
import { createHmac, createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";

export type SecretKey = { readonly kid: string; readonly bytes: Buffer };
/** A key of an ad server's own, of which a Worker is told the public half. */
type PrivateKey = { readonly kid: string; readonly privateKey: KeyObject };
export type SigningKey = SecretKey | PrivateKey;

/** What stands before the seed of Ed25519 in PKCS #8 (RFC 8410 §7). */
const PKCS8_HEAD = Buffer.from("302e020100300506032b657004220420", "hex");

/** The private key of 32 bytes. */
export function privateKeyOf(kid: string, seed: Buffer): PrivateKey {
  const key = Buffer.concat([PKCS8_HEAD, seed]);
  return { kid, privateKey: createPrivateKey({ key, format: "der", type: "pkcs8" }) };
}

/** Signs as the key does; `alg` says what the header is to claim. */
export function signToken(claims: Readonly<Record<string, unknown>>, key: SigningKey, alg = algorithmOf(key)): string {
  const signed = `${segment({ alg, kid: key.kid, typ: "JWT" })}.${segment(claims)}`;
  const signature =
    "bytes" in key
      ? createHmac("sha256", key.bytes).update(signed).digest()
      : sign(null, Buffer.from(signed), key.privateKey);
  return `${signed}.${signature.toString("base64url")}`;
}

function algorithmOf(key: SigningKey): string {
  return "bytes" in key ? "HS256" : "EdDSA";
}

/** TOKEN_KEYS of a Worker that verifies with these keys. */
export function keyRingOf(keys: readonly SigningKey[]): string {
  return JSON.stringify(Object.fromEntries(keys.map((key) => [key.kid, entryOf(key)])));
}

function entryOf(key: SigningKey): unknown {
  return "bytes" in key ? key.bytes.toString("base64url") : { public_key: publicHalfOf(key) };
}

function publicHalfOf({ privateKey }: PrivateKey): string {
  return createPublicKey(privateKey).export({ format: "jwk" }).x ?? "";
}

/** `<kid>=<public key>` of those that have one, as the verifier takes them. */
export function publicKeysOf(keys: readonly SigningKey[]): string[] {
  return keys.flatMap((key) => ("bytes" in key ? [] : [`${key.kid}=${publicHalfOf(key)}`]));
}

function segment(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
