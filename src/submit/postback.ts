/**
 * Postbacks: a conversion as a URL, sent by the advertiser's server or as a pixel on its thank-you page.
 *
 *   GET /v1/conversions?click_id=1~…&order_id=A-1&value_micros=4990000&kid=2026-11&sig=<43 characters>
 *
 *   sig   base64url(HMAC-SHA-256(secret, "click_id=1~…&kid=2026-11&order_id=A-1&value_micros=4990000"))
 *         over every other parameter, sorted by name, name and value percent-encoded (RFC 3986), joined by "&"
 *
 * Keeps: the signature covers every field, so none can be added, left out or changed; a field given twice is refused. The
 * secret is the advertiser's own, derived from a ring key and its id, so nothing is stored; it signs for nobody else.
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeBase64url, encodeUtf8 } from "../core/base64url.ts";
import { isSameText, readClickId } from "../core/click-id.ts";
import type { DerivedKeys, KeyRing } from "../core/key-ring.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { SubmissionProblem } from "./problems.ts";
import type { RowFields } from "./row.ts";

const SIGNATURE = "sig";
const KEY_ID = "kid";
/** How an answer is wanted; not a field of the conversion. */
export const FORMAT = "format";

export type PostbackSecret = { readonly kid: string; readonly secret: string };

/** What an advertiser signs its postbacks with. */
export function postbackSecretOf(
  advertiserId: string,
  { derivedSigning }: Pick<KeyRing, "derivedSigning">,
): PostbackSecret {
  return { kid: derivedSigning.kid, secret: encodeBase64url(secretOf(advertiserId, derivedSigning)) };
}

/** The parameters of a query, each given once. */
export function readQuery(search: URLSearchParams): Result<ReadonlyMap<string, string>, SubmissionProblem> {
  const fields = new Map<string, string>();
  for (const [name, value] of search) {
    if (fields.has(name)) return err({ reason: "field_repeated", field: name.slice(0, 64) });
    fields.set(name, value);
  }
  return ok(fields);
}

/** Whether the query is signed by the advertiser that its click id names. */
export function isSignedPostback(fields: ReadonlyMap<string, string>, { derived }: Pick<KeyRing, "derived">): boolean {
  const keys = derived.get(fields.get(KEY_ID) ?? "");
  const click = readClickId(fields.get("click_id") ?? "");
  const signature = fields.get(SIGNATURE);
  if (keys === undefined || click === null || signature === undefined) return false;
  return isSameText(signPostback(fields, secretOf(click.advertiserId, keys)), signature);
}

/** The signature over all fields but itself. */
export function signPostback(fields: ReadonlyMap<string, string>, secret: Uint8Array): string {
  const signed = Array.from(fields)
    .filter(([name]) => name !== SIGNATURE)
    .map(([name, value]): [string, string] => [percentEncode(name), percentEncode(value)])
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
  return encodeBase64url(hmac(sha256, secret, encodeUtf8(signed)));
}

/** The fields of a conversion as a row has them: numbers and truths out of their texts; what is no such text stays one. */
export function toRowFields(fields: ReadonlyMap<string, string>): RowFields {
  const named = Array.from(fields).filter(
    ([name, text]) => name !== SIGNATURE && name !== KEY_ID && name !== FORMAT && text !== "",
  );
  // Unlike an assignment, this makes a member of `__proto__` too, which is then refused like any unknown one.
  return Object.fromEntries(named.map(([name, text]) => [name, toValue(name, text)]));
}

function toValue(name: string, text: string): unknown {
  if (name === "value_micros" && /^-?\d{1,16}$/.test(text)) return Number(text);
  if (name === "occurred_at" && /^\d{12,14}$/.test(text)) return Number(text);
  if (name === "retract" && /^(1|true|0|false)$/.test(text)) return text === "1" || text === "true";
  return text;
}

function secretOf(advertiserId: string, { postback }: DerivedKeys): Uint8Array {
  return postback.digest(advertiserId);
}

/** RFC 3986: all but unreserved characters. */
function percentEncode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
