/**
 * Appending entries to a shard's log, in rows of bounded length.
 *
 * Keeps: the entries' order; `seq` without gaps; `logged_at_ms` that never goes back, even if the clock does, nor into
 * a day that is sealed, or before what earlier lives of the log have said.
 */
import { KEY_CHANGE_BYTES_MAX } from "../core/key-changes.ts";
import { INGEST_EVENTS_MAX, LOG_ROW_CHARS_MAX } from "../core/limits.ts";
import { assert } from "../core/result.ts";
import type { NewEntry, ShardLog } from "./shard-log.ts";

/** The cursor before whose instant nothing is logged any more, whatever the clock says. */
export const FLOOR = "logged_from_ms";

/** Characters that a log line adds to its event, rounded up from the two credits of a conversion. */
const LINE_HEAD_CHARS = 160;
const CREDIT_CHARS = 700;

assert(
  LOG_ROW_CHARS_MAX * 3 + INGEST_EVENTS_MAX * KEY_CHANGE_BYTES_MAX < 1_990_000,
  "a log row fits into a storage row, with what changed of keys",
);

/**
 * Appends entries, as one row unless they are too long for one, and beside the last what changed of keys with them.
 * Returns the characters appended.
 */
export function appendEntries(
  log: ShardLog,
  entries: readonly NewEntry[],
  nowMs: number,
  keys: Uint8Array | null = null,
): number {
  const last = log.last();
  const loggedAtMs = Math.max(nowMs, last.loggedAtMs, log.cursor(FLOOR).read());
  let seq = last.seq;
  let chars = 0;
  const rows = splitRows(entries);
  for (const row of rows) chars += log.append(++seq, loggedAtMs, row, row === rows.at(-1) ? keys : null);
  return chars;
}

/** From now on nothing is logged before that instant. */
export function raiseFloor(log: Pick<ShardLog, "cursor">, atMs: number): void {
  const floor = log.cursor(FLOOR);
  if (floor.read() < atMs) floor.advance(atMs);
}

function splitRows(entries: readonly NewEntry[]): NewEntry[][] {
  const rows: NewEntry[][] = [];
  let chars = Number.POSITIVE_INFINITY;
  for (const entry of entries) {
    const { content, encoded } = entry;
    const length = encoded.length + LINE_HEAD_CHARS + ("next" in content ? 2 * CREDIT_CHARS : 0);
    if (chars + length > LOG_ROW_CHARS_MAX) {
      rows.push([]);
      chars = 0;
    }
    rows.at(-1)?.push(entry);
    chars += length;
  }
  return rows;
}
