/**
 * Breaks: the report database adds a posting whatever was added before: its ledger says what the last one wanted, and
 * compares nothing. A zombie request counts twice.
 * Violates G6: every posting is applied exactly once, also when the reply is lost.
 */
import type { Posting } from "../../../src/facts/facts-store.ts";
import { MemoryFacts } from "../../support/memory-facts.ts";
import type { Mutant } from "./mutant.ts";

class LedgerlessFacts extends MemoryFacts {
  override async post({ source, to, facts, lates }: Posting): Promise<void> {
    this.rows.set(source, to);
    this.apply(facts, lates);
  }
}

export const POST_WITHOUT_LEDGER: Mutant = {
  fault: "postings are applied without a ledger",
  promise: "G6",
  parts: { makeFacts: () => new LedgerlessFacts() },
};
