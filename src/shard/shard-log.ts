/**
 * The port to a shard's own log: what ingest appends to, what flush carries and trims, and the marks of how far it was
 * carried.
 *
 * Contract (test/contract/shard-log.test.ts, over memory and SQLite):
 *   - `last().seq` is the highest number ever used, also when the log is empty and after a restart.
 *   - `append` keeps its entries in order; `last().loggedAtMs` is that of the newest row and survives `trim`.
 *   - `trim(place)` deletes rows up to that place, which becomes the tail. The caller has carried them all before.
 *   - `keysAfter(seq)` gives what stands beside rows behind `seq`, in their order.
 *   - A mark is durable when `write` returns, and null until it is written.
 */

import type { Life } from "../archive/head.ts";
import type { Cursor, LogSource } from "../archive/log-source.ts";
import type { LogContent } from "../core/log-line.ts";
import type { Position } from "../core/position.ts";
import type { PostedMark } from "../facts/post.ts";
import type { KeysMark } from "./claim-packer.ts";

/** An event with its decision, about to be logged; `encoded` is the event's text as it arrived. */
export type NewEntry = { readonly content: LogContent; readonly encoded: string };

/** Rows of the log that have not reached a cursor. Instants are null when there are none. */
export type Waiting = {
  readonly rows: number;
  readonly chars: number;
  readonly oldestReceivedAtMs: number | null;
  readonly oldestLoggedAtMs: number | null;
};

/** Ids of rules that are recorded in R2, and the texts of those that are not yet. */
export type RulesMark = { readonly recorded: readonly string[]; readonly waiting: Readonly<Record<string, string>> };

/** A remembered value. */
export type Mark<T> = { read(): T | null; write(value: T): void };

export interface ShardLog extends LogSource {
  last(): { seq: number; loggedAtMs: number };
  /** Appends one row, and beside it what changed of keys; returns its size in characters. */
  append(seq: number, loggedAtMs: number, entries: readonly NewEntry[], keys?: Uint8Array | null): number;
  /** What changed of keys with each row after `seq` (core/key-changes.ts). */
  keysAfter(seq: number): Uint8Array[];
  waitingAfter(seq: number): Waiting;
  cursor(name: string): Cursor;
  trim(upTo: Position): void;
  /** Up to where the archive has the log. */
  archived(): Mark<Position>;
  /** Up to where a report database has the log. */
  posted(database: string): Mark<PostedMark>;
  /** Up to where every report database shows the log, posted or not, as of the last flush. */
  visible(): Mark<Position>;
  /** Whose log this is now: the name under which its numbers are unique. */
  life(): Mark<Pick<Life, "incarnation" | "base">>;
  /** Which rules lines name, and which of them R2 has (rules-record.ts). */
  rules(): Mark<RulesMark>;
  /** The salt of filters, up to where keys are packed, and the merge under way (packed-key-index.ts). */
  keys(): Mark<KeysMark>;
}
