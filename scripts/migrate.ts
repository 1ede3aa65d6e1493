/**
 * The D1 migrations, applied to a local database and recorded as wrangler records them.
 *
 *   d1_migrations(id, name, applied_at)     one row per file of migrations/, so that
 *   `wrangler d1 migrations list --local --persist-to <state>` agrees
 *
 * Keeps: a migration and its record are one transaction; what is recorded is not applied again.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { D1Database } from "@cloudflare/workers-types";
import { unstable_splitSqlQuery as splitSql } from "wrangler";
import { MIGRATIONS_DIR } from "./project.ts";

/** Character by character what wrangler runs, so that the table is the same whoever made it. */
const CREATE_TABLE = `CREATE TABLE IF NOT EXISTS "d1_migrations"(
		id         INTEGER PRIMARY KEY AUTOINCREMENT,
		name       TEXT UNIQUE,
		applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
);`;
const SELECT_APPLIED = `SELECT name FROM d1_migrations ORDER BY id`;
const INSERT_APPLIED = `INSERT INTO d1_migrations (name) VALUES (?1)`;

/** Applies what is missing, in the order of the file names. Returns the names applied. */
export async function applyMigrations(database: D1Database, folder = MIGRATIONS_DIR): Promise<string[]> {
  await database.prepare(CREATE_TABLE).run();
  const { results } = await database.prepare(SELECT_APPLIED).all<{ name: string }>();
  const recorded = new Set(results.map(({ name }) => name));
  const files = (await readdir(folder)).filter((name) => name.endsWith(".sql")).sort();
  const missing = files.filter((name) => !recorded.has(name));
  for (const name of missing) {
    const statements = splitSql(await readFile(join(folder, name), "utf8"));
    await database.batch([
      ...statements.map((statement) => database.prepare(statement)),
      database.prepare(INSERT_APPLIED).bind(name),
    ]);
  }
  return missing;
}
