/**
 * What a capacity run is asked: a load, and the settings of a deployment; those that are not given are wrangler.toml's.
 */
import { quietTools, WRANGLER_CONFIG } from "../../scripts/project.ts";
import { parseTopology } from "../../src/core/routing.ts";

export type CapacitySettings = {
  /** Of the busiest minutes. */
  readonly clicksPerSecond: number;
  readonly minutes: number;
  /** Clicks that share a queue message: 1 where each isolate sees few, 10 and more where it sees many. */
  readonly perMessage: number;
  /** Ads that are clicked in a day, and by how much some are clicked more: the exponent of Zipf's law, 0 for equally. */
  readonly ads: number;
  readonly skew: number;
  readonly queues: number;
  readonly shards: number;
  readonly databases: number;
  /** From one look of a shard at what is counted to the next, and from one posting of its rows to the next. */
  readonly flushMs: number;
  readonly postMs: number;
  readonly batchMessages: number;
  readonly batchWaitMs: number;
  readonly hotMinutesH: number;
  readonly hoursKeptDays: number;
  readonly daysKeptDays: number;
};

/** As this commit deploys, under 10 000 clicks a second. */
export async function deployedSettings(): Promise<CapacitySettings> {
  quietTools();
  const { unstable_readConfig: readConfig } = await import("wrangler");
  const { vars, queues, d1_databases: databases } = readConfig({ config: WRANGLER_CONFIG });
  const said = (name: string) => String((vars as Record<string, unknown>)[name] ?? "");
  const topology = parseTopology(JSON.parse(said("TOPOLOGY")));
  if (!topology.ok) throw new Error(topology.error);
  const producers: readonly { binding: string; queue: string }[] = queues.producers ?? [];
  const clicks = producers.filter(({ binding }) => /^CLICK_QUEUE_\d+$/.test(binding));
  const consumer = queues.consumers?.find((one: { queue: string }) => one.queue === clicks[0]?.queue);
  const flushMs = Number(said("FLUSH_INTERVAL_MS"));
  return {
    ...{ clicksPerSecond: 10_000, minutes: 10, perMessage: 1, ads: 100_000, skew: 0.8 },
    queues: clicks.length,
    shards: topology.value.at(-1)?.shards.click ?? 1,
    databases: databases.length,
    flushMs,
    postMs: Math.max(flushMs, Number(said("POST_INTERVAL_MS"))),
    batchMessages: consumer?.max_batch_size ?? Number.NaN,
    batchWaitMs: Number(consumer?.max_batch_timeout) * 1_000,
    hotMinutesH: Number(said("HOT_MINUTES_H")),
    hoursKeptDays: Number(said("HOURS_KEPT_DAYS")),
    daysKeptDays: Number(said("DAYS_KEPT_DAYS")),
  };
}
