/**
 * The port to a shard's log, as the sinks read it.
 *
 * Contract: rows come in ascending `seq` without gaps, a row never changes, and it stays until it is posted everywhere
 * and archived. `lines` is NDJSON (core/log-line.ts) without a last newline.
 */
export type LogRow = { readonly seq: number; readonly loggedAtMs: number; readonly lines: string };

export interface LogSource {
  /** Rows after `seq`, at least one where there is one, of at most about `charsMax` characters. */
  rowsAfter(seq: number, charsMax: number): LogRow[];
}
