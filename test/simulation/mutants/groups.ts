/**
 * Break the group commit of a shard's calls (src/shard/group-commit.ts).
 * Violate G3: what is acknowledged is in the totals and in the archive.
 */
import { GroupCommit } from "../../../src/shard/group-commit.ts";
import type { Mutant } from "./mutant.ts";

/** The call is answered while its events are still gathered; with the object they are lost. */
export const ANSWERED_BEFORE_COMMIT: Mutant = {
  fault: "a call is answered when it is gathered, and committed later",
  promise: "G3",
  parts: {
    makeGroup: (ports) => {
      const group = new GroupCommit(ports);
      return {
        submit: async (arrivals) => {
          group.submit(arrivals).catch(() => {});
          return arrivals.length;
        },
      };
    },
  },
};

/** One call of a group hears of its fault, and all the others that they are counted. */
export const FAULT_OF_ONE: Mutant = {
  fault: "a group that cannot be committed is a fault of its first call, and of no other",
  promise: "G3",
  parts: {
    makeGroup: (ports) => {
      const commit: typeof ports.commit = (calls) => {
        if (calls.length === 1) return ports.commit(calls);
        try {
          return ports.commit(calls);
        } catch {
          ports.commit(calls.slice(0, 1));
          return calls.map(({ length }) => length);
        }
      };
      return new GroupCommit({ ...ports, commit });
    },
  },
};
