/**
 * Breaks: an uploaded batch is known by its name, and what it holds is not compared; or what it holds is part of its name.
 * The first tells a sender that its counts are there although others are; the second counts both.
 * Violates G5: nothing is silently dropped; and G4: a batch counts once.
 */
import { submitCounts } from "../../../src/shard/submit-counts.ts";
import type { Mutant } from "./mutant.ts";

export const BATCH_BY_NAME: Mutant = {
  fault: "a batch with other content is taken for a repetition",
  promise: "G5",
  parts: {
    upload: (upload, ports, transact) =>
      transact(() => submitCounts({ ...upload, content: "any" }, ports, ports.nowMs)),
  },
};

export const BATCH_BY_CONTENT: Mutant = {
  fault: "a batch with other content is taken for another batch",
  promise: "G4",
  parts: {
    upload: (upload, ports, transact) =>
      transact(() => submitCounts({ ...upload, key: `${upload.key}${upload.content}` }, ports, ports.nowMs)),
  },
};
