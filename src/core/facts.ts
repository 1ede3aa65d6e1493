/**
 * Facts: logged events folded into one row per (advertiser, window, campaign, ad group, ad), with the cross of the
 * remaining dimensions packed into cells.
 *
 *   window = minute, hour or day number        cells = "publisher ␟ country ␟ device ␟ creative" → counts
 *
 * Keeps: folding is a homomorphism: fold(a ++ b) = merge(fold(a), fold(b)), in any order and any grouping, so that any
 * split of a log into postings gives the same facts. A row's totals are the sum of its cells, always.
 */
import type { LoggedEvent } from "./log-line.ts";
import { addCounts, type Counts, isZero, toCounts, zeroCounts } from "./measures.ts";
import type { OpenedEvent } from "./message.ts";
import { minuteOf } from "./time.ts";
import { countsOf, type Decision } from "./verdict.ts";

export type FactsRow = {
  readonly advertiserId: string;
  /** Number of the minute, hour or day since 1970. */
  readonly window: number;
  readonly campaignId: string;
  readonly adGroupId: string;
  readonly adId: string;
  readonly cells: Map<string, Counts>;
  readonly reasons: Map<string, number>;
};

/** Facts by row key. */
export type Facts = Map<string, FactsRow>;

/** U+001F, which no id, country or device can hold. */
const SEPARATOR = "\u001f";

export function cellKeyOf(publisherId: string, country: string, device: string, creativeId: string): string {
  return `${publisherId}${SEPARATOR}${country}${SEPARATOR}${device}${SEPARATOR}${creativeId}`;
}

/** The four dimensions of a cell key, in the order of `CELL_DIMENSIONS`. */
export function cellDimensionsOf(cellKey: string): string[] {
  return cellKey.split(SEPARATOR);
}

/**
 * Adds one logged event to minute facts, in place. A deferred event adds nothing; the review of a late event also takes
 * away what its first line added.
 */
export function foldEvent(facts: Facts, logged: LoggedEvent): void {
  if (logged.verdict === "deferred") return;
  foldVerdict(facts, logged, logged, 1);
  if (logged.review !== null) foldVerdict(facts, logged, { verdict: "late", reason: "late" }, -1);
}

function foldVerdict(facts: Facts, { event, claims }: OpenedEvent, { verdict, reason }: Decision, sign: 1 | -1): void {
  const counts = countsOf(verdict, event.count);
  const row = rowOf(facts, {
    advertiserId: claims.adv,
    window: minuteOf(event.occurredAtMs),
    campaignId: claims.cmp,
    adGroupId: claims.grp ?? "",
    adId: claims.ad,
  });
  const cellKey = cellKeyOf(claims.pub, event.country ?? "", event.device, claims.crt ?? "");
  const added = toCounts({ ...counts, gross: event.count, spend_micros: counts.valid * claims.cpc });
  addCell(row, cellKey, sign === 1 ? added : added.map((count) => -count));
  // A valid event's reason (`late_accepted`) is that of its one valid click; its folded repeats are duplicates.
  if (reason !== null) addReason(row, reason, sign * (verdict === "valid" ? 1 : event.count));
  if (verdict === "valid") addReason(row, "same_impression", sign * (event.count - 1));
}

/** Merges `more` into `facts`, in place. */
export function mergeFacts(facts: Facts, more: Iterable<FactsRow>): void {
  for (const from of more) {
    const row = rowOf(facts, from);
    for (const [key, counts] of from.cells) addCell(row, key, counts);
    for (const [reason, count] of from.reasons) addReason(row, reason, count);
  }
}

/** The same facts in windows `size` times as long (60: minutes to hours, 1 440: minutes to days). */
export function widenFacts(facts: Facts, size: number): Facts {
  const wide: Facts = new Map();
  for (const row of facts.values()) mergeFacts(wide, [{ ...row, window: Math.floor(row.window / size) }]);
  return wide;
}

/** The row's totals: the sum of its cells. */
export function totalsOf(row: Pick<FactsRow, "cells">): Counts {
  const totals = zeroCounts();
  for (const counts of row.cells.values()) addCounts(totals, counts);
  return totals;
}

function rowOf(facts: Facts, at: Omit<FactsRow, "cells" | "reasons">): FactsRow {
  const { advertiserId, window, campaignId, adGroupId, adId } = at;
  const key = [advertiserId, window, campaignId, adGroupId, adId].join(SEPARATOR);
  let row = facts.get(key);
  if (row === undefined) {
    row = { advertiserId, window, campaignId, adGroupId, adId, cells: new Map(), reasons: new Map() };
    facts.set(key, row);
  }
  return row;
}

function addCell(row: FactsRow, cellKey: string, counts: readonly number[]): void {
  if (isZero(counts)) return;
  const cell = row.cells.get(cellKey);
  if (cell === undefined) row.cells.set(cellKey, [...counts]);
  else addCounts(cell, counts);
}

function addReason(row: FactsRow, reason: string, count: number): void {
  const sum = (row.reasons.get(reason) ?? 0) + count;
  if (sum === 0) row.reasons.delete(reason);
  else row.reasons.set(reason, sum);
}
