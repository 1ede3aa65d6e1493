/**
 * The shard's log in memory: rows of entries and named cursors, behind the port that LogStore implements.
 *
 *   rows     [{seq, loggedAtMs, chars, logged}, …]  ascending, without gaps
 *   cursors  {"dropped_before_hour": …}
 *   marks    {"life": …, "tail": …, "archived": …, "posted/REPORT_DB": …}
 *
 * Keeps: the contract of shard-log.ts. `seq` continues from the highest ever used, as LogStore does it: from the rows,
 * or from the tail when they are gone. A row claims `charsPerEvent` characters an entry, so that a small simulation
 * meets the bounds of postings and segments.
 */

import type { Life } from "../../src/archive/head.ts";
import type { Cursor, LogRow } from "../../src/archive/log-source.ts";
import { hash32 } from "../../src/core/hash.ts";
import type { LogEntry } from "../../src/core/log-line.ts";
import { LOG_START, type Position } from "../../src/core/position.ts";
import type { PostedMark } from "../../src/facts/post.ts";
import type { KeysMark } from "../../src/shard/claim-packer.ts";
import type { Mark, NewEntry, RulesMark, ShardLog, Waiting } from "../../src/shard/shard-log.ts";
import { RULES } from "../support/rules.ts";
import type { Journal } from "./journal.ts";

/** A row with what `waitingAfter` needs; its text is never asked for. */
export class MemoryRow implements LogRow {
  readonly seq: number;
  readonly loggedAtMs: number;
  readonly chars: number;
  readonly logged: readonly LogEntry[];
  /** What changed of keys with it. */
  readonly keys: Uint8Array | null;
  #digest: string | null = null;

  constructor(
    { seq, loggedAtMs, keys }: Pick<MemoryRow, "seq" | "loggedAtMs" | "keys">,
    logged: readonly LogEntry[],
    charsPerEvent: number,
  ) {
    this.seq = seq;
    this.loggedAtMs = loggedAtMs;
    this.keys = keys;
    this.logged = logged;
    this.chars = logged.length * charsPerEvent;
  }

  lines(): string {
    throw new Error("the simulation carries events, not their text");
  }

  entries(): readonly LogEntry[] {
    return this.logged;
  }

  /** Of what tells one row from another: its events and what was decided on them. */
  async digest(): Promise<string> {
    this.#digest ??= hash32(this.logged.map(({ event, verdict }) => `${event.id} ${verdict}`).join())
      .toString(16)
      .padStart(8, "0")
      .repeat(8);
    return this.#digest;
  }
}

export class MemoryShardLog implements ShardLog {
  readonly rows: MemoryRow[] = [];
  readonly cursors = new Map<string, number>();
  readonly marks = new Map<string, unknown>();
  readonly #journal: Journal;
  readonly #charsPerEvent: number;
  readonly #onCommit: (row: MemoryRow) => void;

  constructor(journal: Journal, charsPerEvent: number, onCommit: (row: MemoryRow) => void) {
    this.#journal = journal;
    this.#charsPerEvent = charsPerEvent;
    this.#onCommit = onCommit;
  }

  last(): { seq: number; loggedAtMs: number } {
    const row = this.rows.at(-1) ?? this.tail();
    return { seq: row.seq, loggedAtMs: row.loggedAtMs };
  }

  tail(): Position {
    return (this.marks.get("tail") as Position | undefined) ?? LOG_START;
  }

  append(seq: number, loggedAtMs: number, entries: readonly NewEntry[], keys: Uint8Array | null = null): number {
    this.#journal.failpoint();
    const logged = entries.map(({ content }): LogEntry => ({ ...content, seq, loggedAtMs, rules: RULES.id }));
    const row = new MemoryRow({ seq, loggedAtMs, keys }, logged, this.#charsPerEvent);
    this.rows.push(row);
    this.#journal.onEnd((end) => {
      if (end === "commit") this.#onCommit(row);
      else this.rows.splice(this.rows.indexOf(row), 1);
    });
    return row.chars;
  }

  keysAfter(seq: number): Uint8Array[] {
    return this.rows.slice(this.#firstAfter(seq)).flatMap(({ keys }) => (keys === null ? [] : [keys]));
  }

  rowsAfter(seq: number, charsMax: number): LogRow[] {
    const found: LogRow[] = [];
    let chars = 0;
    for (let at = this.#firstAfter(seq); at < this.rows.length; at++) {
      const row = this.rows[at] as MemoryRow;
      chars += row.chars;
      if (found.length > 0 && chars > charsMax) break;
      found.push(row);
    }
    return found;
  }

  waitingAfter(seq: number): Waiting {
    let chars = 0;
    let oldestReceivedAtMs: number | null = null;
    const from = this.#firstAfter(seq);
    for (let at = from; at < this.rows.length; at++) {
      const row = this.rows[at] as MemoryRow;
      chars += row.chars;
      for (const { event } of row.logged) {
        oldestReceivedAtMs = Math.min(oldestReceivedAtMs ?? event.receivedAtMs, event.receivedAtMs);
      }
    }
    return {
      rows: this.rows.length - from,
      chars,
      oldestReceivedAtMs,
      oldestLoggedAtMs: this.rows[from]?.loggedAtMs ?? null,
    };
  }

  cursor(name: string): Cursor {
    return {
      read: () => this.cursors.get(name) ?? 0,
      advance: (value) => this.#set(this.cursors, name, value),
    };
  }

  archived(): Mark<Position> {
    return this.#mark("archived");
  }

  posted(database: string): Mark<PostedMark> {
    return this.#mark(`posted/${database}`);
  }

  visible(): Mark<Position> {
    return this.#mark("visible");
  }

  life(): Mark<Pick<Life, "incarnation" | "base">> {
    return this.#mark("life");
  }

  rules(): Mark<RulesMark> {
    return this.#mark("rules");
  }

  keys(): Mark<KeysMark> {
    return this.#mark("keys");
  }

  trim(upTo: Position): void {
    const first = this.rows[0];
    if (first === undefined || first.seq > upTo.seq) return;
    this.#journal.failpoint();
    this.#set(this.marks, "tail", upTo);
    const removed = this.rows.splice(0, this.#firstAfter(upTo.seq));
    this.#journal.onEnd((end) => {
      if (end === "abort") this.rows.unshift(...removed);
    });
  }

  /** Takes a copy of the storage; the function that is returned puts it back. */
  copy(): () => void {
    const [rows, cursors, marks] = [this.rows.slice(), new Map(this.cursors), new Map(this.marks)];
    return () => {
      this.rows.splice(0, this.rows.length, ...rows);
      putBack(this.cursors, cursors);
      putBack(this.marks, marks);
    };
  }

  #mark<T>(name: string): Mark<T> {
    return {
      read: () => (this.marks.get(name) as T | undefined) ?? null,
      write: (value) => this.#set(this.marks, name, value),
    };
  }

  #set<T>(values: Map<string, T>, name: string, value: T): void {
    const before = values.get(name);
    values.set(name, value);
    this.#journal.onEnd((end) => {
      if (end === "commit") return;
      if (before === undefined) values.delete(name);
      else values.set(name, before);
    });
  }

  #firstAfter(seq: number): number {
    let at = this.rows.length;
    while (at > 0 && (this.rows[at - 1] as MemoryRow).seq > seq) at--;
    return at;
  }
}

/** Makes a map what it was. */
export function putBack<K, V>(values: Map<K, V>, before: ReadonlyMap<K, V>): void {
  values.clear();
  for (const [key, value] of before) values.set(key, value);
}
