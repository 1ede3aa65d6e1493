/**
 * The port to a shard's own log: what ingest appends to, what flush carries and trims.
 *
 * Contract (test/contract/shard-log.test.ts, over memory and SQLite):
 *   - `last().seq` is the highest number ever used, also when the log is empty and after a restart.
 *   - `append` keeps its entries in order; `last().loggedAtMs` is that of the newest row and survives `trim`.
 *   - `trim(n)` deletes rows up to `n`. The caller has carried them everywhere first, and says so by cursors, which is
 *     what `last()` falls back on.
 */
import type { LogContent } from "../core/log-line.ts";
import type { Cursor, LogSource } from "../sinks/log-source.ts";

/** An event with its decision, about to be logged; `encoded` is the event's text as it arrived. */
export type NewEntry = { readonly content: LogContent; readonly encoded: string };

/** Rows of the log that have not reached a cursor. Instants are null when there are none. */
export type Waiting = {
  readonly rows: number;
  readonly chars: number;
  readonly oldestReceivedAtMs: number | null;
  readonly oldestLoggedAtMs: number | null;
};

export interface ShardLog extends LogSource {
  last(): { seq: number; loggedAtMs: number };
  /** Appends one row; returns its size in characters. */
  append(seq: number, loggedAtMs: number, entries: readonly NewEntry[]): number;
  waitingAfter(seq: number): Waiting;
  cursor(name: string): Cursor;
  trim(upToSeq: number): void;
}
