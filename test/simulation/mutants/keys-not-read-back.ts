/**
 * Breaks: storage that was set back draws a new life and goes on, without reading back from the archive what later rows
 * had claimed. A second click on an impression that it has forgotten is billed again.
 * Violates G4: an impression is billed at most once.
 */
import type { Mutant } from "./mutant.ts";

export const KEYS_NOT_READ_BACK: Mutant = {
  fault: "keys that were forgotten are not read back from the archive",
  promise: "G4",
  parts: { rememberEntries: () => 0, rememberConversions: () => {}, rememberCounts: () => {} },
};
