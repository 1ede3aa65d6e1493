/**
 * Breaks: the log has one cursor for all report databases, which moves when one of them has a posting.
 * Violates G6: what another database did not take then never reaches it.
 */
import { flush } from "../../../src/shard/flush.ts";
import type { ShardLog } from "../../../src/shard/shard-log.ts";
import type { Mutant } from "./mutant.ts";

function withOneCursor(log: ShardLog): ShardLog {
  return {
    last: () => log.last(),
    append: (seq, loggedAtMs, entries) => log.append(seq, loggedAtMs, entries),
    rowsAfter: (seq, charsMax) => log.rowsAfter(seq, charsMax),
    waitingAfter: (seq) => log.waitingAfter(seq),
    trim: (upToSeq) => log.trim(upToSeq),
    cursor: (name) => {
      const all = Array.from({ length: 3 }, (_, at) => log.cursor(`posted/db-${at}`));
      if (!name.startsWith("posted/")) return log.cursor(name);
      return {
        read: () => log.cursor(name).read(),
        advance: (seq) => {
          for (const cursor of all) cursor.advance(seq);
        },
      };
    },
  };
}

export const ONE_CURSOR: Mutant = {
  fault: "one cursor for all report databases",
  promise: "G6",
  parts: { flush: (ports, settings, nowMs) => flush({ ...ports, log: withOneCursor(ports.log) }, settings, nowMs) },
};
