/**
 * The ports to the report databases: where postings go, and which of them holds an advertiser.
 *
 * Contract (test/contract/facts-store.test.ts, over memory and D1):
 *   - `post` applies all of a posting or nothing, and a second posting with the same (source, seqFrom) never applies.
 *   - After `post` resolves, `postedTo(source, seqFrom)` is its seqTo. After it rejects, for whatever reason, the
 *     posting may or may not be applied; `postedTo` tells, and is null if and only if nothing is applied (yet: a request
 *     still under way may apply later, and is then what a retry of the same seqFrom conflicts with).
 */
import type { Facts } from "../core/facts.ts";
import type { LateClicks } from "../core/late-click.ts";

export type Posting = {
  /** Shard and incarnation: whose log the sequence numbers belong to. */
  readonly source: string;
  readonly seqFrom: number;
  readonly seqTo: number;
  /** Minute facts of the log rows seqFrom … seqTo. */
  readonly facts: Facts;
  /** Late clicks of those rows, each in its newest state. */
  readonly lates: LateClicks;
  /** The object that decides on them. */
  readonly shard: string;
};

export interface FactsStore {
  post(posting: Posting): Promise<void>;
  postedTo(source: string, seqFrom: number): Promise<number | null>;
}

/** The databases by name, and where each advertiser stands, for ever; a pin is durable when `pin` resolves. */
export type ReportStores = {
  readonly byName: ReadonlyMap<string, FactsStore>;
  /** Names each advertiser's database, which is one of `byName`; rejects where it cannot, for one or for all. */
  readonly pin: (advertiserIds: readonly string[]) => Promise<ReadonlyMap<string, string>>;
};
