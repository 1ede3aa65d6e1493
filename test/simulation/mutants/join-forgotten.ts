/**
 * Breaks: a late click that joins another is counted, but the other's row does not remember it. The decision moves one click
 * and leaves the rest late for ever.
 * Violates G4: the report's totals are those of the truth.
 */
import { ingest } from "../../../src/shard/ingest.ts";
import type { LateShelf } from "../../../src/shard/late-shelf.ts";
import type { Mutant } from "./mutant.ts";

const forgetful = (shelf: LateShelf): LateShelf => ({
  put: (clicks) => shelf.put(clicks),
  join: () => {},
  ofKey: (key) => shelf.ofKey(key),
  find: (event) => shelf.find(event),
  decide: (event, decided) => shelf.decide(event, decided),
  dropBefore: (receivedAtMs) => shelf.dropBefore(receivedAtMs),
});

export const JOIN_FORGOTTEN: Mutant = {
  fault: "what joined a late click is not decided with it",
  promise: "G4",
  parts: {
    ingest: (arrivals, ports, transact) =>
      transact(() => ingest(arrivals, { ...ports, shelf: forgetful(ports.shelf) })),
  },
};
