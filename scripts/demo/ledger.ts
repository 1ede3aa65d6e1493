/**
 * Two ledgers of the same traffic in the same form, and what differs between them: the truth, folded from the plan and
 * the server's acknowledgements, and the report, folded from the rows that the API answers.
 *
 * Keeps: the minute of a click is that of its receipt, which the click id in the redirect tells, or of the time that the
 * client reported. The truth uses no rule of the Worker's code.
 */
import type { Answer } from "./traffic.ts";

export const MEASURES = ["valid", "duplicate", "invalid", "late", "gross"] as const;
export type Measure = (typeof MEASURES)[number];
export type Counts = Record<Measure, number>;

export type Ledger = {
  readonly total: Counts;
  readonly byAd: Map<string, Counts>;
  /** By minute, as an ISO instant. */
  readonly byMinute: Map<string, Counts>;
  readonly byReason: Map<string, number>;
};

export type Refusals = { readonly expected: Map<string, number>; readonly answered: Map<string, number> };

export type Difference = { readonly what: string; readonly truth: number; readonly report: number };

const MINUTE_MS = 60_000;

export function emptyLedger(): Ledger {
  return { total: noCounts(), byAd: new Map(), byMinute: new Map(), byReason: new Map() };
}

/** Adds `by` to a measure of an ad in a minute. Gross is the sum of the others. */
export function addTo(
  ledger: Ledger,
  { adId, minute, measure, by }: { adId: string; minute: string; measure: Measure; by: number },
): void {
  for (const counts of [ledger.total, countsAt(ledger.byAd, adId), countsAt(ledger.byMinute, minute)]) {
    counts[measure] += by;
  }
}

/** The truth. Requests that got another answer than expected are in `refusals`, and never in the ledger. */
export function truthOf(answers: readonly Answer[]): { ledger: Ledger; refusals: Refusals } {
  const ledger = emptyLedger();
  const refusals: Refusals = { expected: new Map(), answered: new Map() };
  const claimed = new Set<number>();
  const inOrder = answers.toSorted((a, b) => (a.receivedAtMs ?? 0) - (b.receivedAtMs ?? 0));
  for (const { planned, status, problem, receivedAtMs } of inOrder) {
    const { expect, adId, impression, reportedAtMs } = planned;
    if (expect.kind === "refused") count(refusals.expected, `${expect.status} ${expect.problem}`);
    if (status !== 302 || receivedAtMs === null) {
      count(refusals.answered, status === 0 ? "no answer" : `${status} ${problem ?? "no problem"}`);
      continue;
    }
    if (expect.kind === "refused") continue;
    const isFirstClaim = expect.kind === "claims" && !claimed.has(impression);
    if (isFirstClaim) claimed.add(impression);
    const measure = expect.kind === "counted" ? expect.verdict : isFirstClaim ? "valid" : "duplicate";
    const minute = isoMinute(reportedAtMs ?? receivedAtMs);
    addTo(ledger, { adId, minute, measure, by: 1 });
    addTo(ledger, { adId, minute, measure: "gross", by: 1 });
    if (measure !== "valid") count(ledger.byReason, expect.kind === "counted" ? expect.reason : "same_impression");
  }
  return { ledger, refusals };
}

/** Every number in which the two ledgers, or the expected and the answered refusals, are not the same. */
export function differencesBetween(truth: Ledger, report: Ledger, refusals: Refusals): Difference[] {
  const differences: Difference[] = [];
  const compare = (what: string, a: number, b: number) => {
    if (a !== b) differences.push({ what, truth: a, report: b });
  };
  const compareCounts = (what: string, a: Counts | undefined, b: Counts | undefined) => {
    for (const measure of MEASURES) compare(`${what} · ${measure}`, a?.[measure] ?? 0, b?.[measure] ?? 0);
  };
  compareCounts("all", truth.total, report.total);
  for (const ad of keysOf(truth.byAd, report.byAd)) compareCounts(ad, truth.byAd.get(ad), report.byAd.get(ad));
  for (const minute of keysOf(truth.byMinute, report.byMinute)) {
    compareCounts(minute, truth.byMinute.get(minute), report.byMinute.get(minute));
  }
  for (const reason of keysOf(truth.byReason, report.byReason)) {
    compare(`reason ${reason}`, truth.byReason.get(reason) ?? 0, report.byReason.get(reason) ?? 0);
  }
  for (const refusal of keysOf(refusals.expected, refusals.answered)) {
    compare(`refused ${refusal}`, refusals.expected.get(refusal) ?? 0, refusals.answered.get(refusal) ?? 0);
  }
  return differences;
}

/** The keys of both, sorted as people count: ad_2 before ad_10. */
export function keysOf(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): string[] {
  return [...new Set([...a.keys(), ...b.keys()])].sort((x, y) => x.localeCompare(y, "en", { numeric: true }));
}

export function noCounts(): Counts {
  return { valid: 0, duplicate: 0, invalid: 0, late: 0, gross: 0 };
}

export function isoMinute(ms: number): string {
  return new Date(Math.floor(ms / MINUTE_MS) * MINUTE_MS).toISOString().replace(".000Z", "Z");
}

export function count(counts: Map<string, number>, key: string, by = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

function countsAt(map: Map<string, Counts>, key: string): Counts {
  const counts = map.get(key) ?? noCounts();
  map.set(key, counts);
  return counts;
}
