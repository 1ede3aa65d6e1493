/**
 * Breaks: the next sequence number follows the rows that are there, as SQLite's rowids do. When the log has emptied,
 * numbers start again: two rows have one name.
 * Violates G3: an acknowledged click is in the totals and in the archive.
 */
import { MemoryShardLog } from "../memory-shard-log.ts";
import type { Mutant } from "./mutant.ts";

class RowidLog extends MemoryShardLog {
  override last(): { seq: number; loggedAtMs: number } {
    return { seq: this.rows.at(-1)?.seq ?? 0, loggedAtMs: super.last().loggedAtMs };
  }
}

export const NUMBERS_REUSED: Mutant = {
  fault: "log numbers are used again after the log has emptied",
  promise: "G3",
  parts: { makeLog: (journal, charsPerEvent, onCommit) => new RowidLog(journal, charsPerEvent, onCommit) },
};
