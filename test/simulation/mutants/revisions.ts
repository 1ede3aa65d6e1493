/**
 * Breaks revisions: one that is asked for again is logged again; the promotion that it was asked for is left out; its
 * number is not remembered; the claim that it takes away is never free again.
 * Violates G7 or G4: a revision is made once, whole, and frees what it takes away.
 */
import { parseJson } from "../../../src/core/base64url.ts";
import { appendEntries } from "../../../src/shard/append.ts";
import { REAL_PARTS, type RevisePart } from "../parts.ts";
import type { Mutant } from "./mutant.ts";

const twice: RevisePart = (requests, ports, at, transact) => {
  const revised = REAL_PARTS.revise(requests, ports, at, transact);
  if (revised.chars > 0) return revised;
  transact(() => {
    for (const [index, outcome] of revised.decided.entries()) {
      const { encoded = "" } = requests[index] ?? {};
      const opened = ports.codec?.open(parseJson(encoded));
      if (outcome.outcome !== "revised" || !opened?.ok) continue;
      const { outcome: _, verdict, reason, ...change } = outcome;
      const content = { ...opened.value, verdict, reason, review: null, revision: { ...change, isListed: false } };
      appendEntries(ports.log, [{ content, encoded }], at.nowMs);
    }
  });
  return revised;
};

export const REVISION_LOGGED_TWICE: Mutant = {
  fault: "a revision that is asked for again is logged, and so counted, again",
  promise: "G7",
  parts: { revise: twice },
};

export const PROMOTION_FORGOTTEN: Mutant = {
  fault: "the event that should take an impression over is not promoted",
  promise: "G7",
  parts: {
    revise: (requests, ports, at, transact) => {
      const alone = requests.map((request) => ({ ...request, promote: null }));
      return REAL_PARTS.revise(alone, ports, at, transact);
    },
  },
};

export const NUMBERS_ACCEPTED_AGAIN: Mutant = {
  fault: "a shard does not remember which numbers of an event's revisions are taken",
  promise: "G7",
  parts: {
    revise: (requests, ports, at, transact) => {
      const { revised } = ports;
      const forgetful = {
        of: () => [],
        put: revised.put.bind(revised),
        validOf: revised.validOf.bind(revised),
        dropBefore: revised.dropBefore.bind(revised),
      };
      return REAL_PARTS.revise(requests, { ...ports, revised: forgetful }, at, transact);
    },
  },
};

export const FROM_BELIEVED: Mutant = {
  fault: "a revision from a verdict that the event has not is made from the one that it has",
  promise: "G7",
  parts: {
    revise: (requests, ports, at, transact) => {
      const corrected = requests.map((request) => {
        const { decided } = REAL_PARTS.revise([request], ports, at, transact);
        const [outcome] = decided;
        const last = outcome?.outcome === "wrong_from" ? outcome.changes.at(-1) : undefined;
        if (last === undefined) return request;
        return { ...request, from: { verdict: last.verdict, reason: last.reason }, promote: null };
      });
      return REAL_PARTS.revise(corrected, ports, at, transact);
    },
  },
};

export const CLAIM_NEVER_FREED: Mutant = {
  fault: "a click that is revised to invalid keeps its claim, so that the next one is a duplicate of nothing",
  promise: "G7",
  parts: {
    makeIndex: (ports) => {
      const index = REAL_PARTS.makeIndex(ports);
      index.release = () => {};
      return index;
    },
  },
};
