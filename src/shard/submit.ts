/**
 * What orders and uploads have in common: decided, logged and remembered in one transaction, under the keys of those
 * who submit (submit-conversions.ts, submit-counts.ts).
 *
 * Keeps: no `await` between the first and the last statement. What is refused changes nothing; what is repeated is not
 * logged again.
 */
import { DAY_MS, ORDER_KEY_DAYS } from "../core/limits.ts";
import { appendEntries } from "./append.ts";
import type { NewEntry, ShardLog } from "./shard-log.ts";
import type { SubmissionBook } from "./submission-book.ts";

const PERIOD_MS = 30 * DAY_MS;

export type SubmitPorts = { readonly log: ShardLog; readonly book: SubmissionBook };

export type Submitted<T> = { readonly result: T; readonly chars: number };

/** The period in which a key that is first seen now is remembered. */
export function periodOf(nowMs: number): number {
  return Math.floor(nowMs / PERIOD_MS);
}

/** Periods before this one are forgotten: every key in them is older than the promised days. */
export function forgottenPeriod(nowMs: number): number {
  return periodOf(nowMs - ORDER_KEY_DAYS * DAY_MS);
}

/** Logs entries and remembers what they changed, by key. Returns the characters that the log grew by. */
export function logSubmitted(
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
