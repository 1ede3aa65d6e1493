/**
 * The landing URL: what may be signed, and the `Location` that a click is sent to.
 *
 *   https://shop.example/{campaign_id}/p?ref={publisher_id}#top
 *   └── fixed: scheme, host ──┘└── macros allowed: path, query, fragment ──┘
 *
 * Keeps: the result has the scheme, the host and the path structure of the signed URL. Macro values are
 * percent-encoded; ids are never only dots and no macro stands in a percent escape, so no value makes a `.` or `..`
 * segment; the rest of the text is the signed text, byte for byte. Output is printable ASCII of at most
 * `LOCATION_CHARS_MAX`, so it cannot break a header. Links into apps (`market:`, `intent:`) are for configuration to
 * allow; schemes that run or show what a URL itself holds are never a destination.
 */
import { addToQuery } from "./landing-query.ts";
import { CLICK_ID_MACROS_MAX, LANDING_URL_BYTES_MAX, MACROS_MAX } from "./limits.ts";
import { fillMacros, isMacroInEscape, type MacroValues, macrosAtMost, macrosOf, misspeltMacro } from "./macros.ts";
import { remembering } from "./memo.ts";
import type { Refusal, RefusalReason } from "./refusal.ts";

const PRINTABLE = /^[\x21-\x5b\x5d-\x7e]*$/;
const NOT_PRINTABLE = /[^\x21-\x5b\x5d-\x7e]/u;
const WEB = /^https?:/i;
const WEB_AUTHORITY = /^https?:\/\/([^/?#]+)/i;
const SCHEME = /^([a-z][a-z0-9+.-]*):/i;
const APP_AUTHORITY = /^[^:]*:\/\/([^/?#]*)/;

/** What a browser, or an app at its bidding, would run, show or read by itself, and what is not a page. */
export const FORBIDDEN_SCHEMES: ReadonlySet<string> = new Set(
  (
    "javascript livescript mocha vbscript data blob file filesystem content about view-source ws wss ftp jar mhtml " +
    "res resource chrome chrome-extension moz-extension edge opera srcdoc"
  ).split(" "),
);
/** The scheme that an Android intent is opened with, and where a browser goes that cannot open it. */
const INTENT_SCHEMES = /;scheme=([^;]*)/gi;
const INTENT_FALLBACKS = /;S\.browser_fallback_url=(?!https?(?::|%3a))/i;

/** Which app links, and which hosts without TLS, configuration allows. */
export type LandingPolicy = {
  /** Hosts whose landing URLs may be `http:`; everywhere else only `https:` is a destination. */
  readonly landingHttpHosts: ReadonlySet<string>;
  /** Schemes beside `https:`, in lower case. */
  readonly landingSchemes: ReadonlySet<string>;
};

/** Landing URLs whose answer is kept: an ad's is the same for all of its clicks. */
const URLS_MOST = 1_000;

/** The rule for a signed URL that needs no configuration; null when it holds. */
export const checkLandingUrl: (url: string) => Refusal | null = remembering(checkUrl, URLS_MOST);

function checkUrl(url: string): Refusal | null {
  if (url.length > LANDING_URL_BYTES_MAX) {
    return refusal("url_too_long", `It has ${url.length} characters; ${LANDING_URL_BYTES_MAX} are allowed.`);
  }
  if (!PRINTABLE.test(url)) return foreignCharacter(url);
  const web = WEB_AUTHORITY.exec(url);
  const refused = web === null ? checkAppLink(url) : null;
  if (refused !== null) return refused;
  const authority = (web ?? APP_AUTHORITY.exec(url))?.[1] ?? "";
  if (authority.includes("@")) return refusal("url_credentials", "Remove what stands before the @ of its host.");
  if (authority.includes("{") || authority.includes("}") || macrosOf(authority).length > 0) {
    return refusal("url_macro", "Its host holds a brace.");
  }
  if (isMacroInEscape(url)) {
    return refusal("url_macro", "A percent sign stands before a macro: write %25 for it, or leave it out.");
  }
  if (web !== null && authority.includes("%")) return escapedHost(authority);
  if (!URL.canParse(url)) return refusal("url_invalid", "Its host or its port is not one.");
  return macrosAtMost(url) > CLICK_ID_MACROS_MAX ? checkMacros(url) : null;
}

function checkMacros(url: string): Refusal | null {
  const macros = macrosOf(url);
  const ofClick = macros.filter(({ name }) => name === "click_id").length;
  if (macros.length <= MACROS_MAX && ofClick <= CLICK_ID_MACROS_MAX) return null;
  const detail = `At most ${MACROS_MAX} macros may stand in it, and {click_id} at most ${CLICK_ID_MACROS_MAX} times.`;
  return refusal("url_macros_many", detail);
}

/** What no configuration allows of a URL that is no web page. */
function checkAppLink(url: string): Refusal | null {
  const scheme = SCHEME.exec(url)?.[1]?.toLowerCase();
  if (scheme === undefined || WEB.test(url)) {
    return refusal("url_scheme", `Write it with its scheme and host, as in "https://shop.example/".`);
  }
  if (FORBIDDEN_SCHEMES.has(scheme)) return refusal("url_scheme", `"${scheme}:" is never a destination.`);
  return scheme === "intent" ? checkIntent(url) : null;
}

function checkIntent(url: string): Refusal | null {
  for (const [, scheme = ""] of url.matchAll(INTENT_SCHEMES)) {
    if (FORBIDDEN_SCHEMES.has(scheme.toLowerCase())) {
      return refusal("url_scheme", `"${scheme}:" is never a destination, nor that of an intent.`);
    }
  }
  return INTENT_FALLBACKS.test(url) ? refusal("url_scheme", "The fallback of an intent must be an https URL.") : null;
}

function foreignCharacter(url: string): Refusal {
  const character = NOT_PRINTABLE.exec(url)?.[0] ?? "";
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
  return refusal("url_characters", `U+${code} at character ${url.indexOf(character) + 1}: percent-encode it.`);
}

function escapedHost(authority: string): Refusal {
  const decoded = URL.canParse(`https://${authority}/`) ? new URL(`https://${authority}/`).host : null;
  return refusal(
    "url_invalid",
    `Its host is percent-encoded: write ${decoded === null ? "its name as it is" : `"${decoded}"`}.`,
  );
}

/** What an ad server that is asked for a token is told, and a click is not refused for: null when all is well. */
export function checkSpelling(url: string): Refusal | null {
  const misspelt = misspeltMacro(url);
  if (misspelt === null) return null;
  const { text, name } = misspelt;
  return refusal(
    "url_macro_spelling",
    `"${text}" would stay as it is: write {${name}}, or %7B${name}%7D where it is escaped.`,
  );
}

/** Whether configuration allows the URL's scheme; `https:` always is. */
export function checkScheme(url: string, { landingHttpHosts, landingSchemes }: LandingPolicy): Refusal | null {
  if (/^https:/i.test(url)) return null;
  if (WEB.test(url)) {
    const { hostname } = new URL(url);
    return landingHttpHosts.has(hostname) ? null : refusal("url_scheme", `"http:" is not allowed for "${hostname}".`);
  }
  const scheme = SCHEME.exec(url)?.[1]?.toLowerCase() ?? "";
  return landingSchemes.has(scheme)
    ? null
    : refusal("url_scheme", `"${scheme}:" is not among the schemes allowed here.`);
}

export type Expansion = {
  readonly values: MacroValues;
  /** Name of the parameter that carries the click id. */
  readonly param: string;
  /** The query of the click, where the token passes it on. */
  readonly sent?: string;
};

/**
 * The signed URL with its macros filled and, where it names no click id, that id as a parameter of its query. A link
 * into an app gets parameters only where it has a query: without one, many apps take a `?` for a part of the name.
 */
export function expandDestination(url: string, { values, param, sent = "" }: Expansion): string {
  const { text, hasClickId } = fillMacros(url, values);
  if (!WEB.test(url) && !/^[^#]*\?/.test(url)) return text;
  return addToQuery(text, { param, clickId: values.click_id, isNamed: hasClickId, sent });
}

function refusal(reason: RefusalReason, detail: string): Refusal {
  return { reason, field: "url", detail };
}
