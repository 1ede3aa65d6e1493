/**
 * ReadGate, the Durable Object in front of a report database: one for each database, named by its binding. It keeps the
 * book of who reads (core/read-budget.ts), the line of who waits (read-line.ts) and that of slices (slice-line.ts).
 *
 *   enter(ask), leave(pass, rows)                                   one read
 *   claim(pass, rows), nextSlice(pass)                              a dear one, once it is weighed, and slice by slice
 *   openStream(ask), keepStream(pass, rows), closeStream(pass)      a live stream
 *   mayKeep(ask, bytes)                                             further pages of a table
 *   left(ask)                                                       what may be read just now
 *
 * Keeps: public methods are exactly the RPC surface. The book is in memory alone: an object is put away after some
 * seconds without a call, and when nobody has asked for as long there is nobody to be protected. Nothing here reads a
 * clock but `Date.now`, so a test moves it through the book.
 */
import { DurableObject } from "cloudflare:workers";
import { type ReadAsk, ReadBudget, type Refused, type StreamAsk, type StreamEntered } from "../core/read-budget.ts";
import { type Clock, ReadLine, type Turn } from "./read-line.ts";
import { SHARED_RULES } from "./read-rules.ts";
import { SliceLine } from "./slice-line.ts";

/** The book is cleared of those who are done with, whenever it has grown by so many calls. */
const CALLS_BETWEEN_CLEARINGS = 1_000;

const CLOCK: Clock = {
  nowMs: () => Date.now(),
  wakeAfter: (ms, wake) => {
    const timer = setTimeout(wake, ms);
    return () => clearTimeout(timer);
  },
};

export class ReadGate extends DurableObject<Env> {
  readonly #budget = new ReadBudget(SHARED_RULES, randomStart());
  readonly #line = new ReadLine(this.#budget, CLOCK);
  readonly #slices = new SliceLine(this.#budget, CLOCK);
  #calls = 0;

  async enter(ask: ReadAsk): Promise<Turn> {
    this.#calls++;
    if (this.#calls % CALLS_BETWEEN_CLEARINGS === 0) this.#budget.forgetIdle(Date.now());
    return this.#line.enter(ask);
  }

  async leave(pass: number, rowsRead: number): Promise<void> {
    this.#budget.leave(pass, rowsRead, Date.now());
    this.#line.advance();
    this.#slices.end(pass);
  }

  async claim(pass: number, rows: number): Promise<Refused | null> {
    return this.#budget.claim(pass, rows, Date.now());
  }

  async nextSlice(pass: number): Promise<boolean> {
    return this.#slices.next(pass);
  }

  async openStream(ask: StreamAsk): Promise<StreamEntered> {
    return this.#budget.openStream(ask, Date.now());
  }

  async keepStream(pass: number, rowsRead: number): Promise<number | null> {
    return this.#budget.keepStream(pass, rowsRead, Date.now());
  }

  async closeStream(pass: number): Promise<void> {
    this.#budget.closeStream(pass);
  }

  async left(ask: StreamAsk): Promise<ReturnType<ReadBudget["left"]>> {
    return this.#budget.left(ask, Date.now());
  }

  async mayKeep(ask: StreamAsk, bytes: number): Promise<boolean> {
    return this.#budget.mayKeep(ask, bytes, Date.now());
  }
}

/** A number that passes of a book are counted from; the next book's are others. */
export function randomStart(): number {
  const [high = 0] = crypto.getRandomValues(new Uint32Array(1));
  return high * 2 ** 20;
}
