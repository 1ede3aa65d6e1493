/**
 * What a token says of its click, and whether its signature is the ad server's own.
 *
 *   base64url(header) . base64url(claims) . base64url(signature)        a JWT (RFC 7515, RFC 8037)
 *
 * A signature by a public key shows that the ad server offered this impression at this price. One by a secret shows it
 * only to who has the secret, and who has it can make one.
 */
import { createHash, createPublicKey, verify } from "node:crypto";
import { CLAIMS, TOKEN_HEADER } from "./documents.js";
import { must, Unchecked } from "./outcome.js";
import { checkShape } from "./shape.js";

const AHEAD_MAX_MS = 60_000;
const SECOND_MS = 1_000;
const SIGNATURE_BYTES = 64;
/** Row → claim. */
const SAME = /** @type {const} */ ([
  ["campaign_id", "cmp"],
  ["ad_group_id", "grp"],
  ["ad_id", "ad"],
  ["publisher_id", "pub"],
]);

/**
 * @typedef {{ event_id: string, impression: string, received_at_ms: number, campaign_id: string,
 *   ad_group_id: string, ad_id: string, publisher_id: string, verdict: string, reason: string | null,
 *   price_micros: bigint, token_sha256: string }} TokenRow
 * @typedef {Map<string, import("node:crypto").KeyObject>} TokenKeys
 * @typedef {{ signed: number, secret: number, unknown: Map<string, number> }} Signatures how tokens are signed
 */

/**
 * The public keys of ad servers, by `kid`: 32 bytes in base64url each.
 * @param {Iterable<readonly [string, string]>} written
 * @returns {TokenKeys}
 */
export function readTokenKeys(written) {
  const keys = new Map();
  for (const [kid, x] of written) {
    try {
      keys.set(kid, createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" }));
    } catch {
      throw new Unchecked(`the public key of ${kid} is not 32 bytes in base64url`);
    }
  }
  return keys;
}

/**
 * Compares a row with its token. Resolves to the instant, in milliseconds, at which the impression was issued.
 * @param {TokenRow} row
 * @param {string} token
 * @param {{ advertiserId: string, keys: TokenKeys, signatures: Signatures }} known
 */
export function checkToken(row, token, { advertiserId, keys, signatures }) {
  const what = `the token of click ${row.event_id}`;
  const hash = createHash("sha256").update(token).digest("hex");
  must(hash === row.token_sha256, () => `${what} has the SHA-256 ${hash}, and its row says ${row.token_sha256}`);
  const segments = token.split(".");
  const [header, claims] = [decodeSegment(segments[0]), decodeSegment(segments[1])];
  must(segments.length === 3 && header !== null && claims !== null, () => `${what} is no token`);
  checkShape(claims, CLAIMS, what, "claims");
  must(claims.adv === advertiserId, () => `${what} is of advertiser ${claims.adv}`);
  for (const [column, claim] of SAME) {
    const said = claims[claim] ?? "";
    must(said === row[column], () => `${what} says ${claim} ${said}, and its row ${row[column]}`);
  }
  const price = row.price_micros;
  must(BigInt(claims.cpc) === price, () => `${what} says ${claims.cpc} micros, and its row ${price}`);
  const impression = impressionOf(claims);
  must(impression === row.impression, () => `${what} is of impression ${impression}, and its row of ${row.impression}`);
  if (row.verdict === "valid") checkLife(row, claims, what);
  countSignature(row, { header, segments, what }, { keys, signatures });
  return Math.floor(claims.iat * SECOND_MS);
}

/**
 * @param {TokenRow} row
 * @param {any} claims
 * @param {string} what
 */
function checkLife(row, claims, what) {
  const { received_at_ms: receivedMs } = row;
  const { iat, exp, tst } = claims;
  must(exp > iat, () => `${what} has no life`);
  must(receivedMs <= exp * SECOND_MS, () => `${what} had expired when the click came, and it is billed`);
  must(iat * SECOND_MS <= receivedMs + AHEAD_MAX_MS, () => `${what} is younger than its click`);
  must(tst !== 1, () => `${what} is of test traffic, and the click is billed`);
}

/**
 * @param {TokenRow} row
 * @param {{ header: any, segments: string[], what: string }} token
 * @param {{ keys: TokenKeys, signatures: Signatures }} known
 */
function countSignature(row, { header, segments, what }, { keys, signatures }) {
  // Clicks whose signature was found wrong later stay as evidence, and are not billed.
  if (row.reason === "signature_invalid" && row.verdict !== "valid") return;
  checkShape(header, TOKEN_HEADER, what, "header");
  const key = keys.get(header.kid);
  if (key === undefined) {
    if (header.alg === "EdDSA") signatures.unknown.set(header.kid, (signatures.unknown.get(header.kid) ?? 0) + 1);
    else signatures.secret++;
    return;
  }
  must(header.alg === "EdDSA", () => `${what} names ${header.kid} and is signed as ${header.alg}`);
  const signature = Buffer.from(segments[2] ?? "", "base64url");
  const isSigned =
    signature.length === SIGNATURE_BYTES && verify(null, Buffer.from(`${segments[0]}.${segments[1]}`), key, signature);
  must(isSigned, () => `${what} is not signed by ${header.kid}`);
  signatures.signed++;
}

/**
 * What a segment of a token says, or null where that is no object.
 * @param {string | undefined} segment
 * @returns {any}
 */
export function decodeSegment(segment) {
  try {
    const value = JSON.parse(Buffer.from(segment ?? "", "base64url").toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/**
 * What is billed once: the first 16 bytes of SHA-256 over "click" and five claims, each behind its length.
 * @param {any} claims
 */
function impressionOf({ adv, ad, pub, jti, iat }) {
  const parts = [adv, ad, pub, jti, String(iat)].map((part) => String.fromCharCode(String(part).length) + part);
  return createHash("sha256")
    .update(`click${parts.join("")}`)
    .digest("hex")
    .slice(0, 32);
}
