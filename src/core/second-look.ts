/**
 * Second looks: rules over many clicks, which no shard can ask when a click arrives; what they name is revised
 * (core/revision.ts), by an operator's word. Sophisticated invalid traffic in the words of the MRC.
 *
 *   of one user on one ad:
 *   high_frequency         more than 5 valid clicks in one minute: those beyond the fifth
 *   regular_intervals      8 valid clicks or more that follow each other like a clock: all
 *   short_time_to_click    5 valid clicks within an hour, each less than a second after its ad: all
 *   of a click:
 *   current_rules          what today's first-look rules and lists say of one that was valid under older ones
 *   of a publisher:
 *   outlying_ctr           far more valid clicks per impression than all others: dry only
 *   of a user on one ad:
 *   bait_placement         a click on a placement that nobody sees, and what its user clicked within an hour: dry only
 *
 * Keeps: pure; a look takes valid clicks in the order of one shard's log and names each at most once. Bounded memory:
 * of each user and ad what lies within an hour, and at most so many users as `USERS_MAX`, the oldest forgotten first.
 * Clicks without a user key are never named by a rule on users.
 * Source: MRC Invalid Traffic Addendum: activity-based filtration. Limits are choices; their precision on real traffic
 * is not known, only that on drawn clicks (test/docs/second-look-precision.test.ts).
 */
import type { EventId } from "./event-id.ts";
import { HOUR_MS, SECOND_MS } from "./limits.ts";
import { minuteOf } from "./time.ts";
import type { VerdictReason } from "./verdict.ts";

/** A valid click as rules on users see it. */
export type SeenClick = {
  readonly event: EventId;
  readonly advertiserId: string;
  readonly adId: string;
  readonly userKey: string | null;
  readonly receivedAtMs: number;
  readonly issuedAtMs: number;
};

export const SECOND_LOOKS = {
  high_frequency: { isDryOnly: false },
  regular_intervals: { isDryOnly: false },
  short_time_to_click: { isDryOnly: false },
  current_rules: { isDryOnly: false },
  /** Its precision is unknown: a good placement and a fraudulent one look the same from here. */
  outlying_ctr: { isDryOnly: true },
  /** Its precision is unknown: whether nobody sees a placement is its ad server's word, and people share devices. */
  bait_placement: { isDryOnly: true },
} as const satisfies Record<string, { isDryOnly: boolean }>;
export type SecondLookRule = keyof typeof SECOND_LOOKS;
export const SECOND_LOOK_RULES = Object.keys(SECOND_LOOKS) as SecondLookRule[];

/** Each of these is on another impression of the ad: repeated clicks on one impression are duplicates already. */
export const CLICKS_PER_MINUTE_MAX = 5;
export const REGULAR_CLICKS_MIN = 8;
/** Gaps differ from their mean by this at most: a person's differ by more, a program's timer by less. */
export const REGULAR_SPREAD = 0.02;
export const REGULAR_GAP_MIN_MS = SECOND_MS;
export const FAST_CLICKS_MIN = 5;
export const FAST_MS = SECOND_MS;
const WINDOW_MS = HOUR_MS;
export const USERS_MAX = 100_000;

export type UserRule = "high_frequency" | "regular_intervals" | "short_time_to_click";
/** What a look names: an event, and why. */
export type Named = { readonly event: EventId; readonly reason: VerdictReason & UserRule };

type History = {
  minute: number;
  inMinute: number;
  /** Clicks that follow each other regularly so far. */
  run: { readonly event: EventId; readonly atMs: number }[];
  fast: { readonly event: EventId; readonly atMs: number }[];
  readonly named: Set<EventId>;
  lastAtMs: number;
};

/** A look at one shard's valid clicks, in the order of its log. */
export class SecondLook {
  readonly #rules: ReadonlySet<string>;
  /** By user and ad, the one that clicked last at the end. */
  readonly #users = new Map<string, History>();

  constructor(rules: readonly SecondLookRule[]) {
    this.#rules = new Set(rules);
  }

  /** Takes the next click; resolves to what it shows, which may be of earlier clicks. O(clicks of a run). */
  add(click: SeenClick): Named[] {
    const { advertiserId, adId, userKey, receivedAtMs } = click;
    if (userKey === null) return [];
    // Ids hold no blank, so only the last part may.
    const history = this.#historyOf(`${advertiserId} ${adId} ${userKey}`, receivedAtMs);
    history.lastAtMs = receivedAtMs;
    const named: Named[] = [];
    const name = (events: readonly EventId[], reason: UserRule) => {
      if (!this.#rules.has(reason)) return;
      for (const event of events) {
        if (history.named.has(event)) continue;
        history.named.add(event);
        named.push({ event, reason });
      }
    };
    name(beyondMinute(history, click), "high_frequency");
    name(regular(history, click), "regular_intervals");
    name(fast(history, click), "short_time_to_click");
    return named;
  }

  #historyOf(user: string, atMs: number): History {
    const known = this.#users.get(user);
    this.#users.delete(user);
    const isOver = known === undefined || atMs - known.lastAtMs > WINDOW_MS;
    const history = isOver
      ? { minute: -1, inMinute: 0, run: [], fast: [], named: new Set<EventId>(), lastAtMs: atMs }
      : known;
    this.#users.set(user, history);
    if (this.#users.size > USERS_MAX) this.#users.delete(this.#users.keys().next().value as string);
    return history;
  }
}

/** The first of a minute stand, so that looking again after more clicks came takes nothing back. */
function beyondMinute(history: History, { event, receivedAtMs }: SeenClick): EventId[] {
  const minute = minuteOf(receivedAtMs);
  history.inMinute = minute === history.minute ? history.inMinute + 1 : 1;
  history.minute = minute;
  return history.inMinute > CLICKS_PER_MINUTE_MAX ? [event] : [];
}

function regular(history: History, { event, receivedAtMs: atMs }: SeenClick): EventId[] {
  const run = [...history.run, { event, atMs }];
  // The longest end of it that is regular goes on.
  while (run.length > 2 && !isRegular(run.map((click) => click.atMs))) run.shift();
  history.run = run.slice(-2 * REGULAR_CLICKS_MIN);
  return run.length >= REGULAR_CLICKS_MIN ? run.map((click) => click.event) : [];
}

function isRegular(instants: readonly number[]): boolean {
  const gaps = instants.slice(1).map((atMs, at) => atMs - (instants[at] as number));
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  if (mean < REGULAR_GAP_MIN_MS || mean > WINDOW_MS / REGULAR_CLICKS_MIN) return false;
  return gaps.every((gap) => Math.abs(gap - mean) <= REGULAR_SPREAD * mean);
}

function fast(history: History, { event, receivedAtMs: atMs, issuedAtMs }: SeenClick): EventId[] {
  const elapsedMs = atMs - issuedAtMs;
  if (elapsedMs < 0 || elapsedMs >= FAST_MS) return [];
  history.fast = [...history.fast.filter((click) => atMs - click.atMs < WINDOW_MS), { event, atMs }].slice(-100);
  return history.fast.length >= FAST_CLICKS_MIN ? history.fast.map((click) => click.event) : [];
}

/** What a publisher had in the period. */
export type PublisherCounts = { readonly publisherId: string; readonly clicks: number; readonly impressions: number };

/** Clicks below which nothing is said of a publisher, and how far its rate lies beyond that of all others together. */
export const OUTLYING_CLICKS_MIN = 50;
export const OUTLYING_TIMES = 5;

/** Publishers whose clicks per impression are far beyond those of all others together. */
export function outlyingPublishers(publishers: readonly PublisherCounts[]): string[] {
  const sum = (of: "clicks" | "impressions") => publishers.reduce((total, each) => total + each[of], 0);
  const [clicks, impressions] = [sum("clicks"), sum("impressions")];
  return publishers
    .filter((each) => {
      const others = { clicks: clicks - each.clicks, impressions: impressions - each.impressions };
      if (each.clicks < OUTLYING_CLICKS_MIN || others.clicks === 0 || others.impressions === 0) return false;
      // Without an impression of its own its rate has no end.
      return each.clicks * others.impressions > OUTLYING_TIMES * others.clicks * each.impressions;
    })
    .map(({ publisherId }) => publisherId);
}
