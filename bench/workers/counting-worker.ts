/**
 * The whole Worker with counters: rows written in the shards and in the report database, messages and events that
 * reach the consumer. Local runs execute all of it in one isolate, so the counters are plain variables.
 *
 *   GET /bench/counters → {"shardRows": …, "reportRows": …, "postings": …, "messages": …, "events": …, "batches": …}
 *
 * Relies on: `ctx.storage.sql` is one object for the life of a shard; `rowsWritten` of a statement that returns nothing
 * is final when `exec` returns.
 */
import worker, { EventShard as RealEventShard } from "../../src/index.ts";

const counters = { shardRows: 0, reportRows: 0, postings: 0, messages: 0, events: 0, batches: 0 };

export * from "../../src/index.ts";

export class EventShard extends RealEventShard {
  constructor(ctx: DurableObjectState, env: Env) {
    const { sql } = ctx.storage;
    const exec = sql.exec.bind(sql) as SqlStorage["exec"];
    sql.exec = ((...args: Parameters<SqlStorage["exec"]>) => {
      const cursor = exec(...args);
      counters.shardRows += cursor.rowsWritten;
      return cursor;
    }) as SqlStorage["exec"];
    super(ctx, { ...env, REPORT_DB: countingDatabase(env.REPORT_DB) });
  }
}

/** The calls that postings make: `batch` writes, `prepare` only makes statements and reads the ledger. */
function countingDatabase(database: D1Database): D1Database {
  const batch = async (statements: D1PreparedStatement[]) => {
    const results = await database.batch(statements);
    counters.postings++;
    for (const { meta } of results) counters.reportRows += meta.rows_written;
    return results;
  };
  return { prepare: (query: string) => database.prepare(query), batch } as unknown as D1Database;
}

export default {
  async fetch(request, env, ctx) {
    if (new URL(request.url).pathname === "/bench/counters") return Response.json(counters);
    return worker.fetch(request, env, ctx);
  },

  async queue(batch, env) {
    counters.batches++;
    for (const { body } of batch.messages) {
      counters.messages++;
      counters.events += (JSON.parse(String(body)) as { events: unknown[] }).events.length;
    }
    return worker.queue(batch, env);
  },

  scheduled: worker.scheduled,
} satisfies ExportedHandler<Env>;
