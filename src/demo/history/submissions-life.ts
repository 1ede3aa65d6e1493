/**
 * What the shards of orders and of counts have in common in the demonstration's past: planned once, logged with the
 * clock of then, remembered in the same book as what is submitted today.
 */
import { rulesInForce } from "../../shard/rules-record.ts";
import type { ShardLog } from "../../shard/shard-log.ts";
import { LogStore } from "../../shard/sqlite-shard-log.ts";
import { SqliteSubmissionBook } from "../../shard/sqlite-submission-book.ts";
import type { SubmissionBook } from "../../shard/submission-book.ts";
import { edgeOf } from "../../track/edge.ts";
import { type HistoryLog, liveThrough } from "./life.ts";

export type SubmissionPorts = { readonly log: ShardLog; readonly book: SubmissionBook };

/** Lives through what was planned for the object; idempotent. One without a plan is left as it is. */
export async function liveThroughPlan<T>(
  { ctx, env, ...history }: Pick<HistoryLog, "ctx" | "env" | "endMs" | "carry" | "status">,
  { plan, submit }: { plan: () => Promise<readonly T[]>; submit: (item: T, ports: SubmissionPorts) => void },
): Promise<void> {
  const { config } = await edgeOf(env);
  const log = new LogStore(ctx.storage.sql, rulesInForce(config));
  const book = new SqliteSubmissionBook(ctx.storage.sql);
  const isNew = log.life().read() === null;
  const planned = isNew ? await plan() : [];
  if (isNew && planned.length === 0) return;
  const write = () => {
    for (const item of planned) submit(item, { log, book });
  };
  const transaction = (closure: () => void) => ctx.storage.transactionSync(closure);
  await liveThrough({ ...history, ctx, env, log, write, transaction });
}
