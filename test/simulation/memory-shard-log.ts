/**
 * The shard's log in memory: rows of entries and named cursors, behind the port that LogStore implements.
 *
 *   rows     [{seq, loggedAtMs, chars, logged}, …]  ascending, without gaps
 *   cursors  {"archived": 7, "posted/REPORT_DB": 9, "logged_at_ms": …}
 *
 * Keeps: the contract of shard-log.ts. `seq` continues from the highest ever used, as LogStore does it: from the rows,
 * or from the cursors when they are gone. A row claims `charsPerEvent` characters an entry, so that a small simulation
 * meets the bounds of postings and segments.
 */
import type { LogEntry } from "../../src/core/log-line.ts";
import { RULES_VERSION } from "../../src/core/verdict.ts";
import type { NewEntry, ShardLog, Waiting } from "../../src/shard/shard-log.ts";
import type { Cursor, LogRow } from "../../src/sinks/log-source.ts";
import type { Journal } from "./journal.ts";

/** A row with what `waitingAfter` needs; its text is never asked for. */
export class MemoryRow implements LogRow {
  readonly seq: number;
  readonly loggedAtMs: number;
  readonly chars: number;
  readonly logged: readonly LogEntry[];

  constructor(seq: number, loggedAtMs: number, logged: readonly LogEntry[], charsPerEvent: number) {
    this.seq = seq;
    this.loggedAtMs = loggedAtMs;
    this.logged = logged;
    this.chars = logged.length * charsPerEvent;
  }

  lines(): string {
    throw new Error("the simulation carries events, not their text");
  }

  entries(): readonly LogEntry[] {
    return this.logged;
  }
}

export class MemoryShardLog implements ShardLog {
  readonly rows: MemoryRow[] = [];
  readonly cursors = new Map<string, number>();
  readonly #journal: Journal;
  readonly #charsPerEvent: number;
  readonly #onCommit: (row: MemoryRow) => void;

  constructor(journal: Journal, charsPerEvent: number, onCommit: (row: MemoryRow) => void) {
    this.#journal = journal;
    this.#charsPerEvent = charsPerEvent;
    this.#onCommit = onCommit;
  }

  last(): { seq: number; loggedAtMs: number } {
    let seq = this.rows.at(-1)?.seq ?? 0;
    for (const [name, value] of this.cursors) {
      if ((name === "archived" || name.startsWith("posted/")) && value > seq) seq = value;
    }
    const loggedAtMs = Math.max(this.rows.at(-1)?.loggedAtMs ?? 0, this.cursors.get("logged_at_ms") ?? 0);
    return { seq, loggedAtMs };
  }

  append(seq: number, loggedAtMs: number, entries: readonly NewEntry[]): number {
    this.#journal.failpoint();
    const logged = entries.map(({ content }): LogEntry => ({ ...content, seq, loggedAtMs, rules: RULES_VERSION }));
    const row = new MemoryRow(seq, loggedAtMs, logged, this.#charsPerEvent);
    this.rows.push(row);
    this.#journal.onEnd((end) => {
      if (end === "commit") this.#onCommit(row);
      else this.rows.splice(this.rows.indexOf(row), 1);
    });
    return row.chars;
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
      advance: (value) => this.#setCursor(name, value),
    };
  }

  trim(upToSeq: number): void {
    const first = this.rows[0];
    if (first === undefined || first.seq > upToSeq) return;
    this.#journal.failpoint();
    this.#setCursor("logged_at_ms", this.last().loggedAtMs);
    const removed = this.rows.splice(0, this.#firstAfter(upToSeq));
    this.#journal.onEnd((end) => {
      if (end === "abort") this.rows.unshift(...removed);
    });
  }

  #setCursor(name: string, value: number): void {
    const before = this.cursors.get(name);
    this.cursors.set(name, value);
    this.#journal.onEnd((end) => {
      if (end === "commit") return;
      if (before === undefined) this.cursors.delete(name);
      else this.cursors.set(name, before);
    });
  }

  #firstAfter(seq: number): number {
    let at = this.rows.length;
    while (at > 0 && (this.rows[at - 1] as MemoryRow).seq > seq) at--;
    return at;
  }
}
