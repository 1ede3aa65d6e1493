/**
 * A posting that its database refuses again and again, though it answers: the row that is next is posted advertiser by
 * advertiser, and what still cannot be stored is set aside by name, so that one advertiser's figures stop no other's.
 *
 *   ledger (seq, part "")  →  (seq, part "adv_1")  →  (seq, part "adv_2")  →  (seq + 1, part "")
 *
 * Keeps: each advertiser's facts of the row are applied once or set aside once: the ledger's `part` moves with them, in
 * the order of ids. What is set aside is stored under `dead-postings/` before the ledger passes it, and only after the
 * database has taken a write in between: one that is down or overloaded refuses nothing.
 */

import { sourceOf } from "../archive/archive.ts";
import type { Position } from "../core/position.ts";
import type { LedgerRow } from "./facts-store.ts";
import { type Fold, NOTHING, NotAppliedError, postFold, type RowPart, splitBy } from "./post.ts";

/** Refusals, each in a flush of its own, after which a posting is taken apart or set aside. */
const REFUSALS_MAX = 4;

/** Counts refusals of what is next in a database; what is not next any more is forgotten. */
export class Refusals {
  readonly #next = new Map<string, { what: string; count: number }>();

  /** Counts one more; true when there were enough. */
  isRefused(name: string, what: string): boolean {
    const known = this.#next.get(name);
    const count = (known?.what === what ? known.count : 0) + 1;
    this.#next.set(name, { what, count });
    return count >= REFUSALS_MAX;
  }
}

/** A part of a posting that was set aside. */
export type DeadPosting = {
  readonly source: string;
  readonly seq: number;
  readonly advertiserId: string;
  readonly fault: string;
  readonly fold: Fold;
};

/** Posts one row advertiser by advertiser; resolves to the ledger's row behind it. */
export async function postApart(
  { target: { name, store, mark }, owner, row }: RowPart,
  { refusals, bury }: { refusals: Refusals; bury: (dead: DeadPosting) => Promise<void> },
): Promise<LedgerRow> {
  const { at, ledger: before } = mark.read();
  let ledger = before;
  const move = async (to: Position, fold: Pick<Fold, "facts" | "lates">, part: string): Promise<LedgerRow> => {
    ledger = await postFold(store, { owner, from: ledger, fold: { ...fold, to }, part });
    mark.write({ ...mark.read(), ledger });
    return ledger;
  };
  const parts = splitBy(row, (advertiserId) => advertiserId);
  for (const advertiserId of Array.from(parts.keys()).sort()) {
    if (advertiserId <= (ledger?.part ?? "")) continue;
    const part = parts.get(advertiserId) as Fold;
    const seq = row.to.seq;
    try {
      await move(at, part, advertiserId);
    } catch (fault) {
      if (!(fault instanceof NotAppliedError) || !refusals.isRefused(name, `${seq}/${advertiserId}`)) throw fault;
      // A write that changes nothing: the database takes writes, so it is this part that it refuses.
      await move(at, NOTHING, ledger?.part ?? "");
      const isStored = await move(at, part, advertiserId).then(
        () => true,
        (again: unknown) => {
          if (again instanceof NotAppliedError) return false;
          throw again;
        },
      );
      if (isStored) continue;
      await bury({ source: sourceOf(owner), seq, advertiserId, fault: fault.message, fold: part });
      await move(at, NOTHING, advertiserId);
    }
  }
  return move(row.to, NOTHING, "");
}
