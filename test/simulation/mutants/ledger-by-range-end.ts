/**
 * Breaks: the ledger is keyed by the last sequence number of a posting, not by the first. When the log has grown between
 * two tries, the second has another key, and a first one that arrives after it is added as well.
 * Violates G6: every posting is applied exactly once, also when the reply is lost.
 */
import { mergeFacts } from "../../../src/core/facts.ts";
import type { Posting } from "../../../src/sinks/facts-store.ts";
import { MemoryFacts } from "../../support/memory-facts.ts";
import type { Mutant } from "./mutant.ts";

class EndKeyedFacts extends MemoryFacts {
  readonly #ends = new Set<string>();
  readonly #reached = new Map<string, number>();

  override async post({ source, seqFrom, seqTo, facts, lates }: Posting): Promise<void> {
    const end = `${source}#${seqTo}`;
    if (this.#ends.has(end)) throw new Error("posting exists");
    this.#ends.add(end);
    this.#reached.set(`${source}#${seqFrom}`, seqTo);
    mergeFacts(this.facts, facts.values());
    for (const [id, late] of lates) this.lates.set(id, late);
  }

  override async postedTo(source: string, seqFrom: number): Promise<number | null> {
    return this.#reached.get(`${source}#${seqFrom}`) ?? null;
  }
}

export const LEDGER_BY_RANGE_END: Mutant = {
  fault: "the ledger is keyed by the end of the range",
  promise: "G6",
  parts: { makeFacts: () => new EndKeyedFacts() },
};
