/**
 * All SQL on the shard's log, cursors and marks.
 *
 *   appended to ─▶ log_a  1 2 3 4 5 6        trim to 4: appended to log_b from now on, and 1 to 4 are no longer read
 *                  log_b  7 8 9              trim to 7: log_a is dropped whole, and made again
 *
 * Each row that is deleted is billed as one that is written, a table that is dropped is not. So a row stays a little
 * longer, until its table holds nothing but what is behind the tail. Which of the two a row is in changes nothing else.
 *
 * Keeps: `seq` is one more than the highest number ever used: of the rows that are there, or, when the log is empty, of
 * the tail, which is written before a row is deleted. `logged_at_ms` never goes back, even if the clock does.
 * Relies on: the caller's transaction; a single writer (the object).
 */
import type { Life } from "../archive/head.ts";
import type { Cursor, LogRow } from "../archive/log-source.ts";
import { LogText } from "../archive/log-text.ts";
import { parseJson } from "../core/base64url.ts";
import type { EventId } from "../core/event-id.ts";
import { encodeLogLine } from "../core/log-line.ts";
import { LOG_START, type Position } from "../core/position.ts";
import { assert } from "../core/result.ts";
import type { RuleSet } from "../core/rules.ts";
import type { PostedMark } from "../facts/post.ts";
import type { KeysMark } from "./claim-packer.ts";
import {
  createLogTable,
  dropLogTable,
  emptyLogTable,
  insertRow,
  LOG_TABLES,
  type LogTable,
  ROWS_OF_TABLE,
  selectEnds,
} from "./log-tables.ts";
import type { Mark, NewEntry, RulesMark, ShardLog, Waiting } from "./shard-log.ts";

const SELECT_LAST = `
SELECT seq, logged_at_ms
FROM log
ORDER BY seq DESC
LIMIT 1`;

const SELECT_ROWS = `
SELECT seq, logged_at_ms, lines
FROM log
WHERE seq > ?1 AND seq <= ?2
ORDER BY seq`;

const SELECT_SIZES = `
SELECT seq, chars
FROM log
WHERE seq > ?1
ORDER BY seq
LIMIT ?2`;
/** Rows whose sizes are read at once. */
const SIZES_READ_MAX = 1_000;

/** With `seq`, by which SQLite merges both tables; without, it would sort what it has read. */
const SELECT_KEYS = `
SELECT seq, keys
FROM log
WHERE seq > ?1 AND keys IS NOT NULL
ORDER BY seq`;

const SELECT_ROWS_HOLDING = `
SELECT seq, lines
FROM log
WHERE seq > ?2 AND instr(lines, ?1) > 0
ORDER BY seq`;

const SELECT_WAITING = `
SELECT count(*) AS rows, coalesce(sum(chars), 0) AS chars, min(received_from_ms) AS received_from_ms,
  min(logged_at_ms) AS logged_at_ms
FROM log
WHERE seq > ?1`;

const SELECT_CURSOR = `SELECT value FROM cursor WHERE name = ?1`;
const SET_CURSOR = `
INSERT INTO cursor (name, value)
VALUES (?1, ?2)
ON CONFLICT (name) DO UPDATE SET value = excluded.value`;
const SELECT_MARK = `SELECT value FROM mark WHERE name = ?1`;
const SET_MARK = `
INSERT INTO mark (name, value)
VALUES (?1, ?2)
ON CONFLICT (name) DO UPDATE SET value = excluded.value`;
const INSERTS = { log_a: insertRow("log_a"), log_b: insertRow("log_b") };

export class LogStore implements ShardLog {
  readonly #sql: SqlStorage;
  readonly #rules: Pick<RuleSet, "id"> | null;
  /** The table that is appended to; where a transaction is rolled back it is still as good as the other. */
  #into: LogTable | null = null;

  /** The log in that storage; only one that is given the rules in force may be appended to. */
  constructor(sql: SqlStorage, rules: Pick<RuleSet, "id"> | null = null) {
    this.#sql = sql;
    this.#rules = rules;
  }

  last(): { seq: number; loggedAtMs: number } {
    const row = this.#sql.exec<{ seq: number; logged_at_ms: number }>(SELECT_LAST).toArray()[0];
    const { seq, loggedAtMs } = this.tail();
    return row === undefined ? { seq, loggedAtMs } : { seq: row.seq, loggedAtMs: row.logged_at_ms };
  }

  tail(): Position {
    return this.#mark<Position>("tail").read() ?? LOG_START;
  }

  append(seq: number, loggedAtMs: number, entries: readonly NewEntry[], keys: Uint8Array | null = null): number {
    assert(this.#rules !== null, "who appends to a log names the rules");
    const at = { seq, loggedAtMs, rules: this.#rules.id };
    const lines = entries.map(({ content, encoded }) => encodeLogLine(at, content, encoded)).join("\n");
    const receivedFromMs = Math.min(...entries.map(({ content }) => content.event.receivedAtMs));
    this.#into ??= this.#newest();
    this.#sql.exec(INSERTS[this.#into], seq, loggedAtMs, receivedFromMs, lines.length, keys, lines);
    return lines.length;
  }

  keysAfter(seq: number): Uint8Array[] {
    const rows = this.#sql.exec<{ keys: ArrayBuffer }>(SELECT_KEYS, this.#behind(seq)).toArray();
    return rows.map(({ keys }) => new Uint8Array(keys));
  }

  rowsAfter(seq: number, charsMax: number): LogRow[] {
    const behind = this.#behind(seq);
    const rows = this.#sql
      .exec<{ seq: number; logged_at_ms: number; lines: string }>(
        SELECT_ROWS,
        behind,
        this.#lastWithin(behind, charsMax),
      )
      .toArray();
    return rows.map((row) => new LogText(row.seq, row.logged_at_ms, row.lines));
  }

  /**
   * The last row of those behind `seq` that come to so many characters, at least the next one. Sizes are read by
   * themselves and to their end: a statement that was left half-way keeps tables from being dropped.
   */
  #lastWithin(seq: number, charsMax: number): number {
    let chars = 0;
    let last = seq;
    for (;;) {
      const page = this.#sql.exec<{ seq: number; chars: number }>(SELECT_SIZES, last, SIZES_READ_MAX).toArray();
      for (const row of page) {
        chars += row.chars;
        if (last > seq && chars > charsMax) return last;
        last = row.seq;
      }
      if (page.length < SIZES_READ_MAX) return last;
    }
  }

  /**
   * The lines of one event. Reads the whole log, which is what a minute left; for the rare question, not for counting.
   */
  linesOf(event: EventId): string[] {
    const needle = `"id":"${event}"`;
    const rows = this.#sql.exec<{ lines: string }>(SELECT_ROWS_HOLDING, needle, this.tail().seq).toArray();
    return rows.flatMap(({ lines }) => lines.split("\n").filter((line) => line.includes(needle)));
  }

  waitingAfter(seq: number): Waiting {
    const row = this.#sql
      .exec<{ rows: number; chars: number; received_from_ms: number | null; logged_at_ms: number | null }>(
        SELECT_WAITING,
        this.#behind(seq),
      )
      .one();
    return {
      rows: row.rows,
      chars: row.chars,
      oldestReceivedAtMs: row.received_from_ms,
      oldestLoggedAtMs: row.logged_at_ms,
    };
  }

  cursor(name: string): Cursor {
    return {
      read: () => this.#sql.exec<{ value: number }>(SELECT_CURSOR, name).toArray()[0]?.value ?? 0,
      advance: (value) => {
        this.#sql.exec(SET_CURSOR, name, value);
      },
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
    const { seq } = this.tail();
    if (upTo.seq <= seq || this.last().seq === seq) return;
    this.#mark<Position>("tail").write(upTo);
    const into = this.#into ?? this.#newest();
    const [other = into] = LOG_TABLES.filter((table) => table !== into);
    this.#clear(other, upTo.seq);
    this.#clear(into, upTo.seq);
    const { first } = this.#endsOf(into);
    this.#into = first !== null && first <= upTo.seq && this.#endsOf(other).first === null ? other : into;
  }

  /** Empties a table of which nothing is behind the place. */
  #clear(table: LogTable, seq: number): void {
    const { first, last } = this.#endsOf(table);
    if (first === null || last === null || last > seq) return;
    if (last - first < ROWS_OF_TABLE) {
      this.#sql.exec(emptyLogTable(table));
      return;
    }
    this.#sql.exec(dropLogTable(table));
    this.#sql.exec(createLogTable(table));
  }

  #newest(): LogTable {
    return (this.#endsOf("log_b").last ?? 0) > (this.#endsOf("log_a").last ?? 0) ? "log_b" : "log_a";
  }

  #endsOf(table: LogTable): { first: number | null; last: number | null } {
    return this.#sql.exec<{ first: number | null; last: number | null }>(selectEnds(table)).one();
  }

  /** What is at the tail or before it is no longer of the log. */
  #behind(seq: number): number {
    return Math.max(seq, this.tail().seq);
  }

  #mark<T>(name: string): Mark<T> {
    return {
      read: () => {
        const row = this.#sql.exec<{ value: string }>(SELECT_MARK, name).toArray()[0];
        return row === undefined ? null : (parseJson(row.value) as T);
      },
      write: (value) => {
        this.#sql.exec(SET_MARK, name, JSON.stringify(value));
      },
    };
  }
}
