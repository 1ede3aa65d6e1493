/**
 * Submissions: gather what is remembered → decide (core/order.ts, or by the batch's content) → log → remember, in one
 * transaction.
 *
 * Keeps: no `await` between the first and the last statement. What is refused changes nothing; what is repeated is not
 * logged again. Rows of one call see each other: an order twice in one call is counted once. One row that cannot be
 * decided stands in no other's way.
 */
import { parseJson } from "../core/base64url.ts";
import { encodeConversion, parseConversion } from "../core/conversion.ts";
import { encodeImpressionCounts, parseImpressionCounts } from "../core/impression-counts.ts";
import { DAY_MS, ORDER_KEY_DAYS } from "../core/limits.ts";
import {
  type ConversionConflict,
  type ConversionStatus,
  decideConversion,
  type OrderState,
  orderKeyOf,
} from "../core/order.ts";
import { assert } from "../core/result.ts";
import { appendEntries } from "./append.ts";
import type { NewEntry, ShardLog } from "./shard-log.ts";
import type { SubmissionBook } from "./submission-book.ts";

const PERIOD_MS = 30 * DAY_MS;

export type SubmitPorts = { readonly log: ShardLog; readonly book: SubmissionBook };

/** `failure`: deciding it alone fails, time and again, while its neighbours are decided. */
export type ConversionOutcome =
  | { readonly status: ConversionStatus }
  | { readonly conflict: ConversionConflict }
  | { readonly failure: "undecidable" };

export type UploadOutcome = "counted" | "repeated" | "batch_conflict";

/** An ad server's counts; `key` names the sender's batch, `content` is a hash of what it holds. */
export type Upload = { readonly key: string; readonly content: string; readonly encodedRows: readonly string[] };

export type Submitted<T> = { readonly result: T; readonly chars: number };

/** The period in which a key that is first seen now is remembered. */
export function periodOf(nowMs: number): number {
  return Math.floor(nowMs / PERIOD_MS);
}

/** Periods before this one are forgotten: every key in them is older than the promised days. */
export function forgottenPeriod(nowMs: number): number {
  return periodOf(nowMs - ORDER_KEY_DAYS * DAY_MS);
}

/**
 * Decides all at once, each piece in a transaction of its own: where a piece fails, its halves, down to single ones.
 * What fails alone is `undecidable`, and nothing of it stays; the first fault goes to `onFault` with the number of
 * them.
 */
export function decideInPieces(
  encodedEvents: readonly string[],
  decide: (piece: readonly string[]) => ConversionOutcome[],
  onFault: (fault: unknown, undecidable: number) => void,
): ConversionOutcome[] {
  let first: { readonly fault: unknown } | null = null;
  const pieces = (events: readonly string[]): ConversionOutcome[] => {
    try {
      return decide(events);
    } catch (fault) {
      first ??= { fault };
      if (events.length <= 1) return events.map(() => ({ failure: "undecidable" }));
      const half = Math.ceil(events.length / 2);
      return [...pieces(events.slice(0, half)), ...pieces(events.slice(half))];
    }
  };
  const outcomes = pieces(encodedEvents);
  const undecidable = outcomes.filter((outcome) => "failure" in outcome).length;
  if (first !== null) onFault((first as { readonly fault: unknown }).fault, undecidable);
  return outcomes;
}

/** Decides and logs encoded conversions; one outcome each, in their order. To be called inside `transactionSync`. */
export function submitConversions(
  encodedEvents: readonly string[],
  { log, book }: SubmitPorts,
  nowMs: number,
): Submitted<ConversionOutcome[]> {
  const events = encodedEvents.map((encoded) => {
    const event = parseConversion(parseJson(encoded));
    assert(event !== null, "the edge encodes readable conversions");
    return event;
  });
  const keys = events.map(orderKeyOf);
  const states = book.find(Array.from(new Set(keys)));
  const changed = new Map<string, string>();
  const entries: NewEntry[] = [];
  const result = events.map((event, index): ConversionOutcome => {
    const key = keys[index] as string;
    const known = states.get(key);
    const decided = decideConversion(event, known === undefined ? null : (parseJson(known) as OrderState));
    if (!decided.ok) return { conflict: decided.error };
    const { status, line, state } = decided.value;
    if (line === null) return { status };
    entries.push({ content: { event, ...line }, encoded: encodeConversion(event) });
    states.set(key, JSON.stringify(state));
    changed.set(key, JSON.stringify(state));
    return { status };
  });
  return { result, chars: append(entries, changed, { log, book }, nowMs) };
}

/** Logs the rows of an upload, all or none. To be called inside `transactionSync`. */
export function submitCounts(
  { key, content, encodedRows }: Upload,
  { log, book }: SubmitPorts,
  nowMs: number,
): Submitted<UploadOutcome> {
  const known = book.find([key]).get(key);
  if (known !== undefined) return { result: known === content ? "repeated" : "batch_conflict", chars: 0 };
  const entries = encodedRows.map((encoded): NewEntry => {
    const event = parseImpressionCounts(parseJson(encoded));
    assert(event !== null, "the edge encodes readable counts");
    const batch = { key, content };
    return { content: { event, verdict: "valid", reason: null, batch }, encoded: encodeImpressionCounts(event) };
  });
  return { result: "counted", chars: append(entries, new Map([[key, content]]), { log, book }, nowMs) };
}

function append(
  entries: readonly NewEntry[],
  changed: ReadonlyMap<string, string>,
  { log, book }: SubmitPorts,
  nowMs: number,
): number {
  if (entries.length === 0) return 0;
  const chars = appendEntries(log, entries, nowMs);
  book.put(changed, periodOf(nowMs));
  return chars;
}
