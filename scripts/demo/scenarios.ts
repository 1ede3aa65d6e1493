/**
 * What happens to an impression in the demonstration: one function per kind of visit, with its share of the traffic.
 *
 * Keeps: a scenario's requests come from one client, with one agent for everything that may claim the impression.
 */
import type { Expectation, Keys, PlannedRequest } from "./plan.ts";
import type { Random } from "./random.ts";
import type { SigningKey } from "./tokens.ts";

export type Client = {
  readonly browser: string;
  readonly crawler: string;
  readonly headers: Readonly<Record<string, string>>;
};

export type Impression = {
  readonly claims: { readonly iat: number; readonly exp: number };
  /** A token with these claims, some changed; by an active key unless told. */
  readonly sign: (changes?: Readonly<Record<string, unknown>>, key?: SigningKey) => string;
  readonly keys: Keys;
};

/** A request of a visit, `afterMs` after its beginning. */
export type Step = Omit<PlannedRequest, "atMs" | "impression" | "adId"> & { readonly afterMs: number };

type Play = (impression: Impression, client: Client, random: Random, nowMs: number) => Step[];

const CLAIMS: Expectation = { kind: "claims" };
const invalid = (reason: string): Expectation => ({ kind: "counted", verdict: "invalid", reason });
const refused = (problem: string, status: number): Expectation => ({ kind: "refused", problem, status });

/** Late: this long ago, which is beyond the allowed lateness whatever the second. */
const LATE_BY_MS = 5 * 60_000;
/** On time: this long ago, which is within the allowed lateness whatever the second. */
const REPORTED_AGO_MS = 2_000;

function get(token: string, client: Client, expect: Expectation, change: Partial<Step> = {}): Step {
  return {
    afterMs: 0,
    method: "GET",
    path: `/c/${token}`,
    body: null,
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

const byCrawler = (client: Client): Partial<Step> => ({ headers: { "User-Agent": client.crawler } });

const crawler: Play = ({ sign }, client) => [get(sign(), client, invalid("declared_crawler"), byCrawler(client))];

/** A scanner follows the link before the person does, and does not take the person's click. */
const crawlerFirst: Play = ({ sign }, client, random) => {
  const token = sign();
  return [
    get(token, client, invalid("declared_crawler"), byCrawler(client)),
    get(token, client, CLAIMS, { afterMs: random.between(200, 2_000) }),
  ];
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
    [`${header}.${payload}.${signature}=`, "token-encoding", 400],
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
function flip(text: string, at: number): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const flipped = alphabet[alphabet.indexOf(text[at] ?? "A") ^ 1] ?? "B";
  return `${text.slice(0, at)}${flipped}${text.slice(at + 1)}`;
}

/** Shares in percent of visits. */
export const SCENARIOS: readonly { readonly weight: number; readonly play: Play }[] = [
  { weight: 66, play: singleClick },
  { weight: 5, play: doubleClick },
  { weight: 3, play: clientRetry },
  { weight: 7, play: crawler },
  { weight: 2, play: crawlerFirst },
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
