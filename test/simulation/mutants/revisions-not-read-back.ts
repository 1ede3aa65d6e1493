/**
 * Breaks: storage that was set back reads its own past from the archive, and takes no notice of revisions.
 * Violates G7: a revision that was told to be made is made, and no other one under its number.
 */
import { isTokenEntry } from "../../../src/core/log-line.ts";
import { REAL_PARTS } from "../parts.ts";
import type { Mutant } from "./mutant.ts";

export const REVISIONS_NOT_READ_BACK: Mutant = {
  fault: "a shard that was set back forgets its revisions, and makes them again",
  promise: "G7",
  parts: {
    rememberEntries: (entries, ports) => {
      return REAL_PARTS.rememberEntries(
        entries.filter((entry) => !isTokenEntry(entry) || !entry.revision),
        ports,
      );
    },
  },
  rare: { kinds: ["restore", "revise"], firstSeed: 1, seeds: 40, hours: 1 },
};
