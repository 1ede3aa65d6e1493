/**
 * What the rows of a segment add up to, in pieces that fit into postings: folds are made of them (audit/folds.ts).
 */
import type { LogText } from "../archive/log-text.ts";
import { type Facts, foldEntry } from "../core/facts.ts";
import { POSTING_CHARS_MAX } from "../core/limits.ts";
import type { LogEntry } from "../core/log-line.ts";
import { type Position, positionAfter } from "../core/position.ts";
import { charsOf } from "../facts/post.ts";

/** Some rows of a segment, and what they add up to: at most about half of what fits into one posting. */
export type ScannedPiece = {
  readonly from: Position;
  readonly to: Position;
  readonly events: number;
  readonly facts: Facts;
};

/** A piece is weighed when so many events were added to it, and ends when it is this heavy. */
const WEIGHED_EVENTS = 250;
const PIECE_CHARS = POSTING_CHARS_MAX / 2;

/** Adds up rows, piece by piece. */
export class Pieces {
  readonly #done: ScannedPiece[] = [];
  #from: Position;
  #to: Position;
  #facts: Facts = new Map();
  #events = 0;
  #unweighed = 0;

  constructor(from: Position) {
    this.#from = from;
    this.#to = from;
  }

  /** Null is a line that counts nothing: it cannot be read, or moves what is not there. */
  add(entry: LogEntry | null): void {
    this.#events++;
    this.#unweighed++;
    if (entry !== null) foldEntry(this.#facts, entry);
  }

  async endRow(row: LogText): Promise<void> {
    this.#to = await positionAfter(this.#to, row);
    if (this.#unweighed < WEIGHED_EVENTS) return;
    this.#unweighed = 0;
    if (charsOf(this.#facts) > PIECE_CHARS) this.#cut(this.#to);
  }

  /** The pieces up to the segment's end, which a damaged one reaches without its rows. */
  end(to: Position): ScannedPiece[] {
    if (this.#from.seq < to.seq) this.#cut(to);
    return this.#done;
  }

  #cut(to: Position): void {
    this.#done.push({ from: this.#from, to, events: this.#events, facts: this.#facts });
    [this.#from, this.#facts, this.#events] = [to, new Map(), 0];
  }
}
