/**
 * Submissions as table rows: one table per period of 30 days, so that forgetting is a DROP, which writes no billed
 * rows.
 *
 *   book_685(key BLOB 16 bytes, state TEXT)     what was last changed in days 20 550 … 20 579 since 1970
 *
 * Keeps: the contract of submission-book.ts. A look-up asks every table there is, at most fifteen. Table names are
 * made of a checked integer and nothing else. A statement is given slices of bounded length, since a bound text may
 * hold 2 MB.
 * Relies on: the caller's transaction.
 */
import { assert } from "../core/result.ts";
import type { SubmissionBook } from "./submission-book.ts";

const SELECT_TABLES = `
SELECT name
FROM sqlite_master
WHERE type = 'table' AND name GLOB 'book_[0-9]*'
ORDER BY name`;

/** Of keys and states in one statement: escaped and in UTF-8 at most three times as much, of 2 000 000 bytes. */
const SLICE_CHARS_MAX = 300_000;

export class SqliteSubmissionBook implements SubmissionBook {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  find(keys: readonly string[]): Map<string, string> {
    const found = new Map<string, string>();
    for (const [, rows] of this.#findByTable(keys)) for (const { key, state } of rows) found.set(key, state);
    return found;
  }

  put(states: ReadonlyMap<string, string>, period: number): void {
    if (states.size === 0) return;
    const table = tableName(period);
    this.#sql.exec(
      `CREATE TABLE IF NOT EXISTS ${table} (key BLOB NOT NULL PRIMARY KEY, state TEXT NOT NULL) STRICT, WITHOUT ROWID`,
    );
    for (const [other, rows] of this.#findByTable(Array.from(states.keys()))) {
      if (other !== table) this.#forget(other, rows);
    }
    for (const slice of slicesOf(states)) {
      this.#sql.exec(
        `INSERT INTO ${table} (key, state)
         SELECT unhex(value ->> 0), value ->> 1 FROM json_each(?1) WHERE true
         ON CONFLICT (key) DO UPDATE SET state = excluded.state`,
        JSON.stringify(slice),
      );
    }
  }

  dropBefore(period: number): void {
    for (const table of this.#tables()) {
      if (Number(table.slice(table.indexOf("_") + 1)) < period) this.#sql.exec(`DROP TABLE ${table}`);
    }
  }

  #forget(table: string, rows: readonly { readonly key: string }[]): void {
    if (rows.length === 0) return;
    const keys = JSON.stringify(rows.map(({ key }) => key));
    this.#sql.exec(`DELETE FROM ${table} WHERE key IN (SELECT unhex(value) FROM json_each(?1))`, keys);
  }

  /** Keys are few and short: those of a call of 1 000 conversions are 35 kB. */
  #findByTable(keys: readonly string[]): [string, { key: string; state: string }[]][] {
    const asked = JSON.stringify(keys);
    return this.#tables().map((table) => [
      table,
      this.#sql
        .exec<{ key: string; state: string }>(
          `SELECT asked.value AS key, state FROM json_each(?1) AS asked
           JOIN ${table} AS book ON book.key = unhex(asked.value)`,
          asked,
        )
        .toArray(),
    ]);
  }

  #tables(): string[] {
    return this.#sql
      .exec<{ name: string }>(SELECT_TABLES)
      .toArray()
      .map(({ name }) => name);
  }
}

/** The rows in slices whose JSON is well below what a bound text may hold, even if it escapes every character. */
function* slicesOf(states: ReadonlyMap<string, string>): Generator<[string, string][]> {
  let slice: [string, string][] = [];
  let chars = 0;
  for (const row of states) {
    const length = row[0].length + row[1].length;
    if (slice.length > 0 && chars + length > SLICE_CHARS_MAX) {
      yield slice;
      slice = [];
      chars = 0;
    }
    slice.push(row);
    chars += length;
  }
  if (slice.length > 0) yield slice;
}

function tableName(period: number): string {
  assert(Number.isSafeInteger(period) && period >= 0, "a period is a whole number");
  return `book_${period}`;
}
