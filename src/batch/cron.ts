/**
 * What happens every minute: roll what is over, drain the spool, visit every event shard and some objects of
 * submissions; move the minutes of one advertiser bucket that are past the hot window, and drop what is past its time.
 * What is done to a report database is done to each.
 *
 * Keeps: each duty has its turn whatever happens to the others; all are idempotent, so a cron that fires twice, late or
 * not at all costs time and nothing else.
 */

import type { Config } from "../config.ts";
import { ADVERTISER_BUCKETS, MINUTE_MS, SECOND_MS } from "../core/limits.ts";
import { countsShardNames, eventShardNames, orderShardNames, type Topology } from "../core/routing.ts";
import { rollAll } from "../facts/roll.ts";
import { logFault, logInfo } from "../log.ts";
import type { Sealer } from "../queue/dead-letter.ts";
import type { HasAny } from "../queue/folders.ts";
import { drainSpool, SPOOL_PREFIX } from "../queue/spool.ts";
import type { CountsNamespace, OrderNamespace, ShardNamespace } from "../shard/stub.ts";
import { dropChanges, dropEvents, dropLateClicks, dropOld } from "./retention.ts";
import { watchDatabase } from "./set-back.ts";

export type CronPorts = {
  /** The report databases by name. */
  readonly databases: ReadonlyMap<string, D1Database>;
  readonly shards: ShardNamespace;
  readonly orders: OrderNamespace;
  readonly counts: CountsNamespace;
  readonly archive: R2Bucket;
  /** Whether anything is in a folder of spools. */
  readonly isSpooled: HasAny;
  readonly seal: Sealer;
  readonly topology: () => Promise<Topology>;
};

/**
 * An object of orders or counts is visited this often: its alarm does its work, the visit is for an alarm that was lost
 * and for keys to be forgotten, and most of the 272 have nothing to do.
 */
const SUBMISSION_SWEEP_MINUTES = 60;

/** An object, and how it is swept. */
type Swept = { readonly name: string; readonly sweep: () => Promise<boolean> };

/** Rolls, drains and sweeps; resolves when everything was tried. */
export async function runCron(
  { databases, shards, orders, counts, archive, isSpooled, seal, topology }: CronPorts,
  nowMs: number,
): Promise<void> {
  const turn = Math.floor(nowMs / MINUTE_MS) % SUBMISSION_SWEEP_MINUTES;
  const submissions: readonly Swept[] = [
    ...orderShardNames().map((name) => ({ name, sweep: () => orders.getByName(name).sweep() })),
    ...countsShardNames().map((name) => ({ name, sweep: () => counts.getByName(name).sweep() })),
  ];
  const visited = submissions.filter((_, at) => at % SUBMISSION_SWEEP_MINUTES === turn);
  await Promise.all([
    ...visited.map(({ name, sweep }) => duty(`sweep ${name}`, async () => void (await sweep()))),
    ...Array.from(databases, ([name, database]) =>
      duty(`watch ${name}`, () =>
        watchDatabase({ name, database, bucket: archive }, async () => {
          const names = eventShardNames(await topology());
          const swept = await Promise.all([
            ...names.map((shard) => shards.getByName(shard).sweep()),
            ...submissions.map(({ sweep }) => sweep()),
          ]);
          if (swept.includes(false)) throw new Error(`not every shard has compared ${name}`);
        }),
      ),
    ),
    ...Array.from(databases, ([name, database]) =>
      duty(`roll ${name}`, async () => {
        const windows = await rollAll(database, nowMs);
        if (windows > 0) logInfo("rolled", { windows, database: name });
      }),
    ),
    duty("shards", async () => {
      const inForce = await topology();
      const names = eventShardNames(inForce);
      await Promise.all([
        duty("drain", async () => {
          if (!(await isSpooled(SPOOL_PREFIX))) return;
          const objects = await drainSpool({ shards, archive, seal, topology: inForce });
          if (objects > 0) logInfo("spool_drained", { objects });
        }),
        ...names.map((name) => duty(`sweep ${name}`, async () => void (await shards.getByName(name).sweep()))),
      ]);
    }),
  ]);
}

/** Moving begins no batch after this long; a run of cron has 30 s of processor time, of which most is waiting here. */
const MOVE_MS = 20 * SECOND_MS;
const DROP_EVENTS_MINUTE = 41;

/** Moves and drops what is due in the minute's bucket; the modules that write Parquet are loaded here, not at start. */
export async function runTiers(
  { databases, archive }: Pick<CronPorts, "databases" | "archive">,
  nowMs: number,
  { tiers, dedupHorizonMs }: Pick<Config, "tiers" | "dedupHorizonMs">,
): Promise<void> {
  const { hotMinutesMs, ...kept } = tiers;
  const buckets = [Math.floor(nowMs / MINUTE_MS) % ADVERTISER_BUCKETS];
  // One after the other, since a batch is held in memory while it is written; each has its share of the time.
  for (const [name, database] of databases) {
    const untilMs = Date.now() + MOVE_MS / databases.size;
    await duty(`move minutes ${name}`, async () => {
      const { moveMinutes } = await import("./move-minutes.ts");
      const ports = { database, archive, clock: () => Date.now() };
      const batches = await moveMinutes(ports, { nowMs, hotMinutesMs, buckets, untilMs });
      if (batches > 0) logInfo("minutes_moved", { batches, database: name });
    });
    await duty(`drop old facts ${name}`, async () => {
      const { rows, objects } = await dropOld({ database, archive }, { nowMs, kept, buckets });
      if (rows + objects > 0) logInfo("old_facts_dropped", { rows, objects, database: name });
    });
    await duty(`drop old late clicks ${name}`, async () => {
      const rows = await dropLateClicks(database, { receivedBeforeMs: nowMs - dedupHorizonMs, buckets });
      if (rows > 0) logInfo("old_late_clicks_dropped", { rows, database: name });
    });
    await duty(`drop old changes ${name}`, async () => {
      const rows = await dropChanges(database, { nowMs, buckets });
      if (rows > 0) logInfo("old_changes_dropped", { rows, database: name });
    });
    // A look over the whole outbox, so once an hour.
    if (Math.floor(nowMs / MINUTE_MS) % 60 !== DROP_EVENTS_MINUTE) continue;
    await duty(`drop old events ${name}`, async () => {
      const rows = await dropEvents(database, nowMs);
      if (rows > 0) logInfo("old_events_dropped", { rows, database: name });
    });
  }
}

/** Runs one duty; its fault is logged, and the next minute tries again. */
export async function duty(name: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (fault) {
    logFault("cron_duty_failed", fault, { duty: name });
  }
}
