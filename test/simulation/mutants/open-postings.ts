/**
 * Break what is shown beside the facts until it is posted (src/facts/open-sql.ts), each in one rule.
 * Violate G6: facts and what is shown are the fold of the log up to one place, whenever somebody reads.
 */
import type { Facts } from "../../../src/core/facts.ts";
import type { FactsStore, OpenPosting, Posting } from "../../../src/facts/facts-store.ts";
import { flush } from "../../../src/shard/flush.ts";
import { copyOf, MemoryFacts } from "../../support/memory-facts.ts";
import { passing } from "../../support/one-store.ts";
import type { Parts } from "../parts.ts";
import type { Mutant } from "./mutant.ts";

class KeptBesideItsPosting extends MemoryFacts {
  protected override uncover(): void {}
}

class Hiding extends MemoryFacts {
  override async close(source: string): Promise<void> {
    this.shown.delete(source);
  }
}

const HIDDEN_FIRST: Partial<Parts> = {
  makeFacts: () => new Hiding(),
  flush: (ports, settings, nowMs, session) => {
    const hiding = (store: FactsStore): FactsStore => ({
      ...passing(store),
      post: async (posting) => {
        await store.close(posting.source);
        await store.post(posting);
      },
    });
    const byName = new Map(Array.from(ports.reports.byName, ([name, store]) => [name, hiding(store)]));
    return flush({ ...ports, reports: { ...ports.reports, byName } }, settings, nowMs, session);
  },
};

class OnAnyLedger extends MemoryFacts {
  override async open({ source, to, facts }: OpenPosting): Promise<void> {
    this.show(source, { seq: to.seq, chain: to.chain, facts });
  }
}

class TheLastRequestWins extends MemoryFacts {
  override async open(posting: OpenPosting): Promise<void> {
    const before = this.shown.get(posting.source);
    if (before !== undefined) this.shown.delete(posting.source);
    await super.open(posting).catch((fault: unknown) => {
      if (before !== undefined) this.shown.set(posting.source, before);
      throw fault;
    });
  }
}

/** Reads what is shown in a call after that which reads facts, and a posting lands between the two. */
class ReadApart extends MemoryFacts {
  #before: Facts | null = null;

  override async post(posting: Posting): Promise<void> {
    const before = copyOf(this.facts);
    await super.post(posting);
    this.#before = before;
  }

  override async open(posting: OpenPosting): Promise<void> {
    await super.open(posting);
    this.#before = null;
  }

  override read(): Facts {
    const now = this.facts;
    this.facts = this.#before ?? now;
    const all = super.read();
    this.facts = now;
    return all;
  }
}

const G6 = "G6";
/** Requests that arrive late, and readings before the next flush, meet seldom. */
const late = (firstSeed: number) => ({ kinds: ["d1", "evict"], firstSeed, seeds: 10, hours: 1 }) as const;

export const OPEN_POSTING_MUTANTS: readonly Mutant[] = [
  {
    fault: "what was shown stays beside its posting, and counts twice",
    promise: G6,
    parts: { makeFacts: () => new KeptBesideItsPosting() },
  },
  { fault: "what is shown is taken away before it is posted", promise: G6, parts: HIDDEN_FIRST },
  {
    fault: "what is shown is read in another call than facts",
    promise: G6,
    parts: { makeFacts: () => new ReadApart() },
  },
  {
    fault: "what continues an older place of the ledger is shown",
    promise: G6,
    parts: { makeFacts: () => new OnAnyLedger() },
    rare: late(1),
  },
  {
    fault: "a request that is late takes back what a later one has shown",
    promise: G6,
    parts: { makeFacts: () => new TheLastRequestWins() },
    rare: late(16),
  },
];
