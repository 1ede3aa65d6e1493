/**
 * Breaks: an order that comes again under a later click is credited to it, and the credit of the earlier click stays.
 * Violates G4: an order is one conversion, under its last click.
 */
import type { NewEntry } from "../../../src/shard/shard-log.ts";
import { MemoryShardLog } from "../memory-shard-log.ts";
import type { Mutant } from "./mutant.ts";

class AddingLog extends MemoryShardLog {
  override append(seq: number, loggedAtMs: number, entries: readonly NewEntry[]): number {
    return super.append(seq, loggedAtMs, entries.map(withoutPrior));
  }
}

function withoutPrior(entry: NewEntry): NewEntry {
  const { content } = entry;
  return "prior" in content && content.reason === "later_click"
    ? { ...entry, content: { ...content, prior: null } }
    : entry;
}

export const CREDIT_ADDED: Mutant = {
  fault: "a credit is added to the later click and not taken from the earlier one",
  promise: "G4",
  parts: { makeLog: (journal, charsPerEvent, onCommit) => new AddingLog(journal, charsPerEvent, onCommit) },
};
