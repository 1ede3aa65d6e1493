/**
 * Reading the archive back: the lines that one event left in a shard's segments.
 *
 * An event is logged after it was received, as far as clocks agree, and archived after it was logged. So the search
 * begins with the segments of the hour of receipt that were uploaded afterwards, oldest first, and usually ends in the
 * first one.
 *
 * Keeps: bounded: so many hours after receipt, and so many segments. What lies further on is not found.
 */
import { HOUR_MS, SHARD_CLOCK_BEHIND_MAX_MS } from "../core/limits.ts";
import { hourOf } from "../core/time.ts";
import { hourPrefix } from "./archive.ts";

const SEGMENTS_READ_MAX = 64;
/** Hours after receipt in which a delayed event is looked for: a queue may hold it this long in an outage. */
const HOURS_SEARCHED_MAX = 24;

export type ArchivedLine = { readonly object: string; readonly line: string };

/** The wanted lines that hold `needle`, in the first segment that has any; none when the bounds are reached before. */
export async function findArchived(
  bucket: R2Bucket,
  shards: readonly string[],
  {
    needle,
    isWanted,
    fromMs,
    nowMs,
  }: { needle: string; isWanted: (line: string) => boolean; fromMs: number; nowMs: number },
): Promise<ArchivedLine[]> {
  let left = SEGMENTS_READ_MAX;
  const lastHour = Math.min(hourOf(nowMs), hourOf(fromMs) + HOURS_SEARCHED_MAX);
  const sinceMs = fromMs - SHARD_CLOCK_BEHIND_MAX_MS;
  for (let hour = hourOf(sinceMs); hour <= lastHour; hour++) {
    for (const shard of shards) {
      for await (const { key } of segmentsAfter(bucket, hourPrefix(shard, hour * HOUR_MS), sinceMs)) {
        if (left-- === 0) return [];
        const lines = (await linesHolding(bucket, key, needle)).filter(isWanted);
        if (lines.length > 0) return lines.map((line) => ({ object: key, line }));
      }
    }
  }
  return [];
}

async function* segmentsAfter(bucket: R2Bucket, prefix: string, fromMs: number): AsyncGenerator<R2Object> {
  let cursor: string | undefined;
  do {
    const page: R2Objects = await bucket.list({ prefix, ...(cursor === undefined ? {} : { cursor }) });
    for (const object of page.objects) if (object.uploaded.getTime() >= fromMs) yield object;
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined);
}

async function linesHolding(bucket: R2Bucket, key: string, needle: string): Promise<string[]> {
  const object = await bucket.get(key);
  if (object === null) return [];
  const text = await new Response(object.body.pipeThrough(new DecompressionStream("gzip"))).text();
  if (!text.includes(needle)) return [];
  return text.split("\n").filter((line) => line.includes(needle));
}
