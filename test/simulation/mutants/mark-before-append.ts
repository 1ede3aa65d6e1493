/**
 * Breaks: ingest remembers keys in one transaction and appends to the log in a second one. When the second one fails,
 * the queue delivers again and the shard takes the event for a redelivery: it is acknowledged and nowhere.
 * Violates G3: an acknowledged click is in the totals and in the archive.
 */
import { planIngest } from "../../../src/core/ingest.ts";
import { ingest } from "../../../src/shard/ingest.ts";
import type { Mutant } from "./mutant.ts";

export const MARK_BEFORE_APPEND: Mutant = {
  fault: "seen is marked before the append, in a transaction of its own",
  promise: "G3",
  parts: {
    ingest: (arrivals, ports, transact) => {
      const batch = arrivals.map(({ prepared }) => prepared);
      const known = ports.index.lookup({
        keys: batch.map(({ key, keyHour }) => ({ hour: keyHour, key })),
        events: batch.map(({ opened, repeatHour }) => ({ hour: repeatHour, event: opened.event.id })),
      });
      const { claims, repeats } = planIngest(batch, known, ports.policy);
      transact(() => ports.index.insert(claims, repeats));
      const asBefore = {
        lookup: () => known,
        transaction: <T>(closure: () => T) => closure(),
        unlogged: () => null,
        insert: () => {},
        release: () => {},
        droppedBeforeHour: () => known.droppedBeforeHour,
        dropBefore: () => {},
        oldestHour: () => null,
      };
      return transact(() => ingest(arrivals, { ...ports, index: asBefore }));
    },
  },
};
