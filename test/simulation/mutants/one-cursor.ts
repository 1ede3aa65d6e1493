/**
 * Breaks: the log has one mark for all report databases, which moves when one of them has a posting.
 * Violates G6: what another database did not take then never reaches it.
 */
import type { PostedMark } from "../../../src/facts/post.ts";
import { MemoryShardLog } from "../memory-shard-log.ts";
import type { Mutant } from "./mutant.ts";

class OneMarkLog extends MemoryShardLog {
  override posted(database: string) {
    const all = Array.from({ length: 3 }, (_, at) => super.posted(`db-${at}`));
    const own = super.posted(database);
    return {
      read: () => own.read(),
      write: (mark: PostedMark) => {
        for (const other of all) other.write({ at: mark.at, ledger: other.read()?.ledger ?? null });
        own.write(mark);
      },
    };
  }
}

export const ONE_CURSOR: Mutant = {
  fault: "one mark for all report databases",
  promise: "G6",
  parts: { makeLog: (journal, charsPerEvent, onCommit) => new OneMarkLog(journal, charsPerEvent, onCommit) },
};
