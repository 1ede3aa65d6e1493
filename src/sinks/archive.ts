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
import type { Cursor, LogRow, LogSource } from "./log-source.ts";

export const ARCHIVE_PREFIX = "raw/v1/";

export type Segment = {
  readonly key: string;
  readonly source: string;
  readonly seqFrom: number;
  readonly seqTo: number;
  readonly rows: readonly LogRow[];
};

/** Who writes: the shard's name and its incarnation (shard/schema.ts). */
export type LogOwner = { readonly shard: string; readonly incarnation: string };

/**
 * The port to the archive. Contract: `put` stores the segment unless its key is there; either way it resolves to the
 * last sequence number of the segment that is stored under that key. After it rejects, either may be the case.
 */
export interface ArchiveStore {
  put(segment: Segment): Promise<number>;
}

/** Archives the rows after the cursor, at least up to `untilSeq`; the caller decides when a segment is worth writing. */
export async function archiveLog(
  log: LogSource,
  cursor: Cursor,
  { store, owner, untilSeq }: { store: ArchiveStore; owner: LogOwner; untilSeq: number },
): Promise<void> {
  while (cursor.read() < untilSeq) {
    const segment = nextSegment(log.rowsAfter(cursor.read(), SEGMENT_CHARS_MAX), owner);
    assert(segment !== null, "the log holds every row up to its last");
    cursor.advance(await store.put(segment));
  }
}

/** The next segment of the rows, or null when there are none. */
export function nextSegment(rows: readonly LogRow[], owner: LogOwner): Segment | null {
  const first = rows[0];
  if (first === undefined) return null;
  const hour = hourOf(first.loggedAtMs);
  const taken = [first];
  let chars = first.chars;
  for (const row of rows.slice(1)) {
    chars += row.chars + 1;
    if (hourOf(row.loggedAtMs) !== hour || chars > SEGMENT_CHARS_MAX) break;
    taken.push(row);
  }
  const seqTo = taken.at(-1)?.seq ?? first.seq;
  return { key: segmentKey(owner, hour, first.seq), source: sourceOf(owner), seqFrom: first.seq, seqTo, rows: taken };
}

export function segmentKey({ shard, incarnation }: LogOwner, hour: number, seqFrom: number): string {
  const name = `${incarnation}-${String(seqFrom).padStart(12, "0")}`;
  return `${hourPrefix(shard, hour * HOUR_MS)}${name}.ndjson.gz`;
}

/** What the keys of a shard's segments begin with that were logged in the UTC hour that holds the instant. */
export function hourPrefix(shard: string, instantMs: number): string {
  const hourOfDay = new Date(instantMs).toISOString().slice(11, 13);
  return `${ARCHIVE_PREFIX}dt=${isoDay(instantMs)}/hour=${hourOfDay}/shard=${shard}/`;
}

/** The name under which a log's sequence numbers are unique for ever. */
export function sourceOf({ shard, incarnation }: LogOwner): string {
  return `${shard}/${incarnation}`;
}

/** Segments as objects in R2, with their range in the metadata. */
export class R2Archive implements ArchiveStore {
  readonly #bucket: R2Bucket;

  constructor(bucket: R2Bucket) {
    this.#bucket = bucket;
  }

  async put({ key, source, seqFrom, seqTo, rows }: Segment): Promise<number> {
    const text = `${rows.map((row) => row.lines()).join("\n")}\n`;
    const events = text.split("\n").length - 1;
    const stored = await this.#bucket.put(key, await gzip(text), {
      onlyIf: { etagDoesNotMatch: "*" },
      httpMetadata: { contentType: "application/gzip" },
      customMetadata: { source, seqFrom: String(seqFrom), seqTo: String(seqTo), events: String(events) },
    });
    if (stored !== null) return seqTo;
    const existing = await this.#bucket.head(key);
    const reached = Number(existing?.customMetadata?.["seqTo"]);
    if (!Number.isSafeInteger(reached)) throw new Error(`archive segment ${key} has no seqTo`);
    return reached;
  }
}

async function gzip(text: string): Promise<ArrayBuffer> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}
