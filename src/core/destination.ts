/**
 * The landing URL: what may be signed, and the `Location` that a click is sent to.
 *
 *   https://shop.example/{campaign_id}/p?ref={publisher_id}#top
 *   └── fixed: scheme, host ──┘└── macros allowed: path, query, fragment ──┘
 *
 * Keeps: the result has the scheme, the host and the path structure of the signed URL. Macro values are
 * percent-encoded; ids are never only dots and no macro stands in a percent escape, so no value makes a `.` or `..`
 * segment; the rest of the text is the signed text, byte for byte. Output is printable ASCII, so it cannot break a header.
 */
import { LANDING_URL_BYTES_MAX } from "./limits.ts";
import type { RefusalReason } from "./refusal.ts";

/** Macro name → value, all of them known when the click arrives. */
export type MacroValues = {
  readonly click_id: string;
  readonly impression_id: string;
  readonly ad_id: string;
  readonly campaign_id: string;
  readonly publisher_id: string;
  /** Milliseconds since 1970. */
  readonly ts: string;
};

const PRINTABLE = /^[\x21-\x5b\x5d-\x7e]*$/;
const SCHEME_AND_AUTHORITY = /^(https?):\/\/([^/?#]+)/i;
const MACRO = /\{(click_id|impression_id|ad_id|campaign_id|publisher_id|ts)\}/g;
/** A brace inside a percent escape: `%2{ad_id}` with the id `e` would become a dot segment. */
const BROKEN_ESCAPE = /%[0-9a-f]?\{/i;

/** The rule for a signed URL that needs no configuration; null when it holds. `http:` is judged at the edge. */
export function checkLandingUrl(url: string): RefusalReason | null {
  if (url.length > LANDING_URL_BYTES_MAX) return "url_too_long";
  if (!PRINTABLE.test(url)) return "url_characters";
  const match = SCHEME_AND_AUTHORITY.exec(url);
  if (match === null) return "url_scheme";
  const authority = match[2] ?? "";
  if (authority.includes("@")) return "url_credentials";
  if (authority.includes("{") || authority.includes("}") || BROKEN_ESCAPE.test(url)) return "url_macro";
  return URL.canParse(url) ? null : "url_invalid";
}

/** True when an `http:` landing URL is on a host that configuration allows; `https:` always is. */
export function isSchemeAllowed(url: string, httpHosts: ReadonlySet<string>): boolean {
  if (/^https:/i.test(url)) return true;
  return httpHosts.has(new URL(url).hostname);
}

/** The signed URL with its macros filled and, where it names no `{click_id}`, that id appended to its query. */
export function expandDestination(url: string, values: MacroValues, clickIdParam: string): string {
  const expanded = url.includes("{")
    ? url.replace(MACRO, (_, name: keyof MacroValues) => encodeURIComponent(values[name]))
    : url;
  if (url.includes("{click_id}")) return expanded;
  const hashAt = expanded.indexOf("#");
  const base = hashAt === -1 ? expanded : expanded.slice(0, hashAt);
  const fragment = hashAt === -1 ? "" : expanded.slice(hashAt);
  const queryAt = base.indexOf("?");
  const separator = queryAt === -1 ? "?" : queryAt === base.length - 1 || base.endsWith("&") ? "" : "&";
  const param = `${encodeURIComponent(clickIdParam)}=${encodeURIComponent(values.click_id)}`;
  return `${base}${separator}${param}${fragment}`;
}
