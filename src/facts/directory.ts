/**
 * The directory: which report database holds an advertiser.
 *
 *   REPORT_DB                        the primary; has the directory too, and keys, tenants and the audit log
 *   REPORT_DB_1, REPORT_DB_2, …      more of the same schema, found by the names of their bindings
 *
 * Keeps: an advertiser is assigned at first sight, for ever. Whoever comes first decides (`INSERT OR IGNORE`), and
 * everybody reads what was decided; an assignment is durable before anything is posted by it. One to a database that is
 * not bound is a fault, never a reason to look elsewhere.
 * Relies on: a binding's name means the same database for ever.
 */
import { hash32 } from "../core/hash.ts";
import { isReportDatabase } from "../core/routing.ts";

export const PRIMARY_DATABASE = "REPORT_DB";
/** Assignments that an isolate remembers; they never change, so forgetting them costs a look. */
const ASSIGNMENTS_REMEMBERED_MAX = 100_000;

/** A database that rows stand in has no binding in this deployment. */
export class UnboundDatabaseError extends Error {
  override readonly name = "UnboundDatabaseError";
}

const INSERT_ASSIGNMENTS = `
INSERT OR IGNORE INTO advertiser_directory (advertiser_id, database, pinned_at_ms)
SELECT value ->> 0, value ->> 1, ?2
FROM json_each(?1)`;

/** Of the assignments, not of the choices: another may have been first. */
const INSERT_DATABASES = `
INSERT OR IGNORE INTO report_databases (database, first_used_at_ms)
SELECT database, ?2
FROM advertiser_directory
WHERE advertiser_id IN (SELECT value ->> 0 FROM json_each(?1))`;

const SELECT_ASSIGNMENTS = `
SELECT advertiser_id, database
FROM advertiser_directory
WHERE advertiser_id IN (SELECT value FROM json_each(?1))`;

const SELECT_SETTLED = `
SELECT advertiser_id
FROM advertisers
WHERE advertiser_id IN (SELECT value FROM json_each(?1))`;

const SELECT_DATABASES = `
SELECT database
FROM report_databases`;

/** The Worker's bindings, of which the primary is always there. */
type Bindings = { readonly REPORT_DB: D1Database };

type AssignmentRow = { readonly advertiser_id: string; readonly database: string };

const remembered = new WeakMap<D1Database, Map<string, string>>();

/** The databases that are bound, by the names of their bindings; the primary first. */
export function boundDatabases(env: Bindings): ReadonlyMap<string, D1Database> {
  const bound = Object.entries(env).filter(([name]) => isReportDatabase(name)) as [string, D1Database][];
  return new Map(bound.toSorted(([left], [right]) => numberOf(left) - numberOf(right)));
}

function numberOf(binding: string): number {
  return Number(binding.slice(PRIMARY_DATABASE.length + 1));
}

export class Directory {
  readonly databases: ReadonlyMap<string, D1Database>;
  readonly #primary: D1Database;
  readonly #assignments: Map<string, string>;

  constructor(env: Bindings) {
    this.databases = boundDatabases(env);
    this.#primary = env.REPORT_DB;
    this.#assignments = remembered.get(this.#primary) ?? new Map();
    remembered.set(this.#primary, this.#assignments);
  }

  /**
   * Assigns those advertisers that are not yet, each to one of the databases `newTo`. Throws UnboundDatabaseError when
   * a database of an assignment or of `newTo` is not bound, and what D1 throws.
   */
  async assign(
    advertiserIds: readonly string[],
    { newTo, nowMs }: { newTo: readonly string[]; nowMs: number },
  ): Promise<ReadonlyMap<string, string>> {
    const names = this.#remembered(advertiserIds);
    const unknown = advertiserIds.filter((id) => !names.has(id));
    if (unknown.length > 0) {
      for (const name of newTo) this.#bound(name);
      const settled = await this.#settledIn(unknown);
      const choices = JSON.stringify(unknown.map((id) => [id, settled.get(id) ?? choiceOf(id, newTo)]));
      const [, , assignments] = await this.#primary.batch<AssignmentRow>([
        this.#primary.prepare(INSERT_ASSIGNMENTS).bind(choices, nowMs),
        this.#primary.prepare(INSERT_DATABASES).bind(choices, nowMs),
        this.#primary.prepare(SELECT_ASSIGNMENTS).bind(JSON.stringify(unknown)),
      ]);
      this.#remember(assignments?.results ?? [], names);
    }
    return new Map(advertiserIds.map((id) => [id, this.#assigned(id, names)]));
  }

  /** The databases of `namesOf`. Throws UnboundDatabaseError when one of them is not bound. */
  async databasesOf(advertiserIds: readonly string[] | null): Promise<D1Database[]> {
    return Array.from(await this.namesOf(advertiserIds), (name) => this.#bound(name));
  }

  /**
   * The names of the databases with rows of the advertisers, or of any (null): the primary, and those that somebody was
   * assigned to. An advertiser that was never seen is looked for in the primary.
   */
  async namesOf(advertiserIds: readonly string[] | null): Promise<string[]> {
    if (advertiserIds === null) {
      const { results } = await this.#primary.prepare(SELECT_DATABASES).all<{ database: string }>();
      return Array.from(new Set([PRIMARY_DATABASE, ...results.map(({ database }) => database)]));
    }
    const names = this.#remembered(advertiserIds);
    const unknown = advertiserIds.filter((id) => !names.has(id));
    if (unknown.length > 0) {
      const { results } = await this.#primary
        .prepare(SELECT_ASSIGNMENTS)
        .bind(JSON.stringify(unknown))
        .all<AssignmentRow>();
      this.#remember(results, names);
    }
    return Array.from(new Set(advertiserIds.map((id) => names.get(id) ?? PRIMARY_DATABASE)));
  }

  /** A database by its name. Throws UnboundDatabaseError. */
  database(name: string): D1Database {
    return this.#bound(name);
  }

  /**
   * Where several databases are bound: which of them has rows of an advertiser already. A directory that was set back
   * has forgotten assignments whose advertisers' facts stand elsewhere.
   */
  async #settledIn(advertiserIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
    if (this.databases.size === 1) return new Map();
    const ids = JSON.stringify(advertiserIds);
    const found = await Promise.all(
      Array.from(this.databases, async ([name, database]) => {
        const { results } = await database.prepare(SELECT_SETTLED).bind(ids).all<{ advertiser_id: string }>();
        return results.map(({ advertiser_id: id }) => [id, name] as const);
      }),
    );
    return new Map(found.flat());
  }

  #assigned(advertiserId: string, names: ReadonlyMap<string, string>): string {
    const name = names.get(advertiserId);
    if (name === undefined) throw new Error(`advertiser ${advertiserId} was not assigned`);
    this.#bound(name);
    return name;
  }

  #bound(name: string): D1Database {
    const database = this.databases.get(name);
    if (database === undefined) throw new UnboundDatabaseError(`report database ${name} is not bound`);
    return database;
  }

  /** What is remembered of the advertisers, in a map of the caller's own: others may be forgotten while it waits. */
  #remembered(advertiserIds: readonly string[]): Map<string, string> {
    const names = new Map<string, string>();
    for (const id of advertiserIds) {
      const name = this.#assignments.get(id);
      if (name !== undefined) names.set(id, name);
    }
    return names;
  }

  /** Remembers assignments, here and in the map of whoever asked for them. */
  #remember(assignments: readonly AssignmentRow[], names: Map<string, string>): void {
    if (this.#assignments.size + assignments.length > ASSIGNMENTS_REMEMBERED_MAX) this.#assignments.clear();
    for (const { advertiser_id: id, database } of assignments) {
      this.#assignments.set(id, database);
      names.set(id, database);
    }
  }
}

/** Spreads advertisers, independently of their buckets. */
function choiceOf(advertiserId: string, newTo: readonly string[]): string {
  return newTo[hash32(`directory/${advertiserId}`) % newTo.length] ?? PRIMARY_DATABASE;
}
