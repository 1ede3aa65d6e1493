/**
 * Breaks: every shard decides by itself in which report database an advertiser stands, by its own name.
 * Violates G6: the rows of one advertiser stand in several databases, of which a report reads one.
 */
import { hash32 } from "../../../src/core/hash.ts";
import { flush } from "../../../src/shard/flush.ts";
import type { Mutant } from "./mutant.ts";

export const ASSIGNMENTS_OF_EACH_SHARD: Mutant = {
  fault: "every shard assignments advertisers by itself",
  promise: "G6",
  parts: {
    flush: (ports, settings, nowMs, session) => {
      const names = [...ports.reports.byName.keys()];
      const pinOf = (id: string) => names[hash32(id.concat(ports.shard)) % names.length] ?? "";
      const assign = async (ids: readonly string[]) => new Map(ids.map((id) => [id, pinOf(id)]));
      return flush({ ...ports, reports: { ...ports.reports, assign } }, settings, nowMs, session);
    },
  },
};
