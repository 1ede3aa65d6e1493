/** Key indexes of all kinds: in memory, packed in memory in pages of all sizes, and packed in a real object's storage. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { encodeTokenEvent } from "../../src/core/token-event.ts";
import type { KeyIndex } from "../../src/shard/key-index.ts";
import { KEY_SIZES, type KeySizes } from "../../src/shard/key-sizes.ts";
import { PackedKeyIndex } from "../../src/shard/packed-key-index.ts";
import type { NewEntry, ShardLog } from "../../src/shard/shard-log.ts";
import { packedKeysOn } from "../../src/shard/sqlite-key-stores.ts";
import { LogStore } from "../../src/shard/sqlite-shard-log.ts";
import { Journal } from "../simulation/journal.ts";
import { MemoryKeyStores, SMALL_KEYS } from "../simulation/memory-key-stores.ts";
import { MemoryShardLog } from "../simulation/memory-shard-log.ts";
import { aClick, anOpenedClick, NOON_MS } from "./builders.ts";
import { MemoryKeyIndex } from "./memory-key-index.ts";
import { RULES } from "./rules.ts";

const ANY_ENTRY: NewEntry = {
  content: { ...anOpenedClick(), verdict: "valid", reason: null, review: null },
  encoded: encodeTokenEvent(aClick()),
};

export type Used = {
  readonly index: KeyIndex;
  /** The index as another object finds it. */
  readonly reopen: () => KeyIndex;
};
type Use = (used: Used) => void;
let serial = 0;

export const memory = {
  name: "memory",
  withIndex: async (use: Use) => {
    const index = new MemoryKeyIndex();
    use({ index, reopen: () => index });
  },
};

/** An index that logs what changes, as ingest does. */
export function logging(index: KeyIndex, log: ShardLog): KeyIndex {
  const transaction = <T>(closure: () => T): T =>
    index.transaction(() => {
      const value = closure();
      const keys = index.unlogged();
      if (keys !== null) log.append(log.last().seq + 1, NOON_MS, [ANY_ENTRY], keys);
      return value;
    });
  return new Proxy(index, {
    get: (target, name) => {
      if (name === "transaction") return transaction;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function inMemory(sizes: KeySizes, isLogged: boolean) {
  return async (use: Use) => {
    const journal = new Journal(() => false);
    const stores = new MemoryKeyStores(journal);
    const log = new MemoryShardLog(journal, 700, () => {});
    const open = () => {
      const transact = <T>(closure: () => T) => journal.transaction(closure);
      const index = new PackedKeyIndex({ stores, log, sizes, transact, makeSalt: () => new Uint8Array(8) });
      return isLogged ? logging(index, log) : index;
    };
    use({ index: open(), reopen: open });
  };
}

function inSqlite(sizes: KeySizes) {
  return (use: Use) =>
    runInDurableObject(env.EVENT_SHARD.getByName(`key-index-${serial++}`), (_, { storage }) => {
      const log = new LogStore(storage.sql, RULES);
      const open = () => logging(packedKeysOn(storage, log, sizes), log);
      use({ index: open(), reopen: open });
    });
}

export const paged: { name: string; withIndex: (use: Use) => Promise<void> }[] = [
  { name: "small pages in memory", withIndex: inMemory(SMALL_KEYS, true) },
  { name: "small pages in memory, nothing of it logged", withIndex: inMemory(SMALL_KEYS, false) },
  { name: "pages in memory", withIndex: inMemory({ ...KEY_SIZES, freshMax: 300 }, true) },
  { name: "SQLite", withIndex: inSqlite(KEY_SIZES) },
  { name: "SQLite, small pages", withIndex: inSqlite({ ...SMALL_KEYS, freshMax: 40, repeats: KEY_SIZES.repeats }) },
];
