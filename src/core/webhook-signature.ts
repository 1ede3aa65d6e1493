/**
 * Signatures of webhooks, by Standard Webhooks 1.0.
 *
 *   webhook-signature: v1,base64(HMAC-SHA-256(secret, id.timestamp.body))      one for each secret, a space between
 *   secret: whsec_ and base64 of 24 to 64 bytes
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeBase64 } from "./base64.ts";
import { encodeUtf8 } from "./base64url.ts";

export type SignedMessage = { readonly id: string; readonly timestampS: number; readonly body: string };

/** The header's value under one secret or several. */
export function signWebhook({ id, timestampS, body }: SignedMessage, secrets: readonly Uint8Array[]): string {
  const signed = encodeUtf8(`${id}.${timestampS}.${body}`);
  return secrets.map((secret) => `v1,${encodeBase64(hmac(sha256, secret, signed))}`).join(" ");
}

/** A secret as receivers' libraries take it. */
export function spellWebhookSecret(secret: Uint8Array): string {
  return `whsec_${encodeBase64(secret)}`;
}
