/** A shard's log is changed behind its back, in both of its tables. */
import { LOG_TABLES, updateLogTable } from "../../src/shard/log-tables.ts";

/** `change` is what follows UPDATE log. */
export function updateLog(sql: SqlStorage, change: string, ...values: SqlStorageValue[]): void {
  for (const table of LOG_TABLES) sql.exec(updateLogTable(table, change), ...values);
}
