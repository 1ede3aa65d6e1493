/**
 * Conversions in the object of their orders: gather what is remembered of each order → decide (core/order.ts) → log →
 * remember.
 *
 * Keeps: rows of one call see each other: an order twice in one call is counted once. One row that cannot be decided
 * stands in no other's way. What is read back from the archive leaves the same states, since it is decided again.
 */
import { parseJson } from "../core/base64url.ts";
import { encodeConversion, parseConversion } from "../core/conversion.ts";
import { isConversionEntry, type LogEntry } from "../core/log-line.ts";
import {
  type ConversionConflict,
  type ConversionStatus,
  decideConversion,
  type OrderState,
  orderKeyOf,
} from "../core/order.ts";
import { assert } from "../core/result.ts";
import type { NewEntry } from "./shard-log.ts";
import type { SubmissionBook } from "./submission-book.ts";
import { logSubmitted, type SubmitPorts, type Submitted } from "./submit.ts";

/** `failure`: deciding it alone fails, time and again, while its neighbours are decided. */
export type ConversionOutcome =
  | { readonly status: ConversionStatus }
  | { readonly conflict: ConversionConflict }
  | { readonly failure: "undecidable" };

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
  return { result, chars: logSubmitted(entries, changed, { log, book }, nowMs) };
}

/**
 * What an object of orders remembers of entries that it reads back from its own archive, after its storage was set
 * back. Taking an entry twice changes nothing. Relies on: the order of the log; the caller's transaction.
 */
export function rememberConversions(entries: readonly LogEntry[], book: SubmissionBook, period: number): void {
  for (const { event } of entries.filter(isConversionEntry)) {
    const key = orderKeyOf(event);
    const known = book.find([key]).get(key);
    const decided = decideConversion(event, known === undefined ? null : (parseJson(known) as OrderState));
    if (decided.ok && decided.value.line !== null) {
      book.put(new Map([[key, JSON.stringify(decided.value.state)]]), period);
    }
  }
}
