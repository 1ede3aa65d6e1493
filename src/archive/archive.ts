/**
 * The archive: every logged event, byte for byte as the shard logged it, in gzipped NDJSON segments in R2.
 *
 *   raw/v1/dt=2026-04-20/hour=12/shard=clicks-3/<incarnation>-<seqFrom, 12 digits>.ndjson.gz
 *   metadata: {source, seqFrom, seqTo, events, chainFrom, chain, loggedAtMs}
 *
 * Order of durable writes, and what a crash between them leaves:
 *   1 the head announces the segment (archive-head.ts)   → the next run writes exactly the announced rows
 *   2 the segment, put only if absent                    → it is found there, with the same chain
 *   3 the mark "archived" of the shard                   → nothing: the log may shrink
 *
 * Keeps: a segment holds rows of one UTC hour of `logged_at`, at most 8 MB before compression. Whatever else stands in
 * the head or under the key is a sign that the storage was set back (StorageSetBackError), and nothing is written.
 */
import { HOUR_MS, LOG_READ_CHARS_MAX, SEGMENT_CHARS_MAX } from "../core/limits.ts";
import { isSamePosition, type Position, positionAfter } from "../core/position.ts";
import { hourOf, isoDay } from "../core/time.ts";
import { type ArchiveHead, currentLife, type Life, type StoredHead, withCurrent } from "./head.ts";
import { type LogRow, type LogSource, positionAt } from "./log-source.ts";

export const ARCHIVE_PREFIX = "raw/v1/";

/** Whose rows: the shard's name and its incarnation. */
export type LogOwner = { readonly shard: string; readonly incarnation: string };

export type Segment = {
  readonly key: string;
  readonly owner: LogOwner;
  /** The place before the first row. */
  readonly from: Position;
  readonly to: Position;
  readonly rows: readonly LogRow[];
};

/**
 * What a sink holds is not what this log went through: the storage is of an earlier moment, or somebody else's. Where
 * it is not certain, as when a head was replaced meanwhile, comparing storage and head tells (shard/recovery.ts).
 */
export class StorageSetBackError extends Error {
  override readonly name = "StorageSetBackError";
  readonly isCertain: boolean;

  constructor(what: string, isCertain = false) {
    super(what);
    this.isCertain = isCertain;
  }
}

/** What the archive holds is not what was written. */
export class ArchiveDamagedError extends Error {
  override readonly name = "ArchiveDamagedError";
}

/**
 * The port to the archive. Contract (test/contract/archive.test.ts, over memory and R2):
 *   - `put` stores the segment unless its key is there; either way it resolves to the place up to which the segment
 *     under that key reaches, null when the key was closed. After it rejects, either may be the case.
 *   - `writeHead` replaces the head of that etag (null: none) and resolves to the new etag; null when another is there.
 *   - `rowsAfter` resolves to the rows after the place of the stored segment that holds the next one; none when there
 *     is no such segment. Throws ArchiveDamagedError when its content is not what was put.
 *   - `close` makes sure that no segment comes to stand under the key any more; it resolves to the place up to which
 *     one stands there already, and null when none ever will.
 *   - `putRules` makes sure that the rules of that id are there; what is there is left as it is.
 */
export interface ArchiveStore {
  put(segment: Segment): Promise<Position | null>;
  readHead(shard: string): Promise<StoredHead | null>;
  writeHead(shard: string, head: ArchiveHead, etag: string | null): Promise<string | null>;
  rowsAfter(owner: LogOwner, after: Position, until: Position): Promise<readonly LogRow[]>;
  close(key: string): Promise<Position | null>;
  putRules(id: string, text: string): Promise<void>;
}

/** A log that is archived: its rows, how far it has been, and under which name. */
export type ArchivedLog = LogSource & {
  archived(): { read(): Position | null; write(place: Position): void };
};

/**
 * Where the announced segment begins, if this log's mark is behind it though its rows are the life's own: whatever lies
 * before an announced segment is stored, and a storage that was set back by a moment may have lost nothing but its
 * mark.
 */
async function storedBefore(log: ArchivedLog, { segment, end }: Life, at: Position): Promise<Position | null> {
  if (segment === null || end.seq <= at.seq || segment.from.seq <= at.seq) return null;
  const own = await positionAt(log, segment.from.seq, LOG_READ_CHARS_MAX);
  return own !== null && isSamePosition(own, segment.from) ? own : null;
}

/** Archives the rows that are not yet, up to `untilSeq`; the caller decides when a segment is worth writing. */
export async function archiveLog(
  log: ArchivedLog,
  { store, owner, base, untilSeq }: { store: ArchiveStore; owner: LogOwner; base: Position; untilSeq: number },
): Promise<void> {
  const mark = log.archived();
  let at = mark.read() ?? base;
  if (at.seq >= untilSeq) return;
  let { head, etag } = (await store.readHead(owner.shard)) ?? { head: emptyHead(owner, base), etag: null };
  const rowsAfter = readAhead(log);
  while (at.seq < untilSeq) {
    const life = currentLife(head);
    if (life.incarnation !== owner.incarnation) throw new StorageSetBackError(`${owner.shard} has another life`);
    const announced = life.segment !== null && life.end.seq > at.seq ? life.end : null;
    const before = await storedBefore(log, life, at);
    if (before !== null) {
      at = before;
      mark.write(at);
      continue;
    }
    const segment = await nextSegment(rowsAfter(at.seq), { owner, at, toSeq: announced?.seq });
    if (segment === null || (announced !== null && !isSamePosition(segment.to, announced))) {
      throw new StorageSetBackError(`${owner.shard} announced other rows than it has`);
    }
    if (announced === null) {
      const { key, from, to } = segment;
      head = withCurrent(head, { ...life, end: to, segment: { key, from } });
      etag = await store.writeHead(owner.shard, head, etag);
      if (etag === null) throw new StorageSetBackError(`${owner.shard} has another writer`);
    }
    const reached = await store.put(segment);
    if (reached === null || !isSamePosition(reached, segment.to)) {
      throw new StorageSetBackError(`${segment.key} is closed, or holds other rows`, true);
    }
    at = segment.to;
    mark.write(at);
  }
}

/**
 * The rows after a place, at least as many as a segment takes; a backlog of many hours, each of which ends a segment,
 * is read once. What was read stays in memory until it is used up.
 */
function readAhead(log: LogSource): (seq: number) => readonly LogRow[] {
  let held: readonly LogRow[] = [];
  return (seq) => {
    held = held.filter((row) => row.seq > seq);
    const isWhole = held[0]?.seq === seq + 1 && endsSegment(held);
    if (!isWhole) held = log.rowsAfter(seq, SEGMENT_CHARS_MAX);
    return held;
  };
}

/** Whether what follows these rows belongs to another segment. */
function endsSegment(rows: readonly LogRow[]): boolean {
  const [first, last] = [rows[0], rows.at(-1)];
  return first !== undefined && last !== undefined && hourOf(first.loggedAtMs) !== hourOf(last.loggedAtMs);
}

function emptyHead({ incarnation }: LogOwner, base: Position): ArchiveHead {
  return { lives: [{ incarnation, base, end: base, segment: null }] };
}

/** The next segment of the rows after `at`, at most up to row `toSeq`; null when there are none. */
export async function nextSegment(
  rows: readonly LogRow[],
  { owner, at, toSeq = Number.POSITIVE_INFINITY }: { owner: LogOwner; at: Position; toSeq?: number | undefined },
): Promise<Segment | null> {
  const first = rows[0];
  if (first === undefined) return null;
  const hour = hourOf(first.loggedAtMs);
  const taken: LogRow[] = [];
  let chars = 0;
  let to = at;
  for (const row of rows) {
    chars += row.chars + 1;
    const isFull = taken.length > 0 && (hourOf(row.loggedAtMs) !== hour || chars > SEGMENT_CHARS_MAX);
    if (isFull || row.seq > toSeq) break;
    taken.push(row);
    to = await positionAfter(to, row);
  }
  return { key: segmentKey(owner, hour, first.seq), owner, from: at, to, rows: taken };
}

export function segmentKey({ shard, incarnation }: LogOwner, hour: number, seqFrom: number): string {
  return `${hourPrefix(shard, hour * HOUR_MS)}${incarnation}-${String(seqFrom).padStart(12, "0")}.ndjson.gz`;
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
