/**
 * How an impression is shown in the demonstration: what its pixel is asked for, and what must come of it.
 *
 * Keeps: every pixel gets a pixel for an answer, whatever it is worth, so an answer tells nothing: what was counted is
 * told by the report alone.
 */

import type { Random } from "../../src/demo/random.ts";
import type { Client } from "./people.ts";
import type { Expectation, Impression, Step } from "./requests.ts";
import { CLAIMS, flip, invalid, type Play } from "./scenarios.ts";

/** A pixel that is answered like any other, and counted nowhere. */
const refused = (reason: string): Expectation => ({ kind: "unseen", reason });

function show(token: string, client: Client, expect: Expectation, change: Partial<Step> = {}): Step {
  return {
    type: "impression",
    afterMs: 0,
    method: "GET",
    path: `/i/${token}`,
    body: null,
    user: null,
    reportedAtMs: null,
    expect,
    ...change,
    headers: { "User-Agent": client.browser, ...client.headers, ...change.headers },
  };
}

export const seenOnce: Play = ({ sign }, client) => [show(sign(), client, CLAIMS)];

/** The way back to the page, or a browser that loads the image again. */
const seenTwice: Play = ({ sign }, client, random) => {
  const token = sign();
  return [show(token, client, CLAIMS), show(token, client, CLAIMS, { afterMs: random.between(60, 1_500) })];
};

const byCrawler: Play = ({ sign }, client) => [
  show(sign(), client, invalid("declared_crawler"), { headers: { "User-Agent": client.automated.crawler } }),
];

const byProgram: Play = ({ sign }, client) => [
  show(sign(), client, invalid("non_browser_agent"), { headers: { "User-Agent": client.automated.program } }),
];

const byHead: Play = ({ sign }, client) => [show(sign(), client, invalid("head_request"), { method: "HEAD" })];

const inTest: Play = ({ sign }, client) => [show(sign({ tst: 1 }), client, invalid("test"))];

const expired: Play = ({ sign, claims }, client) => [
  show(sign({ iat: claims.iat - 9_000, exp: claims.exp - 9_000 }), client, invalid("expired_token")),
];

const preloaded: Play = ({ sign }, client) => [
  show(sign(), client, refused("speculative"), { headers: { "Sec-Purpose": "prefetch" } }),
];

const badToken: Play = ({ sign, keys }, client, random) => {
  const [header = "", payload = "", signature = ""] = sign().split(".");
  const ways: readonly (readonly [token: string, reason: string])[] = [
    [`${header}.${payload}.${flip(signature, random.below(signature.length - 1))}`, "signature-invalid"],
    [sign({}, keys.forged), "signature-invalid"],
    [sign({}, keys.foreign), "key-unknown"],
    [`${header}.${payload}`, "token-segments"],
    ["", "token-missing"],
  ];
  const [token, reason] = random.pick(ways);
  return [show(token, client, refused(reason))];
};

/** Shares in percent of the visits in which nothing is clicked. */
export const SHOWINGS: readonly { readonly weight: number; readonly play: Play }[] = [
  { weight: 76, play: seenOnce },
  { weight: 8, play: seenTwice },
  { weight: 5, play: byCrawler },
  { weight: 2, play: byProgram },
  { weight: 1, play: byHead },
  { weight: 1, play: inTest },
  { weight: 1, play: expired },
  { weight: 2, play: preloaded },
  { weight: 4, play: badToken },
];

/** What shows an impression before `steps` happen to it: mostly once, sometimes twice. They follow a moment later. */
export function shownBefore(
  steps: readonly Step[],
  { impression, client, random, nowMs }: { impression: Impression; client: Client; random: Random; nowMs: number },
): Step[] {
  const play = random.unit() < 0.06 ? seenTwice : seenOnce;
  return [...play(impression, client, random, nowMs), ...steps];
}
