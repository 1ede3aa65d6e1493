/** The in-memory report database: same contract as D1Facts, for contract tests and simulation. */
import { type Facts, mergeFacts } from "../../src/core/facts.ts";
import { type LateClicks, mergeLateClicks } from "../../src/core/late-click.ts";
import type { FactsStore, Posting } from "../../src/sinks/facts-store.ts";

export class MemoryFacts implements FactsStore {
  readonly facts: Facts = new Map();
  readonly lates: LateClicks = new Map();
  readonly #ledger = new Map<string, number>();

  async post({ source, seqFrom, seqTo, facts, lates }: Posting): Promise<void> {
    const key = `${source}#${seqFrom}`;
    if (this.#ledger.has(key)) throw new Error("posting exists");
    this.#ledger.set(key, seqTo);
    mergeFacts(this.facts, facts.values());
    mergeLateClicks(this.lates, lates);
  }

  async postedTo(source: string, seqFrom: number): Promise<number | null> {
    return this.#ledger.get(`${source}#${seqFrom}`) ?? null;
  }
}
