/**
 * Breaks: an audit that passes over what was deferred, as if it had been decided.
 * Violates G7: what waits is named, and settled.
 */
import { checkImpression } from "../../../src/core/claim-check.ts";
import type { Mutant } from "./mutant.ts";

export const DEFERRED_SKIPPED: Mutant = {
  fault: "the audit skips deferred events, which then wait for ever",
  promise: "G7",
  parts: {
    checkImpression: (records, judgedOf) => {
      return checkImpression(records, judgedOf).filter(({ kind }) => kind !== "unsettled");
    },
  },
};
