/**
 * Breaks: flushes of one shard run at the same time, and the ledger knows a posting by an id of the flush instead of by
 * its range: each flush is applied once, both post the same rows.
 * Violates G6: every posting is applied exactly once.
 */

import type { Posting } from "../../../src/facts/facts-store.ts";
import { flush } from "../../../src/shard/flush.ts";
import { MemoryFacts } from "../../support/memory-facts.ts";
import type { Mutant } from "./mutant.ts";

class FlushKeyedFacts extends MemoryFacts {
  readonly #applied = new Set<Posting>();

  /** The posting's own identity stands for the id of its flush. */
  override async post(posting: Posting): Promise<void> {
    if (this.#applied.has(posting)) throw new Error("posting exists");
    this.#applied.add(posting);
    this.rows.set(posting.source, posting.to);
    this.apply(posting.facts, posting.lates);
  }
}

export const TWO_FLUSHES: Mutant = {
  fault: "two flushes at once, and the ledger knows flushes instead of ranges",
  promise: "G6",
  parts: {
    makeFacts: () => new FlushKeyedFacts(),
    flush: async (...given) => {
      await Promise.all([flush(...given), flush(...given)]);
    },
  },
};
