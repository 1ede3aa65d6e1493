/**
 * Makes a failing run small: leaves out kinds of fault, then impressions, as long as the same promise still breaks; then
 * plays what is left once more and writes down every station of the offending impression.
 *
 * Keeps: each kind of fault and each impression draws from a stream of its own (chance.ts), so what stays does what it
 * did before as far as that is possible. Costs at most `TRIES_MAX` runs.
 */
import { FAULT_KINDS, type FaultKind } from "./faults.ts";
import type { Parts } from "./parts.ts";
import { type Complaint, type Outcome, simulate } from "./simulate.ts";

const TRIES_MAX = 120;

export type Shrunk = {
  readonly kinds: readonly FaultKind[];
  readonly impressions: number;
  readonly complaint: Complaint;
  readonly trace: readonly string[];
};

type Setting = { readonly seed: number; readonly hours: number; readonly parts: Parts };

/** The smallest failing run found for a seed that fails. */
export async function shrink(setting: Setting, failed: Outcome): Promise<Shrunk> {
  const first = failed.complaints[0];
  if (first === undefined) throw new Error("there is nothing to shrink");
  let tries = 0;
  let best = { kinds: FAULT_KINDS as readonly FaultKind[], only: failed.impressions, outcome: failed };
  const isBetter = async (kinds: readonly FaultKind[], only: ReadonlySet<number>): Promise<boolean> => {
    if (tries++ >= TRIES_MAX) return false;
    const outcome = await simulate({ ...setting, kinds, only });
    const isSame = outcome.complaints.some(({ promise }) => promise === first.promise);
    if (isSame) best = { kinds, only, outcome };
    return isSame;
  };
  for (const kind of FAULT_KINDS) {
    await isBetter(
      best.kinds.filter((each) => each !== kind),
      best.only,
    );
  }
  for (let size = Math.ceil(best.only.size / 2); size >= 1; size = Math.floor(size / 2)) {
    const all = Array.from(best.only);
    for (let at = 0; at < all.length; at += size) {
      const left = Array.from(best.only).filter((index) => !all.slice(at, at + size).includes(index));
      if (left.length > 0) await isBetter(best.kinds, new Set(left));
    }
  }
  const { kinds, only } = best;
  const same = best.outcome.complaints.filter(({ promise }) => promise === first.promise);
  const complaint = same.find(({ impression }) => impression !== null) ?? same[0] ?? first;
  const traced = complaint.impression ?? Array.from(only)[0] ?? null;
  const { trace } = await simulate({ ...setting, kinds, only, traced });
  return { kinds, impressions: only.size, complaint, trace };
}
