/**
 * A report database over SQLite in this process, with the migrations of the repository: the statements of production run
 * on it as they are. What was done to it can be taken back.
 *
 * Relies on: Node's SQLite, loaded by name, since these files are typed with the platform's globals.
 */
type Value = string | number | null;
type Sqlite = {
  exec(sql: string): void;
  prepare(sql: string): {
    all(...values: readonly Value[]): Record<string, Value>[];
    run(...values: readonly Value[]): { changes: number };
  };
};

const [{ DatabaseSync }, { readFileSync, readdirSync }] = (await Promise.all([
  import("node:sqlite" as string),
  import("node:fs" as string),
])) as [
  { DatabaseSync: new (path: string) => Sqlite },
  { readFileSync(path: URL, encoding: string): string; readdirSync(path: URL): string[] },
];
const MIGRATIONS = new URL("../../../migrations/", import.meta.url);

export class SqliteD1 {
  readonly #sqlite = new DatabaseSync(":memory:");

  constructor() {
    for (const name of readdirSync(MIGRATIONS)
      .filter((file) => file.endsWith(".sql"))
      .sort()) {
      this.#sqlite.exec(readFileSync(new URL(name, MIGRATIONS), "utf8"));
    }
  }

  /** As the platform's binding. */
  get binding(): D1Database {
    return this as unknown as D1Database;
  }

  prepare(sql: string): Statement {
    return new Statement(this.#sqlite, sql, []);
  }

  async batch(statements: readonly Statement[]): Promise<object[]> {
    this.#sqlite.exec("SAVEPOINT batch");
    try {
      const results = statements.map((statement) => statement.result());
      this.#sqlite.exec("RELEASE batch");
      return results;
    } catch (fault) {
      this.#sqlite.exec("ROLLBACK TO batch");
      this.#sqlite.exec("RELEASE batch");
      throw fault;
    }
  }

  exec(sql: string): void {
    this.#sqlite.exec(sql);
  }

  rows(sql: string, ...values: readonly Value[]): Record<string, Value>[] {
    return this.#sqlite.prepare(sql).all(...values);
  }

  /** Runs something of which the database keeps nothing. */
  async aside<T>(work: () => Promise<T>): Promise<T> {
    this.#sqlite.exec("SAVEPOINT aside");
    try {
      return await work();
    } finally {
      this.#sqlite.exec("ROLLBACK TO aside");
      this.#sqlite.exec("RELEASE aside");
    }
  }
}

class Statement {
  readonly #sqlite: Sqlite;
  readonly #sql: string;
  readonly #values: readonly Value[];

  constructor(sqlite: Sqlite, sql: string, values: readonly Value[]) {
    this.#sqlite = sqlite;
    this.#sql = sql;
    this.#values = values;
  }

  bind(...values: readonly Value[]): Statement {
    return new Statement(this.#sqlite, this.#sql, values);
  }

  result() {
    const prepared = this.#sqlite.prepare(this.#sql);
    const isWrite = /^\s*(INSERT|UPDATE|DELETE)\b/.test(this.#sql) && !/\bRETURNING\b/.test(this.#sql);
    const changes = isWrite ? prepared.run(...this.#values).changes : 0;
    const results = isWrite ? [] : prepared.all(...this.#values);
    return { success: true, results, meta: { rows_read: 0, changes } };
  }

  async all() {
    return this.result();
  }

  async run() {
    return this.result();
  }

  async first() {
    return this.result().results[0] ?? null;
  }
}
