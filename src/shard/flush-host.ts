/**
 * A shard's log on the platform: its storage brought to the newest schema, and a runner that carries it to D1,
 * Analytics Engine and R2.
 */

import { R2Archive } from "../archive/r2-archive.ts";
import type { Config } from "../config.ts";
import { assert } from "../core/result.ts";
import { D1Facts } from "../facts/d1-facts.ts";
import { buryPosting } from "../facts/dead-posting.ts";
import { Directory } from "../facts/directory.ts";
import type { ReportStores } from "../facts/facts-store.ts";
import type { FlushPorts } from "./flush-ports.ts";
import { FlushRunner, type FlushTiming } from "./flush-runner.ts";
import { HotAds } from "./hot-ads.ts";
import type { ShardLog } from "./shard-log.ts";

/** What an object's kind adds to the flush of its log. */
export type OwnPorts = Pick<FlushPorts, "rules" | "forget" | "remember" | "keys" | "watch">;

/** The runner of the object's log, whose storage has been migrated. */
export function runnerOn(
  ctx: DurableObjectState,
  env: Env,
  log: ShardLog,
  own: OwnPorts,
  { newAdvertisersTo, ...timing }: FlushTiming & Pick<Config, "newAdvertisersTo">,
): FlushRunner {
  const shard = ctx.id.name;
  assert(shard !== undefined, "a shard is addressed by name");
  const hotAds = new HotAds(shard);
  const ports: FlushPorts = {
    ...own,
    log,
    shard,
    reports: reportStores(env, newAdvertisersTo),
    archive: new R2Archive(env.ARCHIVE),
    bury: (dead) => buryPosting(env.ARCHIVE, dead, Date.now()),
    operations: env.OPERATIONS,
    watch: (posted) => {
      hotAds.note([posted]);
      own.watch?.(posted);
    },
    transaction: (closure) =>
      own.keys === undefined ? ctx.storage.transactionSync(closure) : own.keys.transaction(closure),
    makeIncarnation: () => crypto.randomUUID().slice(0, 8),
    heldSeq: log.last().seq,
  };
  return new FlushRunner(ports, timing, {
    nowMs: () => Date.now(),
    // Part of the same write as the call's: the output gate holds the reply until both are durable.
    setAlarm: (atMs) => void ctx.storage.setAlarm(atMs),
    waitUntil: (work) => ctx.waitUntil(work),
  });
}

/** Every bound report database, and the directory that says who stands in which. */
function reportStores(env: Env, newTo: readonly string[]): ReportStores {
  const directory = new Directory(env);
  return {
    byName: new Map(
      Array.from(directory.databases, ([name, database]) => [name, new D1Facts(database, () => Date.now())]),
    ),
    assign: (advertiserIds) => directory.assign(advertiserIds, { newTo, nowMs: Date.now() }),
  };
}
