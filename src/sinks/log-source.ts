/**
 * The port to a shard's log, as the sinks read it.
 *
 * Contract: rows come in ascending `seq` without gaps, a row never changes, and it stays until it is posted everywhere
 * and archived.
 */
import type { LogEntry } from "../core/log-line.ts";

export interface LogRow {
  readonly seq: number;
  readonly loggedAtMs: number;
  /** Size of the row's text. */
  readonly chars: number;
  /** NDJSON (core/log-line.ts) without a last newline. */
  lines(): string;
  /** The lines, opened. */
  entries(): readonly LogEntry[];
}

export interface LogSource {
  /** Rows after `seq`, at least one where there is one, of at most about `charsMax` characters. */
  rowsAfter(seq: number, charsMax: number): LogRow[];
}

/** How far a log has been carried to one place; `advance` is durable when it returns. */
export type Cursor = { read(): number; advance(seq: number): void };
