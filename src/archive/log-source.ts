/**
 * The port to a shard's log, as the sinks read it.
 *
 * Contract: rows come in ascending `seq` without gaps, a row never changes, and it stays until it is posted everywhere
 * and archived. `tail()` is the place behind the last row that is gone; rows after it are there.
 */
import type { LogEntry } from "../core/log-line.ts";
import { type Position, positionAfter } from "../core/position.ts";

export interface LogRow {
  readonly seq: number;
  readonly loggedAtMs: number;
  /** Size of the row's text. */
  readonly chars: number;
  /** NDJSON (core/log-line.ts) without a last newline. */
  lines(): string;
  /** The lines, opened. */
  entries(): readonly LogEntry[];
  /** SHA-256 of the lines (core/position.ts). */
  digest(): Promise<string>;
}

export interface LogSource {
  /** Rows after `seq`, at least one where there is one, of at most about `charsMax` characters. */
  rowsAfter(seq: number, charsMax: number): LogRow[];
  tail(): Position;
}

/** How far a log has been carried to one place; `advance` is durable when it returns. */
export type Cursor = { read(): number; advance(seq: number): void };

/**
 * The place behind row `seq` of the log; null when the log no longer or not yet tells. Reads the rows from the tail on,
 * a bounded part at a time.
 */
export async function positionAt(log: LogSource, seq: number, charsMax: number): Promise<Position | null> {
  let at = log.tail();
  while (at.seq < seq) {
    const rows = log.rowsAfter(at.seq, charsMax);
    if (rows.length === 0) return null;
    for (const row of rows) {
      at = await positionAfter(at, row);
      if (at.seq === seq) return at;
    }
  }
  return at.seq === seq ? at : null;
}
