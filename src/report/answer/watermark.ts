/**
 * The watermark: every event that arrived before it is in the facts. Idle and stuck are told apart.
 *
 *   watermark = min(now − hold, oldest queued message − hold, oldest unposted event of each shard)
 *
 * Queues are those of events and the dead-letter queues behind them, where a message waits to become a dead letter.
 *
 * A queued message may hold events that arrived up to a hold before it was sent. Keeps: read in the way of the data
 * (clock, then queues, then shards, and the facts after all of them): an event that has left one station by the time
 * it is asked has reached the next, so none slips between two answers. A source that fails makes the watermark unknown,
 * never later; the last known one stays true and is used instead.
 */
import { isoSecond } from "../../core/time.ts";
import { WATERMARK_CACHE_MS, WATERMARK_HOLD_MS, WATERMARK_TIMEOUT_MS } from "../limits.ts";
import type { Warning } from "../query/range.ts";

/** Where unposted events may be. null = that queue or shard holds none; a rejection = it cannot be known. */
export type WatermarkSources = {
  readonly nowMs: number;
  readonly queueOldestMs: () => Promise<(number | null)[]>;
  readonly shardOldestMs: () => Promise<(number | null)[]>;
  /** What else is to be said of events that are not in the facts. */
  readonly warnings?: () => Promise<readonly Warning[]>;
};

export type WatermarkReading = {
  readonly watermarkMs: number | null;
  readonly warnings: readonly Warning[];
  /** Whether events that arrived before the range's end wait in dead letters (src/report/answer/uncounted.ts). */
  readonly isShort?: boolean;
};

/** What an isolate remembers between requests: values only, never another request's promise. */
export type WatermarkCache = { readMs: number; reading: WatermarkReading; lastKnownMs: number | null };

export type Backlog = {
  readonly nowMs: number;
  readonly queueOldestMs: readonly (number | null)[];
  readonly shardOldestMs: readonly (number | null)[];
};

export function makeWatermarkCache(): WatermarkCache {
  return { readMs: Number.NEGATIVE_INFINITY, reading: { watermarkMs: null, warnings: [] }, lastKnownMs: null };
}

/** The watermark of a backlog, in milliseconds. Pure. */
export function combineWatermark({ nowMs, queueOldestMs, shardOldestMs }: Backlog): number {
  const queued = queueOldestMs.filter((oldestMs) => oldestMs !== null).map((oldestMs) => oldestMs - WATERMARK_HOLD_MS);
  const unposted = shardOldestMs.filter((oldestMs) => oldestMs !== null);
  return Math.min(nowMs - WATERMARK_HOLD_MS, ...queued, ...unposted);
}

/** The cached watermark while it is fresh, else a new one. Never throws: a failed source is a warning. */
export async function readWatermark(sources: WatermarkSources, cache: WatermarkCache): Promise<WatermarkReading> {
  const ageMs = sources.nowMs - cache.readMs;
  if (ageMs >= 0 && ageMs < WATERMARK_CACHE_MS) return cache.reading;
  const queueOldestMs = await settle(sources.queueOldestMs);
  const shardOldestMs = await settle(sources.shardOldestMs);
  const read = toReading({ nowMs: sources.nowMs, queueOldestMs, shardOldestMs }, cache.lastKnownMs);
  const more = sources.warnings === undefined ? [] : ((await settle(sources.warnings)) ?? []);
  const reading = { ...read, warnings: [...read.warnings, ...more] };
  cache.readMs = sources.nowMs;
  cache.reading = reading;
  cache.lastKnownMs = reading.watermarkMs;
  return reading;
}

type MaybeBacklog = {
  readonly nowMs: number;
  readonly queueOldestMs: (number | null)[] | null;
  readonly shardOldestMs: (number | null)[] | null;
};

function toReading(
  { nowMs, queueOldestMs, shardOldestMs }: MaybeBacklog,
  lastKnownMs: number | null,
): WatermarkReading {
  if (queueOldestMs !== null && shardOldestMs !== null) {
    return { watermarkMs: combineWatermark({ nowMs, queueOldestMs, shardOldestMs }), warnings: [] };
  }
  const used =
    lastKnownMs === null ? "The watermark is unknown." : `The watermark is that of ${isoSecond(lastKnownMs)}.`;
  const warnings: Warning[] = [];
  if (queueOldestMs === null) {
    warnings.push({ code: "queue_backlog_unknown", detail: `A queue did not tell its backlog. ${used}` });
  }
  if (shardOldestMs === null) {
    warnings.push({ code: "shard_backlog_unknown", detail: `A shard did not tell its backlog. ${used}` });
  }
  return { watermarkMs: lastKnownMs, warnings };
}

/** The answer of a source, or null when it fails or takes too long. */
async function settle<T>(ask: () => Promise<T>): Promise<T | null> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const timeout = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), WATERMARK_TIMEOUT_MS);
  });
  try {
    return await Promise.race([ask(), timeout]);
  } catch {
    // The port logs what it asked and why that failed; here it only means that the answer is unknown.
    return null;
  } finally {
    clearTimeout(timer);
  }
}
