/**
 * The canary: a click of ours each minute, of which we know what must become of it, and what is told from many of them.
 *
 *   begun ─▶ redirected | failed ─▶ counted once          missing after 100 s ─▶ delayed, when it comes after all
 *                                   counted twice: doubled
 *   advertiser, campaign, publisher = clickledger-canary        ad = canary-<minute mod 32>
 *
 * Each minute has an ad of its own among 32, so that the click is found again by minute and ad, whoever answered it,
 * and all shards have their turn.
 *
 * Keeps: pure. A click whose answer nobody saw may have been counted or not, and is neither lost nor failed by that; a
 * count of two is double whatever was answered. What is said of a day is a sum, so percentiles are those of all its
 * clicks, rounded up to the bound of a bucket.
 * Relies on: nobody else's tokens bear the name (admin/resources.ts refuses it to tenants).
 */
import { DAY_MS, MINUTE_MS, SECOND_MS } from "./limits.ts";
import { isoDay } from "./time.ts";

/** A tenant that nobody is: its clicks are test traffic, which no bill and no tenant's report holds. */
export const CANARY_ID = "clickledger-canary";
const ADS = 32;
/** From then on a click that is in no report is missing: two runs of cron look within three minutes. */
const MISSING_AFTER_MS = 100 * SECOND_MS;
/** A click is looked at so long, and one that is missing or double, until it is no more or the day is over. */
const WATCHED_MS = 15 * MINUTE_MS;
const TROUBLE_KEPT_MS = DAY_MS;
/** Cron runs each minute; a run that is two minutes late is late. */
const SILENT_AFTER_MS = 3 * MINUTE_MS;
const FAILED_WITHIN_MS = 3 * MINUTE_MS;
export const STATUS_DAYS = 90;

/** Upper bounds of buckets, in milliseconds; what is above the last one is in one more bucket. */
export const BOUNDS_MS = [
  ...[5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 750],
  ...[1_000, 1_500, 2_000, 3_000, 5_000, 7_500, 10_000, 15_000, 20_000, 30_000, 60_000, 120_000],
] as const;
/** How many fell into each bucket. */
export type Histogram = readonly number[];

export type CanaryOutcome = "begun" | "redirected" | "failed";
export type CanaryClick = {
  readonly minute: number;
  readonly atMs: number;
  readonly outcome: CanaryOutcome;
  /** Why it failed, in a word. */
  readonly why?: string;
  /** How often the report has it. */
  readonly seen: number;
  /** It was missed in its time; it stays so when it comes after all. */
  readonly isMissed?: true;
};
export type CanaryDay = {
  readonly day: string;
  readonly clicks: number;
  readonly failed: number;
  /** In no report 100 seconds later, and not since. */
  readonly lost: number;
  /** In no report 100 seconds later, and then after all. */
  readonly delayed: number;
  readonly doubled: number;
  readonly redirectMs: Histogram;
  readonly freshnessMs: Histogram;
};
export type CanaryBook = {
  readonly v: 1;
  /** The clicks that are looked at. */
  readonly clicks: readonly CanaryClick[];
  /** Oldest first. */
  readonly days: readonly CanaryDay[];
  /** When the report was last read; null before that. */
  readonly readAtMs: number | null;
};

export const EMPTY_BOOK: CanaryBook = { v: 1, clicks: [], days: [], readAtMs: null };

export const canaryAd = (minute: number) => `canary-${minute % ADS}`;

/** The claims of a minute's token: free, and test traffic. */
export function canaryClaims(minute: number, { jti, lifeS }: { jti: string; lifeS: number }, nowMs: number): object {
  const iat = Math.floor(nowMs / SECOND_MS);
  return {
    ...{ jti, iat, exp: iat + lifeS, adv: CANARY_ID, cmp: CANARY_ID, ad: canaryAd(minute), pub: CANARY_ID },
    ...{ url: "https://canary.invalid/landed", cpc: 0, tst: 1 },
  };
}

/** The book with the minute's click; null where the minute has one, so that a cron that fires twice clicks once. */
export function beginClick(book: CanaryBook, minute: number, atMs: number): CanaryBook | null {
  if (book.clicks.some((click) => click.minute >= minute)) return null;
  const clicks = [...book.clicks, { minute, atMs, outcome: "begun", seen: 0 } as const];
  const days = add({ ...book, clicks }, atMs, (day) => ({ ...day, clicks: day.clicks + 1 })).days;
  return { ...book, clicks, days: days.slice(-STATUS_DAYS) };
}

export type Answered = { readonly failure: string | null; readonly tookMs: number };

/** The book with what the click was answered. */
export function endClick(book: CanaryBook, minute: number, { failure, tookMs }: Answered): CanaryBook {
  const click = book.clicks.find((one) => one.minute === minute);
  if (click === undefined || click.outcome !== "begun") return book;
  const ended: CanaryClick = {
    ...click,
    ...(failure === null ? { outcome: "redirected" } : { outcome: "failed", why: failure }),
  };
  return add(replace(book, ended), click.atMs, (day) =>
    failure === null ? { ...day, redirectMs: counted(day.redirectMs, tookMs) } : { ...day, failed: day.failed + 1 },
  );
}

/** The minutes that a look has to cover: from the oldest click that is watched. */
export function watchedFrom(book: CanaryBook): number | null {
  return book.clicks.reduce<number | null>((from, { minute }) => Math.min(from ?? minute, minute), null);
}

/** How often a click was counted, of (minute, ad) → how often: in its minute, or in the next one. */
export function seenOf(minute: number, counts: ReadonlyMap<string, number>): number {
  const at = (of: number) => counts.get(`${of} ${canaryAd(minute)}`) ?? 0;
  return at(minute) + at(minute + 1);
}

/** The book after a look at the report, at `nowMs`. */
export function settle(book: CanaryBook, counts: ReadonlyMap<string, number>, nowMs: number): CanaryBook {
  let settled: CanaryBook = { ...book, readAtMs: nowMs };
  for (const click of book.clicks) {
    const seen = seenOf(click.minute, counts);
    const isMissing = seen === 0 && click.outcome === "redirected" && nowMs - click.atMs > MISSING_AFTER_MS;
    const now: CanaryClick = { ...click, seen, ...(isMissing || click.isMissed ? { isMissed: true } : {}) };
    const [was, is] = [tallyOf(click), tallyOf(now)];
    const isFirst = click.seen === 0 && seen > 0;
    settled = add(replace(settled, now), click.atMs, (day) => ({
      ...day,
      lost: day.lost + is.lost - was.lost,
      delayed: day.delayed + is.delayed - was.delayed,
      doubled: day.doubled + is.doubled - was.doubled,
      freshnessMs: isFirst ? counted(day.freshnessMs, nowMs - click.atMs) : day.freshnessMs,
    }));
  }
  return { ...settled, clicks: settled.clicks.filter((click) => isWatched(click, nowMs)) };
}

/** What a click adds to its day. */
function tallyOf({ seen, isMissed }: CanaryClick): { lost: number; delayed: number; doubled: number } {
  const wasMissed = isMissed === true ? 1 : 0;
  return { lost: seen === 0 ? wasMissed : 0, delayed: seen === 0 ? 0 : wasMissed, doubled: seen > 1 ? 1 : 0 };
}

const isTrouble = (click: CanaryClick) => tallyOf(click).lost + tallyOf(click).doubled > 0;
const isWatched = (click: CanaryClick, nowMs: number) =>
  nowMs - click.atMs < (isTrouble(click) ? TROUBLE_KEPT_MS : WATCHED_MS);

function replace(book: CanaryBook, click: CanaryClick): CanaryBook {
  return { ...book, clicks: book.clicks.map((one) => (one.minute === click.minute ? click : one)) };
}

/** The book with the day of an instant changed. */
function add(book: CanaryBook, atMs: number, change: (day: CanaryDay) => CanaryDay): CanaryBook {
  const name = isoDay(atMs);
  const found = book.days.find(({ day }) => day === name);
  if (found !== undefined) return { ...book, days: book.days.map((one) => (one === found ? change(one) : one)) };
  const none = { clicks: 0, failed: 0, lost: 0, delayed: 0, doubled: 0 };
  return { ...book, days: [...book.days, change({ day: name, ...none, redirectMs: [], freshnessMs: [] })] };
}

function counted(histogram: Histogram, ms: number): Histogram {
  const at = BOUNDS_MS.findIndex((bound) => ms <= bound);
  const bucket = at === -1 ? BOUNDS_MS.length : at;
  const length = Math.max(histogram.length, bucket + 1);
  return Array.from({ length }, (_, index) => (histogram[index] ?? 0) + (index === bucket ? 1 : 0));
}

/** At most so many milliseconds for the given share; null of none, and where that is above all bounds. */
export function percentile(histogram: Histogram, share: number): number | null {
  const all = histogram.reduce((sum, count) => sum + count, 0);
  let below = 0;
  for (const [at, count] of histogram.entries()) {
    below += count;
    if (count > 0 && below >= all * share) return BOUNDS_MS[at] ?? null;
  }
  return null;
}

export const CANARY_STATES = ["ok", "losing", "doubling", "failing", "unread", "silent", "off"] as const;
/**
 * What an alarm asks: `losing` and `doubling` as long as a click of the last day is missing or double, `failing` where
 * one of the last three minutes was not redirected, `unread` where the report cannot be read, `silent` where none was
 * made.
 */
export type CanaryState = (typeof CANARY_STATES)[number];

/** How the canary is; null is the book of a deployment that has none. */
export function canaryState(book: CanaryBook | null, nowMs: number): CanaryState {
  const last = book?.clicks.at(-1);
  if (book === null || last === undefined) return book === null || book.days.length === 0 ? "off" : "silent";
  const tallies = book.clicks.map(tallyOf);
  if (tallies.some(({ doubled }) => doubled > 0)) return "doubling";
  if (tallies.some(({ lost }) => lost > 0)) return "losing";
  if (nowMs - last.atMs > SILENT_AFTER_MS) return "silent";
  const isRecent = ({ atMs }: CanaryClick) => nowMs - atMs <= FAILED_WITHIN_MS;
  if (book.clicks.some((click) => click.outcome === "failed" && isRecent(click))) return "failing";
  const [first] = book.clicks;
  const readAtMs = book.readAtMs ?? first?.atMs ?? nowMs;
  return nowMs - readAtMs > SILENT_AFTER_MS ? "unread" : "ok";
}
