/**
 * Breaks: a posting writes its counts over the row that is there instead of adding to it, as an upsert without sums does.
 * Violates G3: what an earlier posting counted for the same minute is gone from the totals.
 */
import type { Posting } from "../../../src/facts/facts-store.ts";
import { MemoryFacts } from "../../support/memory-facts.ts";
import type { Mutant } from "./mutant.ts";

class OverwritingFacts extends MemoryFacts {
  override async post(posting: Posting): Promise<void> {
    await super.post({ ...posting, facts: new Map() });
    for (const [key, row] of posting.facts) this.facts.set(key, row);
  }
}

export const ABSOLUTE_TOTALS: Mutant = {
  fault: "postings carry absolute totals instead of deltas",
  promise: "G6",
  parts: { makeFacts: () => new OverwritingFacts() },
};
