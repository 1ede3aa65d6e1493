/**
 * Breaks: a hot ad draws its salt at random for each event instead of taking it from the impression. The second click of an impression meets a shard that has not seen the first.
 * Violates G4: an impression is billed at most once.
 */
import { eventShardName, shardOf } from "../../../src/core/routing.ts";
import type { Mutant } from "./mutant.ts";

export const RANDOM_SALT: Mutant = {
  fault: "the salt is random",
  promise: "G4",
  parts: {
    route: (calls, chance, topology, carrier) => ({
      ingest: async (name, encoded) => {
        const groups = new Map<string, string[]>();
        for (const text of encoded) {
          const opened = carrier.open(Number(text));
          if (!opened.ok) throw new Error("unreadable");
          const { event, claims } = opened.value;
          const isHot = topology().some(({ hot }) => hot.has(claims.ad));
          const drawn = { ...claims, jti: `salt-${Math.floor(chance.unit() * 64)}` };
          const to = isHot ? eventShardName(event.type, shardOf(event.type, drawn, topology())) : name;
          groups.set(to, [...(groups.get(to) ?? []), text]);
        }
        let counted = 0;
        for (const [to, group] of groups) counted += await calls.ingest(to, group);
        return counted;
      },
    }),
  },
};
