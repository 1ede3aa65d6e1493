/**
 * Breaks: what is remembered of an order stays as it was when the order is retracted. A second retraction takes away the
 * same credit again.
 * Violates G4: an order is one conversion, or none.
 */
import { MemorySubmissionBook } from "../storage.ts";
import type { Mutant } from "./mutant.ts";

class ForgivingBook extends MemorySubmissionBook {
  override put(states: ReadonlyMap<string, string>, period: number): void {
    const kept = Array.from(states).filter(([, state]) => !state.includes('"isRetracted":true'));
    super.put(new Map(kept), period);
  }
}

export const RETRACTED_TWICE: Mutant = {
  fault: "an order can be retracted twice",
  promise: "G4",
  parts: { makeBook: (journal) => new ForgivingBook(journal) },
};
