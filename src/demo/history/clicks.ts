/**
 * The clicks of the demonstration's history: day by day and ad by ad, from the catalogue and a seed alone, each with
 * the verdict that the rules should give it.
 *
 *   a day's clicks of an ad = its ordinary number × the course of its campaign × the weekday × the day's luck
 *   each is a person's, a person's again (duplicate), a machine's (by the publisher), or a person's that came late
 *
 * Keeps: pure; the same seed and end make the same clicks, and a day's do not depend on where the history begins.
 * `expect` is this module's own model of the rules, for the test that compares it with what the system counted.
 */
import { hash32 } from "../../core/hash.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../../core/limits.ts";
import type { ReviewChoice } from "../../core/review.ts";
import type { Method } from "../../core/token-event.ts";
import type { Decision, VerdictReason } from "../../core/verdict.ts";
import { Random, Weighted } from "../random.ts";
import { campaignOf, DEMO_ADS, DEMO_PUBLISHERS, type DemoAd, type DemoPublisher } from "./catalog.ts";
import { asProgram, type Client, clientOf, type MachineReason, machineOf } from "./clients.ts";

const SEED = "clickledger demonstration 1";

/** A decision that somebody made on a late click, and when. */
export type PlannedReview = { readonly choice: ReviewChoice; readonly atMs: number };

export type PlannedClick = {
  readonly ad: DemoAd;
  readonly publisher: DemoPublisher;
  readonly placement: DemoPublisher["placements"][number];
  readonly creativeId: string;
  readonly client: Client;
  /** Of the impression. */
  readonly jti: string;
  readonly iatS: number;
  readonly expS: number;
  readonly isTest: boolean;
  readonly receivedAtMs: number;
  /** Earlier than receipt where the client reports its own time. */
  readonly occurredAtMs: number;
  readonly method: Method;
  readonly count: number;
  readonly random: Uint8Array;
  readonly expect: Decision;
  readonly review: PlannedReview | null;
};

/** Of the week, from Sunday. */
const WEEKDAYS = [0.78, 1.06, 1.1, 1.07, 1.04, 0.97, 0.74] as const;
/** Of the day, in UTC. */
const HOURS = new Weighted(
  [12, 7, 4, 3, 3, 6, 16, 34, 48, 52, 50, 54, 60, 56, 50, 49, 52, 60, 70, 78, 82, 70, 46, 24].map((weight, hour) => ({
    hour,
    weight,
  })),
  ({ weight }) => weight,
);
const PUBLISHERS = new Weighted(DEMO_PUBLISHERS, ({ weight }) => weight);
const PLACEMENTS = new Map(
  DEMO_PUBLISHERS.map(({ id, placements }) => [id, new Weighted(placements, ({ weight }) => weight)]),
);

const GROWING_DAYS = 24;
const STOPPED_DAYS_AGO = 12;
const TOKEN_LIFE_S = 24 * 3_600;
/** A part of people's clicks. */
const REPEATED = 0.08;
const FOLDED = 0.02;
const LATE = 0.006;
/** Late clicks that are older than this were decided, most of them. */
const REVIEWED_AFTER_MS = 2 * DAY_MS;
const LEFT_WAITING = 0.1;
const ACCEPTED = 0.7;

/** The hours' weights as parts of a day. */
export function hourShare(hour: number): number {
  return HOURS.shareOf(hour);
}

/** What people are expected to click on the ad on a day that ends so long before the history's end. */
export function demandOf(ad: DemoAd, day: number, endMs: number): number {
  const daysAgo = Math.floor(endMs / DAY_MS) - day;
  const weekday = WEEKDAYS[new Date(day * DAY_MS).getUTCDay()] ?? 1;
  const luck = 0.9 + (hash32(`${SEED}/luck/${ad.id}/${day}`) % 1_000) / 5_000;
  return ad.clicksOfDay * weekday * luck * courseOf(ad, day, daysAgo);
}

function courseOf(ad: DemoAd, day: number, daysAgo: number): number {
  switch (campaignOf(ad).course) {
    case "steady":
      return 1 + Math.max(0, 30 - daysAgo) / 150;
    case "weather":
      // It rains on two days of five, for everybody.
      return hash32(`${SEED}/rain/${day}`) % 5 < 2 ? 1.7 : 0.8;
    case "growing":
      return Math.max(0, 1 - daysAgo / GROWING_DAYS) ** 1.2;
    case "stopped":
      return daysAgo < STOPPED_DAYS_AGO ? 0 : 1.1;
  }
}

/** The clicks of a UTC day that were received before `endMs`, by receipt. */
export function clicksOfDay(day: number, endMs: number): PlannedClick[] {
  const clicks = DEMO_ADS.flatMap((ad) => {
    const random = new Random(hash32(`${SEED}/clicks/${ad.id}/${day}`));
    const visits = Math.round(demandOf(ad, day, endMs));
    return Array.from({ length: visits }, () => visit(ad, day, endMs, random)).flat();
  });
  return clicks.filter(({ receivedAtMs }) => receivedAtMs < endMs).sort((a, b) => a.receivedAtMs - b.receivedAtMs);
}

/** One showing of an ad and the clicks on it. */
function visit(ad: DemoAd, day: number, endMs: number, random: Random): PlannedClick[] {
  const publisher = PUBLISHERS.pick(random);
  const placement = PLACEMENTS.get(publisher.id)?.pick(random) ?? publisher.placements[0];
  if (placement === undefined) throw new Error(`${publisher.id} has no placement`);
  const receivedAtMs = Math.floor(day * DAY_MS + HOURS.pick(random).hour * HOUR_MS + random.unit() * HOUR_MS);
  const isMachine = random.unit() < publisher.invalid;
  const client = clientOf(random, receivedAtMs);
  const iatS = Math.floor(receivedAtMs / SECOND_MS) - 2 - random.below(90);
  const click: PlannedClick = {
    ...{ ad, publisher, placement, client, receivedAtMs, iatS, expS: iatS + TOKEN_LIFE_S },
    creativeId: random.pick(ad.creativeIds),
    jti: `h-${random.letters(12)}`,
    isTest: false,
    occurredAtMs: receivedAtMs,
    method: "GET",
    count: 1,
    random: random.octets(8),
    expect: { verdict: "valid", reason: null },
    review: null,
  };
  if (isMachine) return [asMachine(click, machineOf(publisher, random), random)];
  if (random.unit() < LATE) return [asLate(click, endMs, random)];
  const folded = random.unit() < FOLDED ? { ...click, count: 2 } : click;
  return random.unit() < REPEATED ? [folded, asRepeat(folded, random)] : [folded];
}

function invalid(reason: VerdictReason): Pick<PlannedClick, "expect"> {
  return { expect: { verdict: "invalid", reason } };
}

function asMachine(click: PlannedClick, reason: MachineReason, random: Random): PlannedClick {
  const told = { ...click, ...invalid(reason) };
  const atS = click.receivedAtMs / SECOND_MS;
  switch (reason) {
    case "test":
      return { ...told, isTest: true };
    case "expired_token":
      return { ...told, iatS: Math.floor(atS) - TOKEN_LIFE_S - 3_600, expS: Math.floor(atS) - 3_600 };
    case "head_request":
      return { ...told, method: "HEAD" };
    case "too_fast":
      // A fraction promises the instant of showing.
      return {
        ...told,
        iatS: (click.receivedAtMs - 20 - random.below(200)) / SECOND_MS + 0.000_01,
        expS: Math.floor(atS) + 600,
      };
    case "data_centre_network":
    case "declared_crawler":
    case "link_preview":
    case "non_browser_agent":
      return { ...told, client: asProgram(click.client, reason, random) };
  }
}

/** Stored while the client had no network, and sent later. */
function asLate(click: PlannedClick, endMs: number, random: Random): PlannedClick {
  const heldMs = Math.floor(random.between(5, 240) * MINUTE_MS);
  const occurredAtMs = click.receivedAtMs - heldMs;
  const iatS = Math.floor(occurredAtMs / SECOND_MS) - 30;
  const late = { ...click, occurredAtMs, iatS, expS: iatS + TOKEN_LIFE_S };
  const isDecided = endMs - click.receivedAtMs > REVIEWED_AFTER_MS && random.unit() >= LEFT_WAITING;
  if (!isDecided) return { ...late, expect: { verdict: "late", reason: "late" } };
  const choice: ReviewChoice = random.unit() < ACCEPTED ? "accept" : "reject";
  return {
    ...late,
    review: { choice, atMs: click.receivedAtMs + random.below(REVIEWED_AFTER_MS) },
    ...(choice === "accept" ? { expect: { verdict: "valid", reason: "late_accepted" } } : invalid("late_rejected")),
  };
}

/** The same link once more. */
function asRepeat(click: PlannedClick, random: Random): PlannedClick {
  const receivedAtMs = click.receivedAtMs + 800 + random.below(20_000);
  return {
    ...click,
    receivedAtMs,
    occurredAtMs: receivedAtMs,
    count: 1 + random.below(2),
    random: random.octets(8),
    expect: { verdict: "duplicate", reason: "same_impression" },
  };
}
