/**
 * Packed keys in tables, of each hour its own, so that forgetting an hour is a DROP, which writes no billed rows.
 *
 *   run(hour, run, age, level, pages, claims)            the runs there are; one that is not listed is nothing
 *   filter_493811(id, fences, filter, claims)            stretches of the runs of claims issued in hour 493811
 *   page_493811(id, claims)                              their pages
 *   repeat_493811(lowest, ids)                           non-claiming events received in that hour (repeat-pages.ts)
 *
 * An id is the run's number and the page's, of a stretch that of its first page. The only page of a stretch stands
 * beside the filter, so that few claims are one row. All tables have a rowid: a blob of WITHOUT ROWID fills its pages
 * badly.
 *
 * Keeps: the contracts of claim-store.ts and repeat-pages.ts. Table names are made of a checked integer and nothing
 * else.
 * Relies on: the caller's transaction; `forget` when it was rolled back, since a table made in it does not exist.
 */
import { KEY_BYTES } from "../core/claim-page.ts";
import { KEY_SALT_BYTES } from "../core/key-hash.ts";
import { assert } from "../core/result.ts";
import type { ClaimStore, Run, Stretch } from "./claim-store.ts";
import { KEY_SIZES, type KeySizes } from "./key-sizes.ts";
import { type KeyStores, PackedKeyIndex } from "./packed-key-index.ts";
import type { ShardLog } from "./shard-log.ts";

type Kind = "filter" | "page" | "repeat";

const SELECT_TABLES = `
SELECT name
FROM sqlite_master
WHERE type = 'table' AND (name GLOB 'filter_[0-9]*' OR name GLOB 'page_[0-9]*' OR name GLOB 'repeat_[0-9]*')`;

const COLUMNS: Readonly<Record<Kind, string>> = {
  filter: "(id INTEGER PRIMARY KEY, fences BLOB NOT NULL, filter BLOB NOT NULL, claims BLOB) STRICT",
  page: "(id INTEGER PRIMARY KEY, claims BLOB NOT NULL) STRICT",
  repeat: "(lowest INTEGER PRIMARY KEY, ids BLOB NOT NULL) STRICT",
};

const SELECT_RUNS = `SELECT hour, run, age, level, pages, claims FROM run`;
const INSERT_RUN = `INSERT INTO run (hour, run, age, level, pages, claims) VALUES (?1, ?2, ?3, ?4, ?5, ?6)`;
const DELETE_RUN = `DELETE FROM run WHERE hour = ?1 AND run = ?2`;
const DELETE_RUNS = `DELETE FROM run WHERE hour < ?1`;

/** Pages of one run, at most: 755 million claims. */
const PAGES_PER_RUN = 2 ** 20;

/** The index over an object's storage; there is one in the object. */
export function packedKeysOn(
  storage: Pick<DurableObjectStorage, "sql" | "transactionSync">,
  log: ShardLog,
  sizes: KeySizes = KEY_SIZES,
): PackedKeyIndex {
  return new PackedKeyIndex({
    stores: sqliteKeyStores(storage.sql),
    log,
    transact: (closure) => storage.transactionSync(closure),
    makeSalt: () => crypto.getRandomValues(new Uint8Array(KEY_SALT_BYTES)),
    sizes,
  });
}

/** The stores of one object's storage. */
export function sqliteKeyStores(sql: SqlStorage): KeyStores {
  const tables = new HourTables(sql);
  return {
    claims: new SqliteClaimStore(sql, tables),
    repeats: repeatPages(sql, tables),
    forget: () => tables.forget(),
  };
}

/** The tables of hours that there are. */
class HourTables {
  readonly #sql: SqlStorage;
  #names: Set<string> | null = null;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  existing(kind: Kind, hour: number): string | null {
    const name = tableName(kind, hour);
    return this.#all().has(name) ? name : null;
  }

  ensure(kind: Kind, hour: number): string {
    const name = tableName(kind, hour);
    if (this.#all().has(name)) return name;
    this.#sql.exec(`CREATE TABLE ${name} ${COLUMNS[kind]}`);
    this.#all().add(name);
    return name;
  }

  hours(kind: Kind): number[] {
    return Array.from(this.#all())
      .filter((name) => name.startsWith(`${kind}_`))
      .map(hourIn);
  }

  dropBefore(kind: Kind, hour: number): void {
    for (const at of this.hours(kind)) {
      if (at >= hour) continue;
      this.#sql.exec(`DROP TABLE ${tableName(kind, at)}`);
      this.#all().delete(tableName(kind, at));
    }
  }

  forget(): void {
    this.#names = null;
  }

  #all(): Set<string> {
    this.#names ??= new Set(
      this.#sql
        .exec<{ name: string }>(SELECT_TABLES)
        .toArray()
        .map(({ name }) => name),
    );
    return this.#names;
  }
}

class SqliteClaimStore implements ClaimStore {
  readonly #sql: SqlStorage;
  readonly #tables: HourTables;

  constructor(sql: SqlStorage, tables: HourTables) {
    this.#sql = sql;
    this.#tables = tables;
  }

  runs(): Run[] {
    return this.#sql.exec<Run>(SELECT_RUNS).toArray();
  }

  list({ hour, run, age, level, pages, claims }: Run): void {
    this.#sql.exec(INSERT_RUN, hour, run, age, level, pages, claims);
  }

  remove({ hour, run }: Run): void {
    this.#sql.exec(DELETE_RUN, hour, run);
    for (const kind of ["filter", "page"] as const) {
      const table = this.#tables.existing(kind, hour);
      if (table === null) continue;
      this.#sql.exec(`DELETE FROM ${table} WHERE id >= ?1 AND id < ?2`, idOf(run, 0), idOf(run + 1, 0));
    }
  }

  put({ hour, run }: Pick<Run, "hour" | "run">, { first, fences, filter, pages }: Stretch): void {
    const [alone] = pages.length === 1 ? pages : [];
    if (alone === undefined) {
      const table = this.#tables.ensure("page", hour);
      for (const [n, page] of pages.entries()) {
        this.#sql.exec(`INSERT OR REPLACE INTO ${table} (id, claims) VALUES (?1, ?2)`, idOf(run, first + n), page);
      }
    }
    this.#sql.exec(
      `INSERT OR REPLACE INTO ${this.#tables.ensure("filter", hour)} (id, fences, filter, claims)
       VALUES (?1, ?2, ?3, ?4)`,
      ...[idOf(run, first), fences, filter, alone ?? null],
    );
  }

  fences({ hour, run, pages }: Run): Uint8Array<ArrayBuffer> {
    const table = tableName("filter", hour);
    const rows = this.#sql.exec<{ fences: ArrayBuffer }>(
      `SELECT fences FROM ${table} WHERE id >= ?1 AND id < ?2 ORDER BY id`,
      ...[idOf(run, 0), idOf(run + 1, 0)],
    );
    const all = new Uint8Array(pages * KEY_BYTES);
    let at = 0;
    for (const { fences } of rows.toArray()) {
      all.set(new Uint8Array(fences), at);
      at += fences.byteLength;
    }
    assert(at === all.length, "a run has all its pages");
    return all;
  }

  filter({ hour, run }: Run, first: number): Uint8Array {
    const table = tableName("filter", hour);
    const found = this.#sql.exec<{ filter: ArrayBuffer }>(
      `SELECT filter FROM ${table} WHERE id = ?1`,
      idOf(run, first),
    );
    return new Uint8Array(found.one().filter);
  }

  page({ hour, run }: Run, page: number, isAlone: boolean): Uint8Array<ArrayBuffer> {
    const table = tableName(isAlone ? "filter" : "page", hour);
    const found = this.#sql.exec<{ claims: ArrayBuffer }>(`SELECT claims FROM ${table} WHERE id = ?1`, idOf(run, page));
    return new Uint8Array(found.one().claims);
  }

  dropBefore(hour: number): void {
    this.#tables.dropBefore("filter", hour);
    this.#tables.dropBefore("page", hour);
    this.#sql.exec(DELETE_RUNS, hour);
  }
}

/** Pages of repeats in their tables. */
function repeatPages(sql: SqlStorage, tables: HourTables): KeyStores["repeats"] {
  return {
    find: (hour, rank) => {
      const table = tables.existing("repeat", hour);
      if (table === null) return null;
      const found = sql.exec<{ lowest: number; ids: ArrayBuffer; next: number | null }>(
        `SELECT lowest, ids, (SELECT min(lowest) FROM ${table} WHERE lowest > page.lowest) AS next
         FROM ${table} AS page WHERE lowest <= ?1 ORDER BY lowest DESC LIMIT 1`,
        rank,
      );
      const row = found.toArray()[0];
      return row === undefined ? null : { ...row, ids: new Uint8Array(row.ids) };
    },
    put: (hour, lowest, ids) => {
      sql.exec(
        `INSERT INTO ${tables.ensure("repeat", hour)} (lowest, ids) VALUES (?1, ?2)
         ON CONFLICT (lowest) DO UPDATE SET ids = excluded.ids`,
        lowest,
        ids,
      );
    },
    remove: (hour, lowest) => {
      sql.exec(`DELETE FROM ${tableName("repeat", hour)} WHERE lowest = ?1`, lowest);
    },
    last: (hour, pages) => {
      const found = sql.exec<{ lowest: number; bytes: number }>(
        `SELECT lowest, length(ids) AS bytes FROM ${tableName("repeat", hour)} ORDER BY lowest DESC LIMIT ?1`,
        pages,
      );
      return found.toArray().reverse();
    },
    oldestHour: () => tables.hours("repeat").reduce<number | null>((a, b) => (a === null ? b : Math.min(a, b)), null),
    dropBefore: (hour) => tables.dropBefore("repeat", hour),
  };
}

function idOf(run: number, page: number): number {
  assert(page < PAGES_PER_RUN, "a run has less than a million pages");
  return run * PAGES_PER_RUN + page;
}

function tableName(kind: Kind, hour: number): string {
  assert(Number.isSafeInteger(hour) && hour >= 0, "an hour is a whole number");
  return `${kind}_${hour}`;
}

function hourIn(table: string): number {
  return Number(table.slice(table.indexOf("_") + 1));
}
