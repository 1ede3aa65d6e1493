/** The in-memory report database: same contract as D1Facts, for contract tests and simulation. */
import { type Facts, mergeFacts } from "../../src/core/facts.ts";
import type { LateClickState, LateClicks } from "../../src/core/late-click.ts";
import type { Position } from "../../src/core/position.ts";
import {
  type FactsStore,
  isSameLedgerRow,
  type LedgerRow,
  type OpenPosting,
  type Posting,
} from "../../src/facts/facts-store.ts";
import { CLOSED_SEQ } from "../../src/facts/open-sql.ts";

type Opened = Pick<Position, "seq" | "chain"> & { readonly facts: Facts };

export class MemoryFacts implements FactsStore {
  facts: Facts = new Map();
  lates: LateClicks = new Map();
  protected rows = new Map<string, LedgerRow>();
  protected shown = new Map<string, Opened>();

  async post({ source, from, to, facts, lates }: Posting): Promise<void> {
    if (!isSameLedgerRow(this.rows.get(source) ?? null, from)) throw new Error("the ledger stands elsewhere");
    this.rows.set(source, to);
    this.uncover(source);
    this.apply(facts, lates);
  }

  async open({ source, from, to, facts }: OpenPosting): Promise<void> {
    if (!isSameLedgerRow(this.rows.get(source) ?? null, from)) throw new Error("the ledger stands elsewhere");
    if (to.seq > (this.shown.get(source)?.seq ?? -1)) this.show(source, { seq: to.seq, chain: to.chain, facts });
  }

  async close(source: string): Promise<void> {
    this.show(source, { seq: CLOSED_SEQ, chain: "", facts: new Map() });
  }

  async opened(shard: string): Promise<ReadonlyMap<string, Opened>> {
    return new Map(
      Array.from(this.shown).filter(([source, { seq }]) => source.startsWith(`${shard}/`) && seq < CLOSED_SEQ),
    );
  }

  async standing(shard: string) {
    return { rows: await this.ledger(shard), opened: await this.opened(shard) };
  }

  /** Up to where each source is read. */
  shownTo(): ReadonlyMap<string, number> {
    const places = new Map(Array.from(this.rows, ([source, { seq }]) => [source, seq]));
    for (const [source, { seq }] of this.shown) {
      if (seq < CLOSED_SEQ) places.set(source, Math.max(seq, places.get(source) ?? 0));
    }
    return places;
  }

  /** What is read: facts, and what is shown beside them. */
  read(): Facts {
    const all = copyOf(this.facts);
    for (const { facts } of this.shown.values()) mergeFacts(all, facts.values());
    return all;
  }

  async ledger(shard: string): Promise<ReadonlyMap<string, LedgerRow>> {
    return new Map(Array.from(this.rows).filter(([source]) => source.startsWith(`${shard}/`)));
  }

  /** Takes a copy of the database; the function that is returned puts it back. */
  copy(): () => void {
    const facts = copyOf(this.facts);
    const [lates, rows, shown] = [new Map(this.lates), new Map(this.rows), new Map(this.shown)];
    return () => {
      this.facts = copyOf(facts);
      this.lates = new Map(lates);
      this.rows = new Map(rows);
      this.shown = new Map(shown);
    };
  }

  /** Takes away what is shown of a source, since it is posted up to there. */
  protected uncover(source: string): void {
    this.shown.delete(source);
  }

  /** Keeps its own copy, as a database does. */
  protected show(source: string, { facts, ...place }: Opened): void {
    this.shown.set(source, { ...place, facts: copyOf(facts) });
  }

  protected apply(facts: Facts, lates: LateClicks): void {
    mergeFacts(this.facts, facts.values());
    mergeLateClicks(this.lates, lates);
  }
}

export function copyOf(facts: Facts): Facts {
  const copy: Facts = new Map();
  mergeFacts(copy, facts.values());
  return copy;
}

/**
 * Merges what further lines say into the list, in place, as the statements of facts/facts-sql.ts do. Whatever comes first, what was decided last stays: lines of an
 * earlier life of the log may be posted again after a decision of the present one.
 */
export function mergeLateClicks(lates: LateClicks, more: LateClicks): void {
  const decidedAtMs = ({ review }: LateClickState) => review?.atMs ?? Number.NEGATIVE_INFINITY;
  for (const [id, late] of more) {
    const before = lates.get(id);
    if (before === undefined) {
      lates.set(id, late);
      continue;
    }
    const newest = decidedAtMs(late) >= decidedAtMs(before) ? late : before;
    lates.set(id, { ...newest, clicks: before.clicks + late.clicks, receivedAtMs: before.receivedAtMs });
  }
}
