/**
 * The facts of a request that only the edge knows, read once, bounded in length, without the address.
 */

import { deviceClassOf } from "../core/device.ts";
import { CLIENT_HINT_LENGTH_MAX, REFERRER_HOST_LENGTH_MAX, USER_AGENT_LENGTH_MAX } from "../core/limits.ts";
import type { ClientHints, EdgeFacts } from "../core/token-event.ts";

/** Facts without the keyed hashes, which need the daily salt. */
export type RequestFacts = Omit<EdgeFacts, "ipHash" | "userHash">;

export function readFacts(request: Request): RequestFacts {
  const { headers } = request;
  const cf = request.cf;
  const userAgent = (headers.get("User-Agent") ?? "").slice(0, USER_AGENT_LENGTH_MAX);
  const mobileHint = headers.get("Sec-CH-UA-Mobile");
  return {
    country: place(cf?.["country"]),
    region: place(cf?.["regionCode"]),
    colo: place(cf?.["colo"]),
    asn: typeof cf?.["asn"] === "number" ? cf["asn"] : null,
    device: deviceClassOf(userAgent, mobileHint),
    userAgent,
    hints: readHints(headers, mobileHint),
    referrerHost: hostOf(headers.get("Referer")),
    gpc: headers.get("Sec-GPC") === "1",
  };
}

/** The client's address as the platform saw it; used for folding and hashing, never stored. */
export function readAddress(request: Request): string {
  return request.headers.get("CF-Connecting-IP") ?? "";
}

function place(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value.slice(0, 64) : null;
}

function readHints(headers: Headers, mobile: string | null): ClientHints {
  // Browsers that send hints unasked send all three; those that send no `mobile` are spared two look-ups.
  if (mobile === null) return {};
  const brands = headers.get("Sec-CH-UA");
  const platform = headers.get("Sec-CH-UA-Platform");
  return {
    ...(brands === null ? {} : { brands: brands.slice(0, CLIENT_HINT_LENGTH_MAX) }),
    ...(platform === null ? {} : { platform: platform.slice(0, CLIENT_HINT_LENGTH_MAX) }),
    mobile: mobile.slice(0, CLIENT_HINT_LENGTH_MAX),
  };
}

/** Scheme and authority of a referrer; the authority without user information. */
const REFERRER = /^https?:\/\/([^/?#@\\]+)(?:[/?#]|$)/i;

/** The host of the referring page, without its path, which may be private. Browsers send it as a serialised URL. */
function hostOf(referrer: string | null): string | null {
  if (referrer === null) return null;
  return REFERRER.exec(referrer)?.[1]?.slice(0, REFERRER_HOST_LENGTH_MAX).toLowerCase() ?? null;
}
