/**
 * Breaks: impressions go to the shards of clicks and are known by the same key as the click of their token. Whoever sees
 * the ad claims the key before clicking it.
 * Violates G4: a valid click of an impression that nobody has billed is billed.
 */
import { impressionKeyOf } from "../../../src/core/impression-key.ts";
import { ingest } from "../../../src/shard/ingest.ts";
import type { Mutant } from "./mutant.ts";

export const SHARED_KEY: Mutant = {
  fault: "a click and the showing of its impression share a key",
  promise: "G4",
  parts: {
    route: (calls) => ({ ingest: (name, encoded) => calls.ingest(name.replace("impressions", "clicks"), encoded) }),
    ingest: (arrivals, ports, transact) => {
      const shared = arrivals.map(({ encoded, prepared }) => ({
        encoded,
        prepared: { ...prepared, key: impressionKeyOf("click", prepared.opened.claims) },
      }));
      return transact(() => ingest(shared, ports));
    },
  },
};
