/**
 * The impression token: a JWT in compact JWS form, HS256 or EdDSA (RFC 7515, RFC 7519, RFC 8037, RFC 8725).
 *
 *   base64url({"alg":"HS256","kid":"…","typ":"JWT"}) . base64url(claims) . base64url(HMAC-SHA-256, 32 bytes)
 *   base64url({"alg":"EdDSA","kid":"…","typ":"JWT"}) . base64url(claims) . base64url(Ed25519, 64 bytes)
 *
 * `typ` may be absent and in any case (RFC 7519 §5.1), members that say nothing here are ignored (RFC 7515 §4).
 *
 * Keeps: the signature is checked over the received bytes before anything in the payload is believed; the comparison is
 * constant-time (WebCrypto `verify`). The algorithm is that of the key, never taken from the token: a header that says
 * another is refused. An expired token still verifies: it redirects, and its click is `invalid: expired_token`
 * (core/verdict.ts).
 */
import { decodeBase64url, decodeUtf8, encodeBase64url, encodeUtf8, parseJson } from "./base64url.ts";
import { type Claims, decodePayload, isId, parseClaims } from "./claims.ts";
import { checkScheme, checkSpelling, type LandingPolicy } from "./destination.ts";
import { beginsWithSmallOrder } from "./ed25519.ts";
import { type Algorithm, algorithmOf, checkKeyLimits, type KeyRing, type TokenKey } from "./key-ring.ts";
import { ISSUED_AHEAD_MAX_S, SECOND_MS, TOKEN_LENGTH_MAX } from "./limits.ts";
import type { Refusal } from "./refusal.ts";
import { assert, err, ok, type Result } from "./result.ts";

/** Members of a header that would change what is signed or by which key; nobody signs impressions with them. */
const REFUSED_MEMBERS = ["crit", "b64", "zip", "jwk", "jku", "x5c", "x5u"];
const TYP = /^(?:application\/)?jwt$/i;
/** The characters of a token as escapes, of which mailers and proxies make some, more than once at times. */
const ESCAPED = /%(?:25)*(2[de]|3\d|4[1-9a-f]|5[\daf]|6[1-9a-f]|7[\da])/gi;
/** What stands before a token: spaces, quotation marks and the like, escaped or not. */
const BEFORE = /^(?:%[\da-f]{2}|[^A-Za-z0-9_%-])+/i;

/** Claims of the ad server's own may hold lists and objects, so deep. */
const NESTING_MAX = 16;

/** `EdDSA` is a key of an ad server's own, with which this service cannot sign. */
export type Signer = { readonly kid: string; readonly alg: Algorithm["name"] };

export type TokenPolicy = LandingPolicy & { readonly tokenTtlMaxS: number };

/**
 * The token in what stands behind `/c/` or in the field of a body. Links are copied with a full stop, a bracket or a
 * space behind them, and mailers escape their dots; a signature has one length, so what follows it is not the token.
 * What is no token stays as it is, and is refused by its name. O(length).
 */
export function tokenWithin(text: string, ring: KeyRing): string {
  // A JSON object in base64url begins with e. Nearly every click ends here.
  const end = text.startsWith("e") && !text.includes("%") ? endOf(text, ring) : -1;
  if (end === text.length) return text;
  const decoded = text.replace(ESCAPED, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  const from = decoded.replace(BEFORE, "");
  const to = endOf(from, ring);
  return to === -1 || to > from.length ? text : from.slice(0, to);
}

/** Where the token at the start of `text` ends by its header's algorithm, or -1 when it has no such header. */
function endOf(text: string, ring: KeyRing): number {
  const headerEnd = text.indexOf(".");
  const payloadEnd = text.indexOf(".", headerEnd + 1);
  if (headerEnd === -1 || payloadEnd === -1) return -1;
  const key = findKey(text.slice(0, headerEnd), ring);
  return key.ok ? payloadEnd + 1 + key.value.algorithm.signatureLength : -1;
}

/** Verifies `token` at the instant `nowMs`; the refusal names the first rule that it breaks. */
export function verifyToken(
  token: string,
  { ring, policy, nowMs }: { readonly ring: KeyRing; readonly policy: TokenPolicy; readonly nowMs: number },
): Promise<Result<Claims, Refusal>> {
  const refusalOf = (claims: Claims, key: TokenKey) =>
    checkPolicy(claims, policy, nowMs) ?? checkKeyLimits(key.limits, claims);
  return verifyWith(token, ring, { claimsIn: decodePayload, refusalOf });
}

type Rules = {
  readonly claimsIn: (payloadSegment: string) => Result<Claims, Refusal>;
  /** What refuses a token that is signed. */
  readonly refusalOf: (claims: Claims, key: TokenKey) => Refusal | null;
};

async function verifyWith(
  token: string,
  ring: KeyRing,
  { claimsIn, refusalOf }: Rules,
): Promise<Result<Claims, Refusal>> {
  if (token === "") return err({ reason: "token_missing" });
  if (token.length > TOKEN_LENGTH_MAX) return err({ reason: "token_too_long" });
  const segments = token.split(".");
  if (segments.length !== 3) return err({ reason: "token_segments" });
  const [headerSegment, payloadSegment, signatureSegment] = segments as [string, string, string];

  const found = findKey(headerSegment, ring);
  if (!found.ok) return found;
  const key = found.value;
  const signature = decodeBase64url(signatureSegment);
  if (signature === null) return err({ reason: "token_encoding" });
  if (signatureSegment.length !== key.algorithm.signatureLength) return err({ reason: "signature_invalid" });

  const signed = encodeUtf8(token.slice(0, headerSegment.length + 1 + payloadSegment.length));
  const { primitive } = key.algorithm;
  const isSigned = await crypto.subtle.verify(primitive, key.key, signature, signed);
  if (!isSigned || (primitive === "Ed25519" && beginsWithSmallOrder(signature)))
    return err({ reason: "signature_invalid" });

  const claims = claimsIn(payloadSegment);
  if (!claims.ok) return claims;
  const refusal = refusalOf(claims.value, key);
  return refusal === null ? claims : err(refusal);
}

/**
 * Verifies what was signed at any time, for whoever brings a token and asks about it: by retired keys too, and whatever
 * life and landing pages were allowed then. What its key may not sign is refused as ever.
 */
export function verifyOldToken(token: string, { ring }: { readonly ring: KeyRing }): Promise<Result<Claims, Refusal>> {
  return verifyOld(token, ring, (claims, key) => checkKeyLimits(key.limits, claims));
}

/**
 * Verifies the token of an event that the edge let in: its signature, and what claims are by themselves. How long a
 * token may live, where it may lead and what its key may sign are settings, and those of then were asked then: one that
 * is narrowed later takes no click back. Who has decoded the token's own payload before passes it on.
 */
export function verifyLoggedToken(token: string, ring: KeyRing, decoded?: Claims): Promise<Result<Claims, Refusal>> {
  return verifyOld(token, ring, () => null, decoded);
}

function verifyOld(
  token: string,
  ring: KeyRing,
  refusalOf: Rules["refusalOf"],
  decoded?: Claims,
): Promise<Result<Claims, Refusal>> {
  const old = oldRings.get(ring) ?? { ...ring, keys: new Map([...ring.retired, ...ring.keys]) };
  oldRings.set(ring, old);
  const within = tokenWithin(token, old);
  // What stands in another text than was decoded is decoded from that one.
  const claimsIn = decoded === undefined || within !== token ? decodePayload : () => ok(decoded);
  return verifyWith(within, old, { claimsIn, refusalOf });
}

/** Each ring with its retired keys in force: audits ask it for every event of a day. */
const oldRings = new WeakMap<KeyRing, KeyRing>();

/**
 * Signs claims with the ring's signing key. Refuses what `verifyToken` would refuse, by the same rules, and a landing
 * URL with a macro that nobody would fill.
 */
export async function mintToken(
  payload: unknown,
  { ring, policy, nowMs }: { ring: KeyRing; policy: TokenPolicy; nowMs: number },
): Promise<Result<string, Refusal>> {
  const claims = parseClaims(payload);
  if (!claims.ok) return claims;
  const refusal = checkPolicy(claims.value, policy, nowMs) ?? checkSpelling(claims.value.url) ?? checkSize(payload);
  if (refusal !== null) return err(refusal);
  const token = await signPayload(payload, ring.signing);
  return token.length > TOKEN_LENGTH_MAX ? err({ reason: "token_too_long" }) : ok(token);
}

/** The token of a payload that somebody has checked. */
export async function signPayload(payload: unknown, { kid, key, algorithm }: TokenKey): Promise<string> {
  const segment = (value: unknown) => encodeBase64url(encodeUtf8(JSON.stringify(value)));
  const signed = `${segment({ alg: algorithm.name, kid, typ: "JWT" })}.${segment(payload)}`;
  assert(algorithm.primitive === "HMAC", "a public key signs nothing");
  const signature = await crypto.subtle.sign("HMAC", key, encodeUtf8(signed));
  return `${signed}.${encodeBase64url(new Uint8Array(signature))}`;
}

/** The key that a header names: by its spelling where that is a usual one, else by what it says. */
function findKey(headerSegment: string, ring: KeyRing): Result<TokenKey, Refusal> {
  const known = ring.byHeader.get(headerSegment);
  if (known !== undefined) return ok(known);
  const header = decodeHeader(headerSegment);
  if (!header.ok) return header;
  const key = ring.keys.get(header.value.kid);
  if (key === undefined) return err({ reason: "key_unknown" });
  return key.algorithm === header.value.algorithm ? ok(key) : err({ reason: "algorithm_mismatch" });
}

/** Which key signed a token that somebody has verified, and how; null for what is no token. */
export function signerOf(token: string): Signer | null {
  const header = decodeHeader(token.slice(0, Math.max(0, token.indexOf("."))));
  return header.ok ? { kid: header.value.kid, alg: header.value.algorithm.name } : null;
}

function decodeHeader(segment: string): Result<{ kid: string; algorithm: Algorithm }, Refusal> {
  const bytes = decodeBase64url(segment);
  if (bytes === null) return err({ reason: "token_encoding" });
  const text = decodeUtf8(bytes);
  const header = text === null ? null : parseJson(text);
  if (typeof header !== "object" || header === null || Array.isArray(header)) return err({ reason: "header_invalid" });
  const { alg, kid, typ } = header as Record<string, unknown>;
  const algorithm = algorithmOf(alg);
  if (algorithm === null) return err({ reason: "algorithm_unsupported" });
  const isOurs = typ === undefined || (typeof typ === "string" && TYP.test(typ));
  if (!isOurs || !isId(kid) || REFUSED_MEMBERS.some((member) => Object.hasOwn(header, member))) {
    return err({ reason: "header_invalid" });
  }
  return ok({ kid, algorithm });
}

function checkPolicy({ iat, exp, url }: Claims, policy: TokenPolicy, nowMs: number): Refusal | null {
  if (exp - iat > policy.tokenTtlMaxS) return { reason: "life_too_long" };
  if (iat * SECOND_MS > nowMs + ISSUED_AHEAD_MAX_S * SECOND_MS) return { reason: "issued_ahead" };
  return checkScheme(url, policy);
}

/** What JSON of any size and depth is refused for before it is written: `JSON.stringify` overflows on deep nesting. */
function checkSize(payload: unknown): Refusal | null {
  const open: { readonly value: unknown; readonly depth: number }[] = [{ value: payload, depth: 0 }];
  let chars = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { value, depth } = next;
    if (depth > NESTING_MAX) return { reason: "payload_nested" };
    chars += typeof value === "string" ? value.length : 1;
    if (typeof value === "object" && value !== null) {
      for (const [name, member] of Object.entries(value)) {
        chars += name.length;
        open.push({ value: member, depth: depth + 1 });
      }
    }
    if (chars > TOKEN_LENGTH_MAX) return { reason: "token_too_long" };
  }
  return null;
}
