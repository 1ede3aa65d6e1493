/**
 * Keys and repeats in tables, one of each per hour, so that forgetting an hour is a DROP, which writes no billed rows.
 *
 *   seen_493811(key BLOB 16 bytes, event TEXT)   claimed impressions issued in hour 493811, a row each
 *   repeat_493811(lowest INTEGER, ids BLOB)      non-claiming events received in that hour, in pages (repeat-pages.ts)
 *
 * Keeps: the contract of key-index.ts. A row written per claim, and one per page that repeats are added to. The mark of
 * dropped hours is persisted in the same transaction as the DROP. Table names are made of a checked integer and nothing
 * else.
 * Relies on: the caller's transaction.
 */
import type { EventId } from "../core/event-id.ts";
import type { ImpressionKey } from "../core/impression-key.ts";
import type { Claim, Known, Repeat } from "../core/ingest.ts";
import { REPEAT_PAGE_BYTES_MAX, REPEAT_PAGES_GATHERED } from "../core/limits.ts";
import { assert } from "../core/result.ts";
import type { KeyIndex, Lookup } from "./key-index.ts";
import { type PageStore, RepeatPages } from "./repeat-pages.ts";
import type { ShardLog } from "./shard-log.ts";

type Kind = "seen" | "repeat";

const SELECT_TABLES = `
SELECT name
FROM sqlite_master
WHERE type = 'table' AND (name GLOB 'seen_[0-9]*' OR name GLOB 'repeat_[0-9]*')`;

const COLUMNS: Readonly<Record<Kind, string>> = {
  seen: "(key BLOB NOT NULL PRIMARY KEY, event TEXT NOT NULL) STRICT, WITHOUT ROWID",
  // With a rowid: a page of it takes a blob of 4 kB whole, one of WITHOUT ROWID a quarter.
  repeat: "(lowest INTEGER PRIMARY KEY, ids BLOB NOT NULL) STRICT",
};

const DROPPED_CURSOR = "dropped_before_hour";

export class SqliteKeyIndex implements KeyIndex {
  readonly #sql: SqlStorage;
  readonly #log: ShardLog;
  readonly #repeats: RepeatPages;
  /** Names of existing tables; forgotten after a rollback (`forgetTables`) and read again. */
  #tables: Set<string> | null = null;

  constructor(sql: SqlStorage, log: ShardLog) {
    this.#sql = sql;
    this.#log = log;
    const sizes = { bytesMax: REPEAT_PAGE_BYTES_MAX, gathered: REPEAT_PAGES_GATHERED };
    this.#repeats = new RepeatPages(this.#pages(), sizes);
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
      if (this.#existing("repeat", hour) === null) continue;
      const asked = group.map(({ event }) => event);
      for (const event of this.#repeats.known(hour, asked)) repeats.add(event);
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
      this.#ensure("repeat", hour);
      const added = group.map(({ event }) => event);
      this.#repeats.add(hour, added);
    }
  }

  release(claims: readonly Claim[]): void {
    for (const { hour, key, event } of claims) {
      const table = this.#existing("seen", hour);
      if (table !== null) this.#sql.exec(`DELETE FROM ${table} WHERE key = unhex(?1) AND event = ?2`, key, event);
    }
  }

  droppedBeforeHour(): number {
    return this.#log.cursor(DROPPED_CURSOR).read();
  }

  dropBefore(hour: number): void {
    if (hour <= this.droppedBeforeHour()) return;
    for (const name of Array.from(this.#names())) {
      if (hourIn(name) >= hour) continue;
      this.#sql.exec(`DROP TABLE ${name}`);
      this.#names().delete(name);
    }
    this.#log.cursor(DROPPED_CURSOR).advance(hour);
  }

  oldestHour(): number | null {
    const hours = Array.from(this.#names(), hourIn);
    return hours.length === 0 ? null : Math.min(...hours);
  }

  /** To be called when the caller's transaction was rolled back: a table made in it does not exist. */
  forgetTables(): void {
    this.#tables = null;
  }

  /** Pages of repeats in their tables, which exist when they are asked. */
  #pages(): PageStore {
    const table = (hour: number) => tableName("repeat", hour);
    return {
      find: (hour, rank) => {
        const found = this.#sql.exec<{ lowest: number; ids: ArrayBuffer; next: number | null }>(
          `SELECT lowest, ids, (SELECT min(lowest) FROM ${table(hour)} WHERE lowest > page.lowest) AS next
           FROM ${table(hour)} AS page WHERE lowest <= ?1 ORDER BY lowest DESC LIMIT 1`,
          rank,
        );
        const row = found.toArray()[0];
        return row === undefined ? null : { ...row, ids: new Uint8Array(row.ids) };
      },
      put: (hour, lowest, ids) => {
        this.#sql.exec(
          `INSERT INTO ${table(hour)} (lowest, ids) VALUES (?1, ?2)
           ON CONFLICT (lowest) DO UPDATE SET ids = excluded.ids`,
          lowest,
          ids.buffer,
        );
      },
      remove: (hour, lowest) => {
        this.#sql.exec(`DELETE FROM ${table(hour)} WHERE lowest = ?1`, lowest);
      },
      last: (hour, pages) => {
        const found = this.#sql.exec<{ lowest: number; bytes: number }>(
          `SELECT lowest, length(ids) AS bytes FROM ${table(hour)} ORDER BY lowest DESC LIMIT ?1`,
          pages,
        );
        return found.toArray().reverse();
      },
    };
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
    this.#sql.exec(`CREATE TABLE ${name} ${COLUMNS[kind]}`);
    this.#names().add(name);
    return name;
  }
}

function tableName(kind: Kind, hour: number): string {
  assert(Number.isSafeInteger(hour) && hour >= 0, "an hour is a whole number");
  return `${kind}_${hour}`;
}

function hourIn(table: string): number {
  return Number(table.slice(table.indexOf("_") + 1));
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
