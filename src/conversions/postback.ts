/**
 * Postbacks: a conversion as a URL, sent by the advertiser's server or as a pixel on its thank-you page.
 *
 *   GET /v1/conversions?click_id=2~…&order_id=A-1&value_micros=4990000&kid=2026-11&sig=<43 characters>
 *
 *   sig   base64url(HMAC-SHA-256(secret, "click_id=2~…&kid=2026-11&order_id=A-1&value_micros=4990000"))
 *         over every other parameter, sorted by name, name and value percent-encoded (RFC 3986), joined by "&";
 *         or over the same with names and values encoded as they stand in the URL, since libraries encode differently:
 *         Java's URLEncoder writes "+" for a space, "*" as it is, and "%7E" for "~"
 *
 * Keeps: the signature covers every field, so none can be added, left out or changed; a field given twice is refused.
 * It is over what was sent, also where a value is trimmed afterwards. A text of names and values that is signed has one
 * reading: what RFC 3986 leaves unencoded decodes to itself, and "+" is a space only where it was sent as one. The
 * secret is the advertiser's own, derived from a ring key, its id and an epoch that its profile has, so no secret is
 * stored; it signs for nobody else. Raising the epoch ends it: whoever had a key that showed it once has it no more.
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeBase64url, encodeUtf8 } from "../core/base64url.ts";
import { isSameText, openClickId } from "../core/click-id.ts";
import type { DerivedKeys, KeyRing } from "../core/key-ring.ts";
import { trimInvisible } from "../core/reference.ts";
import { err, ok, type Result } from "../core/result.ts";
import type { PostbackEpochs } from "./attribution-windows.ts";
import type { SubmissionProblem } from "./problems.ts";
import type { RowFields } from "./row.ts";

const SIGNATURE = "sig";
const KEY_ID = "kid";
/** How an answer is wanted; not a field of the conversion. */
export const FORMAT = "format";

export type PostbackSecret = { readonly kid: string; readonly secret: string };

/** What an advertiser signs its postbacks with in an epoch. */
export function postbackSecretOf(
  advertiserId: string,
  epoch: number,
  { derivedSigning }: Pick<KeyRing, "derivedSigning">,
): PostbackSecret {
  return { kid: derivedSigning.kid, secret: encodeBase64url(secretOf(advertiserId, epoch, derivedSigning)) };
}

/** The parameters of a query as they were meant, and the query as it was sent. */
export type Postback = { readonly fields: ReadonlyMap<string, string>; readonly search: string };

/** The parameters of a query, each given once. */
export function readQuery({ search, searchParams }: URL): Result<Postback, SubmissionProblem> {
  const fields = new Map<string, string>();
  for (const [name, value] of searchParams) {
    if (fields.has(name)) return err({ reason: "field_repeated", field: name.slice(0, 64) });
    fields.set(name, value);
  }
  return ok({ fields, search });
}

/** The advertiser whose postback it claims to be: that of its click id, if that is a real one; else null. */
export function advertiserOf({ fields }: Postback, ring: Pick<KeyRing, "derived">): string | null {
  return openClickId(trimInvisible(fields.get("click_id") ?? ""), ring)?.advertiserId ?? null;
}

/** Whether the query is signed with the advertiser's secret of one of the epochs that are in force. */
export function isSignedPostback(
  { fields, search }: Postback,
  { advertiserId, epochs, nowMs }: { advertiserId: string; epochs: PostbackEpochs; nowMs: number },
  { derived }: Pick<KeyRing, "derived">,
): boolean {
  const keys = derived.get(trimInvisible(fields.get(KEY_ID) ?? ""));
  const signature = fields.get(SIGNATURE);
  if (keys === undefined || signature === undefined) return false;
  const given = trimInvisible(signature);
  const sent = textAsSent(search);
  // The one character that a URL's parser encodes although senders may leave it.
  const texts = [sent, sent.replaceAll("%27", "'")];
  const { epoch, previousUntilMs } = epochs;
  return [epoch, ...(nowMs < previousUntilMs ? [epoch - 1] : [])].some((inForce) => {
    const secret = secretOf(advertiserId, inForce, keys);
    const macs = [signPostback(fields, secret), ...texts.map((text) => macOf(text, secret))];
    return macs.some((mac) => isSameText(mac, given));
  });
}

/** The signature over all fields but itself. */
export function signPostback(fields: ReadonlyMap<string, string>, secret: Uint8Array): string {
  const signed = Array.from(fields)
    .filter(([name]) => name !== SIGNATURE)
    .map(([name, value]): [string, string] => [percentEncode(name), percentEncode(value)])
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
  return macOf(signed, secret);
}

/** The parameters but the signature, encoded as they were sent, sorted by name. */
function textAsSent(search: string): string {
  const pairs = search.replace(/^\?/, "").split("&");
  const named = pairs.map((pair): [string, string] => [pair.split("=", 1)[0] ?? "", pair]);
  const signed = named.filter(([name, pair]) => pair !== "" && name !== SIGNATURE);
  return signed
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, pair]) => pair)
    .join("&");
}

function macOf(text: string, secret: Uint8Array): string {
  return encodeBase64url(hmac(sha256, secret, encodeUtf8(text)));
}

/**
 * The fields of a conversion as a row has them: numbers and truths out of their texts; what is no such text stays one.
 */
export function toRowFields(fields: ReadonlyMap<string, string>): RowFields {
  const named = Array.from(fields).filter(
    ([name, text]) => name !== SIGNATURE && name !== KEY_ID && name !== FORMAT && text !== "",
  );
  // Unlike an assignment, this makes a member of `__proto__` too, which is then refused like any unknown one.
  return Object.fromEntries(named.map(([name, text]) => [name, toValue(name, text)]));
}

function toValue(name: string, given: string): unknown {
  const text = trimInvisible(given);
  if (name === "value_micros" && /^-?\d{1,16}$/.test(text)) return Number(text);
  if (name === "retract" && /^(1|true|0|false)$/.test(text)) return text === "1" || text === "true";
  return text;
}

/** No id holds the separator, so no advertiser's epoch is another's. */
function secretOf(advertiserId: string, epoch: number, { postback }: DerivedKeys): Uint8Array {
  return postback.digest(`${advertiserId}~${epoch}`);
}

/** RFC 3986: all but unreserved characters. */
function percentEncode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
