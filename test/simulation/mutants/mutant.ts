/**
 * A mutant: the system with one part replaced by a broken one. The simulation must notice within `seeds` seeds; the real
 * parts must pass the same seeds.
 */
import type { FaultKind } from "../faults.ts";
import type { Parts } from "../parts.ts";

export type Mutant = {
  /** The fault that is planted, as a sentence. */
  readonly fault: string;
  /** The promise that it breaks first (docs/GUARANTEES.md). */
  readonly promise: `G${number}`;
  readonly parts: Partial<Parts>;
  /** Where a rare combination of faults brings it to light: runs that all have these, and how many of which length. */
  readonly rare?: {
    readonly kinds: readonly FaultKind[];
    /** The first seed that is played, not far before one that shows it. */
    readonly firstSeed: number;
    readonly seeds: number;
    readonly hours: number;
  };
};
