/**
 * The impression token: a JWT in compact JWS form, HS256 only (RFC 7515, RFC 7519, RFC 8725).
 *
 *   base64url({"alg":"HS256","kid":"…","typ":"JWT"}) . base64url(claims) . base64url(HMAC-SHA-256, 32 bytes)
 *
 * Keeps: the signature is checked over the received bytes before anything in the payload is believed; the comparison is
 * constant-time (WebCrypto `verify`). The algorithm is fixed here, never taken from the token. An expired token still
 * verifies: it redirects, and its click is `invalid: expired_token` (core/verdict.ts).
 */
import { decodeBase64url, decodeUtf8, encodeBase64url, encodeUtf8, parseJson } from "./base64url.ts";
import { type Claims, decodePayload, isId, parseClaims } from "./claims.ts";
import { isSchemeAllowed } from "./destination.ts";
import { checkKeyLimits, type KeyRing, type TokenKey } from "./key-ring.ts";
import { ISSUED_AHEAD_MAX_S, SECOND_MS, TOKEN_LENGTH_MAX } from "./limits.ts";
import type { Refusal, RefusalReason } from "./refusal.ts";
import { err, ok, type Result } from "./result.ts";

const SIGNATURE_BYTES = 32;

export type TokenPolicy = {
  readonly tokenTtlMaxS: number;
  /** Hosts whose landing URLs may be `http:`; everywhere else only `https:` is a destination. */
  readonly landingHttpHosts: ReadonlySet<string>;
};

/** Verifies `token` at the instant `nowMs`; the refusal names the first rule that it breaks. */
export async function verifyToken(
  token: string,
  { ring, policy, nowMs }: { ring: KeyRing; policy: TokenPolicy; nowMs: number },
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
  if (signature.length !== SIGNATURE_BYTES) return err({ reason: "signature_invalid" });

  const signed = encodeUtf8(token.slice(0, headerSegment.length + 1 + payloadSegment.length));
  if (!(await crypto.subtle.verify("HMAC", key.key, signature, signed))) return err({ reason: "signature_invalid" });

  const claims = decodePayload(payloadSegment);
  if (!claims.ok) return claims;
  const refusal = checkPolicy(claims.value, policy, nowMs) ?? checkKeyLimits(key.limits, claims.value);
  return refusal === null ? claims : err({ reason: refusal });
}

/** Signs claims with the ring's signing key. Refuses what `verifyToken` would refuse, by the same rules. */
export async function mintToken(
  payload: unknown,
  { ring, policy, nowMs }: { ring: KeyRing; policy: TokenPolicy; nowMs: number },
): Promise<Result<string, Refusal>> {
  const claims = parseClaims(payload);
  if (!claims.ok) return claims;
  const refusal = checkPolicy(claims.value, policy, nowMs);
  if (refusal !== null) return err({ reason: refusal });
  const header = encodeBase64url(encodeUtf8(JSON.stringify({ alg: "HS256", kid: ring.signing.kid, typ: "JWT" })));
  const signed = `${header}.${encodeBase64url(encodeUtf8(JSON.stringify(payload)))}`;
  const signature = await crypto.subtle.sign("HMAC", ring.signing.key, encodeUtf8(signed));
  const token = `${signed}.${encodeBase64url(new Uint8Array(signature))}`;
  return token.length > TOKEN_LENGTH_MAX ? err({ reason: "token_too_long" }) : ok(token);
}

/** The key that a header names: by its spelling where that is a usual one, else by what it says. */
function findKey(headerSegment: string, ring: KeyRing): Result<TokenKey, Refusal> {
  const known = ring.byHeader.get(headerSegment);
  if (known !== undefined) return ok(known);
  const header = decodeHeader(headerSegment);
  if (!header.ok) return header;
  const key = ring.keys.get(header.value.kid);
  return key === undefined ? err({ reason: "key_unknown" }) : ok(key);
}

function decodeHeader(segment: string): Result<{ kid: string }, Refusal> {
  const bytes = decodeBase64url(segment);
  if (bytes === null) return err({ reason: "token_encoding" });
  const text = decodeUtf8(bytes);
  const header = text === null ? null : parseJson(text);
  if (typeof header !== "object" || header === null || Array.isArray(header)) return err({ reason: "header_invalid" });
  const { alg, kid, typ } = header as Record<string, unknown>;
  if (alg !== "HS256") return err({ reason: "algorithm_unsupported" });
  const isExact = typ === "JWT" && isId(kid) && Object.keys(header).length === 3;
  return isExact ? ok({ kid }) : err({ reason: "header_invalid" });
}

function checkPolicy(
  { iat, exp, url }: Claims,
  { tokenTtlMaxS, landingHttpHosts }: TokenPolicy,
  nowMs: number,
): RefusalReason | null {
  if (exp - iat > tokenTtlMaxS) return "life_too_long";
  if (iat * SECOND_MS > nowMs + ISSUED_AHEAD_MAX_S * SECOND_MS) return "issued_ahead";
  return isSchemeAllowed(url, landingHttpHosts) ? null : "url_scheme";
}
