/**
 * One shard's packed keys, without anything around them: claims are drawn in the object itself.
 *
 *   POST /fill?held=0&keys=100000&perCall=500  → {"rows": …, "pages": …}   claims of one hour; rows written, pages read
 *   POST /ask?held=100000&keys=10000&known=1   → {"found": …, "pages": …}  keys that are there, or none of them
 *   POST /open?held=100000&times=20            → {"fresh": …}              the index as a new object finds it, with its first look-up
 *   GET  /size                                 → {"bytes": …, "runs": …}
 *
 * Keeps: what is measured holds no event, no line of the log, and no row of the log but the one that keys stand beside.
 */
import { makeEventId } from "../../src/core/event-id.ts";
import { mix32 } from "../../src/core/hash.ts";
import type { ImpressionKey } from "../../src/core/impression-key.ts";
import { HOUR_MS } from "../../src/core/limits.ts";
import worker from "../../src/index.ts";
import { EventShard as RealEventShard } from "../../src/shard/event-shard.ts";
import { packedKeysOn } from "../../src/shard/sqlite-key-stores.ts";
import { LogStore } from "../../src/shard/sqlite-shard-log.ts";

export * from "../../src/index.ts";

const HOUR = 500_000;
const APPEND = `INSERT INTO log_a (seq, logged_at_ms, received_from_ms, chars, keys, lines) VALUES (?1, 0, 0, 0, ?2, '')`;

/** The n-th key: spread as hashes are, and the same again whenever it is asked for. */
function keyOf(n: number): ImpressionKey {
  let key = "";
  for (let word = 0; word < 4; word++)
    key += mix32(Math.imul(n, 4) + word + 1)
      .toString(16)
      .padStart(8, "0");
  return key as ImpressionKey;
}

const claimOf = (n: number) => {
  const random = new Uint8Array(8);
  new DataView(random.buffer).setUint32(4, n);
  return {
    hour: HOUR,
    key: keyOf(n),
    event: makeEventId({ receivedAtMs: HOUR * HOUR_MS + n, routingHash: n }, random),
  };
};

export class EventShard extends RealEventShard {
  #rows = 0;
  #pages = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    const { sql } = ctx.storage;
    const exec = sql.exec.bind(sql) as SqlStorage["exec"];
    super(ctx, env);
    sql.exec = ((...args: Parameters<SqlStorage["exec"]>) => {
      const cursor = exec(...args);
      // A row of the log is written in any case.
      if (args[0] !== APPEND && !args[0].startsWith("DELETE FROM log_a")) this.#rows += cursor.rowsWritten;
      if (args[0].startsWith("SELECT claims")) this.#pages++;
      return cursor;
    }) as SqlStorage["exec"];
  }

  async fill(held: number, keys: number, perCall: number): Promise<{ rows: number; pages: number }> {
    const { sql } = this.ctx.storage;
    let seq = sql.exec<{ seq: number }>("SELECT coalesce(max(seq), 0) AS seq FROM log").one().seq;
    seq = Math.max(seq, this.index.packedTo());
    for (let done = 0; done < keys; done += perCall) {
      const claims = Array.from({ length: Math.min(perCall, keys - done) }, (_, n) => claimOf(held + done + n));
      this.index.transaction(() => {
        this.index.lookup({ keys: claims, events: [] });
        this.index.insert(claims, []);
        sql.exec(APPEND, ++seq, this.index.unlogged());
      });
      if (done % (100 * perCall) === 0) sql.exec("DELETE FROM log_a WHERE seq <= ?1", this.index.packedTo());
    }
    return this.#take();
  }

  async ask(held: number, keys: number, isKnown: boolean): Promise<{ found: number; rows: number; pages: number }> {
    const step = Math.max(1, Math.floor(held / keys));
    const asked = Array.from({ length: keys }, (_, n) => claimOf(isKnown ? n * step : held + 1 + n));
    const { claimedBy } = this.index.lookup({ keys: asked, events: [] });
    return { found: claimedBy.size, ...this.#take() };
  }

  async open(held: number, times: number): Promise<{ fresh: number }> {
    let fresh = 0;
    for (let time = 0; time < times; time++) {
      const index = packedKeysOn(this.ctx.storage, new LogStore(this.ctx.storage.sql));
      index.lookup({ keys: [claimOf(time * 1_000), claimOf(held + time)], events: [] });
      fresh = index.freshCount();
    }
    return { fresh };
  }

  async size(): Promise<{ bytes: number; runs: unknown[] }> {
    const { sql } = this.ctx.storage;
    return {
      bytes: sql.databaseSize,
      runs: sql.exec("SELECT level, pages, claims FROM run ORDER BY age").toArray(),
    };
  }

  #take(): { rows: number; pages: number } {
    const [rows, pages] = [this.#rows, this.#pages];
    this.#rows = 0;
    this.#pages = 0;
    return { rows, pages };
  }
}

export default {
  async fetch(request, env, ctx) {
    const { pathname, searchParams } = new URL(request.url);
    const shard = env.EVENT_SHARD.getByName("clicks-0") as unknown as DurableObjectStub<EventShard>;
    const number = (name: string) => Number(searchParams.get(name));
    switch (pathname) {
      case "/fill":
        return Response.json(await shard.fill(number("held"), number("keys"), number("perCall")));
      case "/ask":
        return Response.json(await shard.ask(number("held"), number("keys"), number("known") === 1));
      case "/open":
        return Response.json(await shard.open(number("held"), number("times")));
      case "/size":
        return Response.json(await shard.size());
      default:
        return worker.fetch(request, env, ctx);
    }
  },
  queue: worker.queue,
  scheduled: worker.scheduled,
} satisfies ExportedHandler<Env>;
