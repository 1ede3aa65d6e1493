/**
 * Breaks: whatever topology is configured is in force, also one that changes where tokens that are already out belong.
 * Clicks of one impression before and after the deployment meet different shards.
 * Violates G4: an impression is billed at most once, through any resharding.
 */
import type { Mutant } from "./mutant.ts";

export const RETROACTIVE_EPOCH: Mutant = {
  fault: "a retroactive epoch is accepted",
  promise: "G4",
  parts: {
    makeKeeper: () => ({
      inForce: async (configured) => {
        if (!configured.ok) throw new Error(configured.error);
        return configured.value;
      },
    }),
  },
};
