/**
 * Breaks: a shard says that its log before an instant is closed, and goes on by its clock, which may be behind.
 * Violates G7: nothing is logged into a day that is sealed.
 */
import { FLOOR } from "../../../src/shard/append.ts";
import { REAL_PARTS } from "../parts.ts";
import type { Mutant } from "./mutant.ts";

export const SEALED_DAY_OPEN: Mutant = {
  fault: "a sealed day accepts lines of a clock that is behind",
  promise: "G7",
  parts: {
    makeLog: (...args) => {
      const log = REAL_PARTS.makeLog(...args);
      const cursor = log.cursor.bind(log);
      log.cursor = (name) => (name === FLOOR ? { read: () => 0, advance: () => {} } : cursor(name));
      return log;
    },
  },
  rare: { kinds: ["clock", "revise"], firstSeed: 1, seeds: 40, hours: 1 },
};
