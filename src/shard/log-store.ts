/**
 * All SQL on the shard's log and cursors.
 *
 * Keeps: `seq` is one more than the highest number ever used: of the rows that are there, or, when the log is empty, of
 * the cursors, which a row must have passed before it may be deleted. `logged_at_ms` never goes back, even if the clock
 * does. Relies on: the caller's transaction; a single writer (the object).
 */
import type { LogRow, LogSource } from "../sinks/log-source.ts";
import type { Cursor } from "../sinks/post.ts";

export type NewRow = { readonly lines: readonly string[]; readonly receivedFromMs: number };

const SELECT_LAST = `
SELECT
  max(coalesce((SELECT max(seq) FROM log), 0),
      coalesce((SELECT max(value) FROM cursor WHERE name = 'archived' OR name LIKE 'posted/%'), 0)) AS seq,
  max(coalesce((SELECT logged_at_ms FROM log ORDER BY seq DESC LIMIT 1), 0),
      coalesce((SELECT value FROM cursor WHERE name = 'logged_at_ms'), 0)) AS logged_at_ms`;

const INSERT_ROW = `
INSERT INTO log (seq, logged_at_ms, received_from_ms, chars, lines)
VALUES (?1, ?2, ?3, ?4, ?5)`;

const SELECT_ROWS = `
SELECT seq, logged_at_ms, lines
FROM log
WHERE seq > ?1
ORDER BY seq`;

const SELECT_FIRST = `SELECT min(seq) AS seq FROM log`;

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
const DELETE_ROWS = `DELETE FROM log WHERE seq <= ?1`;

/** Rows of the log that have not reached a cursor. Instants are null when there are none. */
export type Waiting = {
  readonly rows: number;
  readonly chars: number;
  readonly oldestReceivedAtMs: number | null;
  readonly oldestLoggedAtMs: number | null;
};

export class LogStore implements LogSource {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** The highest sequence number ever used, and the instant that the next row may not precede. */
  last(): { seq: number; loggedAtMs: number } {
    const row = this.#sql.exec<{ seq: number; logged_at_ms: number }>(SELECT_LAST).one();
    return { seq: row.seq, loggedAtMs: row.logged_at_ms };
  }

  append(seq: number, loggedAtMs: number, { lines, receivedFromMs }: NewRow): void {
    const text = lines.join("\n");
    this.#sql.exec(INSERT_ROW, seq, loggedAtMs, receivedFromMs, text.length, text);
  }

  rowsAfter(seq: number, charsMax: number): LogRow[] {
    const rows: LogRow[] = [];
    let chars = 0;
    // The cursor steps row by row, so a long backlog is not read beyond the bound.
    for (const row of this.#sql.exec<{ seq: number; logged_at_ms: number; lines: string }>(SELECT_ROWS, seq)) {
      chars += row.lines.length;
      if (rows.length > 0 && chars > charsMax) break;
      rows.push({ seq: row.seq, loggedAtMs: row.logged_at_ms, lines: row.lines });
    }
    return rows;
  }

  waitingAfter(seq: number): Waiting {
    const row = this.#sql
      .exec<{ rows: number; chars: number; received_from_ms: number | null; logged_at_ms: number | null }>(
        SELECT_WAITING,
        seq,
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

  /** Deletes rows that are posted and archived, and keeps what `last()` derives from them. */
  trim(upToSeq: number): void {
    const { seq } = this.#sql.exec<{ seq: number | null }>(SELECT_FIRST).one();
    if (seq === null || seq > upToSeq) return;
    this.cursor("logged_at_ms").advance(this.last().loggedAtMs);
    this.#sql.exec(DELETE_ROWS, upToSeq);
  }
}
