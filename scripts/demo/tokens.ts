/**
 * Tokens of the demonstration, minted with node:crypto and nothing of src/: a second reading of the token's contract.
 *
 *   base64url({"alg":"HS256","kid":"…","typ":"JWT"}) . base64url(claims) . base64url(HMAC-SHA-256)
 */
import { createHmac } from "node:crypto";

export type SigningKey = { readonly kid: string; readonly bytes: Buffer };

export function signToken(claims: Readonly<Record<string, unknown>>, key: SigningKey, alg = "HS256"): string {
  const signed = `${segment({ alg, kid: key.kid, typ: "JWT" })}.${segment(claims)}`;
  return `${signed}.${createHmac("sha256", key.bytes).update(signed).digest("base64url")}`;
}

/** TOKEN_KEYS of a Worker that verifies with these keys. */
export function keyRingOf(keys: readonly SigningKey[]): string {
  return JSON.stringify(Object.fromEntries(keys.map(({ kid, bytes }) => [kid, bytes.toString("base64url")])));
}

function segment(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
