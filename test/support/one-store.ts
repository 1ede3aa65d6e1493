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

/** A store that hands every call on to another, for tests that replace one of them. */
export function passing(store: FactsStore): FactsStore {
  return {
    post: (posting) => store.post(posting),
    open: (posting) => store.open(posting),
    close: (source) => store.close(source),
    ledger: (shard) => store.ledger(shard),
    opened: (shard) => store.opened(shard),
    standing: (shard) => store.standing(shard),
  };
}
