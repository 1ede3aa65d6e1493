/**
 * A row of a log that was read as text, from a shard's storage or back from the archive. Its text is what was logged,
 * or what an erasure left of it; its digest is that of what was logged.
 */
import { digestOfRow } from "../core/erased-line.ts";
import { decodeLogLine } from "../core/log-line.ts";
import type { LogRow } from "./log-source.ts";

export class LogText implements LogRow {
  readonly seq: number;
  readonly loggedAtMs: number;
  readonly #lines: string;

  constructor(seq: number, loggedAtMs: number, lines: string) {
    this.seq = seq;
    this.loggedAtMs = loggedAtMs;
    this.#lines = lines;
  }

  get chars(): number {
    return this.#lines.length;
  }

  lines(): string {
    return this.#lines;
  }

  entries() {
    return this.#lines.split("\n").map(decodeLogLine);
  }

  digest() {
    return digestOfRow(this.#lines);
  }
}

const LINE_POSITION = /^\{"v":1,"seq":(\d+),"logged_at_ms":(\d+),/;

/** The rows of a segment's text: lines that have one number are one row. */
export function rowsOf(text: string): LogText[] {
  const rows: LogText[] = [];
  let [start, seq, loggedAtMs] = [0, -1, 0];
  const close = (end: number) => {
    if (end > start) rows.push(new LogText(seq, loggedAtMs, text.slice(start, end - 1)));
    start = end;
  };
  for (let at = 0; at < text.length; at = text.indexOf("\n", at) + 1 || text.length) {
    const [, ofLine, loggedAt] = LINE_POSITION.exec(text.slice(at, at + 64)) ?? [];
    if (Number(ofLine) === seq) continue;
    close(at);
    [seq, loggedAtMs] = [Number(ofLine), Number(loggedAt)];
  }
  close(text.length);
  return rows;
}
