/**
 * Breaks: an event that is not valid claims its impression all the same: an invalid one (a crawler that fetches the link
 * first robs the person's click), or a late one (which was to wait for a decision).
 * Violates G4: a valid click of an impression that nobody has billed is billed.
 */
import { judge, type Verdict } from "../../../src/core/verdict.ts";
import { ingest } from "../../../src/shard/ingest.ts";
import type { IngestPart } from "../parts.ts";
import type { Mutant } from "./mutant.ts";

const claimingToo =
  (verdict: Verdict): IngestPart =>
  (arrivals, ports, transact) =>
    transact(() => {
      const ingested = ingest(arrivals, ports);
      const claiming = arrivals.filter(({ prepared }) => judge(prepared.opened, ports.policy).verdict === verdict);
      ports.index.insert(
        claiming.map(({ prepared }) => ({
          hour: prepared.keyHour,
          key: prepared.key,
          event: prepared.opened.event.id,
        })),
        [],
      );
      return ingested;
    });

export const INVALID_CLAIMS: Mutant = {
  fault: "an invalid click claims the key",
  promise: "G4",
  parts: { ingest: claimingToo("invalid") },
};

export const LATE_CLAIMS: Mutant = {
  fault: "a late click claims the key",
  promise: "G4",
  parts: { ingest: claimingToo("late") },
};
