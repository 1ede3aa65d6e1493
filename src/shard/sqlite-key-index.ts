/**
 * Keys as table rows: one table per hour, so that forgetting an hour is a DROP, which writes no billed rows.
 *
 *   seen_493811(key BLOB 16 bytes, event TEXT)   claimed impressions issued in hour 493811
 *   repeat_493811(event TEXT)                    non-claiming events received in hour 493811
 *
 * Keeps: the contract of key-index.ts. One row written per event. The mark of dropped hours is persisted in the same
 * transaction as the DROP. Table names are made of a checked integer and nothing else.
 * Relies on: the caller's transaction.
 */
import type { EventId } from "../core/event-id.ts";
import type { ImpressionKey } from "../core/impression-key.ts";
import type { Claim, Known, Repeat } from "../core/ingest.ts";
import { assert } from "../core/result.ts";
import type { KeyIndex, Lookup } from "./key-index.ts";
import type { ShardLog } from "./shard-log.ts";

type Kind = "seen" | "repeat";

const SELECT_TABLES = `
SELECT name
FROM sqlite_master
WHERE type = 'table' AND (name GLOB 'seen_[0-9]*' OR name GLOB 'repeat_[0-9]*')`;

const DROPPED_CURSOR = "dropped_before_hour";

export class SqliteKeyIndex implements KeyIndex {
  readonly #sql: SqlStorage;
  readonly #log: ShardLog;
  /** Names of existing tables; forgotten after a rollback (`forgetTables`) and read again. */
  #tables: Set<string> | null = null;

  constructor(sql: SqlStorage, log: ShardLog) {
    this.#sql = sql;
    this.#log = log;
  }

  lookup({ keys, events }: Lookup): Known {
    const claimedBy = new Map<ImpressionKey, EventId>();
    for (const [hour, group] of groupByHour(keys)) {
      const table = this.#existing("seen", hour);
      if (table === null) continue;
      const asked = JSON.stringify(group.map(({ key }) => key));
      const found = this.#sql.exec<{ key: string; event: string }>(
        `SELECT asked.value AS key, event FROM json_each(?1) AS asked
         JOIN ${table} AS seen ON seen.key = unhex(asked.value)`,
        asked,
      );
      for (const { key, event } of found) claimedBy.set(key as ImpressionKey, event as EventId);
    }
    const repeats = new Set<EventId>();
    for (const [hour, group] of groupByHour(events)) {
      const table = this.#existing("repeat", hour);
      if (table === null) continue;
      const asked = JSON.stringify(group.map(({ event }) => event));
      const found = this.#sql.exec<{ event: string }>(
        `SELECT event FROM json_each(?1) AS asked JOIN ${table} ON event = asked.value`,
        asked,
      );
      for (const { event } of found) repeats.add(event as EventId);
    }
    return { claimedBy, repeats, droppedBeforeHour: this.droppedBeforeHour() };
  }

  insert(claims: readonly Claim[], repeats: readonly Repeat[]): void {
    for (const [hour, group] of groupByHour(claims)) {
      const table = this.#ensure("seen", hour);
      this.#sql.exec(
        `INSERT OR IGNORE INTO ${table} (key, event) SELECT unhex(value ->> 0), value ->> 1 FROM json_each(?1)`,
        JSON.stringify(group.map(({ key, event }) => [key, event])),
      );
    }
    for (const [hour, group] of groupByHour(repeats)) {
      const table = this.#ensure("repeat", hour);
      this.#sql.exec(
        `INSERT OR IGNORE INTO ${table} (event) SELECT value FROM json_each(?1)`,
        JSON.stringify(group.map(({ event }) => event)),
      );
    }
  }

  droppedBeforeHour(): number {
    return this.#log.cursor(DROPPED_CURSOR).read();
  }

  dropBefore(hour: number): void {
    if (hour <= this.droppedBeforeHour()) return;
    for (const name of Array.from(this.#names())) {
      if (Number(name.slice(name.indexOf("_") + 1)) >= hour) continue;
      this.#sql.exec(`DROP TABLE ${name}`);
      this.#names().delete(name);
    }
    this.#log.cursor(DROPPED_CURSOR).advance(hour);
  }

  /** To be called when the caller's transaction was rolled back: a table made in it does not exist. */
  forgetTables(): void {
    this.#tables = null;
  }

  #names(): Set<string> {
    this.#tables ??= new Set(
      this.#sql
        .exec<{ name: string }>(SELECT_TABLES)
        .toArray()
        .map(({ name }) => name),
    );
    return this.#tables;
  }

  #existing(kind: Kind, hour: number): string | null {
    const name = tableName(kind, hour);
    return this.#names().has(name) ? name : null;
  }

  #ensure(kind: Kind, hour: number): string {
    const existing = this.#existing(kind, hour);
    if (existing !== null) return existing;
    const name = tableName(kind, hour);
    const columns =
      kind === "seen" ? "key BLOB NOT NULL PRIMARY KEY, event TEXT NOT NULL" : "event TEXT NOT NULL PRIMARY KEY";
    this.#sql.exec(`CREATE TABLE ${name} (${columns}) STRICT, WITHOUT ROWID`);
    this.#names().add(name);
    return name;
  }
}

function tableName(kind: Kind, hour: number): string {
  assert(Number.isSafeInteger(hour) && hour >= 0, "an hour is a whole number");
  return `${kind}_${hour}`;
}

function groupByHour<T extends { readonly hour: number }>(items: readonly T[]): Map<number, T[]> {
  const groups = new Map<number, T[]>();
  for (const item of items) {
    const group = groups.get(item.hour);
    if (group === undefined) groups.set(item.hour, [item]);
    else group.push(item);
  }
  return groups;
}
