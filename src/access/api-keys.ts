/**
 * Who is asking: API keys, and what each may do.
 *
 *   Authorization: Bearer clk_<43 characters base64url of 32 random bytes>
 *
 * Keeps: a key is stored and compared only as its SHA-256, so neither the database nor a timing of the comparison gives
 * it away. An unknown, malformed and revoked key are the same to the caller. A key without scope `admin` is bound to
 * one advertiser, and reads nothing else.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { encodeBase64url, encodeUtf8, parseJson } from "../core/base64url.ts";
import { assert } from "../core/result.ts";

export const SCOPES = ["report", "mint", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

/** The holder of a key. `advertiserId` is null for an admin, who reads all. */
export type Principal = {
  readonly keyId: string;
  readonly advertiserId: string | null;
  readonly scopes: ReadonlySet<Scope>;
};

const KEY = /^clk_[A-Za-z0-9_-]{43}$/;
const BEARER = /^Bearer +(\S+) *$/i;

const SELECT_KEY = `
SELECT key_id, advertiser_id, scopes
FROM api_keys
WHERE key_hash = ?1 AND revoked_at_ms IS NULL`;

/** A new key from 32 random bytes. */
export function makeApiKey(random: Uint8Array): string {
  assert(random.length === 32, "an API key takes 32 random bytes");
  return `clk_${encodeBase64url(random)}`;
}

/** SHA-256 of the key as 64 hexadecimal digits, which is how a key is stored. */
export function hashApiKey(key: string): string {
  return bytesToHex(sha256(encodeUtf8(key)));
}

/** The holder of the request's bearer key, or null. One indexed read; the admin key of the configuration needs none. */
export async function authenticate(
  authorization: string | null,
  { database, adminApiKey }: { database: D1Database; adminApiKey: string },
): Promise<Principal | null> {
  const key = BEARER.exec(authorization ?? "")?.[1];
  if (key === undefined) return null;
  const hash = hashApiKey(key);
  if (hash === hashApiKey(adminApiKey)) {
    return { keyId: "admin", advertiserId: null, scopes: new Set(SCOPES) };
  }
  if (!KEY.test(key)) return null;
  const row = await database
    .prepare(SELECT_KEY)
    .bind(hash)
    .first<{ key_id: string; advertiser_id: string | null; scopes: string }>();
  if (row === null) return null;
  const scopes = parseJson(row.scopes) as Scope[];
  return { keyId: row.key_id, advertiserId: row.advertiser_id, scopes: new Set(scopes) };
}
