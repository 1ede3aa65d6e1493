/** A shard's log is changed behind its back, in both of its tables. */
import { LOG_TABLES } from "../../src/shard/schema.ts";

/** `change` is what follows UPDATE log. */
export function updateLog(sql: SqlStorage, change: string, ...values: SqlStorageValue[]): void {
  for (const table of LOG_TABLES) sql.exec(`UPDATE ${table} ${change}`, ...values);
}
