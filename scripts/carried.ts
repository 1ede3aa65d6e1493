/**
 * Tells when a local pipeline is empty of clicks and impressions: no message waits in a queue, and every event shard has
 * shown its whole log in the report databases.
 *
 * Keeps: a batch that the consumer holds is in neither place, so the pipeline counts as empty only after it has looked
 * empty, with no shard's log growing, for `QUIET_MS`.
 * Relies on: a local consumer needs less than that for one batch.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { D1Database } from "@cloudflare/workers-types";
import { eventShardNames, parseTopology } from "../src/core/routing.ts";

/** How far a shard's log has been carried. */
export type LogProgress = {
  readonly lastSeq: number;
  readonly visibleSeq: number;
  readonly postedSeq: number;
  readonly archivedSeq: number;
};

/** The bindings that clicks and impressions pass through, as Miniflare hands them out. */
export type PipelineBindings = {
  readonly EVENT_SHARD: { getByName(name: string): { status(): Promise<LogProgress> } };
  readonly REPORT_DB: D1Database;
  readonly TOPOLOGY: string;
};
type LocalQueue = { metrics(): Promise<{ backlogCount: number }> };

const QUIET_MS = 1_200;
const POLL_MS = 150;
const EVENT_QUEUE = /^(CLICK|IMPRESSION)_QUEUE_\d+$/;

/** True when everything that was accepted is in the reports; false after `timeoutMs`. */
export async function waitUntilCarried(bindings: PipelineBindings, timeoutMs: number): Promise<boolean> {
  const endsAtMs = Date.now() + timeoutMs;
  let quietSinceMs: number | null = null;
  let seqsBefore = "";
  while (Date.now() < endsAtMs) {
    const { isIdle, seqs } = await look(bindings);
    if (!isIdle || seqs !== seqsBefore) quietSinceMs = null;
    else quietSinceMs ??= Date.now();
    if (quietSinceMs !== null && Date.now() - quietSinceMs >= QUIET_MS) return true;
    seqsBefore = seqs;
    await sleep(POLL_MS);
  }
  return false;
}

async function look(bindings: PipelineBindings): Promise<{ isIdle: boolean; seqs: string }> {
  const queues = Object.entries(bindings).filter(([name]) => EVENT_QUEUE.test(name)) as unknown as [
    string,
    LocalQueue,
  ][];
  const backlogs = await Promise.all(queues.map(async ([, queue]) => (await queue.metrics()).backlogCount));
  const topology = parseTopology(JSON.parse(bindings.TOPOLOGY));
  if (!topology.ok) throw new Error(topology.error);
  const names = eventShardNames(topology.value);
  const shards = await Promise.all(names.map((name) => bindings.EVENT_SHARD.getByName(name).status()));
  return {
    isIdle: backlogs.every((count) => count === 0) && shards.every(({ lastSeq, visibleSeq }) => lastSeq === visibleSeq),
    seqs: shards.map(({ lastSeq }) => lastSeq).join(" "),
  };
}
