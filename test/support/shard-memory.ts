/** A shard's log and what it remembers beside it, on a real object's storage. */
import type { Memory } from "../../src/shard/revise.ts";
import { SqliteKeyIndex } from "../../src/shard/sqlite-key-index.ts";
import { SqliteLateStore } from "../../src/shard/sqlite-late-store.ts";
import { SqliteRevisedStore } from "../../src/shard/sqlite-revised-store.ts";
import { LogStore } from "../../src/shard/sqlite-shard-log.ts";
import { RULES } from "./rules.ts";

export function shardOn(sql: SqlStorage): Memory & { log: LogStore; index: SqliteKeyIndex } {
  const log = new LogStore(sql, RULES);
  const index = new SqliteKeyIndex(sql, log);
  return { log, index, lateStore: new SqliteLateStore(sql), revised: new SqliteRevisedStore(sql) };
}
