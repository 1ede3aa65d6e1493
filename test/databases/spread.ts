/** Advertisers spread over the three report databases, and what is told of how they are read. */
import { env } from "cloudflare:workers";
import { boundDatabases, Directory } from "../../src/facts/directory.ts";
import { type Cell, type Mark, postCells, seedCells } from "../report/seed.ts";
import { wipeFacts } from "../support/wipe-facts.ts";

export const NAMES = ["REPORT_DB", "REPORT_DB_1", "REPORT_DB_2"] as const;
export type Name = (typeof NAMES)[number];

/** The primary has two advertisers, the others one each. */
export const HOMES: Readonly<Record<string, Name>> = {
  adv_1: "REPORT_DB",
  adv_2: "REPORT_DB_1",
  adv_3: "REPORT_DB_2",
  adv_4: "REPORT_DB",
};

export function databaseOf(name: string): D1Database {
  const database = boundDatabases(env).get(name);
  if (database === undefined) throw new Error(`${name} is not bound`);
  return database;
}

/** Pins each advertiser to its database. */
export async function assignHomes(): Promise<void> {
  const directory = new Directory(env);
  for (const [id, name] of Object.entries(HOMES)) await directory.assign([id], { newTo: [name], nowMs: 1 });
}

/** Writes cells into the databases of their advertisers, anew, with marks by database. */
export async function seedHomes(cells: readonly Cell[], markOf?: (name: Name) => Mark): Promise<void> {
  for (const name of NAMES) {
    const database = databaseOf(name);
    await wipeFacts(database);
    const mark = markOf?.(name);
    await seedCells(database, cellsOf(name, cells), mark === undefined ? undefined : () => mark);
  }
}

/** Posts cells into the databases of their advertisers. */
export async function postHomes(cells: readonly Cell[]): Promise<void> {
  for (const name of NAMES) await postCells(databaseOf(name), cellsOf(name, cells));
}

function cellsOf(name: Name, cells: readonly Cell[]): Cell[] {
  return cells.filter((cell) => HOMES[cell.advertiser_id] === name);
}

/** The statements that each database was asked to prepare. */
export type Told = Readonly<Record<Name, string[]>>;

/** The bindings as another isolate has them: nothing is remembered, and each database tells what it is asked. */
export function tellingBindings(): { bindings: Env; told: Told } {
  const told: Told = { REPORT_DB: [], REPORT_DB_1: [], REPORT_DB_2: [] };
  const databases = NAMES.map((name) => [name, telling(databaseOf(name), told[name])]);
  return { bindings: { ...env, ...Object.fromEntries(databases) }, told };
}

function telling(database: D1Database, statements: string[]): D1Database {
  return new Proxy(database, {
    get: (target, member) => {
      const value: unknown = Reflect.get(target, member);
      if (typeof value !== "function") return value;
      return (...given: unknown[]) => {
        if (member === "prepare") statements.push(String(given[0]));
        return value.apply(target, given) as unknown;
      };
    },
  });
}

/** The bindings with one database less. */
export function bindingsWithout(missing: Name): Env {
  const { bindings } = tellingBindings();
  const bound = Object.fromEntries(Object.entries(bindings).filter(([name]) => name !== missing)) as unknown as Env;
  // New advertisers go where a database is; otherwise the settings themselves are refused.
  return { ...bound, NEW_ADVERTISERS_TO: NAMES.filter((name) => name !== missing).join() };
}
