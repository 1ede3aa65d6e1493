/**
 * Breaks: the report database adds a posting whatever was added before, because there is no ledger; after an error the
 * shard posts again. A lost reply or a zombie request counts twice.
 * Violates G6: every posting is applied exactly once, also when the reply is lost.
 */
import { mergeFacts } from "../../../src/core/facts.ts";
import type { Posting } from "../../../src/sinks/facts-store.ts";
import { MemoryFacts } from "../../support/memory-facts.ts";
import type { Mutant } from "./mutant.ts";

class LedgerlessFacts extends MemoryFacts {
  override async post({ facts, lates }: Posting): Promise<void> {
    mergeFacts(this.facts, facts.values());
    for (const [id, late] of lates) this.lates.set(id, late);
  }

  override async postedTo(): Promise<number | null> {
    return null;
  }
}

export const POST_WITHOUT_LEDGER: Mutant = {
  fault: "postings are applied without a ledger",
  promise: "G6",
  parts: { makeFacts: () => new LedgerlessFacts() },
};
