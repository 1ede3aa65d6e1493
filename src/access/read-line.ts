/**
 * Who waits for a place: reads that may enter as soon as another leaves, the tenant with the fewest open reads first
 * and each tenant's in the order in which they came.
 *
 * Keeps: the line is bounded for each tenant and in all, and nobody stands in it for longer than `LINE_MS`.
 * Relies on: one line lives in one object, whose requests may wake each other.
 */

import { SECOND_MS } from "../core/limits.ts";
import type { Entered, ReadAsk, ReadBudget, Refused } from "../core/read-budget.ts";
import { LINE_MAX, LINE_MS, LINE_OF_TENANT_MAX } from "./read-rules.ts";

/** What a caller is told in the end. */
export type Turn =
  | { readonly kind: "entered"; readonly pass: number }
  | Refused
  /** Too many reads of the tenant (`isOwn`) or of all are open. */
  | { readonly kind: "places_taken"; readonly isOwn: boolean; readonly retryAfterS: number };

type Waiting = { readonly ask: ReadAsk; readonly wake: (turn: Turn) => void; isOwn: boolean };

export type Clock = { readonly nowMs: () => number; readonly wakeAfter: (ms: number, wake: () => void) => () => void };

export class ReadLine {
  readonly #budget: ReadBudget;
  readonly #clock: Clock;
  readonly #waiting = new Set<Waiting>();

  constructor(budget: ReadBudget, clock: Clock) {
    this.#budget = budget;
    this.#clock = clock;
  }

  /** The read's turn: at once, after some waiting, or never. */
  async enter(ask: ReadAsk): Promise<Turn> {
    const entered = this.#budget.enter(ask, this.#clock.nowMs());
    if (entered.kind !== "wait") return entered;
    const ofTenant = Array.from(this.#waiting).filter((other) => other.ask.tenant === ask.tenant).length;
    const isOwn = entered.isOwn || ofTenant >= LINE_OF_TENANT_MAX;
    if (ofTenant >= LINE_OF_TENANT_MAX || this.#waiting.size >= LINE_MAX) return placesTaken(isOwn);
    return new Promise((resolve) => {
      const cancel = this.#clock.wakeAfter(LINE_MS, () => {
        // A place may have come back by itself meanwhile.
        this.advance();
        if (this.#waiting.has(waiting)) waiting.wake(placesTaken(waiting.isOwn));
      });
      const waiting: Waiting = {
        ask,
        isOwn,
        wake: (turn) => {
          cancel();
          this.#waiting.delete(waiting);
          resolve(turn);
        },
      };
      this.#waiting.add(waiting);
    });
  }

  /** Lets in whoever may be let in now. */
  advance(): void {
    for (let hasMoved = true; hasMoved; ) {
      const inTurn = Array.from(this.#waiting).toSorted(
        (left, right) => this.#budget.readsOf(left.ask.tenant) - this.#budget.readsOf(right.ask.tenant),
      );
      hasMoved = inTurn.some((waiting) => this.#try(waiting));
    }
  }

  #try(waiting: Waiting): boolean {
    const entered: Entered = this.#budget.enter(waiting.ask, this.#clock.nowMs());
    if (entered.kind === "wait") {
      waiting.isOwn = entered.isOwn;
      return false;
    }
    waiting.wake(entered);
    return true;
  }
}

/** Whoever is told so has seen a line that did not move for this long. */
function placesTaken(isOwn: boolean): Turn {
  return { kind: "places_taken", isOwn, retryAfterS: Math.ceil(LINE_MS / SECOND_MS) };
}
