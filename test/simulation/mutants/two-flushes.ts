/**
 * Breaks: flushes of one shard run at the same time, and the ledger knows a posting by an id of the flush instead of by
 * its range: each flush is applied once, both post the same rows.
 * Violates G6: every posting is applied exactly once.
 */
import { mergeFacts } from "../../../src/core/facts.ts";
import { flush } from "../../../src/shard/flush.ts";
import type { Posting } from "../../../src/sinks/facts-store.ts";
import { MemoryFacts } from "../../support/memory-facts.ts";
import type { Mutant } from "./mutant.ts";

class FlushKeyedFacts extends MemoryFacts {
  readonly #applied = new Map<Posting, number>();

  /** The posting's own identity stands for the id of its flush. */
  override async post(posting: Posting): Promise<void> {
    if (this.#applied.has(posting)) throw new Error("posting exists");
    this.#applied.set(posting, posting.seqTo);
    mergeFacts(this.facts, posting.facts.values());
    for (const [id, late] of posting.lates) this.lates.set(id, late);
  }

  /** Finds the newest posting of the range, so that a lost reply alone does no harm. */
  override async postedTo(source: string, seqFrom: number): Promise<number | null> {
    let seqTo: number | null = null;
    for (const [posting, reached] of this.#applied) {
      if (posting.source === source && posting.seqFrom === seqFrom) seqTo = reached;
    }
    return seqTo;
  }
}

export const TWO_FLUSHES: Mutant = {
  fault: "two flushes at once, and the ledger knows flushes instead of ranges",
  promise: "G6",
  parts: {
    makeFacts: () => new FlushKeyedFacts(),
    flush: async (ports, settings, nowMs) => {
      await Promise.all([flush(ports, settings, nowMs), flush(ports, settings, nowMs)]);
    },
  },
};
