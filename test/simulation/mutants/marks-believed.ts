/**
 * Breaks: a shard believes its own marks, whatever the ledger says: to a report database that was set back it posts what is
 * new, and never what was lost.
 * Violates G6: what the log holds is in the totals.
 */

import type { FactsStore, LedgerRow } from "../../../src/facts/facts-store.ts";
import { flush } from "../../../src/shard/flush.ts";
import { passing } from "../../support/one-store.ts";
import type { Mutant } from "./mutant.ts";

export const MARKS_BELIEVED: Mutant = {
  fault: "a report database that was set back is not posted to again",
  promise: "G6",
  parts: {
    flush: (ports, settings, nowMs, session) => {
      const believing = (name: string, store: FactsStore): FactsStore => ({
        ...passing(store),
        standing: async (shard) => {
          const { rows: real, opened } = await store.standing(shard);
          const rows = new Map<string, LedgerRow>(real);
          const believed = ports.log.posted(name).read()?.ledger;
          if (believed) rows.set(`${shard}/${ports.log.life().read()?.incarnation}`, believed);
          return { rows, opened };
        },
        post: async (posting) =>
          store.post({ ...posting, from: (await store.ledger(ports.shard)).get(posting.source) ?? null }),
      });
      const byName = new Map(Array.from(ports.reports.byName, ([name, store]) => [name, believing(name, store)]));
      return flush({ ...ports, reports: { ...ports.reports, byName } }, settings, nowMs, session);
    },
  },
};
