/**
 * Breaks: while the recorded topology cannot be read, an isolate goes on with the last one that it has read, however
 * long ago that was. One that was idle while an epoch began sends a click to the shard of the epoch before.
 * Violates G4: an impression is billed at most once, through any resharding. (So it was until a seed found it.)
 */
import type { Topology } from "../../../src/core/routing.ts";
import { TopologyKeeper } from "../../../src/shard/topology-keeper.ts";
import type { Mutant } from "./mutant.ts";

export const STALE_TOPOLOGY: Mutant = {
  fault: "a topology that was read long ago is still believed",
  promise: "G4",
  rare: { kinds: ["r2", "reshard"], firstSeed: 605, seeds: 10, hours: 2 },
  parts: {
    makeKeeper: (bucket) => {
      const keeper = new TopologyKeeper(bucket);
      let last: Topology | null = null;
      return {
        inForce: async (configured, nowMs) => {
          try {
            last = await keeper.inForce(configured, nowMs);
          } catch (fault) {
            if (last === null) throw fault;
          }
          return last;
        },
      };
    },
  },
};
