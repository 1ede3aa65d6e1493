/**
 * What happens every minute: roll what is over, drain the spool, visit every shard, destroy old salts.
 *
 * Keeps: each duty has its turn whatever happens to the others; all are idempotent, so a cron that fires twice, late or
 * not at all costs time and nothing else.
 */
import { clickShardName, shardCount, type Topology } from "../core/routing.ts";
import { logFault, logInfo } from "../log.ts";
import type { Sealer } from "../queue/dead-letter.ts";
import { drainSpool } from "../queue/spool.ts";
import type { ShardNamespace } from "../shard/stub.ts";
import { rollAll } from "../sinks/roll.ts";

export type CronPorts = {
  readonly database: D1Database;
  readonly shards: ShardNamespace;
  readonly archive: R2Bucket;
  readonly seal: Sealer;
  readonly topology: () => Promise<Topology>;
};

/** Rolls, drains and sweeps; resolves when everything was tried. */
export async function runCron({ database, shards, archive, seal, topology }: CronPorts, nowMs: number): Promise<void> {
  await Promise.all([
    duty("roll", async () => {
      const windows = await rollAll(database, nowMs);
      if (windows > 0) logInfo("rolled", { windows });
    }),
    duty("shards", async () => {
      const inForce = await topology();
      const names = Array.from({ length: shardCount(inForce) }, (_, index) => clickShardName(index));
      await Promise.all([
        duty("drain", async () => {
          const objects = await drainSpool({ shards, archive, seal, topology: inForce });
          if (objects > 0) logInfo("spool_drained", { objects });
        }),
        ...names.map((name) => duty(`sweep ${name}`, () => shards.getByName(name).sweep())),
      ]);
    }),
  ]);
}

/** Runs one duty; its fault is logged, and the next minute tries again. */
export async function duty(name: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (fault) {
    logFault("cron_duty_failed", fault, { duty: name });
  }
}
