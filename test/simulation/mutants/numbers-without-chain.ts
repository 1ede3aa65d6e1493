/**
 * Breaks: places in a log are told apart by their number alone. A log that was set back and went on differently up to the
 * same number is taken for the one that the report database has, and its rows are never posted.
 * Violates G6: what the log holds is in the totals.
 */
import type { NewEntry } from "../../../src/shard/shard-log.ts";
import { MemoryShardLog } from "../memory-shard-log.ts";
import type { Mutant } from "./mutant.ts";

const NO_DIGEST = "0".repeat(64);

class ChainlessLog extends MemoryShardLog {
  override append(seq: number, loggedAtMs: number, entries: readonly NewEntry[]): number {
    const chars = super.append(seq, loggedAtMs, entries);
    const row = this.rows.at(-1);
    if (row !== undefined) row.digest = async () => NO_DIGEST;
    return chars;
  }
}

export const NUMBERS_WITHOUT_CHAIN: Mutant = {
  fault: "places in a log are compared without the chain",
  promise: "G6",
  parts: { makeLog: (journal, charsPerEvent, onCommit) => new ChainlessLog(journal, charsPerEvent, onCommit) },
};
