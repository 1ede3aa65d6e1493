/** Postings of tests: each follows whatever the ledger says of its source. */
import type { Facts } from "../../src/core/facts.ts";
import type { LateClicks } from "../../src/core/late-click.ts";
import type { FactsStore, LedgerRow, Posting } from "../../src/facts/facts-store.ts";

export type Given = {
  readonly facts?: Facts;
  readonly lates?: LateClicks;
  /** Shard and incarnation. */
  readonly source?: string;
  readonly shard?: string;
  /** Last row of the posting; the next one where it does not matter. */
  readonly seqTo?: number;
};

/** The place behind row `seq` of a log whose chain is its number. */
export function placeOf(seq: number): LedgerRow {
  return { seq, chain: String(seq).padStart(64, "0"), loggedAtMs: 0, part: "" };
}

/** The posting that follows `from`. */
export function aPosting(from: LedgerRow | null, { facts = new Map(), lates = new Map(), ...given }: Given): Posting {
  const { source = "s/1", seqTo = (from?.seq ?? 0) + 1 } = given;
  return { source, shard: given.shard ?? source.split("/")[0] ?? "", from, to: placeOf(seqTo), facts, lates };
}

export async function postTo(store: FactsStore, given: Given): Promise<void> {
  const { source = "s/1" } = given;
  const rows = await store.ledger(source.split("/")[0] ?? "");
  await store.post(aPosting(rows.get(source) ?? null, given));
}
