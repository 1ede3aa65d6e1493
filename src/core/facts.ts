/**
 * Facts: logged events folded into one row per (advertiser, window, campaign, ad group, ad), with the cross of the
 * remaining dimensions packed into cells.
 *
 *   window = minute, hour or day number        cells = "publisher ␟ country ␟ device ␟ …" → counts
 *
 * Keeps: folding is a homomorphism: fold(a ++ b) = merge(fold(a), fold(b)), in any order and any grouping, so that any
 * split of a log into postings gives the same facts. A row's totals are the sum of its cells, always. Users are a set:
 * merging is their union.
 */
import { CELL_DIMENSIONS, type CellValues, type Dimensioned, dimensionsOf, type Measure, valueIn } from "./fields.ts";
import { isOfMachine } from "./givt.ts";
import type { ImpressionCountsEvent } from "./impression-counts.ts";
import {
  type ConversionContent,
  isConversionEntry,
  isTokenEntry,
  type LogEntry,
  type TokenContent,
} from "./log-line.ts";
import { addCounts, type Counts, isZero, moneyOf, toCounts, zeroCounts } from "./measures.ts";
import type { OpenedEvent } from "./message.ts";
import type { Credit } from "./order.ts";
import { elementOf } from "./sketch.ts";
import { minuteOf } from "./time.ts";
import type { EventType } from "./token-event.ts";
import { userKeyOf } from "./user-key.ts";
import { countedAtMs, countsOf, type Decision } from "./verdict.ts";

export type FactsRow = {
  readonly advertiserId: string;
  /** Number of the minute, hour or day since 1970. */
  readonly window: number;
  readonly campaignId: string;
  readonly adGroupId: string;
  readonly adId: string;
  readonly cells: Map<string, Counts>;
  readonly reasons: Map<string, number>;
  /** Distinct users of its valid clicks, as sketch elements (core/sketch.ts). Users are never taken away. */
  readonly users: Set<number>;
  /** Users of facts that were stored before, as stored sketches one behind the other; a log's lines give none. */
  sketches?: string;
};

/** Facts by row key. */
export type Facts = Map<string, FactsRow>;

/** U+001F, which no id, country or device can hold. */
const SEPARATOR = "\u001f";

export function cellKeyOf(values: Partial<CellValues>): string {
  return CELL_DIMENSIONS.map((name) => valueIn(values, name)).join(SEPARATOR);
}

/** The values in a cell key, in the order of `CELL_DIMENSIONS`. */
export function cellDimensionsOf(cellKey: string): string[] {
  return cellKey.split(SEPARATOR);
}

/** The key of a stored cell; one that is older than a dimension has no value of it. */
export function cellKeyOfStored(values: readonly string[]): string {
  return CELL_DIMENSIONS.map((_, at) => values[at] ?? "").join(SEPARATOR);
}

/**
 * Adds one line of a log to minute facts, in place. A deferred event adds nothing; a review and a revision also take
 * away what the event was before, and a conversion takes away what its order was credited before.
 */
export function foldEntry(facts: Facts, entry: LogEntry): void {
  if (isTokenEntry(entry)) foldEvent(facts, entry);
  else if (isConversionEntry(entry)) foldConversion(facts, entry);
  else foldCounts(facts, entry.event);
}

function foldEvent(facts: Facts, logged: TokenContent): void {
  const placed = { ...placedOf(logged), hadUser: logged.erased?.hadUser === true };
  const before = verdictBefore(logged);
  if (logged.verdict !== "deferred") foldVerdict(facts, placed, logged, 1);
  if (before !== null && before.verdict !== "deferred") foldVerdict(facts, placed, before, -1);
}

/** What an earlier line says of the event that this one moves: a review or a revision; null for its first line. */
function verdictBefore({ review, revision }: TokenContent): Decision | null {
  if (revision !== undefined && revision !== null) return revision.from;
  return review === null ? null : { verdict: "late", reason: "late" };
}

/** The event where it is counted: a late click that joins another stands where that one stands. */
export function placedOf({ event, claims, joins }: TokenContent): OpenedEvent {
  if (joins === undefined || joins === null) return { event, claims };
  const { occurredAtMs, country, device } = joins;
  return { event: { ...event, occurredAtMs, country, device }, claims };
}

/** An event, and whether it had a user that was erased since. */
type Placed = OpenedEvent & { readonly hadUser: boolean };

function foldVerdict(facts: Facts, opened: Placed, { verdict, reason }: Decision, sign: 1 | -1): void {
  const { event, claims } = opened;
  const { type, count } = event;
  const dimensions = dimensionsOf(claims, event);
  const row = rowOfClick(facts, dimensions, countedAtMs(opened));
  const cellKey = cellKeyOf(dimensions);
  const verdicts = countsOf(verdict, count);
  const added =
    type === "impression"
      ? { gross_impressions: count, impressions: verdicts.valid }
      : {
          ...{ ...verdicts, gross: count, givt: isOfMachine(reason) ? count : 0 },
          ...worthOf(row, opened, verdicts.valid, sign),
        };
  addCell(row, cellKey, toCounts(added), sign);
  // A valid event's reason (`late_accepted`) is that of its one valid click; its folded repeats are duplicates.
  if (reason !== null) addReason(row, reasonName(type, reason), sign * (verdict === "valid" ? 1 : count));
  if (verdict === "valid") addReason(row, reasonName(type, "same_impression"), sign * (count - 1));
}

/** What a click adds beside itself, if it is valid: its price, and its user, who is never taken away from a set. */
function worthOf(row: FactsRow, opened: Placed, valid: number, sign: 1 | -1): Partial<Record<Measure, number>> {
  if (valid === 0) return {};
  const user = userKeyOf(opened);
  if (user !== null && sign === 1) row.users.add(elementOf(user));
  return { ...moneyOf("spend_micros", opened.claims.cpc), valid_with_user: user === null && !opened.hadUser ? 0 : 1 };
}

function foldConversion(facts: Facts, { event, reason, prior, next }: ConversionContent): void {
  if (prior !== null) foldCredit(facts, prior, -1);
  if (next !== null) foldCredit(facts, next, 1);
  if (reason === null) return;
  const { click } = next ?? prior ?? event;
  addReason(rowOfClick(facts, click, click.clickedAtMs), reasonName("conversion", reason), 1);
}

/** A conversion counts in its click's minute, and, by measures of their own, in the minute when it occurred. */
function foldCredit(facts: Facts, { click, valueMicros, occurredAtMs }: Credit, sign: 1 | -1): void {
  const cellKey = cellKeyOf(click);
  const byClick = toCounts({ conversions: 1, ...moneyOf("conversion_value_micros", valueMicros) });
  const byTime = toCounts({
    conversions_by_time: 1,
    ...moneyOf("conversion_value_by_time_micros", valueMicros),
  });
  addCell(rowOfClick(facts, click, click.clickedAtMs), cellKey, byClick, sign);
  addCell(rowOfClick(facts, click, occurredAtMs), cellKey, byTime, sign);
}

function foldCounts(facts: Facts, counts: ImpressionCountsEvent): void {
  const { impressions, grossImpressions } = counts;
  const row = rowOfClick(facts, counts, counts.minuteAtMs);
  const cellKey = cellKeyOf(counts);
  addCell(row, cellKey, toCounts({ impressions, gross_impressions: grossImpressions }), 1);
  addReason(row, reasonName("impression", "filtered_by_sender"), grossImpressions - impressions);
}

/** Reasons of clicks stand as they are; those of other events name their type. */
function reasonName(type: EventType | "conversion", reason: string): string {
  return type === "click" ? reason : `${type}.${reason}`;
}

/** Merges `more` into `facts`, in place. */
export function mergeFacts(facts: Facts, more: Iterable<FactsRow>): void {
  for (const from of more) {
    const row = rowOf(facts, from);
    for (const [key, counts] of from.cells) addCell(row, key, counts, 1);
    for (const [reason, count] of from.reasons) addReason(row, reason, count);
    for (const user of from.users) row.users.add(user);
    if (from.sketches !== undefined) row.sketches = (row.sketches ?? "") + from.sketches;
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

/** The key of a row in `Facts`. */
export function factsKeyOf(row: Omit<FactsRow, "cells" | "reasons" | "users" | "sketches">): string {
  return [row.advertiserId, row.window, row.campaignId, row.adGroupId, row.adId].join(SEPARATOR);
}

type RowIds = Pick<Dimensioned, "advertiserId" | "campaignId" | "adGroupId" | "adId">;

function rowOfClick(facts: Facts, { advertiserId, campaignId, adGroupId, adId }: RowIds, atMs: number): FactsRow {
  return rowOf(facts, { advertiserId, window: minuteOf(atMs), campaignId, adGroupId, adId });
}

function rowOf(facts: Facts, at: RowIds & Pick<FactsRow, "window">): FactsRow {
  const { advertiserId, window, campaignId, adGroupId, adId } = at;
  const key = factsKeyOf(at);
  let row = facts.get(key);
  if (row === undefined) {
    const ids = { advertiserId, window, campaignId, adGroupId, adId };
    row = { ...ids, cells: new Map(), reasons: new Map(), users: new Set() };
    facts.set(key, row);
  }
  return row;
}

function addCell(row: FactsRow, cellKey: string, counts: readonly number[], sign: 1 | -1): void {
  if (isZero(counts)) return;
  const added = sign === 1 ? counts : counts.map((count) => -count);
  const cell = row.cells.get(cellKey);
  if (cell === undefined) row.cells.set(cellKey, [...added]);
  else addCounts(cell, added);
}

function addReason(row: FactsRow, reason: string, count: number): void {
  const sum = (row.reasons.get(reason) ?? 0) + count;
  if (sum === 0) row.reasons.delete(reason);
  else row.reasons.set(reason, sum);
}
