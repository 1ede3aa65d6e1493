/**
 * Who is asking: API keys, and what each may do.
 *
 *   Authorization: Bearer clk_…                                          (core/api-key.ts)
 *
 *   owner        reads                            mints
 *   advertiser   its own rows                     for that advertiser
 *   publisher    its own traffic                  for that publisher
 *   none         everything, with scope admin     within its lists, or with scope admin for all
 *   none         the books, with scope audit      nothing
 *
 * Keeps: a key is stored and compared only as its SHA-256, so neither the database nor a timing of the comparison gives
 * it away. An unknown, malformed and revoked key are the same to the caller. A key with an owner never reads or mints
 * anything else, whatever its scopes; only one without owner acts for the operator.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { isIssuedKey, withCheck } from "../core/api-key.ts";
import { encodeBase64url, encodeUtf8, parseJson } from "../core/base64url.ts";
import { isSameText } from "../core/click-id.ts";
import { isOnHost, type KeyLimits } from "../core/key-ring.ts";
import { assert } from "../core/result.ts";

export const SCOPES = ["report", "mint", "convert", "bill", "hook", "operate", "audit", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

/** What an advertiser's profile says that its reports are made by. */
export type Account = { readonly currency: string | null; readonly timeZone: string };

/** The holder of a key. At most one of `advertiserId` and `publisherId` is set: whose rows the key is bound to. */
export type Principal = {
  readonly keyId: string;
  readonly advertiserId: string | null;
  readonly publisherId: string | null;
  readonly scopes: ReadonlySet<Scope>;
  /** Of the advertiser that owns the key; null where none does, or nothing is known of it. */
  readonly account: Account | null;
  /** What the key may mint, its owner included. */
  readonly mintLimits: KeyLimits;
};

type OwnerName = "advertiserId" | "publisherId";

/** `keyId` of the key in the configuration, which is the operator's own. */
export const CONFIGURED_KEY_ID = "admin";

const BEARER = /^Bearer +(\S+) *$/i;
const UNLIMITED: KeyLimits = { advertisers: null, publishers: null, cpcMicrosMax: null };

const SELECT_KEY = `
SELECT key_id, advertiser_id, publisher_id, scopes, mint_advertisers, mint_publishers, mint_cpc_max_micros,
  mint_hosts, currency, time_zone
FROM api_keys
LEFT JOIN advertiser_profiles USING (advertiser_id)
WHERE key_hash = ?1 AND (revoked_at_ms IS NULL OR revoked_at_ms > ?2)`;

const SELECT_KEY_BY_ID = SELECT_KEY.replace("key_hash = ?1", "key_id = ?1");

type KeyRow = {
  readonly key_id: string;
  readonly advertiser_id: string | null;
  readonly publisher_id: string | null;
  readonly scopes: string;
  readonly mint_advertisers: string | null;
  readonly mint_publishers: string | null;
  readonly mint_cpc_max_micros: number | null;
  readonly mint_hosts: string | null;
  readonly currency: string | null;
  readonly time_zone: string | null;
};

/** A new key to be issued, from 32 random bytes. */
export function makeApiKey(random: Uint8Array): string {
  return withCheck(makeOperatorKey(random));
}

/** A new key for the configuration, from 32 random bytes. */
export function makeOperatorKey(random: Uint8Array): string {
  assert(random.length === 32, "an API key takes 32 random bytes");
  return `clk_${encodeBase64url(random)}`;
}

/** SHA-256 of the key as 64 hexadecimal digits, which is how a key is stored. */
export function hashApiKey(key: string): string {
  return bytesToHex(sha256(encodeUtf8(key)));
}

/** The key in a header; null where there is none, or more than one. */
export function bearerOf(authorization: string | null): string | null {
  return BEARER.exec(authorization ?? "")?.[1] ?? null;
}

/** Whether two keys are the same, in a time that tells nothing of either. */
export function isKeyOf(key: string, other: string): boolean {
  return isSameText(hashApiKey(key), hashApiKey(other));
}

/**
 * The holder of the request's bearer key, or null. One indexed read; the operator's key of the configuration needs
 * none, and neither does what was never issued.
 */
export async function authenticate(
  authorization: string | null,
  { database, adminApiKey, nowMs = Date.now() }: { database: D1Database; adminApiKey: string; nowMs?: number },
): Promise<Principal | null> {
  const key = bearerOf(authorization);
  if (key === null) return null;
  if (isKeyOf(key, adminApiKey)) return configuredPrincipal();
  if (!isIssuedKey(key)) return null;
  const row = await database.prepare(SELECT_KEY).bind(hashApiKey(key), nowMs).first<KeyRow>();
  return row === null ? null : toPrincipal(row);
}

/** The holder of the operator's key of the configuration. */
export function configuredPrincipal(): Principal {
  const owner = { advertiserId: null, publisherId: null, account: null };
  return { keyId: CONFIGURED_KEY_ID, ...owner, scopes: new Set(SCOPES), mintLimits: UNLIMITED };
}

/** The holder of a stored key by its id, while it is in force; null otherwise. One indexed read. */
export async function principalOf(
  keyId: string,
  { database, nowMs }: { database: D1Database; nowMs: number },
): Promise<Principal | null> {
  const row = await database.prepare(SELECT_KEY_BY_ID).bind(keyId, nowMs).first<KeyRow>();
  return row === null ? null : toPrincipal(row);
}

/** Whether the holder acts for the operator: scope admin, and bound to no tenant. */
export function isOperator({ advertiserId, publisherId, scopes }: Principal): boolean {
  return advertiserId === null && publisherId === null && scopes.has("admin");
}

/** Whether the holder checks for a third party: scope audit, bound to no tenant. It reads all books, and acts never. */
export function isAuditor({ advertiserId, publisherId, scopes }: Pick<Principal, "scopes" | OwnerName>): boolean {
  return advertiserId === null && publisherId === null && scopes.has("audit") && !scopes.has("admin");
}

/** The limit that a row of a mint request breaks, or null; what a wrong claim means is the token's business. */
export function brokenMintLimit(
  { advertisers, publishers, cpcMicrosMax, landingHosts }: KeyLimits,
  row: unknown,
): "key_limit_advertiser" | "key_limit_publisher" | "key_limit_price" | "key_limit_host" | null {
  const isObject = typeof row === "object" && row !== null;
  const { adv, pub, cpc, url } = (isObject ? row : {}) as Readonly<Record<string, unknown>>;
  if (advertisers !== null && !advertisers.has(adv as string)) return "key_limit_advertiser";
  if (publishers !== null && !publishers.has(pub as string)) return "key_limit_publisher";
  const isDear = cpcMicrosMax !== null && typeof cpc === "number" && cpc > cpcMicrosMax;
  if (isDear) return "key_limit_price";
  const isElsewhere =
    landingHosts !== undefined && typeof url === "string" && URL.canParse(url) && !isOnHost(url, landingHosts);
  return isElsewhere ? "key_limit_host" : null;
}

function toPrincipal(row: KeyRow): Principal {
  return {
    keyId: row.key_id,
    advertiserId: row.advertiser_id,
    publisherId: row.publisher_id,
    scopes: new Set(parseJson(row.scopes) as Scope[]),
    account: row.time_zone === null ? null : { currency: row.currency, timeZone: row.time_zone },
    mintLimits: {
      advertisers: within(row.advertiser_id, row.mint_advertisers),
      publishers: within(row.publisher_id, row.mint_publishers),
      cpcMicrosMax: row.mint_cpc_max_micros,
      ...(row.mint_hosts === null ? {} : { landingHosts: new Set(parseJson(row.mint_hosts) as string[]) }),
    },
  };
}

/** The ids that both the owner and the list allow; null where neither says anything. */
function within(owner: string | null, list: string | null): ReadonlySet<string> | null {
  const listed = list === null ? null : new Set(parseJson(list) as string[]);
  if (owner === null) return listed;
  return new Set(listed === null || listed.has(owner) ? [owner] : []);
}
