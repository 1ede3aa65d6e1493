/** One report database that holds every advertiser. */
import { PRIMARY_DATABASE } from "../../src/facts/directory.ts";
import type { FactsStore, ReportStores } from "../../src/facts/facts-store.ts";

export function oneStore(store: FactsStore): ReportStores {
  return {
    byName: new Map([[PRIMARY_DATABASE, store]]),
    assign: async (advertiserIds) => new Map(advertiserIds.map((id) => [id, PRIMARY_DATABASE])),
  };
}

/** The store of `oneStore`. */
export function storeOf({ byName }: ReportStores): FactsStore {
  const [store] = byName.values();
  if (store === undefined) throw new Error("there is no store");
  return store;
}
