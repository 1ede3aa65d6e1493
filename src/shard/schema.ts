/**
 * The tables of one shard, as an ordered list of migrations. `PRAGMA user_version` is not available in Durable Object
 * storage, so the version is a row of `meta`.
 *
 *   meta(name, value)                              schema version
 *   log_a, log_b(seq, logged_at_ms, received_from_ms, chars, keys, lines)   one row per commit, in either of the two
 *   log                                            both, as one (view); rows behind the tail are no longer of the log
 *   cursor(name, value)                            dropped_before_hour
 *   mark(name, value)                              life, tail, archived, posted/<database>: JSON of places in the log;
 *                                                  rules: which are recorded in R2, and which are still to be;
 *                                                  keys: the filters' salt, up to where keys are packed, a merge
 *   late(event, key, received_at_ms, clicks, encoded, decided)   late clicks and what was decided on them
 *   revised(event, n, …)                           what reviews and revisions made of an event's verdict
 *   run(hour, run, age, level, pages, claims)      sorted runs of claimed impressions, by hour of issue
 *   filter_<hour of iat>(id, fences, filter, claims)   filters over pages of a run (made by sqlite-key-stores.ts)
 *   page_<hour of iat>(id, claims)                 pages of a run                   (made by sqlite-key-stores.ts)
 *   repeat_<hour received>(lowest, ids)            pages of ids of non-claiming events (made by sqlite-key-stores.ts)
 *   book_<period>(key, state)                      orders and batches         (made by sqlite-submission-book.ts)
 *
 * Keeps: append-only; a deployed migration never changes. Runs in the constructor and nowhere else.
 */
import { createLogTable, LOG_TABLES } from "./log-tables.ts";

const CREATE_META = `
CREATE TABLE IF NOT EXISTS meta (
  name  TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID`;

const MIGRATIONS: readonly (readonly string[])[] = [
  [
    ...LOG_TABLES.map(createLogTable),
    `CREATE VIEW log AS SELECT * FROM log_a UNION ALL SELECT * FROM log_b`,
    `CREATE TABLE cursor (
  name  TEXT    NOT NULL PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID`,
    `CREATE TABLE mark (
  name  TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL -- JSON, shard-log.ts
) STRICT, WITHOUT ROWID`,
    `CREATE TABLE late (
  event          TEXT    NOT NULL PRIMARY KEY,
  key            TEXT    NOT NULL, -- of its impression
  received_at_ms INTEGER NOT NULL,
  clicks         INTEGER NOT NULL, -- its own and those that joined it
  encoded        TEXT    NOT NULL, -- the TokenEvent as it arrived
  decided        TEXT              -- JSON of the decision, NULL while it waits
) STRICT, WITHOUT ROWID`,
    `CREATE INDEX late_by_key ON late (key)`,
    `CREATE TABLE revised (
  event        TEXT    NOT NULL,
  n            INTEGER NOT NULL, -- 0 for the review of a late click, from 1 for revisions
  key          TEXT    NOT NULL, -- of its impression
  at_ms        INTEGER NOT NULL,
  verdict      TEXT    NOT NULL,
  reason       TEXT,
  from_verdict TEXT    NOT NULL,
  from_reason  TEXT,
  cause        TEXT    NOT NULL,
  decided_by   TEXT    NOT NULL,
  PRIMARY KEY (event, n)
) STRICT, WITHOUT ROWID`,
    `CREATE INDEX revised_by_key ON revised (key)`,
    `CREATE TABLE run (
  hour   INTEGER NOT NULL, -- of issue
  run    INTEGER NOT NULL, -- its number in the hour
  age    INTEGER NOT NULL, -- of two runs the one of greater age is newer
  level  INTEGER NOT NULL, -- how often it was merged
  pages  INTEGER NOT NULL,
  claims INTEGER NOT NULL,
  PRIMARY KEY (hour, run)
) STRICT, WITHOUT ROWID`,
  ],
];

const SELECT_META = `SELECT value FROM meta WHERE name = ?1`;
const SET_META = `INSERT INTO meta (name, value) VALUES (?1, ?2)
  ON CONFLICT (name) DO UPDATE SET value = excluded.value`;

/** Brings the storage to the newest schema. */
export function migrate(storage: DurableObjectStorage): void {
  storage.transactionSync(() => {
    const { sql } = storage;
    sql.exec(CREATE_META);
    const version = Number(sql.exec<{ value: string }>(SELECT_META, "schema").toArray()[0]?.value ?? 0);
    for (const statements of MIGRATIONS.slice(version)) {
      for (const statement of statements) sql.exec(statement);
    }
    if (version < MIGRATIONS.length) sql.exec(SET_META, "schema", String(MIGRATIONS.length));
  });
}
