/**
 * The keys that verify impression tokens, with what each may sign: secrets (HS256), public keys of ad servers (EdDSA).
 *
 *   TOKEN_KEYS = {"2026-11": "<base64url, ≥ 32 bytes>",
 *                 "2026-05": {"key": "…", "retired": true},
 *                 "partner": {"key": "…", "advertisers": ["adv_1"], "publishers": ["pub_9"], "cpc_max": 500000,
 *                             "hosts": ["shop.example", "*.shop.example"]},
 *                 "adserver": {"public_key": "<base64url, 32 bytes, or a JWK>", "publishers": ["pub_9"]}}
 *
 * Keeps: all keys but retired ones verify tokens, each by its own algorithm alone, and the secret that the signing kid
 * names signs. Rotation: add a key, switch the signing kid, wait for the longest token life, mark the old `retired`,
 * remove it when no conversion of its clicks is expected any more: a retired key still verifies click ids. A key with
 * limits and a public key are in other hands: nothing but tokens is derived from it or believed for it, and it does not
 * sign. Relies on: the caller keeps the ring for the isolate's life (importing keys for every request would be waste).
 */
import { decodeBase64url, encodeBase64url, encodeUtf8 } from "./base64url.ts";
import { type Claims, isId } from "./claims.ts";
import { readPublicKey } from "./ed25519.ts";
import { KeyedHash } from "./keyed-hash.ts";
import { TOKEN_KEY_BYTES_MIN } from "./limits.ts";
import type { Refusal } from "./refusal.ts";
import { assert, err, ok, type Result } from "./result.ts";
import type { SettingFault } from "./settings.ts";

export type KeyLimits = {
  readonly advertisers: ReadonlySet<string> | null;
  readonly publishers: ReadonlySet<string> | null;
  /** Highest `cpc` in micros, or null for no bound but the claim's own. */
  readonly cpcMicrosMax: number | null;
  /** Hosts of landing URLs, any unless given; `*.shop.example` stands for every host below that name. */
  readonly landingHosts?: ReadonlySet<string>;
};

/** How a key signs. Every signature of an algorithm has one length, so where it ends the token ends. */
export type Algorithm = {
  readonly name: TokenAlgorithm;
  /** What headers call it: `EdDSA` (RFC 8037) with a key of Ed25519 is what RFC 9864 names `Ed25519`. */
  readonly spellings: readonly string[];
  /** WebCrypto's name of it. */
  readonly primitive: "HMAC" | "Ed25519";
  /** Characters in base64url: of 32 bytes, of 64. */
  readonly signatureLength: number;
};
const HS256: Algorithm = { name: "HS256", spellings: ["HS256"], primitive: "HMAC", signatureLength: 43 };
const EDDSA: Algorithm = { name: "EdDSA", spellings: ["EdDSA", "Ed25519"], primitive: "Ed25519", signatureLength: 86 };

export const TOKEN_ALGORITHMS = ["HS256", "EdDSA"] as const;
export type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number];

/** Characters of its signatures in base64url. */
export function signatureLengthOf(name: TokenAlgorithm): number {
  return (name === "HS256" ? HS256 : EDDSA).signatureLength;
}

/** The algorithm that a header names, or null for one that signs no impression. */
export function algorithmOf(spelling: unknown): Algorithm | null {
  return [HS256, EDDSA].find(({ spellings }) => spellings.some((known) => known === spelling)) ?? null;
}

export type TokenKey = {
  readonly kid: string;
  readonly key: CryptoKey;
  readonly algorithm: Algorithm;
  readonly limits: KeyLimits;
};

/** Keys derived from a ring key, each for one purpose, so that what one signs is never taken for another's. */
export type DerivedKeys = { readonly kid: string; readonly clickId: KeyedHash; readonly postback: KeyedHash };

export type KeyRing = {
  /** Keys that verify tokens. */
  readonly keys: ReadonlyMap<string, TokenKey>;
  /** Keys that verify no click any more, and still what was signed with them for whoever asks about it. */
  readonly retired: ReadonlyMap<string, TokenKey>;
  readonly signing: TokenKey;
  /** What click ids and postbacks are verified with: derived from keys without limits, retired ones too. */
  readonly derived: ReadonlyMap<string, DerivedKeys>;
  readonly derivedSigning: DerivedKeys;
  /** The key of each usual spelling of a token header, so that nearly every click skips opening it. */
  readonly byHeader: ReadonlyMap<string, TokenKey>;
};

/** Orders in which JWT libraries write the members of a header; some write no `typ`. */
const HEADER_ORDERS = [
  ["alg", "kid", "typ"],
  ["alg", "typ", "kid"],
  ["typ", "alg", "kid"],
  ["kid", "alg", "typ"],
  ["kid", "typ", "alg"],
  ["typ", "kid", "alg"],
  ["alg", "kid"],
  ["kid", "alg"],
] as const;

const SPEC_MEMBERS: readonly string[] = [
  ...["key", "public_key"],
  ...["advertisers", "publishers", "cpc_max", "hosts", "retired"],
];
const UNLIMITED: KeyLimits = { advertisers: null, publishers: null, cpcMicrosMax: null };
const HOST = /^(?:\*\.)?[a-z\d_-]+(?:\.[a-z\d_-]+)*$|^\[[\da-f:.]+\]$/;

/** What is wrong with the keys, by the name of the setting; no key material. Empty when they can be imported. */
export function keyRingFaults(tokenKeys: unknown, signingKid: string): SettingFault[] {
  const ring = "TOKEN_KEYS";
  if (typeof tokenKeys !== "object" || tokenKeys === null || Array.isArray(tokenKeys)) {
    return [{ name: ring, why: "must be a JSON object of kid to key" }];
  }
  const faults: SettingFault[] = [];
  const specs = new Map<string, KeySpec>();
  for (const [kid, entry] of Object.entries(tokenKeys)) {
    const spec = isId(kid) ? readSpec(kid, entry) : err("a kid is outside the alphabet of ids");
    if (spec.ok) specs.set(kid, spec.value);
    else faults.push({ name: ring, why: `is wrong: ${spec.error}` });
  }
  const shared = secretInPublic(specs);
  if (shared !== null) faults.push({ name: ring, why: `is wrong: ${shared}` });
  const signing = specs.get(signingKid);
  const isBroken = signing === undefined && Object.hasOwn(tokenKeys, signingKid);
  const kid = "TOKEN_SIGNING_KID";
  if (!isBroken && signing?.isRetired !== false) {
    faults.push({ name: kid, why: "names no key of TOKEN_KEYS that is in force" });
  } else if (signing !== undefined && signing.algorithm !== HS256) {
    faults.push({ name: kid, why: "names a public key, which cannot sign" });
  } else if (signing !== undefined && signing.limits !== UNLIMITED) {
    faults.push({ name: kid, why: "names a key with limits" });
  }
  return faults;
}

/** Imports the keys of `TOKEN_KEYS`; the error is a sentence for the operator and names no key material. */
export async function importKeyRing(tokenKeys: unknown, signingKid: string): Promise<Result<KeyRing, string>> {
  const [fault] = keyRingFaults(tokenKeys, signingKid);
  if (fault !== undefined) return err(`${fault.name} ${fault.why}`);
  const keys = new Map<string, TokenKey>();
  const retired = new Map<string, TokenKey>();
  const derived = new Map<string, DerivedKeys>();
  for (const [kid, entry] of Object.entries(tokenKeys as object)) {
    const spec = readSpec(kid, entry);
    if (!spec.ok) return err(spec.error);
    const { algorithm, bytes, limits, isRetired } = spec.value;
    (isRetired ? retired : keys).set(kid, { kid, key: await importKey(spec.value), algorithm, limits });
    if (algorithm === HS256 && limits === UNLIMITED) derived.set(kid, deriveKeys(kid, bytes));
  }
  const signing = keys.get(signingKid);
  const derivedSigning = derived.get(signingKid);
  assert(signing !== undefined && derivedSigning !== undefined, "the signing key was checked");
  return ok({ keys, retired, signing, derived, derivedSigning, byHeader: spellHeaders(keys) });
}

/** HKDF with an empty salt would do the same in two steps; the ring's keys are uniform already (RFC 5869 §3.3). */
function deriveKeys(kid: string, bytes: Uint8Array): DerivedKeys {
  const root = new KeyedHash(bytes);
  const derive = (purpose: string) => new KeyedHash(root.digest(`clickledger ${purpose} v1`));
  return { kid, clickId: derive("click id"), postback: derive("postback") };
}

function spellHeaders(keys: ReadonlyMap<string, TokenKey>): Map<string, TokenKey> {
  const spellings = new Map<string, TokenKey>();
  for (const key of keys.values()) {
    for (const alg of key.algorithm.spellings) {
      const header = { alg, kid: key.kid, typ: "JWT" };
      for (const order of HEADER_ORDERS) {
        const json = JSON.stringify(Object.fromEntries(order.map((member) => [member, header[member]])));
        spellings.set(encodeBase64url(encodeUtf8(json)), key);
      }
    }
  }
  return spellings;
}

type KeySpec = {
  readonly algorithm: Algorithm;
  /** The secret, or the public key. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly limits: KeyLimits;
  readonly isRetired: boolean;
};

function readSpec(kid: string, entry: unknown): Result<KeySpec, string> {
  const spec = (typeof entry === "string" ? { key: entry } : entry) as Record<string, unknown> | null;
  if (spec === null) return err(`key ${kid} is not base64url`);
  const material = readMaterial(kid, spec);
  if (!material.ok) return err(`key ${kid} ${material.error}`);
  // A misspelt limit must not turn into no limit.
  const hasUnknownMember = !Object.keys(spec).every((member) => SPEC_MEMBERS.includes(member));
  if (hasUnknownMember) return err(`key ${kid} has an unknown member`);
  const limits = parseLimits(spec);
  if (limits === null) return err(`key ${kid} has limits of the wrong form`);
  const { retired = false } = spec;
  if (typeof retired !== "boolean") return err(`key ${kid} is retired or not: true or false`);
  return ok({ ...material.value, limits, isRetired: retired });
}

function readMaterial(
  kid: string,
  spec: Record<string, unknown>,
): Result<Pick<KeySpec, "algorithm" | "bytes">, string> {
  if (Object.hasOwn(spec, "public_key")) {
    if (Object.hasOwn(spec, "key")) return err("has both a secret and a public key");
    const bytes = readPublicKey(spec["public_key"], kid);
    return bytes.ok ? ok({ algorithm: EDDSA, bytes: bytes.value }) : bytes;
  }
  const bytes = typeof spec["key"] === "string" ? decodeBase64url(spec["key"]) : null;
  if (bytes === null) return err("is not base64url");
  if (bytes.length < TOKEN_KEY_BYTES_MIN) return err(`is shorter than ${TOKEN_KEY_BYTES_MIN} bytes`);
  return ok({ algorithm: HS256, bytes });
}

/** Whoever reads a public key could sign with a secret that is the same bytes: a public key was taken for a secret. */
function secretInPublic(specs: ReadonlyMap<string, KeySpec>): string | null {
  const published = new Map<string, string>();
  for (const [kid, { algorithm, bytes }] of specs) {
    if (algorithm === EDDSA) published.set(encodeBase64url(bytes), kid);
  }
  for (const [kid, { algorithm, bytes }] of specs) {
    const twin = algorithm === HS256 ? published.get(encodeBase64url(bytes)) : undefined;
    if (twin !== undefined) return `key ${kid} is no secret: it is the public key ${twin}`;
  }
  return null;
}

function importKey({ algorithm, bytes }: KeySpec): Promise<CryptoKey> {
  return algorithm === HS256
    ? crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"])
    : crypto.subtle.importKey("raw", bytes, { name: "Ed25519" }, false, ["verify"]);
}

function parseLimits(spec: Record<string, unknown>): KeyLimits | null {
  const { advertisers = null, publishers = null, cpc_max: cpcMax = null, hosts = null } = spec;
  const areIds = (list: unknown) => list === null || (Array.isArray(list) && list.every(isId));
  if (!areIds(advertisers) || !areIds(publishers)) return null;
  if (cpcMax !== null && !(Number.isSafeInteger(cpcMax) && (cpcMax as number) >= 0)) return null;
  const areHosts = Array.isArray(hosts) && hosts.every((host) => typeof host === "string" && isLandingHost(host));
  if (hosts !== null && !areHosts) return null;
  if (advertisers === null && publishers === null && cpcMax === null && hosts === null) return UNLIMITED;
  return {
    advertisers: advertisers === null ? null : new Set(advertisers as string[]),
    publishers: publishers === null ? null : new Set(publishers as string[]),
    cpcMicrosMax: cpcMax as number | null,
    ...(hosts === null ? {} : { landingHosts: new Set(hosts as string[]) }),
  };
}

/** Which limit of the key the claims break, or null when the key may sign them. */
export function checkKeyLimits(limits: KeyLimits, claims: Claims): Refusal | null {
  if (limits.advertisers !== null && !limits.advertisers.has(claims.adv)) return { reason: "key_limit_advertiser" };
  if (limits.publishers !== null && !limits.publishers.has(claims.pub)) return { reason: "key_limit_publisher" };
  if (limits.cpcMicrosMax !== null && claims.cpc > limits.cpcMicrosMax) return { reason: "key_limit_price" };
  if (limits.landingHosts !== undefined && !isOnHost(claims.url, limits.landingHosts)) {
    return { reason: "key_limit_host", field: "url" };
  }
  return null;
}

/** Whether a text names a host, or with `*.` all below one, as limits list them. */
export function isLandingHost(text: string): boolean {
  return HOST.test(text);
}

/** Whether a landing URL is a page on one of the hosts, or below one that is listed with `*.`. */
export function isOnHost(url: string, hosts: ReadonlySet<string>): boolean {
  const { protocol, hostname } = new URL(url);
  if (protocol !== "https:" && protocol !== "http:") return false;
  if (hosts.has(hostname)) return true;
  for (let dot = hostname.indexOf("."); dot !== -1; dot = hostname.indexOf(".", dot + 1)) {
    if (hosts.has(`*${hostname.slice(dot)}`)) return true;
  }
  return false;
}
