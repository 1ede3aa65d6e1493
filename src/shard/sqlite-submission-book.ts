/**
 * Submissions as table rows: one table per period of 30 days, so that forgetting is a DROP, which writes no billed rows.
 *
 *   book_685(key BLOB 16 bytes, state TEXT)     what was first submitted in days 20 550 … 20 579 since 1970
 *
 * Keeps: the contract of submission-book.ts. A look-up asks every table there is, at most fourteen. Table names are made
 * of a checked integer and nothing else.
 * Relies on: the caller's transaction.
 */
import { assert } from "../core/result.ts";
import type { SubmissionBook } from "./submission-book.ts";

const SELECT_TABLES = `
SELECT name
FROM sqlite_master
WHERE type = 'table' AND name GLOB 'book_[0-9]*'
ORDER BY name`;

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
    const remaining = new Map(states);
    for (const [table, rows] of this.#findByTable(Array.from(states.keys()))) {
      this.#upsert(
        table,
        rows.map(({ key }) => [key, remaining.get(key) ?? ""]),
      );
      for (const { key } of rows) remaining.delete(key);
    }
    if (remaining.size === 0) return;
    const table = tableName(period);
    this.#sql.exec(
      `CREATE TABLE IF NOT EXISTS ${table} (key BLOB NOT NULL PRIMARY KEY, state TEXT NOT NULL) STRICT, WITHOUT ROWID`,
    );
    this.#upsert(table, Array.from(remaining));
  }

  dropBefore(period: number): void {
    for (const table of this.#tables()) {
      if (Number(table.slice(table.indexOf("_") + 1)) < period) this.#sql.exec(`DROP TABLE ${table}`);
    }
  }

  #upsert(table: string, rows: readonly (readonly [string, string])[]): void {
    if (rows.length === 0) return;
    this.#sql.exec(
      `INSERT INTO ${table} (key, state)
       SELECT unhex(value ->> 0), value ->> 1 FROM json_each(?1) WHERE true
       ON CONFLICT (key) DO UPDATE SET state = excluded.state`,
      JSON.stringify(rows),
    );
  }

  #findByTable(keys: readonly string[]): [string, { key: string; state: string }[]][] {
    const asked = JSON.stringify(keys);
    return this.#tables().map((table) => [
      table,
      this.#sql
        .exec<{ key: string; state: string }>(
          `SELECT asked.value AS key, state FROM json_each(?1) AS asked JOIN ${table} AS book ON book.key = unhex(asked.value)`,
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

function tableName(period: number): string {
  assert(Number.isSafeInteger(period) && period >= 0, "a period is a whole number");
  return `book_${period}`;
}
