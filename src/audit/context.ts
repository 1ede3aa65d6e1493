/**
 * An audit's ports, its name, and what of other days it builds on.
 */
import { DAY_MS, MINUTE_MS } from "../core/limits.ts";
import type { Position } from "../core/position.ts";
import { advertiserBucketOf } from "../core/routing.ts";
import { isoDay } from "../core/time.ts";
import type { Meter } from "./cost.ts";
import { readLogDays } from "./log-days.ts";
import { type Seal, workPrefix } from "./objects.ts";
import type { Steps } from "./steps.ts";
import type { Stock } from "./stock.ts";

export type AuditPorts = {
  readonly meter: Meter;
  readonly databases: ReadonlyMap<string, D1Database>;
  readonly primary: D1Database;
  /** The shards that may have logged, by the topology; others are known by their heads. */
  readonly shardNames: () => Promise<readonly string[]>;
  /** Seals a shard's log up to an instant; whether all before it is in the archive. */
  readonly seal: (shard: string, untilMs: number) => Promise<boolean>;
  readonly archiveNow: (shard: string) => Promise<void>;
  /** Which database holds each advertiser. */
  readonly assign: (advertiserIds: readonly string[]) => Promise<ReadonlyMap<string, string>>;
  /** Has the parts of shards done, here or elsewhere; they are durable in R2 when this resolves. */
  readonly runShards: (of: AuditOf, stock: Stock, steps: Steps) => Promise<void>;
  readonly clock: () => number;
  /** How long after its end a day may be closed. */
  readonly closeGraceMs: number;
  readonly kept: { readonly minutesKeptDays: number; readonly hoursKeptDays: number };
};

export type AuditOf = { readonly day: string; readonly attempt: number };

/** The instant at which a UTC day is over. */
export function endOf(day: string): number {
  return Date.parse(day) + DAY_MS;
}

/** Of each scanned log day the attempt that counts; this one's of this day. */
export async function attemptsOf(
  { primary }: Pick<AuditPorts, "primary">,
  { day, attempt }: AuditOf,
): Promise<ReadonlyMap<string, number>> {
  const days = await readLogDays(primary);
  const scanned = days.filter((known) => known.attempt > 0 && known.day !== day);
  return new Map([...scanned.map((known) => [known.day, known.attempt] as const), [day, attempt]]);
}

/** The last day whose folds are there: behind it, logs are read themselves. */
export function lastFolded(attempts: ReadonlyMap<string, number>, day: string): string {
  return [...attempts.keys()].sort().at(-1) ?? day;
}

/** Up to where the shards' parts looked through each source, behind the folds. */
export const tailEndsKey = ({ day, attempt }: AuditOf) => `${workPrefix(day, attempt)}tail-ends.json`;

export function sourcesOf(seal: Seal | null): Map<string, Position> {
  return new Map(Object.entries(seal?.sources ?? {}));
}

/** `2026-11-27/05`: the service day and the advertiser's bucket. */
export function touchedBy({ window, advertiserId }: { window: number; advertiserId: string }): string {
  return touchedName(isoDay(window * MINUTE_MS), advertiserBucketOf(advertiserId));
}

export function touchedName(serviceDay: string, bucket: number): string {
  return `${serviceDay}/${String(bucket).padStart(2, "0")}`;
}
