/**
 * The facts of a request that only the edge knows, read once, bounded in length, without the address.
 *
 * Keeps: whatever the headers and the platform say, the facts are such that an event of them is read back by
 * `parseTokenEvent`: a value that cannot be kept is null or cut, and costs its field, never the click.
 */
import { isCountry } from "../core/country.ts";
import { deviceClassOf } from "../core/device.ts";
import { CLIENT_HINT_LENGTH_MAX, REFERRER_HOST_LENGTH_MAX, USER_AGENT_LENGTH_MAX } from "../core/limits.ts";
import { cutText } from "../core/text.ts";
import type { ClientHints, EdgeFacts } from "../core/token-event.ts";

/** Facts without the keyed hashes, which need the daily salt. */
export type RequestFacts = Omit<EdgeFacts, "ipHash" | "userHash">;

export function readFacts(request: Request): RequestFacts {
  const { headers } = request;
  const cf = request.cf;
  const userAgent = cutText(headers.get("User-Agent") ?? "", USER_AGENT_LENGTH_MAX);
  const mobileHint = headers.get("Sec-CH-UA-Mobile");
  return {
    country: countryOf(cf?.["country"]),
    region: place(cf?.["regionCode"]),
    colo: place(cf?.["colo"]),
    asn: networkOf(cf?.["asn"]),
    device: deviceClassOf(userAgent, mobileHint),
    userAgent,
    hints: readHints(headers, mobileHint),
    referrerHost: hostOf(headers.get("Referer")),
    gpc: asksForPrivacy(headers.get("Sec-GPC")),
  };
}

/** The client's address as the platform saw it; used for folding and hashing, never stored. */
export function readAddress(request: Request): string {
  return request.headers.get("CF-Connecting-IP") ?? "";
}

const ASN_MAX = 2 ** 32 - 1;

/** The platform says `XX` where it does not know. */
function countryOf(value: unknown): string | null {
  return isCountry(value) ? value : null;
}

function networkOf(value: unknown): number | null {
  return Number.isSafeInteger(value) && (value as number) > 0 && (value as number) <= ASN_MAX
    ? (value as number)
    : null;
}

function place(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? cutText(value, 64) : null;
}

/** The signal is `1`; who spells it as a structured boolean, or sends it beside another, means the same. */
function asksForPrivacy(signal: string | null): boolean {
  return signal !== null && /(?:^|,)\s*\??1(?:\W|$)/.test(signal);
}

function readHints(headers: Headers, mobile: string | null): ClientHints {
  // Browsers that send hints unasked send all three; those that send no `mobile` are spared two look-ups.
  if (mobile === null) return {};
  const brands = headers.get("Sec-CH-UA");
  const platform = headers.get("Sec-CH-UA-Platform");
  return {
    ...(brands === null ? {} : { brands: cutText(brands, CLIENT_HINT_LENGTH_MAX) }),
    ...(platform === null ? {} : { platform: cutText(platform, CLIENT_HINT_LENGTH_MAX) }),
    mobile: cutText(mobile, CLIENT_HINT_LENGTH_MAX),
  };
}

/** Scheme and authority of a referrer; the authority without user information. */
const REFERRER = /^https?:\/\/([^/?#@\\]+)(?:[/?#]|$)/i;

/** The host of the referring page, without its path, which may be private. Browsers send it as a serialised URL. */
function hostOf(referrer: string | null): string | null {
  if (referrer === null) return null;
  const host = REFERRER.exec(referrer)?.[1];
  // Lower case first: it lengthens some characters.
  return host === undefined ? null : cutText(host.toLowerCase(), REFERRER_HOST_LENGTH_MAX);
}
