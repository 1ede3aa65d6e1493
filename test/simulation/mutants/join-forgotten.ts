/**
 * Breaks: a late click that joins another is counted, but the other's row does not remember it. The decision moves one click
 * and leaves the rest late for ever.
 * Violates G4: the report's totals are those of the truth.
 */
import { ingest } from "../../../src/shard/ingest.ts";
import type { LateStore } from "../../../src/shard/late-store.ts";
import type { Mutant } from "./mutant.ts";

const forgetful = (lateStore: LateStore): LateStore => ({
  put: (clicks) => lateStore.put(clicks),
  join: () => {},
  ofKey: (key) => lateStore.ofKey(key),
  find: (event) => lateStore.find(event),
  decide: (event, decided) => lateStore.decide(event, decided),
  dropBefore: (receivedAtMs) => lateStore.dropBefore(receivedAtMs),
});

export const JOIN_FORGOTTEN: Mutant = {
  fault: "what joined a late click is not decided with it",
  promise: "G4",
  parts: {
    ingest: (arrivals, ports, transact) =>
      transact(() => ingest(arrivals, { ...ports, lateStore: forgetful(ports.lateStore) })),
  },
};
