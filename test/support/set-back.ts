/** Storage and databases set back to an earlier moment, as a restore does. */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";

type Row = Record<string, SqlStorageValue>;

const TABLES = `SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT GLOB '[_s]*[q_]lite_*' AND name NOT GLOB '_cf_*'`;

/** Takes a copy of an object's tables; the function that is returned puts them back and ends the object. */
export async function copyStorage(stub: DurableObjectStub): Promise<() => Promise<void>> {
  const tables = await runInDurableObject(stub, (_, { storage: { sql } }) =>
    sql
      .exec<{ name: string; sql: string }>(TABLES)
      .toArray()
      .map((table) => ({ ...table, rows: sql.exec<Row>(`SELECT * FROM "${table.name}"`).toArray() })),
  );
  return async () => {
    await runInDurableObject(stub, (_, { storage }) =>
      storage.transactionSync(() => {
        const { sql } = storage;
        for (const { name } of sql.exec<{ name: string }>(TABLES).toArray()) sql.exec(`DROP TABLE "${name}"`);
        for (const { name, sql: create, rows } of tables) {
          sql.exec(create);
          for (const row of rows) {
            const names = Object.keys(row);
            const marks = names.map(() => "?").join();
            sql.exec(`INSERT INTO "${name}" (${names.join()}) VALUES (${marks})`, ...Object.values(row));
          }
        }
      }),
    );
    await evictDurableObject(stub);
  };
}

/** Takes a copy of a report database's tables; the function that is returned puts them back. */
export async function copyDatabase(database: D1Database): Promise<() => Promise<void>> {
  const { results } = await database.prepare(`${TABLES} AND name NOT LIKE 'd1_%'`).all<{ name: string }>();
  const tables = await Promise.all(
    results.map(async ({ name }) => ({
      name,
      rows: (await database.prepare(`SELECT * FROM ${name}`).all<Row>()).results,
    })),
  );
  return async () => {
    const statements = tables.flatMap(({ name, rows }) => [
      database.prepare(`DELETE FROM ${name}`),
      ...rows.map((row) => {
        const values = Object.values(row).map((value) => (Array.isArray(value) ? new Uint8Array(value).buffer : value));
        const names = Object.keys(row);
        return database
          .prepare(`INSERT INTO ${name} (${names.join()}) VALUES (${names.map((_, at) => `?${at + 1}`).join()})`)
          .bind(...values);
      }),
    ]);
    await database.batch(statements);
  };
}
