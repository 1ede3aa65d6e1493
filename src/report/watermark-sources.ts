/**
 * The watermark's sources on the platform: `metrics()` of every click queue and `status()` of every click shard.
 *
 * Keeps: a failure is logged with what was asked, and rejects. Bindings are found by their name (CLICK_QUEUE_0, …), so
 * a further queue in wrangler.toml needs no change here.
 * Relies on: a shard's `status()` counts an event as unposted until the report database has it.
 */
import type { Config } from "../config.ts";
import { clickShardName, shardCount } from "../core/routing.ts";
import { logFault } from "../log.ts";
import { oldestSpooledMs } from "../queue/spool.ts";
import { topologyInForce } from "../shard/topology-keeper.ts";
import type { WatermarkSources } from "./watermark.ts";

const QUEUE_BINDING = /^CLICK_QUEUE_/;

/** The part of a click shard's RPC that a watermark asks for. */
type ShardStatus = { status(): Promise<{ oldestUnpostedReceivedAtMs: number | null }> };

export function platformSources(env: Env, config: Config): Omit<WatermarkSources, "nowMs"> {
  const queues = Object.entries(env).filter(([binding]) => QUEUE_BINDING.test(binding)) as [string, Queue][];
  return {
    // The spool is one more place where events wait for their shard.
    queueOldestMs: async () => [
      ...(await askEach(queues, "queue_metrics_failed", ([, queue]) => queueOldestMs(queue))),
      ...(await askEach([env.ARCHIVE], "spool_list_failed", oldestSpooledMs)),
    ],
    shardOldestMs: async () => {
      const topology = await topologyInForce(env, config);
      const shards = Array.from({ length: shardCount(topology) }, (_, index) => clickShardName(index));
      return askEach(shards, "shard_status_failed", (name) => shardOldestMs(env, name));
    },
  };
}

/** An empty queue has no oldest message; the local simulator then says 0. */
async function queueOldestMs(queue: Queue): Promise<number | null> {
  const { oldestMessageTimestamp } = await queue.metrics();
  const oldestMs = oldestMessageTimestamp?.getTime() ?? 0;
  return oldestMs === 0 ? null : oldestMs;
}

async function shardOldestMs(env: Env, name: string): Promise<number | null> {
  const shard = env.EVENT_SHARD.getByName(name) as unknown as ShardStatus;
  const { oldestUnpostedReceivedAtMs } = await shard.status();
  return oldestUnpostedReceivedAtMs;
}

async function askEach<T>(
  sources: readonly T[],
  event: string,
  ask: (source: T) => Promise<number | null>,
): Promise<(number | null)[]> {
  try {
    return await Promise.all(sources.map(ask));
  } catch (cause) {
    logFault(event, cause);
    throw cause;
  }
}
