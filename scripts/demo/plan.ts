/**
 * The traffic plan: a pure function from a seed to a list of clicks and pixels, each with its expected outcome.
 *
 * Keeps: exactly `clicks` clicks, by ascending time. Requests of one impression come from one client and do not straddle
 * a minute, so that which of them is first decides nothing but which of them is billed.
 */

import { Random, Weighted, zipf } from "../../src/demo/random.ts";
import { type KnownAgents, makePeople } from "./people.ts";
import type { AdIds, Impression, Keys, PlannedRequest, Step } from "./requests.ts";
import { type Play, SCENARIOS, singleClick } from "./scenarios.ts";
import { SHOWINGS, shownBefore } from "./showings.ts";
import { privateKeyOf, signToken } from "./tokens.ts";

export type PlanOptions = {
  readonly clicks: number;
  readonly seed: number;
  readonly startMs: number;
  readonly durationMs: number;
  readonly agents: KnownAgents;
  readonly keys: Keys;
};

export const ADVERTISERS = 3;
const CAMPAIGNS = 6;
export const ADS = 20;
export const PUBLISHERS = 8;
/** Visits in which nothing is clicked, beside those in which something is; the ad server counts the rest (uploads.ts). */
const QUIET_VISITS_PER_CLICK = 0.5;
/** Clicks on ads of their own, at regular times, that measure how fresh the report is. */
const PROBES = 24;
export const PROBE_AD = "ad_probe_";
const MINUTE_MS = 60_000;
/** Longest time between the first and the last request of one impression, and a margin for late dispatch and receipt. */
const VISIT_MAX_MS = 3_500;
const EDGE_MARGIN_MS = 1_500;

/** How many of the clicks are probes; they come on ads named `PROBE_AD` and a number. */
export function probesIn(clicks: number): number {
  return Math.min(PROBES, Math.floor(clicks / 20));
}

/** About so many requests are planned for so many clicks. */
export function requestsFor(clicks: number): number {
  return Math.ceil(clicks * (2 + QUIET_VISITS_PER_CLICK));
}

/** The ids of the ad of this number; a probe has a name of its own. */
export function idsOf(ad: number, adId = `ad_${ad}`): AdIds {
  return { adId, campaignId: `cmp_${ad % CAMPAIGNS}`, advertiserId: `adv_${ad % ADVERTISERS}` };
}

/** Keys made from the seed; they protect nothing. */
export function makeKeys(seed: number): Keys {
  const random = new Random(seed ^ 0x5eed);
  const bytes = () => Buffer.from(Array.from({ length: 32 }, () => random.below(256)));
  const key = (kid: string) => ({ kid, bytes: bytes() });
  const first = key("demo-a");
  const [second, forged, foreign] = [key("demo-b"), key(first.kid), key("demo-retired")];
  // An ad server that nobody here can sign for.
  const own = privateKeyOf("demo-ad-server", bytes());
  return { active: [first, second, own], forged, foreign };
}

export function makePlan({ clicks, seed, startMs, durationMs, agents, keys }: PlanOptions): PlannedRequest[] {
  const random = new Random(seed);
  const ads = zipf(Array.from({ length: ADS }, (_, index) => index));
  const impressionOf = makeAdServer(random, keys);
  const nextClient = makePeople(agents, random);
  const clicking = new Weighted(SCENARIOS, ({ weight }) => weight);
  const quiet = new Weighted(SHOWINGS, ({ weight }) => weight);
  const probes = probesIn(clicks);
  const planned: PlannedRequest[] = [];
  let visits = 0;

  const add = (steps: readonly Step[], atMs: number, { ids, cpcMicros }: Priced) => {
    const impression = visits++;
    for (const { afterMs, ...request } of steps) {
      planned.push({ ...request, atMs: atMs + Math.min(afterMs, VISIT_MAX_MS), impression, ids, cpcMicros });
    }
    return steps.filter(({ type }) => type === "click").length;
  };

  for (let done = 0; done < clicks; ) {
    const isProbe = visits < probes;
    const busyMs = isProbe ? ((visits + 0.5) * durationMs) / probes : random.between(0, durationMs);
    const atMs = afterPauses(busyMs, startMs);
    const ad = ads.pick(random);
    const shown = impressionOf(idsOf(ad, isProbe ? `${PROBE_AD}${visits}` : undefined), startMs + atMs);
    const visit = { impression: shown, client: nextClient(), random, nowMs: startMs + atMs };
    const playOne = (play: Play) => play(shown, visit.client, random, visit.nowMs);
    let steps = playOne(isProbe ? singleClick : clicking.pick(random).play);
    if (done + steps.length > clicks) steps = playOne(singleClick);
    done += add(shownBefore(steps, visit), atMs, shown);
  }
  for (let left = Math.round(clicks * QUIET_VISITS_PER_CLICK); left > 0; left--) {
    const atMs = afterPauses(random.between(0, durationMs), startMs);
    const shown = impressionOf(idsOf(ads.pick(random)), startMs + atMs);
    add(quiet.pick(random).play(shown, nextClient(), random, startMs + atMs), atMs, shown);
  }
  return planned.sort((a, b) => a.atMs - b.atMs);
}

type Priced = Impression & { readonly cpcMicros: number };

/** An ad server: makes the impression of an ad, shown at an instant, with its price and its signer. */
function makeAdServer(random: Random, keys: Keys): (ids: AdIds, shownAtMs: number) => Priced {
  const publishers = zipf(Array.from({ length: PUBLISHERS }, (_, index) => index));
  return (ids, shownAtMs) => {
    const iat = Math.floor(shownAtMs - random.between(1_000, 600_000)) / 1_000;
    const cpcMicros = 50_000 + random.below(900_000);
    const claims = {
      jti: random.letters(16),
      iat,
      exp: iat + 3_600,
      adv: ids.advertiserId,
      cmp: ids.campaignId,
      ad: ids.adId,
      pub: `pub_${publishers.pick(random)}`,
      url: "https://shop.example/offer/{ad_id}?from={publisher_id}",
      cpc: cpcMicros,
    };
    const sign: Impression["sign"] = (changes, key) =>
      signToken({ ...claims, ...changes }, key ?? random.pick(keys.active));
    return { ids, claims, sign, keys, cpcMicros };
  };
}

/**
 * When a visit begins that follows `busyMs` of traffic, where traffic pauses around the end of every minute: what a
 * visit asks for is then received in one minute, also a pixel, whose answer does not tell when it was received.
 */
function afterPauses(busyMs: number, startMs: number): number {
  let leftMs = busyMs;
  let atMs = startMs;
  for (;;) {
    const minuteMs = Math.floor(atMs / MINUTE_MS) * MINUTE_MS;
    const closesMs = minuteMs + MINUTE_MS - VISIT_MAX_MS - EDGE_MARGIN_MS;
    atMs = Math.max(atMs, minuteMs + EDGE_MARGIN_MS);
    if (atMs + leftMs < closesMs) return atMs + leftMs - startMs;
    leftMs -= Math.max(0, closesMs - atMs);
    atMs = minuteMs + MINUTE_MS;
  }
}
