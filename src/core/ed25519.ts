/**
 * The public keys of ad servers that sign impressions with Ed25519 (RFC 8032), as the operator writes them down:
 *
 *   "<base64url, 32 bytes>"   or a JWK (RFC 8037 §2)   {"kty":"OKP","crv":"Ed25519","x":"<base64url, 32 bytes>"}
 *
 * Keeps: a key is the one canonical spelling of a point of the curve, and no point of small order: under such a one a
 * signature can be made that fits every token. A private key is refused by name: who has it can sign, and the point of
 * these keys is that this service cannot. No `R` is of small order either: Web Cryptography refuses it ("Secure
 * Curves", Ed25519 verify), and so does Node, while workerd takes it; a signer must not choose whom a signature
 * convinces. Relies on: WebCrypto's `verify`, which takes no `S` beyond the group's order, no other spelling of `R`,
 * and asks without the cofactor (RFC 8032 §5.1.7; test/vectors/ed25519.json asks both runtimes).
 */
import { Point } from "@noble/ed25519";
import { decodeBase64url } from "./base64url.ts";
import { err, ok, type Result } from "./result.ts";

/** Bytes of a public key. */
export const PUBLIC_KEY_BYTES = 32;

/** The eight points of small order, each in its one canonical spelling. */
const SMALL_ORDER = [
  "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
  "7P_______________________________________38",
  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIA",
  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
  "xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o",
  "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU",
  "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_IU",
  "xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA_o",
].map((text) => decodeBase64url(text) ?? new Uint8Array());

/** Members that a JWK of such a key may have beside its three, with what they may say. */
const JWK_MEMBERS: Readonly<Record<string, (value: unknown, kid: string) => boolean>> = {
  kty: (value) => value === "OKP",
  crv: (value) => value === "Ed25519",
  x: (value) => typeof value === "string",
  kid: (value, kid) => value === kid,
  alg: (value) => value === "EdDSA" || value === "Ed25519",
  use: (value) => value === "sig",
  key_ops: (value) => Array.isArray(value) && value.length === 1 && value[0] === "verify",
  ext: (value) => typeof value === "boolean",
};

/** The bytes of a public key in text or in a JWK; the error says what is wrong, and no key material. */
export function readPublicKey(written: unknown, kid: string): Result<Uint8Array<ArrayBuffer>, string> {
  const text = typeof written === "string" ? ok(written) : readJwk(written, kid);
  if (!text.ok) return text;
  const bytes = decodeBase64url(text.value);
  if (bytes?.length !== PUBLIC_KEY_BYTES) return err("has a public key that is not 32 bytes in base64url");
  return isSafePoint(text.value, bytes) ? ok(bytes) : err("has a public key that is no safe point of Ed25519");
}

function readJwk(written: unknown, kid: string): Result<string, string> {
  if (typeof written !== "object" || written === null || Array.isArray(written)) {
    return err("has a public key that is neither base64url nor a JWK");
  }
  if (Object.hasOwn(written, "d")) return err("has a private key (d): make a new pair, and give x alone");
  const jwk = written as Record<string, unknown>;
  for (const [member, value] of Object.entries(jwk)) {
    const isAllowed = Object.hasOwn(JWK_MEMBERS, member) && JWK_MEMBERS[member]?.(value, kid) === true;
    if (!isAllowed) return err(`has a JWK that is no public key of Ed25519 for signatures: ${memberName(member)}`);
  }
  const { kty, crv, x } = jwk;
  if (kty === undefined || crv === undefined || typeof x !== "string") return err("has a JWK without kty, crv or x");
  return ok(x);
}

/** A member as it may stand in a message: what is long or strange may be the key itself. */
function memberName(member: string): string {
  return Object.hasOwn(JWK_MEMBERS, member) || /^[a-z_]{1,16}$/.test(member) ? member : "an unknown member";
}

/** What was found of each key: a ring is read several times when an isolate starts, and a point costs 0.3 ms. */
const found = new Map<string, boolean>();

function isSafePoint(text: string, bytes: Uint8Array): boolean {
  const known = found.get(text) ?? isPointOfLargeOrder(bytes);
  found.set(text, known);
  return known;
}

function isPointOfLargeOrder(bytes: Uint8Array): boolean {
  try {
    Point.fromBytes(bytes);
  } catch {
    // The one thing that is thrown here: no point, or not its canonical spelling.
    return false;
  }
  return !beginsWithSmallOrder(bytes);
}

/** Whether a signature's `R`, or a public key, is a point of small order. */
export function beginsWithSmallOrder(bytes: Uint8Array): boolean {
  return SMALL_ORDER.some((point) => point.every((byte, at) => byte === bytes[at]));
}
