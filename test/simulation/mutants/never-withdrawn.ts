/**
 * Breaks: an event that another shard owns is handed to it, and goes on counting where it stands.
 * Violates G3: an event counts once.
 */
import { REAL_PARTS } from "../parts.ts";
import type { Mutant } from "./mutant.ts";

export const NEVER_WITHDRAWN: Mutant = {
  fault: "an event is handed to the shard that owns it, and counts in both logs",
  promise: "G3",
  parts: {
    handOver: async (ports, foreign, by) => {
      const revise = async () => [];
      await REAL_PARTS.handOver({ ...ports, revise }, foreign, by);
      return true;
    },
  },
};
