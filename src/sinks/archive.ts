/**
 * The archive: every logged event, byte for byte as the shard logged it, in gzipped NDJSON segments in R2.
 *
 *   raw/v1/dt=2026-04-20/hour=12/shard=clicks-3/<incarnation>-<seqFrom, 12 digits>.ndjson.gz
 *   metadata: {source, seqFrom, seqTo, events}
 *
 * Keeps: a segment holds rows of one UTC hour of `logged_at`, at most 8 MB before compression. It is put only if absent;
 * if it is there, its metadata says how far it reached, so a repeat or a grown range neither loses nor doubles a row.
 */
import { HOUR_MS, SEGMENT_CHARS_MAX } from "../core/limits.ts";
import { assert } from "../core/result.ts";
import { hourOf, isoDay } from "../core/time.ts";
import type { LogRow, LogSource } from "./log-source.ts";
import type { Cursor } from "./post.ts";

export const ARCHIVE_PREFIX = "raw/v1/";

export type Segment = {
  readonly key: string;
  readonly seqFrom: number;
  readonly seqTo: number;
  readonly events: number;
  readonly text: string;
};

/** Who writes: the shard's name and its incarnation (shard/log-store.ts). */
export type LogOwner = { readonly shard: string; readonly incarnation: string };

/** Archives the rows after the cursor, at least up to `untilSeq`; the caller decides when a segment is worth writing. */
export async function archiveLog(
  log: LogSource,
  cursor: Cursor,
  { bucket, owner, untilSeq }: { bucket: R2Bucket; owner: LogOwner; untilSeq: number },
): Promise<void> {
  while (cursor.read() < untilSeq) {
    const segment = nextSegment(log.rowsAfter(cursor.read(), SEGMENT_CHARS_MAX), owner);
    assert(segment !== null, "the log holds every row up to its last");
    cursor.advance(await putSegment(bucket, segment, owner));
  }
}

/** The next segment of the rows, or null when there are none. */
export function nextSegment(rows: readonly LogRow[], owner: LogOwner): Segment | null {
  const first = rows[0];
  if (first === undefined) return null;
  const hour = hourOf(first.loggedAtMs);
  const lines: string[] = [];
  let chars = 0;
  let seqTo = first.seq;
  for (const row of rows) {
    chars += row.lines.length + 1;
    if (row !== first && (hourOf(row.loggedAtMs) !== hour || chars > SEGMENT_CHARS_MAX)) break;
    lines.push(row.lines);
    seqTo = row.seq;
  }
  const text = `${lines.join("\n")}\n`;
  const key = segmentKey(owner, hour, first.seq);
  return { key, seqFrom: first.seq, seqTo, events: text.split("\n").length - 1, text };
}

export function segmentKey({ shard, incarnation }: LogOwner, hour: number, seqFrom: number): string {
  const startMs = hour * HOUR_MS;
  const hourOfDay = new Date(startMs).toISOString().slice(11, 13);
  const name = `${incarnation}-${String(seqFrom).padStart(12, "0")}`;
  return `${ARCHIVE_PREFIX}dt=${isoDay(startMs)}/hour=${hourOfDay}/shard=${shard}/${name}.ndjson.gz`;
}

/** Puts the segment unless its key exists; returns how far the stored segment reaches. */
async function putSegment(bucket: R2Bucket, segment: Segment, owner: LogOwner): Promise<number> {
  const { seqFrom, seqTo, events } = segment;
  const stored = await bucket.put(segment.key, await gzip(segment.text), {
    onlyIf: { etagDoesNotMatch: "*" },
    httpMetadata: { contentType: "application/x-ndjson", contentEncoding: "gzip" },
    customMetadata: {
      source: sourceOf(owner),
      seqFrom: String(seqFrom),
      seqTo: String(seqTo),
      events: String(events),
    },
  });
  if (stored !== null) return seqTo;
  const existing = await bucket.head(segment.key);
  const reached = Number(existing?.customMetadata?.["seqTo"]);
  if (!Number.isSafeInteger(reached)) throw new Error(`archive segment ${segment.key} has no seqTo`);
  return reached;
}

/** The name under which a log's sequence numbers are unique for ever. */
export function sourceOf({ shard, incarnation }: LogOwner): string {
  return `${shard}/${incarnation}`;
}

async function gzip(text: string): Promise<ArrayBuffer> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}
