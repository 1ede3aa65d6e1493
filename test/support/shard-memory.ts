/** A shard's log and what it remembers beside it, on a real object's storage. */

import type { PackedKeyIndex } from "../../src/shard/packed-key-index.ts";
import type { Memory } from "../../src/shard/revise.ts";
import { packedKeysOn } from "../../src/shard/sqlite-key-stores.ts";
import { SqliteLateStore } from "../../src/shard/sqlite-late-store.ts";
import { SqliteRevisedStore } from "../../src/shard/sqlite-revised-store.ts";
import { LogStore } from "../../src/shard/sqlite-shard-log.ts";
import { RULES } from "./rules.ts";

export function shardOn(
  storage: Pick<DurableObjectStorage, "sql" | "transactionSync">,
): Memory & { log: LogStore; index: PackedKeyIndex } {
  const { sql } = storage;
  const log = new LogStore(sql, RULES);
  const index = packedKeysOn(storage, log);
  return { log, index, lateStore: new SqliteLateStore(sql), revised: new SqliteRevisedStore(sql) };
}
