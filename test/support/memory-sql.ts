/** The SQL of a Durable Object over SQLite in this process. */
import type { Sql } from "../../src/webhooks/delivery-log.ts";

type Value = string | number | null;
type Sqlite = { prepare(sql: string): { all(...values: readonly Value[]): Record<string, Value>[] } };

const { DatabaseSync } = (await import("node:sqlite" as string)) as { DatabaseSync: new (path: string) => Sqlite };

export function memorySql(): Sql {
  const sqlite = new DatabaseSync(":memory:");
  return {
    exec: (query, ...bound) => {
      const rows = sqlite.prepare(query).all(...(bound as Value[]));
      return { toArray: () => rows };
    },
  };
}
