/**
 * The traffic plan: a pure function from a seed to a list of requests, each with its expected outcome.
 *
 * Expectations follow the demonstration's own model of the rules, not the Worker's code:
 *   claims    counted; of all requests of an impression that claim, the first is valid and the others are duplicates
 *   counted   invalid, or late, whatever else happens to the impression
 *   refused   no event at all: an HTTP problem of a named type
 *
 * Keeps: exactly `requests` requests, by ascending time. Requests of one impression come from one client and do not
 * straddle a minute, so that which of them is first decides nothing but which of them is billed.
 */
import type { Agents } from "./agents.ts";
import { Random, Weighted, zipf } from "./random.ts";
import { type Client, type Impression, SCENARIOS, type Step, singleClick } from "./scenarios.ts";
import { type SigningKey, signToken } from "./tokens.ts";

export type Expectation =
  | { readonly kind: "claims" }
  | { readonly kind: "counted"; readonly verdict: "invalid" | "late"; readonly reason: string }
  | { readonly kind: "refused"; readonly problem: string; readonly status: number };

export type PlannedRequest = {
  /** When to send it, from the start of the traffic. */
  readonly atMs: number;
  readonly method: "GET" | "HEAD" | "POST";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
  /** Which requests are of one impression. */
  readonly impression: number;
  readonly adId: string;
  /** The minute that the client reports, where it reports a time; otherwise the server's receipt decides. */
  readonly reportedAtMs: number | null;
  readonly expect: Expectation;
};

export type PlanOptions = {
  readonly requests: number;
  readonly seed: number;
  readonly startMs: number;
  readonly durationMs: number;
  readonly agents: Pick<Agents, "browsers" | "crawlers">;
  readonly keys: Keys;
};

/** `active` verify; `forged` bears an active kid with other bytes; `foreign` bears a kid that is not in the ring. */
export type Keys = {
  readonly active: readonly SigningKey[];
  readonly forged: SigningKey;
  readonly foreign: SigningKey;
};

const ADVERTISERS = 3;
const CAMPAIGNS = 6;
const ADS = 20;
const PUBLISHERS = 8;
const COUNTRIES = ["US", "DE", "BR", "IN", "GB", "FR", "JP", "NG", "MX", "PL", "ID", "CA"] as const;
/** Clicks on ads of their own, at regular times, that measure how fresh the report is. */
const PROBES = 24;
export const PROBE_AD = "ad_probe_";
const MINUTE_MS = 60_000;
/** Longest time between the first and the last request of one impression, and a margin for late dispatch. */
const VISIT_MAX_MS = 3_500;
const STRADDLE_MARGIN_MS = 1_000;

/** How many of the requests are probes; they come on ads named `PROBE_AD` and a number. */
export function probesIn(requests: number): number {
  return Math.min(PROBES, Math.floor(requests / 20));
}

/** Keys made from the seed; they protect nothing. */
export function makeKeys(seed: number): Keys {
  const random = new Random(seed ^ 0x5eed);
  const key = (kid: string) => ({ kid, bytes: Buffer.from(Array.from({ length: 32 }, () => random.below(256))) });
  const first = key("demo-a");
  return { active: [first, key("demo-b")], forged: { ...key(first.kid) }, foreign: key("demo-retired") };
}

export function makePlan(options: PlanOptions): PlannedRequest[] {
  const { requests, seed, startMs, durationMs, agents, keys } = options;
  const random = new Random(seed);
  const ads = zipf(Array.from({ length: ADS }, (_, index) => index));
  const publishers = zipf(Array.from({ length: PUBLISHERS }, (_, index) => index));
  const countries = zipf(COUNTRIES);
  const browsers = new Weighted(agents.browsers, ({ weight }) => weight);
  const scenarios = new Weighted(SCENARIOS, ({ weight }) => weight);
  const probes = probesIn(requests);
  const planned: PlannedRequest[] = [];

  const clientOf = (): Client => ({
    browser: browsers.pick(random).text,
    crawler: random.pick(agents.crawlers),
    headers: {
      "CF-Connecting-IP": `198.51.${random.below(256)}.${random.below(256)}`,
      "MF-CF-Blob": JSON.stringify({ country: countries.pick(random), colo: "DEM", asn: 64_512 + random.below(16) }),
    },
  });
  const impressionOf = (adId: string, ad: number, atMs: number): Impression => {
    const iat = Math.floor(startMs + atMs - random.between(1_000, 600_000)) / 1_000;
    const claims = {
      jti: random.text(16),
      iat,
      exp: iat + 3_600,
      adv: `adv_${ad % ADVERTISERS}`,
      cmp: `cmp_${ad % CAMPAIGNS}`,
      ad: adId,
      pub: `pub_${publishers.pick(random)}`,
      url: "https://shop.example/offer/{ad_id}?from={publisher_id}",
      cpc: 50_000 + random.below(900_000),
    };
    return {
      claims,
      sign: (changes, key) => signToken({ ...claims, ...changes }, key ?? random.pick(keys.active)),
      keys,
    };
  };

  for (let impression = 0; planned.length < requests; impression++) {
    const isProbe = impression < probes;
    const atMs = isProbe ? ((impression + 0.5) * durationMs) / probes : random.between(0, durationMs);
    const ad = ads.pick(random);
    const adId = isProbe ? `${PROBE_AD}${impression}` : `ad_${ad}`;
    const play = isProbe ? singleClick : scenarios.pick(random).play;
    const shown = impressionOf(adId, ad, atMs);
    let steps = play(shown, clientOf(), random, startMs + atMs);
    if (planned.length + steps.length > requests) steps = singleClick(shown, clientOf(), random, startMs + atMs);
    const fromMs = steps.length === 1 ? atMs : awayFromMinuteEnd(atMs, startMs);
    for (const step of steps) planned.push(toRequest(step, { fromMs, impression, adId }));
  }
  return planned.sort((a, b) => a.atMs - b.atMs);
}

/** The same time, or the start of the next minute where a visit of full length would reach into it. */
function awayFromMinuteEnd(atMs: number, startMs: number): number {
  const leftMs = MINUTE_MS - ((startMs + atMs) % MINUTE_MS);
  return leftMs < VISIT_MAX_MS + STRADDLE_MARGIN_MS ? atMs + leftMs + STRADDLE_MARGIN_MS : atMs;
}

function toRequest(
  step: Step,
  { fromMs, impression, adId }: { fromMs: number; impression: number; adId: string },
): PlannedRequest {
  const { afterMs, ...request } = step;
  return { ...request, atMs: fromMs + Math.min(afterMs, VISIT_MAX_MS), impression, adId };
}
