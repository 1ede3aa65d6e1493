/**
 * The two tables of a shard's log, and the SQL on one of them: what one holds is dropped whole, which is billed with no
 * row, while the other is appended to (sqlite-shard-log.ts).
 *
 * Keeps: their names are the only thing that statements here are built from.
 */
export const LOG_TABLES = ["log_a", "log_b"] as const;
export type LogTable = (typeof LOG_TABLES)[number];
/** Rows that are billed for making a table. */
export const ROWS_OF_TABLE = 2;

export const createLogTable = (table: LogTable) => `CREATE TABLE ${table} (
  seq              INTEGER PRIMARY KEY, -- continues from the highest ever used
  logged_at_ms     INTEGER NOT NULL,    -- never goes back
  received_from_ms INTEGER NOT NULL,    -- earliest receipt of the row's events
  chars            INTEGER NOT NULL,    -- length of lines
  keys             BLOB,                -- what changed of keys with it, core/key-changes.ts; before lines: read alone
  lines            TEXT    NOT NULL     -- NDJSON, core/log-line.ts
) STRICT`;

export const dropLogTable = (table: LogTable) => `DROP TABLE ${table}`;
export const emptyLogTable = (table: LogTable) => `DELETE FROM ${table}`;

export const insertRow = (table: LogTable) => `
INSERT INTO ${table} (seq, logged_at_ms, received_from_ms, chars, keys, lines)
VALUES (?1, ?2, ?3, ?4, ?5, ?6)`;

/** Each by itself, since SQLite reads the whole table for both at once. */
export const selectEnds = (table: LogTable) =>
  `SELECT (SELECT min(seq) FROM ${table}) AS first, (SELECT max(seq) FROM ${table}) AS last`;

/** For who changes a log behind its back, as a demonstration of tampering does; `change` begins with SET. */
export const updateLogTable = (table: LogTable, change: string) => `UPDATE ${table} ${change}`;
