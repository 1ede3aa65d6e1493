/**
 * What is added to the query of a landing URL: the click id, and parameters that the click itself brought.
 *
 *   https://shop.example/p?x=1#top   + click id, + ?gclid=G   →   https://shop.example/p?x=1&click_id=…&gclid=G#top
 *
 * Keeps: afterwards there is one click id parameter, the new one, whatever the URL had of that name; everything else is
 * the signed text, byte for byte, and so is the fragment. Names are compared as a server decodes them (WHATWG URL §5.1:
 * `+` is a space, `;` is an ordinary character), in the case in which they stand. What the click brought stands behind
 * a `?` that the URL has or that is put there, so it changes neither host nor path; it never overrides what is signed.
 */
import { FORWARDED_CHARS_MAX, FORWARDED_PARAMETERS_MAX } from "./limits.ts";

export type Additions = {
  readonly param: string;
  readonly clickId: string;
  /** Whether a macro of the URL named the click id already. */
  readonly isNamed: boolean;
  /** The query of the click, without its `?`; empty where nothing is passed on. */
  readonly sent: string;
};

/** Printable ASCII without `#`: in a query such text ends neither it nor a header. */
const PASSABLE = /^[\x21\x22\x24-\x7e]+$/;
/** A name that is not what it says until it is decoded. */
const ESCAPED_NAME = /(?:^|&)[^=&]*[%+]/;

/** The URL with the click id in its query, and with those parameters of the click that it has not itself. */
export function addToQuery(url: string, { param, clickId, isNamed, sent }: Additions): string {
  if (isNamed && sent === "" && !url.includes(param)) return url;
  const hashAt = url.indexOf("#");
  const base = hashAt === -1 ? url : url.slice(0, hashAt);
  const fragment = hashAt === -1 ? "" : url.slice(hashAt);
  const queryAt = base.indexOf("?");
  const head = queryAt === -1 ? base : base.slice(0, queryAt);
  const signed = queryAt === -1 ? null : base.slice(queryAt + 1);
  const own = `${encodeURIComponent(param)}=${encodeURIComponent(clickId)}`;
  const named = isNamed ? keepNamed(signed, param, clickId) : withClickId(signed, param, own);
  const passed = sent === "" ? "" : passedOn(sent, signed, param);
  const query = passed === "" ? named : joined(named, passed);
  return query === null ? url : `${head}?${query}${fragment}`;
}

/** The query with the click id in the place of the first parameter of its name, else behind the last. */
function withClickId(query: string | null, param: string, own: string): string {
  if (query === null || !mayHold(query, param)) return joined(query, own);
  let isPlaced = false;
  const pairs = query.split("&").flatMap((pair) => {
    if (nameOf(pair) !== param) return [pair];
    if (isPlaced) return [];
    isPlaced = true;
    return [own];
  });
  return isPlaced ? pairs.join("&") : joined(query, own);
}

/** The query whose macro stands in the click id parameter, without others of that name beside it. */
function keepNamed(query: string | null, param: string, clickId: string): string | null {
  if (query === null || !query.includes(param)) return query;
  const pairs = query.split("&");
  const isFilled = (pair: string) => nameOf(pair) === param && pair.endsWith(`=${encodeURIComponent(clickId)}`);
  const at = pairs.findIndex(isFilled);
  return at === -1 ? query : pairs.filter((pair, index) => index === at || nameOf(pair) !== param).join("&");
}

/** What of the click's query is passed on: what the signed query has not, and what is no spelling of the click id. */
function passedOn(sent: string, signed: string | null, param: string): string {
  const taken = new Set(pairsOf(signed ?? "").map(nameOf));
  const passed: string[] = [];
  let chars = 0;
  for (const pair of pairsOf(sent)) {
    if (!PASSABLE.test(pair)) continue;
    const name = nameOf(pair);
    if (taken.has(name) || rootOf(name) === rootOf(param)) continue;
    if (passed.length === FORWARDED_PARAMETERS_MAX || chars + pair.length + 1 > FORWARDED_CHARS_MAX) break;
    passed.push(pair);
    chars += pair.length + 1;
  }
  return passed.join("&");
}

/** What servers of several kinds make one name of: PHP reads `Click.id[]` into `click_id` in other cases of letters. */
function rootOf(name: string): string {
  return (name.split("[")[0] ?? "").replace(/[ .]/g, "_").toLowerCase();
}

function pairsOf(query: string): string[] {
  return query.split("&").filter((pair) => pair !== "");
}

function joined(query: string | null, more: string): string {
  if (query === null || query === "") return more;
  return query.endsWith("&") ? query + more : `${query}&${more}`;
}

function mayHold(query: string, param: string): boolean {
  return query.includes(param) || ESCAPED_NAME.test(query);
}

/** The name of a pair, decoded as the URL standard decodes forms. */
function nameOf(pair: string): string {
  const end = pair.indexOf("=");
  const name = end === -1 ? pair : pair.slice(0, end);
  if (!name.includes("%") && !name.includes("+")) return name;
  // A leading `&` keeps the parser from taking a leading `?` away.
  return new URLSearchParams(`&${name}`).keys().next().value ?? "";
}
