/**
 * The watermark's sources on the platform: every place where an event waits between its arrival and the facts.
 *
 *   always         event queues (CLICK_QUEUE_0, IMPRESSION_QUEUE_0, …), the dead-letter queues behind them, their
 *                  spool, the shards of clicks and impressions
 *   conversions    their spool and 256 order objects, asked only by a query for conversions, their value or reasons
 *   counts         16 objects of uploaded impressions, asked only by a query for impressions or reasons
 *
 * Keeps: a failure is logged with what was asked, and rejects. Queues are found by the names of their bindings, so a
 * further one in wrangler.toml needs no change here.
 * Relies on: an object's `status()` counts an event as unposted until the report database has it.
 */
import type { Config } from "../../config.ts";
import { MEASURE_FIELDS } from "../../core/fields.ts";
import { countsShardNames, eventShardNames, orderShardNames } from "../../core/routing.ts";
import { logFault } from "../../log.ts";
import { undecidedSubmissions } from "../../queue/dead-letter.ts";
import { oldestSpooledMs } from "../../queue/spool.ts";
import { oldestSubmissionMs, type SpoolScope } from "../../queue/submission-spool.ts";
import { topologyInForce } from "../../shard/topology-keeper.ts";
import { type Metric, measuresOf } from "../query/metrics.ts";
import type { Warning } from "../query/range.ts";
import type { WatermarkSources } from "./watermark.ts";

/** What waits in a dead-letter queue is not yet a dead letter (src/report/answer/uncounted.ts). */
const QUEUE_BINDING = /^(CLICK|IMPRESSION)_QUEUE_|^DEAD_(CLICK|IMPRESSION)_QUEUE$/;

/** Stations that only some queries depend on. */
export type Stations = { readonly conversions: boolean; readonly counts: boolean };

/** The part of an object's RPC that a watermark asks for. */
type ShardStatus = { status(): Promise<{ oldestUnseenReceivedAtMs: number | null }> };

/** The stations that the metrics depend on. */
export function stationsOf(metrics: readonly Metric[]): Stations {
  const hasReasons = metrics.includes("reasons");
  const stations = new Set<string>(measuresOf(metrics).flatMap((measure) => MEASURE_FIELDS[measure].stations));
  return {
    conversions: hasReasons || stations.has("conversions"),
    counts: hasReasons || stations.has("counts"),
  };
}

/** `scope`: whose report it is; the spool of other tenants' conversions does not hold it back. */
export function platformSources(
  env: Env,
  config: Config,
  stations: Stations,
  scope: SpoolScope,
): Omit<WatermarkSources, "nowMs"> {
  const queues = Object.entries(env).filter(([binding]) => QUEUE_BINDING.test(binding)) as [string, Queue][];
  // A spool is one more place where events wait for their object.
  const events = () => oldestSpooledMs(env.ARCHIVE);
  const spools = stations.conversions ? [events, () => oldestSubmissionMs(env.ARCHIVE, scope)] : [events];
  return {
    queueOldestMs: async () => [
      ...(await askEach(queues, "queue_metrics_failed", ([, queue]) => queueOldestMs(queue))),
      ...(await askEach(spools, "spool_list_failed", (oldestMs) => oldestMs())),
    ],
    warnings: () => (stations.conversions ? undecidedWarnings(env, scope) : Promise.resolve([])),
    shardOldestMs: async () => {
      const events = eventShardNames(await topologyInForce(env, config));
      const orders = stations.conversions ? orderShardNames() : [];
      const counts = stations.counts ? countsShardNames() : [];
      return [
        ...(await askEach(events, "shard_status_failed", (name) => oldestUnseen(env.EVENT_SHARD, name))),
        ...(await askEach(orders, "shard_status_failed", (name) => oldestUnseen(env.ORDER_SHARD, name))),
        ...(await askEach(counts, "shard_status_failed", (name) => oldestUnseen(env.COUNTS_SHARD, name))),
      ];
    },
  };
}

/** Says to a tenant, and to the operator, what of its conversions was accepted and waits for a person. */
async function undecidedWarnings(
  { ARCHIVE: archive }: Env,
  { advertiserId, publisherId }: SpoolScope,
): Promise<Warning[]> {
  const undecided = publisherId === null ? await undecidedSubmissions(archive, advertiserId) : null;
  if (undecided === null) return [];
  const { letters, isMore, oldestDay } = undecided;
  const number = isMore ? `${letters} or more` : String(letters);
  const detail = `Conversions that were accepted and could not be decided: ${number}, the oldest of ${oldestDay}.`;
  return [{ code: "conversions_undecided", detail: `${detail} The operator has them (dead letters).` }];
}

/** An empty queue has no oldest message; the local simulator then says 0. */
async function queueOldestMs(queue: Queue): Promise<number | null> {
  const { oldestMessageTimestamp } = await queue.metrics();
  const oldestMs = oldestMessageTimestamp?.getTime() ?? 0;
  return oldestMs === 0 ? null : oldestMs;
}

async function oldestUnseen(objects: { getByName(name: string): unknown }, name: string): Promise<number | null> {
  const { oldestUnseenReceivedAtMs } = await (objects.getByName(name) as ShardStatus).status();
  return oldestUnseenReceivedAtMs;
}

async function askEach<T>(
  sources: readonly T[],
  event: string,
  ask: (source: T) => Promise<number | null>,
): Promise<(number | null)[]> {
  try {
    return await Promise.all(sources.map((source) => ask(source)));
  } catch (cause) {
    logFault(event, cause);
    throw cause;
  }
}
