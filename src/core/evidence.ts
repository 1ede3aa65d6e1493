/**
 * Evidence: what became of each click, from the lines of a log that decide on it.
 *
 *   line   one log line of a click: its first, the review of a late one, a revision
 *   row    one click as its last line leaves it, with every decision on it; a deferred one has none
 *   move   what one decision changed: the first adds a click, a later one takes it from one verdict to another
 *   sums   moves by quarter of an hour, campaign, ad, publisher and cause: what a statement is added up from
 *
 * A late click that joined another has a row of its own until that one is decided; the deciding line stands for all of
 * them (core/late-cap.ts).
 *
 * Impressions and conversions stand in the sums without a cause, for information: no row of a click says them.
 *
 * Keeps: pure. The sums of all rows are what the same lines fold to (core/facts.ts), of gross, each verdict and spend.
 * What two states of a day's sums differ by is what each cause has changed between them (docs/decisions/0057).
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { encodeUtf8 } from "./base64url.ts";
import type { EventId } from "./event-id.ts";
import { placedOf } from "./facts.ts";
import { dimensionsOf } from "./fields.ts";
import type { ImpressionKey } from "./impression-key.ts";
import type { LoggedEvent } from "./log-line.ts";
import { REVIEW_CAUSE } from "./revision.ts";
import { minuteOf } from "./time.ts";
import { countedAtMs, countsOf, type Verdict, type VerdictReason } from "./verdict.ts";

export const MINUTES_PER_QUARTER = 15;

export type EvidenceRow = {
  readonly event: EventId;
  readonly impression: ImpressionKey;
  /** Identical requests that this event stands for; of a valid one, all but the first are duplicates. */
  readonly clicks: number;
  readonly receivedAtMs: number;
  /** The minute, since 1970, in which it counts. */
  readonly minute: number;
  readonly advertiserId: string;
  readonly campaignId: string;
  readonly adGroupId: string;
  readonly adId: string;
  readonly publisherId: string;
  readonly country: string;
  readonly device: string;
  readonly verdict: Verdict;
  readonly reason: VerdictReason | null;
  /** The rules that the deciding line names. */
  readonly rules: string;
  /** What moved it from its first verdict: `review`, `audit/…`, `replay/…`. */
  readonly cause: string | null;
  readonly priceMicros: number;
  /** Where the deciding line stands: `<shard>/<incarnation>`, row of the log, line in it. */
  readonly source: string;
  readonly seq: number;
  readonly line: number;
};

/** What one log line says of a click, and where it stands in the order of its shard's decisions. */
export type EvidenceLine = EvidenceRow & {
  /** Empty where it was erased; then its hash is in `tokenHash`. */
  readonly token: string;
  readonly tokenHash?: string;
  readonly loggedAtMs: number;
  /** Number of the incarnation among its shard's. */
  readonly life: number;
  readonly isFirst: boolean;
  readonly joins: EventId | null;
};

/** What stands beside an event in its log, and the key of its impression. */
type EvidencePlace = Pick<EvidenceLine, "impression" | "source" | "life" | "seq" | "line" | "loggedAtMs">;

export function evidenceLineOf(
  entry: LoggedEvent,
  { impression, source, life, seq, line, loggedAtMs }: EvidencePlace,
): EvidenceLine {
  const { event, claims, review, revision, joins } = entry;
  const placed = placedOf(entry);
  const { advertiserId, campaignId, adGroupId, adId, publisherId, country, device } = dimensionsOf(
    claims,
    placed.event,
  );
  const isReview = review !== null;
  const cause = revision?.cause ?? (isReview ? REVIEW_CAUSE : null);
  return {
    ...{ event: event.id, impression, clicks: event.count },
    ...{ receivedAtMs: event.receivedAtMs, minute: minuteOf(countedAtMs(placed)) },
    ...{ advertiserId, campaignId, adGroupId, adId, publisherId, country, device },
    ...{ verdict: entry.verdict, reason: entry.reason, rules: entry.rules, cause, priceMicros: claims.cpc },
    ...{ source, life, seq, line, loggedAtMs, isFirst: cause === null, joins: joins?.to ?? null },
    ...(entry.erased === undefined ? { token: event.token } : { token: "", tokenHash: entry.erased.tokenHash }),
  };
}

/** One decision on a click: the first by the rules, without a cause; later ones by what called for them. */
export type Decided = Pick<EvidenceRow, "verdict" | "cause">;

/** The line that decides a click, and every decision on it, oldest first. */
export type SettledClick = EvidenceLine & { readonly decisions: readonly Decided[] };

/** Decisions as a row has them: `late;valid review;invalid replay/7`. */
export function spellDecisions(decisions: readonly Decided[]): string {
  return decisions.map(({ verdict, cause }) => (cause === null ? verdict : `${verdict} ${cause}`)).join(";");
}

/**
 * Each click as it stands now, in order of minute and event. All lines of a click are given at once. Each log speaks
 * for itself: one that gave a click up to the shard that owns it has no row of it.
 */
export function settledLines(lines: readonly EvidenceLine[]): SettledClick[] {
  const last = new Map<string, SettledClick>();
  for (const line of lines.toSorted(compareLines)) {
    const { verdict, cause } = line;
    const copy = copyOf(line, line.event);
    const earlier = last.get(copy)?.decisions ?? [];
    // What comes back after its keys are forgotten says nothing new of it.
    if (verdict === "deferred" && line.isFirst && earlier.length > 0) continue;
    last.set(copy, { ...line, decisions: [...earlier, { verdict, cause }] });
  }
  const settled: SettledClick[] = [];
  for (const line of last.values()) {
    if (line.verdict === "deferred") continue;
    const target = line.joins === null ? undefined : last.get(copyOf(line, line.joins));
    // The line that decided the other one counts this one with it.
    if (target !== undefined && !target.isFirst) continue;
    settled.push(line);
  }
  return settled.sort((a, b) => a.minute - b.minute || (a.event < b.event ? -1 : 1));
}

/** An event in the log of one shard. */
function copyOf({ source }: EvidenceLine, event: EventId): string {
  return `${source.slice(0, source.lastIndexOf("/"))} ${event}`;
}

function compareLines(a: EvidenceLine, b: EvidenceLine): number {
  return a.loggedAtMs - b.loggedAtMs || a.life - b.life || a.seq - b.seq || a.line - b.line;
}

/** SHA-256 of a token's text, as 64 hexadecimal digits: what a row commits to. */
export function tokenHashOf(token: string): string {
  return bytesToHex(sha256(encodeUtf8(token)));
}

/** What sums count, beside money. */
export const SUM_COUNTS = ["gross", "valid", "duplicate", "invalid", "late", "impressions", "conversions"] as const;
export type SumCounts = Readonly<Record<(typeof SUM_COUNTS)[number], number>> & { readonly spendMicros: bigint };

export type EvidenceSum = SumCounts & {
  /** Minutes since 1970, by `MINUTES_PER_QUARTER`. */
  readonly quarter: number;
  readonly campaignId: string;
  readonly adId: string;
  readonly publisherId: string;
  /** What called for the decisions whose moves are added up here; null for first ones. */
  readonly cause: string | null;
};

/** What a publisher earned with one advertiser: the same clicks, looked at from the other side. */
export type EarnedSum = EvidenceSum & { readonly advertiserId: string };

/** An advertiser's sums by publisher. What all publishers have adds up to what all advertisers have, to the micro. */
export function earnedFrom(advertiserId: string, sums: Iterable<EvidenceSum>): EarnedSum[] {
  return Array.from(sums, (sum) => ({ ...sum, advertiserId }));
}

/** In the order of what they are stored by. */
export function compareEarned(a: EarnedSum, b: EarnedSum): number {
  if (a.quarter !== b.quarter || a.advertiserId === b.advertiserId) return compareSums(a, b);
  return a.advertiserId < b.advertiserId ? -1 : 1;
}

export const NO_COUNTS: SumCounts = {
  ...{ gross: 0, valid: 0, duplicate: 0, invalid: 0, late: 0, impressions: 0, conversions: 0, spendMicros: 0n },
};

export function plusCounts(a: SumCounts, b: SumCounts, sign: 1 | -1 = 1): SumCounts {
  const counts = Object.fromEntries(SUM_COUNTS.map((name) => [name, a[name] + sign * b[name]]));
  return { ...(counts as Omit<SumCounts, "spendMicros">), spendMicros: a.spendMicros + BigInt(sign) * b.spendMicros };
}

export function hasCounts(counts: SumCounts): boolean {
  return counts.spendMicros !== 0n || SUM_COUNTS.some((name) => counts[name] !== 0);
}

/** What a click counts as while that is its verdict: a deferred one nothing. */
function countsWhile(verdict: Verdict, { clicks, priceMicros }: EvidenceRow): SumCounts {
  if (verdict === "deferred") return NO_COUNTS;
  const counts = countsOf(verdict, clicks);
  return { ...NO_COUNTS, ...counts, gross: clicks, spendMicros: counts.valid === 0 ? 0n : BigInt(priceMicros) };
}

/** What each decision on a click changed, by its cause. They add up to what the click counts as now. */
export function movesOf(click: SettledClick): (SumCounts & Pick<Decided, "cause">)[] {
  let before = NO_COUNTS;
  return click.decisions.map(({ verdict, cause }) => {
    const now = countsWhile(verdict, click);
    const move = plusCounts(now, before, -1);
    before = now;
    return { ...move, cause };
  });
}

/** Adds up what is of the same quarter, campaign, ad, publisher and cause. */
export class Sums {
  readonly #sums = new Map<string, EvidenceSum>();

  add(sum: EvidenceSum): void {
    const { quarter, campaignId, adId, publisherId, cause } = sum;
    const key = [quarter, campaignId, adId, publisherId, cause ?? ""].join("\u001f");
    const known = this.#sums.get(key);
    this.#sums.set(key, known === undefined ? sum : { ...known, ...plusCounts(known, sum) });
  }

  /** In order, without those in which nothing is left. */
  all(): EvidenceSum[] {
    return Array.from(this.#sums.values()).filter(hasCounts).sort(compareSums);
  }
}

/** What clicks add up to, in order. */
export function sumsOfRows(clicks: Iterable<SettledClick>): EvidenceSum[] {
  const sums = new Sums();
  for (const click of clicks) {
    const { campaignId, adId, publisherId } = click;
    const quarter = Math.floor(click.minute / MINUTES_PER_QUARTER);
    for (const move of movesOf(click)) sums.add({ quarter, campaignId, adId, publisherId, ...move });
  }
  return sums.all();
}

export function compareSums(a: EvidenceSum, b: EvidenceSum): number {
  if (a.quarter !== b.quarter) return a.quarter - b.quarter;
  const names = ["campaignId", "adId", "publisherId"] as const;
  for (const name of names) if (a[name] !== b[name]) return a[name] < b[name] ? -1 : 1;
  return compareCauses(a.cause, b.cause);
}

/** First decisions before all later ones. */
export function compareCauses(a: string | null, b: string | null): number {
  return a === b ? 0 : (a ?? "") < (b ?? "") ? -1 : 1;
}
