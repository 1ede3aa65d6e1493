/**
 * Evidence: what became of each click, from the lines of a log that decide on it.
 *
 *   line   one log line of a click: its first, the review of a late one, a revision
 *   row    one click as its last line leaves it; a deferred one has none
 *   sums   rows by quarter of an hour, campaign, ad and publisher: what a statement in any zone is added up from
 *
 * A late click that joined another has a row of its own until that one is decided; the deciding line stands for all of
 * them (core/late-cap.ts).
 *
 * Keeps: pure. The sums of all rows are what the same lines fold to (core/facts.ts), of gross, each verdict and spend.
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
import { countedAtMs, countsOf, type Verdict, type VerdictCounts, type VerdictReason } from "./verdict.ts";

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

/** Of each click the line that decides it, in order of minute and event. All lines of a click are given at once. */
export function settledLines(lines: readonly EvidenceLine[]): EvidenceLine[] {
  const last = new Map<EventId, EvidenceLine>();
  for (const line of lines) {
    const known = last.get(line.event);
    if (known === undefined || compareLines(known, line) < 0) last.set(line.event, line);
  }
  const settled: EvidenceLine[] = [];
  for (const line of last.values()) {
    if (line.verdict === "deferred") continue;
    const target = line.joins === null ? undefined : last.get(line.joins);
    // The line that decided the other one counts this one with it.
    if (target !== undefined && !target.isFirst) continue;
    settled.push(line);
  }
  return settled.sort((a, b) => a.minute - b.minute || (a.event < b.event ? -1 : 1));
}

function compareLines(a: EvidenceLine, b: EvidenceLine): number {
  return a.loggedAtMs - b.loggedAtMs || a.life - b.life || a.seq - b.seq || a.line - b.line;
}

/** SHA-256 of a token's text, as 64 hexadecimal digits: what a row commits to. */
export function tokenHashOf(token: string): string {
  return bytesToHex(sha256(encodeUtf8(token)));
}

export type EvidenceSum = VerdictCounts & {
  /** Minutes since 1970, by `MINUTES_PER_QUARTER`. */
  readonly quarter: number;
  readonly campaignId: string;
  readonly adId: string;
  readonly publisherId: string;
  readonly gross: number;
  readonly spendMicros: bigint;
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

/** What one row adds to the sums of its place. */
export function countsOfRow({ verdict, clicks, priceMicros }: EvidenceRow): Omit<EvidenceSum, SumKey> {
  const counts = countsOf(verdict, clicks);
  return { ...counts, gross: clicks, spendMicros: counts.valid === 0 ? 0n : BigInt(priceMicros) };
}
type SumKey = "quarter" | "campaignId" | "adId" | "publisherId";

export function addSums(a: EvidenceSum, b: Omit<EvidenceSum, SumKey>): EvidenceSum {
  return {
    ...a,
    gross: a.gross + b.gross,
    valid: a.valid + b.valid,
    duplicate: a.duplicate + b.duplicate,
    invalid: a.invalid + b.invalid,
    late: a.late + b.late,
    spendMicros: a.spendMicros + b.spendMicros,
  };
}

/** Rows by quarter, campaign, ad and publisher, in that order. */
export function sumsOfRows(rows: Iterable<EvidenceRow>): EvidenceSum[] {
  const sums = new Map<string, EvidenceSum>();
  for (const row of rows) {
    const { campaignId, adId, publisherId } = row;
    const quarter = Math.floor(row.minute / MINUTES_PER_QUARTER);
    const key = [quarter, campaignId, adId, publisherId].join("\u001f");
    const place = { quarter, campaignId, adId, publisherId };
    sums.set(key, addSums(sums.get(key) ?? { ...place, ...NO_CLICKS }, countsOfRow(row)));
  }
  return [...sums.values()].sort(compareSums);
}

export const NO_CLICKS = { gross: 0, valid: 0, duplicate: 0, invalid: 0, late: 0, spendMicros: 0n } as const;

export function compareSums(a: EvidenceSum, b: EvidenceSum): number {
  if (a.quarter !== b.quarter) return a.quarter - b.quarter;
  const names = ["campaignId", "adId", "publisherId"] as const;
  for (const name of names) if (a[name] !== b[name]) return a[name] < b[name] ? -1 : 1;
  return 0;
}
