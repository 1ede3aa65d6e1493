/**
 * Breaks: a repeated impression is logged without its reason, and so posted and archived without it.
 * Violates G5: what is gross and not valid has a reason, in every tier.
 */
import type { NewEntry } from "../../../src/shard/shard-log.ts";
import { MemoryShardLog } from "../memory-shard-log.ts";
import type { Mutant } from "./mutant.ts";

class TerseLog extends MemoryShardLog {
  override append(seq: number, loggedAtMs: number, entries: readonly NewEntry[]): number {
    return super.append(seq, loggedAtMs, entries.map(withoutReason));
  }
}

function withoutReason(entry: NewEntry): NewEntry {
  const { content } = entry;
  const isRepeated = content.event.type === "impression" && content.reason === "same_impression";
  return isRepeated ? ({ ...entry, content: { ...content, reason: null } } as NewEntry) : entry;
}

export const REASON_LOST: Mutant = {
  fault: "a repeated impression is logged without a reason",
  promise: "G5",
  parts: { makeLog: (journal, charsPerEvent, onCommit) => new TerseLog(journal, charsPerEvent, onCommit) },
};
