/**
 * A row of a log that was read as text, from a shard's storage or back from the archive. Its text is what was logged.
 */
import { decodeLogLine } from "../core/log-line.ts";
import { digestOfLines } from "../core/position.ts";
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
    return digestOfLines(this.#lines);
  }
}
