/**
 * What every log of the history goes through: a life of its own, named `demonstration`, into which the past is logged
 * at once; then the log is carried as any other, and what comes afterwards is written under a life of its own.
 *
 *   new storage ─▶ life `demonstration` + all rows, in one transaction ─▶ posted and archived ─▶ the next life
 *
 * A row's `logged_at` is that of the past, so segments stand in the archive where a shard that ran then would have put
 * them, and heads, ledgers, chains, `rebuild` and audits see nothing but a log.
 *
 * Keeps: done once, whatever is repeated: only storage without a life begins, only one whose life is `demonstration`
 * goes on.
 */
import { currentLife } from "../../archive/head.ts";
import { R2Archive } from "../../archive/r2-archive.ts";
import { LOG_START } from "../../core/position.ts";
import { assert } from "../../core/result.ts";
import { boundDatabases } from "../../facts/directory.ts";
import { rollAll } from "../../facts/roll.ts";
import type { ShardStatus } from "../../shard/flush-runner.ts";
import { beginLife } from "../../shard/recovery.ts";
import type { LogStore } from "../../shard/sqlite-shard-log.ts";

/** The incarnation under which the history is logged. */
export const HISTORY_LIFE = "demonstration";
/** One carrying posts 64 times and archives all; the whole history needs a few. */
const CARRIED_TIMES_MAX = 20;

/** What is logged at once, by when: at the end of each stretch of the past in which something happened. */
export function byLogging<T>(
  items: readonly T[],
  { endMs, everyMs }: { readonly endMs: number; readonly everyMs: number },
  atMsOf: (item: T) => number,
): Map<number, T[]> {
  const batches = new Map<number, T[]>();
  for (const item of items) {
    const at = Math.min((Math.floor(atMsOf(item) / everyMs) + 1) * everyMs, endMs);
    const batch = batches.get(at);
    if (batch === undefined) batches.set(at, [item]);
    else batch.push(item);
  }
  return new Map(Array.from(batches).sort(([left], [right]) => left - right));
}

export type HistoryLog = {
  readonly ctx: DurableObjectState;
  readonly env: Env;
  readonly endMs: number;
  readonly log: LogStore;
  /** Logs the past; in one transaction. */
  readonly write: () => void;
  readonly transaction: (closure: () => void) => void;
  /** Posts and archives, due or not: what was logged in this minute would be due in the next one. */
  readonly carry: () => Promise<void>;
  readonly status: () => Promise<ShardStatus>;
};

/** Goes through it all, from wherever an earlier call was left. */
export async function liveThrough({
  ctx,
  env,
  endMs,
  log,
  write,
  transaction,
  carry,
  status,
}: HistoryLog): Promise<void> {
  const shard = ctx.id.name;
  assert(shard !== undefined, "a shard is addressed by name");
  if (log.life().read() === null) {
    transaction(() => {
      log.life().write({ incarnation: HISTORY_LIFE, base: LOG_START });
      write();
    });
  }
  if (log.life().read()?.incarnation !== HISTORY_LIFE) return;
  // What is over is rolled before anything is posted: then every posting adds to all tiers, and nothing is left to
  // roll.
  for (const database of boundDatabases(env).values()) await rollAll(database, endMs);
  for (let times = 0; !isCarried(await status()); times++) {
    if (times === CARRIED_TIMES_MAX) throw new Error(`the history of ${shard} could not be carried`);
    await carry();
  }
  const end = log.archived().read();
  assert(end !== null, "what is carried is archived");
  const archive = new R2Archive(env.ARCHIVE);
  const stored = await archive.readHead(shard);
  assert(stored !== null, "what is archived has a head");
  const ports = {
    ...{ shard, log, archive, makeIncarnation: () => crypto.randomUUID().slice(0, 8) },
    transaction,
  };
  const { lives } = stored.head;
  await beginLife(ports, {
    ...{ lives: [...lives.slice(0, -1), { ...currentLife({ lives }), segment: null }], etag: stored.etag, base: end },
    ...{ databases: Array.from(boundDatabases(env).keys()), counted: async () => new Map() },
  });
}

function isCarried({ lastSeq, postedSeq, archivedSeq }: ShardStatus): boolean {
  return postedSeq === lastSeq && archivedSeq === lastSeq;
}
