/**
 * Breaks: a spooled object is deleted whether or not its events reached their shards.
 * Violates G3: a click that the spool had acknowledged is lost when its shard fails.
 */
import { drainSpool, SPOOL_PREFIX } from "../../../src/queue/spool.ts";
import type { Mutant } from "./mutant.ts";

export const SPOOL_DELETED_FIRST: Mutant = {
  fault: "a spool object is deleted although its shard failed",
  promise: "G3",
  parts: {
    drain: async (ports) => {
      const { objects } = await ports.archive.list({ prefix: SPOOL_PREFIX });
      const drained = await drainSpool(ports);
      for (const { key } of objects) await ports.archive.delete(key);
      return drained;
    },
  },
};
