/**
 * Breaks: key tables are dropped by the token's life alone, without the time that an event may wait in queues, and the
 * mark of what was dropped is not kept. A copy that was held up finds its key free again.
 * Violates G4: an impression is billed at most once over its token's whole life.
 */
import { MINUTE_MS } from "../../../src/core/limits.ts";
import { forgetEvents } from "../../../src/shard/flush.ts";
import type { Lookup } from "../../../src/shard/key-index.ts";
import { PackedKeyIndex } from "../../../src/shard/packed-key-index.ts";
import type { Mutant } from "./mutant.ts";

class MarklessIndex extends PackedKeyIndex {
  override lookup(lookup: Lookup) {
    return { ...super.lookup(lookup), droppedBeforeHour: 0 };
  }
}

export const KEYS_DROPPED_EARLY: Mutant = {
  fault: "key tables are dropped early, without a mark",
  promise: "G4",
  parts: {
    makeIndex: (ports) => new MarklessIndex(ports),
    // Dropped as soon as the hour of issue is over.
    forgetEvents: (ports) => forgetEvents(ports, 5 * MINUTE_MS),
  },
};
