/**
 * Breaks: the log is trimmed as far as it is archived, posted or not, because "it is all in the archive".
 * Violates G6: what was trimmed before it was posted never reaches the totals, so that report and archive differ.
 */
import { flush } from "../../../src/shard/flush.ts";
import { archivedPlace } from "../../../src/shard/flush-ports.ts";
import type { Mutant } from "./mutant.ts";

export const TRIMMED_UNPOSTED: Mutant = {
  fault: "the log is trimmed before it is posted",
  promise: "G6",
  parts: {
    flush: async (ports, settings, nowMs, session) => {
      try {
        await flush(ports, settings, nowMs, session);
      } finally {
        ports.log.trim(archivedPlace(ports));
      }
    },
  },
};
