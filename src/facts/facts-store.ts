/**
 * The ports to the report databases: where postings go, and which of them holds an advertiser.
 *
 * Contract (test/contract/facts-store.test.ts, over memory and D1):
 *   - `post` applies all of a posting and moves the ledger's row of its source from `from` to `to`, or does nothing:
 *     where another row stands than `from` (null: none), it rejects.
 *   - `open` shows what a posting will bring, beside the facts, in place of what was shown of its source before; where
 *     another row stands than `from`, it rejects and changes nothing, and where a later place is shown, that stays.
 *     Whatever is posted of a source takes away what is shown of it, and so does `close`, for ever.
 *   - After `post` rejects, for whatever reason, the posting may or may not be applied; `ledger` tells. A request still
 *     under way may apply later; whatever was posted meanwhile from the same place has then made it void.
 */
import type { Facts } from "../core/facts.ts";
import type { LateClicks } from "../core/late-click.ts";
import type { Position } from "../core/position.ts";

/**
 * Up to where a database has a source's log. `part` is "" behind a whole row; otherwise the row after `seq` is being
 * posted advertiser by advertiser (post-apart.ts), and those up to `part`, in the order of their ids, are done.
 */
export type LedgerRow = Position & { readonly part: string };

export type Posting = {
  /** Shard and incarnation: whose log the sequence numbers belong to. */
  readonly source: string;
  /** What the ledger says of the source before. */
  readonly from: LedgerRow | null;
  readonly to: LedgerRow;
  /** Minute facts of the log rows in between. */
  readonly facts: Facts;
  /** Late clicks of those rows, each in its newest state. */
  readonly lates: LateClicks;
  /** The object that decides on them. */
  readonly shard: string;
};

/** A posting that is shown and not applied. */
export type OpenPosting = Pick<Posting, "source" | "from" | "facts"> & { readonly to: Position };

export interface FactsStore {
  post(posting: Posting): Promise<void>;
  open(posting: OpenPosting): Promise<void>;
  close(source: string): Promise<void>;
  /** The ledger's rows of all sources of a shard, by source. */
  ledger(shard: string): Promise<ReadonlyMap<string, LedgerRow>>;
  /** Up to where sources of a shard are shown, by source; those of which nothing is are not there. */
  opened(shard: string): Promise<Opened>;
  /** Both, of one moment and in one call. */
  standing(shard: string): Promise<{ readonly rows: ReadonlyMap<string, LedgerRow>; readonly opened: Opened }>;
}

export type Opened = ReadonlyMap<string, Pick<Position, "seq" | "chain">>;

export function isSameLedgerRow(a: LedgerRow | null, b: LedgerRow | null): boolean {
  return a?.seq === b?.seq && a?.chain === b?.chain && a?.part === b?.part;
}

/**
 * The databases by name, and where each advertiser stands, for ever; an assignment is durable when `assign` resolves.
 */
export type ReportStores = {
  readonly byName: ReadonlyMap<string, FactsStore>;
  /** Names each advertiser's database, which is one of `byName`; rejects where it cannot, for one or for all. */
  readonly assign: (advertiserIds: readonly string[]) => Promise<ReadonlyMap<string, string>>;
};
