/**
 * What happens to an impression in the demonstration after it was shown: one function per kind of visit, with its share
 * of the visits. How impressions are shown is in showings.ts.
 *
 * Keeps: a scenario's requests come from one client, with one agent for everything that may claim the impression.
 */

import type { Random } from "../../src/demo/random.ts";
import type { Client } from "./people.ts";
import type { Expectation, Impression, Step } from "./requests.ts";

export type Play = (impression: Impression, client: Client, random: Random, nowMs: number) => Step[];

export const CLAIMS: Expectation = { kind: "claims" };
export const invalid = (reason: string): Expectation => ({ kind: "counted", verdict: "invalid", reason });
const refused = (problem: string, status: number): Expectation => ({ kind: "refused", problem, status });

/** Late: this long ago, which is beyond the allowed lateness whatever the second. */
const LATE_BY_MS = 5 * 60_000;
/** On time: this long ago, which is within the allowed lateness whatever the second. */
const REPORTED_AGO_MS = 2_000;
/** A click that no person makes, this long after its token. */
const AT_ONCE_MS = 40;
/** A network of rented servers (Hetzner), which is no home of people. */
const DATA_CENTRE_ASN = 24_940;
/** People that the demonstration's ad server knows by a key of its own. */
const KNOWN_READERS = 30;

function get(token: string, client: Client, expect: Expectation, change: Partial<Step> = {}): Step {
  return {
    type: "click",
    afterMs: 0,
    method: "GET",
    path: `/c/${token}`,
    body: null,
    user: client.user,
    reportedAtMs: null,
    expect,
    ...change,
    headers: { "User-Agent": client.browser, ...client.headers, ...change.headers },
  };
}

function post(token: string, client: Client, expect: Expectation, reportedAtMs: number): Step {
  const body = JSON.stringify({ token, timestamp_ms: reportedAtMs });
  return { ...get(token, client, expect), method: "POST", path: "/v1/click", body, reportedAtMs };
}

export const singleClick: Play = ({ sign }, client) => [get(sign(), client, CLAIMS)];

const doubleClick: Play = ({ sign }, client, random) => {
  const token = sign();
  return [get(token, client, CLAIMS), get(token, client, CLAIMS, { afterMs: random.between(15, 250) })];
};

const clientRetry: Play = ({ sign }, client, random) => {
  const token = sign();
  return [get(token, client, CLAIMS), get(token, client, CLAIMS, { afterMs: random.between(400, 3_000) })];
};

const by = (agent: string): Partial<Step> => ({ headers: { "User-Agent": agent } });

const crawler: Play = ({ sign }, client) => [
  get(sign(), client, invalid("declared_crawler"), by(client.automated.crawler)),
];

/** A scanner follows the link before the person does, and does not take the person's click. */
const crawlerFirst: Play = ({ sign }, client, random) => {
  const token = sign();
  return [
    get(token, client, invalid("declared_crawler"), by(client.automated.crawler)),
    get(token, client, CLAIMS, { afterMs: random.between(200, 2_000) }),
  ];
};

/** A link that somebody shares is fetched for its card, and then clicked. */
const shared: Play = ({ sign }, client, random) => {
  const token = sign();
  return [
    get(token, client, invalid("link_preview"), by(client.automated.preview)),
    get(token, client, CLAIMS, { afterMs: random.between(200, 2_000) }),
  ];
};

const program: Play = ({ sign }, client) => [
  get(sign(), client, invalid("non_browser_agent"), by(client.automated.program)),
];

const dataCentre: Play = ({ sign }, client) => {
  const headers = { "MF-CF-Blob": JSON.stringify({ country: "DE", colo: "FRA", asn: DATA_CENTRE_ASN }) };
  return [get(sign(), client, invalid("data_centre_network"), { headers })];
};

/** A script clicks as soon as it has the token. On a busy machine the click may arrive late enough for a person's. */
const tooFast: Play = ({ sign, claims }, client, _, nowMs) => {
  const issuedAtMs = exactSeconds(Math.floor(nowMs) - AT_ONCE_MS);
  const iat = issuedAtMs / 1_000;
  const token = sign({ iat, exp: iat + (claims.exp - claims.iat) });
  return [get(token, client, { kind: "soon", issuedAtMs })];
};

const headThenClick: Play = ({ sign }, client, random) => {
  const token = sign();
  const steps = [get(token, client, invalid("head_request"), { method: "HEAD" })];
  return random.unit() < 0.5 ? steps : [...steps, get(token, client, CLAIMS, { afterMs: random.between(50, 900) })];
};

const prefetched: Play = ({ sign }, client, random) => {
  const token = sign();
  const header = random.pick(["Sec-Purpose", "Purpose", "X-Moz"]);
  const value = header === "Sec-Purpose" ? random.pick(["prefetch", "prefetch;prerender"]) : "prefetch";
  const steps = [get(token, client, refused("speculative", 503), { headers: { [header]: value } })];
  return random.unit() < 0.4 ? steps : [...steps, get(token, client, CLAIMS, { afterMs: random.between(300, 2_500) })];
};

const expired: Play = ({ sign, claims }, client, random) => {
  const age = 4_000 + random.below(40_000);
  return [get(sign({ iat: claims.iat - age, exp: claims.exp - age }), client, invalid("expired_token"))];
};

const testTraffic: Play = ({ sign }, client) => [get(sign({ tst: 1 }), client, invalid("test"))];

/** Who asks not to be tracked is a click, and no user. */
const untracked: Play = ({ sign }, client) => [
  get(sign(), client, CLAIMS, { user: null, headers: { "Sec-GPC": "1" } }),
];

/** The ad server knows the person, whatever browser they use. */
const knownReader: Play = ({ sign, ids }, client, random) => {
  const uid = `reader_${random.below(KNOWN_READERS)}`;
  return [get(sign({ uid }), client, CLAIMS, { user: `${ids.advertiserId}/${uid}` })];
};

const forged: Play = ({ sign, keys }, client) => [
  get(sign({}, keys.forged), client, refused("signature-invalid", 403)),
];

const foreign: Play = ({ sign, keys }, client) => [get(sign({}, keys.foreign), client, refused("key-unknown", 403))];

/** One way to damage a token on its way, and what it must be called. */
const damaged: Play = ({ sign }, client, random) => {
  const [header = "", payload = "", signature = ""] = sign().split(".");
  const at = random.below(signature.length - 1);
  const ways: readonly (readonly [token: string, problem: string, status: number])[] = [
    [`${header}.${payload}.${flip(signature, at)}`, "signature-invalid", 403],
    [`${header}.${flip(payload, random.below(payload.length - 1))}.${signature}`, "signature-invalid", 403],
    [`${header}.${payload}`, "token-segments", 400],
    [`${header}.${payload}.${signature.slice(0, at)}!${signature.slice(at + 1)}`, "token-encoding", 400],
    ["", "token-missing", 400],
  ];
  const [token, problem, status] = random.pick(ways);
  return [get(token, client, refused(problem, status))];
};

const script: Play = ({ sign }, client, _, nowMs) => {
  const reportedAtMs = Math.floor(nowMs) - REPORTED_AGO_MS;
  const iat = (reportedAtMs - 30_000) / 1_000;
  return [post(sign({ iat, exp: iat + 3_600 }), client, CLAIMS, reportedAtMs)];
};

const late: Play = ({ sign }, client, _, nowMs) => {
  const reportedAtMs = Math.floor(nowMs) - LATE_BY_MS;
  const iat = (reportedAtMs - 30_000) / 1_000;
  const expect: Expectation = { kind: "counted", verdict: "late", reason: "late" };
  return [post(sign({ iat, exp: iat + 3_600 }), client, expect, reportedAtMs)];
};

/** The character at `at` with one bit of its six turned over. */
export function flip(text: string, at: number): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const flipped = alphabet[alphabet.indexOf(text[at] ?? "A") ^ 1] ?? "B";
  return `${text.slice(0, at)}${flipped}${text.slice(at + 1)}`;
}

/** The same instant, or one shortly before, that has a fraction and survives the way to seconds and back. */
function exactSeconds(atMs: number): number {
  let exactMs = atMs;
  while (exactMs % 1_000 === 0 || Math.floor((exactMs / 1_000) * 1_000) !== exactMs) exactMs--;
  return exactMs;
}

/** Shares in percent of the visits in which something is clicked. */
export const SCENARIOS: readonly { readonly weight: number; readonly play: Play }[] = [
  { weight: 58, play: singleClick },
  { weight: 3, play: untracked },
  { weight: 3, play: knownReader },
  { weight: 5, play: doubleClick },
  { weight: 3, play: clientRetry },
  { weight: 5, play: crawler },
  { weight: 2, play: crawlerFirst },
  { weight: 1, play: shared },
  { weight: 1, play: program },
  { weight: 1, play: dataCentre },
  { weight: 1, play: tooFast },
  { weight: 2, play: headThenClick },
  { weight: 3, play: prefetched },
  { weight: 2, play: expired },
  { weight: 1, play: testTraffic },
  { weight: 2, play: forged },
  { weight: 2, play: foreign },
  { weight: 2, play: damaged },
  { weight: 2, play: script },
  { weight: 1, play: late },
];
