/** The in-memory report database: same contract as D1Facts, for contract tests and simulation. */
import { type Facts, mergeFacts } from "../../src/core/facts.ts";
import type { LateClickState, LateClicks } from "../../src/core/late-click.ts";
import { type FactsStore, isSameLedgerRow, type LedgerRow, type Posting } from "../../src/facts/facts-store.ts";

export class MemoryFacts implements FactsStore {
  facts: Facts = new Map();
  lates: LateClicks = new Map();
  protected rows = new Map<string, LedgerRow>();

  async post({ source, from, to, facts, lates }: Posting): Promise<void> {
    if (!isSameLedgerRow(this.rows.get(source) ?? null, from)) throw new Error("the ledger stands elsewhere");
    this.rows.set(source, to);
    this.apply(facts, lates);
  }

  async ledger(shard: string): Promise<ReadonlyMap<string, LedgerRow>> {
    return new Map(Array.from(this.rows).filter(([source]) => source.startsWith(`${shard}/`)));
  }

  /** Takes a copy of the database; the function that is returned puts it back. */
  copy(): () => void {
    const facts: Facts = new Map();
    mergeFacts(facts, this.facts.values());
    const [lates, rows] = [new Map(this.lates), new Map(this.rows)];
    return () => {
      this.facts = new Map();
      mergeFacts(this.facts, facts.values());
      this.lates = new Map(lates);
      this.rows = new Map(rows);
    };
  }

  protected apply(facts: Facts, lates: LateClicks): void {
    mergeFacts(this.facts, facts.values());
    mergeLateClicks(this.lates, lates);
  }
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
