/**
 * The segments of the archive as they lie there: which there are of a day, and what each says of itself.
 *
 * Keeps: nothing here trusts a segment: `place` is what its metadata says, `openSegment` what its bytes are.
 */
import type { Position } from "../core/position.ts";
import { ARCHIVE_PREFIX, type LogOwner } from "./archive.ts";
import { type LogText, rowsOf } from "./log-text.ts";

export type StoredSegment = {
  readonly key: string;
  readonly owner: LogOwner;
  /** The place before its first row; its instant is not known. */
  readonly from: Position;
  readonly to: Position;
  readonly events: number;
  /** Announced, lost with a storage that was set back, and never to come. */
  readonly isClosed: boolean;
  readonly bytes: number;
};

const KEY = /^raw\/v1\/dt=(\d{4}-\d\d-\d\d)\/hour=\d\d\/shard=([^/]+)\/([^/]+)-(\d{12})\.ndjson\.gz$/;

/** What lies in the archive under a UTC day, in the order of keys; `onUnknown` gets keys that are no segment's. */
export async function segmentsOfDay(
  bucket: R2Bucket,
  day: string,
  { shard, onUnknown }: { shard?: string; onUnknown?: (key: string) => void } = {},
): Promise<StoredSegment[]> {
  const segments: StoredSegment[] = [];
  const prefixes = shard === undefined ? [`${ARCHIVE_PREFIX}dt=${day}/`] : hoursOf(day, shard);
  for (const prefix of prefixes) {
    for await (const object of objectsBelow(bucket, prefix)) {
      const segment = segmentOf(object);
      if (segment === null) onUnknown?.(object.key);
      else segments.push(segment);
    }
  }
  return segments;
}

/** All segments behind a key, in the order of keys: by day, hour and shard. */
export async function* segmentsBehind(bucket: R2Bucket, after: string): AsyncGenerator<StoredSegment> {
  for (let startAfter = after; ; ) {
    const page = await bucket.list({ prefix: ARCHIVE_PREFIX, startAfter, include: ["customMetadata"] });
    for (const object of page.objects) {
      const segment = segmentOf(object);
      if (segment !== null) yield segment;
    }
    const last = page.objects.at(-1);
    if (!page.truncated || last === undefined) return;
    startAfter = last.key;
  }
}

function hoursOf(day: string, shard: string): string[] {
  return Array.from({ length: 24 }, (_, hour) => {
    return `${ARCHIVE_PREFIX}dt=${day}/hour=${String(hour).padStart(2, "0")}/shard=${shard}/`;
  });
}

export async function* objectsBelow(bucket: R2Bucket, prefix: string): AsyncGenerator<R2Object> {
  let cursor: string | undefined;
  do {
    const page: R2Objects = await bucket.list({
      ...{ prefix, include: ["customMetadata"] },
      ...(cursor === undefined ? {} : { cursor }),
    });
    yield* page.objects;
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined);
}

function segmentOf({ key, customMetadata = {}, size }: R2Object): StoredSegment | null {
  const [, , shard, incarnation, seqFrom] = KEY.exec(key) ?? [];
  if (shard === undefined || incarnation === undefined) return null;
  const { chainFrom = "", chain = "", seqTo, loggedAtMs, events, closed } = customMetadata;
  return {
    key,
    owner: { shard, incarnation },
    from: { seq: Number(seqFrom) - 1, chain: chainFrom, loggedAtMs: 0 },
    to: { seq: Number(seqTo ?? Number(seqFrom) - 1), chain, loggedAtMs: Number(loggedAtMs ?? 0) },
    events: Number(events ?? 0),
    isClosed: closed === "1",
    bytes: size,
  };
}

/** The rows of a segment; null when nothing stands there, or what stands there is no compressed text. */
export async function openSegment(bucket: R2Bucket, key: string): Promise<LogText[] | null> {
  const object = await bucket.get(key);
  if (object === null) return null;
  try {
    const text = new Response(await object.arrayBuffer()).body?.pipeThrough(new DecompressionStream("gzip"));
    return rowsOf(await new Response(text).text());
  } catch {
    return null;
  }
}
