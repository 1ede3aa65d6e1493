/**
 * Breaks: the ledger remembers which ranges were posted, by the last sequence number of each, and not up to where. When
 * the log has grown between two tries, the second has another name, and a first one that arrives after it is added as well.
 * Violates G6: every posting is applied exactly once, also when the reply is lost.
 */
import type { Posting } from "../../../src/facts/facts-store.ts";
import { MemoryFacts } from "../../support/memory-facts.ts";
import type { Mutant } from "./mutant.ts";

class EndKeyedFacts extends MemoryFacts {
  readonly #ends = new Set<string>();

  override async post({ source, to, facts, lates }: Posting): Promise<void> {
    const end = `${source}#${to.seq}`;
    if (this.#ends.has(end)) throw new Error("posting exists");
    this.#ends.add(end);
    this.rows.set(source, to);
    this.apply(facts, lates);
  }
}

export const LEDGER_BY_RANGE_END: Mutant = {
  fault: "the ledger is keyed by the end of the range",
  promise: "G6",
  parts: { makeFacts: () => new EndKeyedFacts() },
};
