/**
 * Breaks: the key of a user is made of what many people share, here the class of their device.
 * Violates G4 for people: each is one user, and no two are the same.
 */
import type { OpenedEvent } from "../../../src/core/message.ts";
import { ingest } from "../../../src/shard/ingest.ts";
import type { Mutant } from "./mutant.ts";

/** Twelve bytes, as a user hash has. */
const HASHES = { desktop: "AAAAAAAAAAAAAAAA", mobile: "AQEBAQEBAQEBAQEB" };

function alike({ event, claims }: OpenedEvent): OpenedEvent {
  if (event.userHash === null) return { event, claims };
  return { claims, event: { ...event, userHash: HASHES[event.device === "mobile" ? "mobile" : "desktop"] } };
}

export const USERS_ALIKE: Mutant = {
  fault: "users are told apart by their devices alone",
  promise: "G4",
  parts: {
    ingest: (arrivals, ports, transact) => {
      const blurred = arrivals.map(({ encoded, prepared }) => ({
        encoded,
        prepared: { ...prepared, opened: alike(prepared.opened) },
      }));
      return transact(() => ingest(blurred, ports));
    },
  },
};
