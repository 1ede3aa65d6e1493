/**
 * Measuring: every place that can be wrong is asked once a minute, by cron.
 *
 *   queues · spool · letters · shards · databases · audits · evidence log · isolates' tallies ──▶ samples
 *
 * Keeps: a source that does not answer is `clickledger_source_up 0`, has no samples of its own, and keeps no other from
 * its own; the watermark is then not known. Counters only grow.
 * Relies on: being asked again within the hour, or the last hour is of what was seen.
 */
import { lastAudited, readLogDays } from "../audit/log-days.ts";
import { readBook } from "../canary/book.ts";
import type { Seen } from "../core/alarms.ts";
import { parseJson } from "../core/base64url.ts";
import { canaryState } from "../core/canary.ts";
import { closingOf } from "../core/day-state.ts";
import { DAY_MS, MINUTE_MS, SECOND_MS } from "../core/limits.ts";
import type { MetricName, Sample } from "../core/metrics.ts";
import type { Units } from "../core/spending.ts";
import { DEAD_POSTINGS_PREFIX } from "../facts/dead-posting.ts";
import { logFault } from "../log.ts";
import { DEAD_PREFIX, DEAD_SUBMISSIONS_PREFIX } from "../queue/dead-letter.ts";
import { lookIntoFolders } from "../queue/folders.ts";
import { oldestIn, SPOOL_PREFIX } from "../queue/spool.ts";
import { combineWatermark } from "../report/answer/watermark.ts";
import type { ShardStatus } from "../shard/flush-runner.ts";
import { TOLD_PREFIX, type Told } from "../tally.ts";
import { addSessions, addSpent, addTold, type Sums } from "./add-up.ts";
import { countWebhooks, readSpendSince } from "./metrics-sql.ts";
import type { Said } from "./snapshot.ts";

const LISTED_MAX = 1_000;
/** Tallies of isolates that are added in one run. */
const TOLD_MAX = 200;
/** A source that takes longer has not answered. */
const PATIENCE_MS = 10 * SECOND_MS;

export type MeasurePorts = {
  readonly nowMs: number;
  readonly graceMs: number;
  readonly bucket: R2Bucket;
  readonly primary: D1Database;
  readonly databases: ReadonlyMap<string, D1Database>;
  readonly queues: ReadonlyMap<string, Pick<Queue, "metrics">>;
  /** What each shard says, by its name. */
  readonly shards: () => Promise<ReadonlyMap<string, ShardStatus & Said>>;
  /** What cron counted of its own bill since it was asked last. */
  readonly spent: () => Units;
  readonly hasCanary: boolean;
  /** Whether the evidence log's last run was stopped; null where none is kept, or none was yet. */
  readonly isLogStopped: () => Promise<boolean | null>;
};

export type Measured = Seen & { readonly sums: Sums };

const FLOW = ["clickledger_watermark_timestamp_seconds", "clickledger_lag_seconds"] as const;
/** Which metrics are not known, or not whole, while a source does not answer. */
const METRICS_OF = {
  queues: ["clickledger_queue_messages", "clickledger_queue_oldest_age_seconds", ...FLOW],
  spool: ["clickledger_spool_objects", "clickledger_spool_oldest_age_seconds", ...FLOW],
  shards: [...FLOW, "clickledger_duplicate_ratio"],
  letters: ["clickledger_dead_letters"],
  tallies: ["clickledger_lost_events_1h"],
  audits: ["clickledger_log_days", "clickledger_audit_overdue_seconds"],
  webhooks: ["clickledger_webhooks"],
  sums: ["clickledger_unreconciled_micros"],
  evidence_log: ["clickledger_evidence_log_stopped"],
  canary: ["clickledger_canary", "clickledger_canary_wrong"],
} as const satisfies Readonly<Record<string, readonly MetricName[]>>;
type Source = keyof typeof METRICS_OF;

/** Asks everything. Never rejects. */
export async function measure(ports: MeasurePorts, before: Sums): Promise<Measured> {
  const up: Sample[] = [];
  const unknown = new Set<MetricName>();
  const ask = async <T>(source: Source, work: () => Promise<T>): Promise<T | null> => {
    const answer = await settle(source, work);
    up.push({ name: "clickledger_source_up", of: source, value: answer === null ? 0 : 1 });
    for (const metric of answer === null ? METRICS_OF[source] : []) unknown.add(metric);
    return answer;
  };
  // In the way of the data, as a report's watermark is read.
  const queues = await ask("queues", () => ofQueues(ports));
  const spool = await ask("spool", () => ofSpool(ports));
  const [shards, letters, told, days, hooks, spend, log, canary] = await Promise.all([
    ask("shards", ports.shards),
    ask("letters", () => ofLetters(ports)),
    ask("tallies", () => readTold(ports.bucket, before.told)),
    ask("audits", () => ofAudits(ports)),
    ask("webhooks", async () => sampled("clickledger_webhooks", await countWebhooks(ports.primary))),
    ask("sums", () => ofSpend(ports)),
    ask("evidence_log", async () => ({ isStopped: await ports.isLogStopped() })),
    ask("canary", () => ofCanary(ports)),
  ]);
  const isFlowKnown = queues !== null && spool !== null && shards !== null;
  const samples = [
    ...up,
    ...(queues?.samples ?? []),
    ...(spool?.samples ?? []),
    ...(isFlowKnown ? ofWatermark(ports.nowMs, [...queues.oldestMs, spool.oldestMs], [...shards.values()]) : []),
    ...[letters, days, hooks, spend, canary].flatMap((some) => some ?? []),
    ...ofLog(log?.isStopped ?? null),
  ];
  const minute = Math.floor(ports.nowMs / MINUTE_MS);
  const counted = addSessions(before, shards ?? new Map(), minute);
  const sums = told === null ? counted : addTold(counted, told, minute);
  return { samples, unknown, sums: addSpent(sums, before, ports.spent(), minute) };
}

async function settle<T>(source: Source, work: () => Promise<T>): Promise<T | null> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("it took too long")), PATIENCE_MS);
  });
  try {
    return await Promise.race([work(), late]);
  } catch (fault) {
    logFault("not_measured", fault, { source });
    return null;
  } finally {
    clearTimeout(timer);
  }
}

function sampled(name: MetricName, values: ReadonlyMap<string, number>): Sample[] {
  return Array.from(values, ([of, value]) => ({ name, of, value }));
}

const ageS = (nowMs: number, ms: number | null | undefined) =>
  ms === null || ms === undefined ? 0 : Math.max(nowMs - ms, 0) / SECOND_MS;

async function ofQueues({ queues, nowMs }: MeasurePorts) {
  const told = await Promise.all(Array.from(queues, async ([of, queue]) => ({ of, ...(await queue.metrics()) })));
  const waiting = told.map(({ of, backlogCount, oldestMessageTimestamp }) => {
    const ms = oldestMessageTimestamp?.getTime() ?? 0;
    return { of: of.toLowerCase(), messages: backlogCount, oldestMs: ms === 0 ? null : ms };
  });
  const samples = waiting.flatMap(({ of, messages, oldestMs }): Sample[] => [
    { name: "clickledger_queue_messages", of, value: messages },
    { name: "clickledger_queue_oldest_age_seconds", of, value: ageS(nowMs, oldestMs) },
  ]);
  return { samples, oldestMs: waiting.map(({ oldestMs }) => oldestMs) };
}

async function ofSpool({ bucket, nowMs }: MeasurePorts) {
  const { objects } = await bucket.list({ prefix: SPOOL_PREFIX, limit: LISTED_MAX });
  const oldestMs = oldestIn(objects);
  const samples: Sample[] = [
    { name: "clickledger_spool_objects", value: objects.length },
    { name: "clickledger_spool_oldest_age_seconds", value: ageS(nowMs, oldestMs) },
  ];
  return { samples, oldestMs };
}

function ofWatermark(nowMs: number, queueOldestMs: readonly (number | null)[], shards: readonly ShardStatus[]) {
  const shardOldestMs = shards.map(({ oldestUnseenReceivedAtMs }) => oldestUnseenReceivedAtMs);
  const watermarkMs = combineWatermark({ nowMs, queueOldestMs, shardOldestMs });
  const samples: Sample[] = [
    { name: "clickledger_watermark_timestamp_seconds", value: watermarkMs / SECOND_MS },
    { name: "clickledger_lag_seconds", value: ageS(nowMs, watermarkMs) },
  ];
  return samples;
}

const LETTERS = { clicks: DEAD_PREFIX, submissions: DEAD_SUBMISSIONS_PREFIX, postings: DEAD_POSTINGS_PREFIX };

async function ofLetters({ bucket }: MeasurePorts): Promise<Sample[]> {
  const hasAny = lookIntoFolders(bucket, "dead");
  const counted = Object.entries(LETTERS).map(async ([kind, prefix]): Promise<Sample> => {
    const letters = (await hasAny(prefix)) ? (await bucket.list({ prefix, limit: LISTED_MAX })).objects.length : 0;
    return { name: "clickledger_dead_letters", of: kind, value: letters };
  });
  return Promise.all(counted);
}

async function ofAudits({ primary, nowMs, graceMs }: MeasurePorts): Promise<Sample[]> {
  const [days, last] = await Promise.all([readLogDays(primary), lastAudited(primary)]);
  const states = new Map(["sealed", "clean", "blocked"].map((state) => [state, 0]));
  for (const { state } of days) states.set(state, (states.get(state) ?? 0) + 1);
  const samples = sampled("clickledger_log_days", states);
  if (last === null) return samples;
  const dueMs = Date.parse(last) + 2 * DAY_MS + graceMs;
  return [...samples, { name: "clickledger_audit_overdue_seconds", value: ageS(nowMs, dueMs) }];
}

async function ofSpend({ primary, databases, graceMs }: MeasurePorts): Promise<Sample[]> {
  const { reconciledUntilMs } = closingOf(await readLogDays(primary), graceMs);
  const day = Number.isFinite(reconciledUntilMs) ? Math.floor(reconciledUntilMs / DAY_MS) : 0;
  const sums = await Promise.all(Array.from(databases.values(), (database) => readSpendSince(database, day)));
  return [{ name: "clickledger_unreconciled_micros", value: sums.reduce((sum, one) => sum + one, 0) }];
}

async function ofCanary({ bucket, hasCanary, nowMs }: MeasurePorts): Promise<Sample[]> {
  if (!hasCanary) return [];
  const state = canaryState(await readBook(bucket), nowMs);
  const isWrong = state !== "ok" && state !== "off";
  return [
    { name: "clickledger_canary", of: state, value: 1 },
    { name: "clickledger_canary_wrong", value: isWrong ? 1 : 0 },
  ];
}

function ofLog(isStopped: boolean | null): Sample[] {
  return isStopped === null ? [] : [{ name: "clickledger_evidence_log_stopped", value: isStopped ? 1 : 0 }];
}

const ADDED_BEFORE: Told = { refused: {}, lost: 0 };

/** What isolates have left since; what was added before and is still there adds nothing. */
async function readTold(bucket: R2Bucket, known: readonly string[]): Promise<{ key: string; told: Told }[]> {
  const { objects } = await bucket.list({ prefix: TOLD_PREFIX, limit: TOLD_MAX });
  const read = objects.map(async ({ key }) => {
    if (known.includes(key)) return [{ key, told: ADDED_BEFORE }];
    const object = await bucket.get(key);
    return object === null ? [] : [{ key, told: parseJson(await object.text()) as Told }];
  });
  return (await Promise.all(read)).flat();
}
