/**
 * The port to folds: what audited log days add up to, kept when their lines are gone.
 *
 * Contract: the sealed days ascend; what a clean day says of a source is what its audit counted, whole: rows between
 * two of its folds were lost, and an operator has accepted that. What is not what the audit wrote is a LogMissingError,
 * as is what is not there.
 */
import type { Facts } from "../core/facts.ts";
import type { Position } from "../core/position.ts";

/** What consecutive rows of a source add up to, at most one posting. */
export type StoredFold = {
  readonly key: string;
  /** The place before its first row; its instant is not known. */
  readonly from: Position;
  readonly to: Position;
  readonly events: number;
};

/** The folds of a source's log day, in the order of its log; where it stood before is where it stood the day before. */
export type FoldedSource = { readonly from: Position; readonly folds: readonly StoredFold[] };

export type FoldedDay = {
  /** `YYYY-MM-DD`, UTC */
  readonly day: string;
  /** Whether the last audit found nothing that is open. */
  readonly isClean: boolean;
  /** Where each source's log ends at the day's end, of all that ever logged. */
  readonly ends: ReadonlyMap<string, Position>;
  /** Of a clean day; null where its audit had nothing of the source. */
  readonly source: (source: string) => Promise<FoldedSource | null>;
};

export interface FoldedLog {
  days(): Promise<readonly string[]>;
  open(day: string): Promise<FoldedDay>;
  /** The figures of a fold, as they were added up from its lines. */
  read(fold: StoredFold): Promise<Facts>;
}

/** What a database would need is in no segment and in no fold of the archive. Nothing is lost of what it has. */
export class LogMissingError extends Error {
  override readonly name = "LogMissingError";
}

/** Where no day was ever audited. */
export const NO_FOLDS: FoldedLog = {
  days: async () => [],
  open: (day) => Promise.reject(new LogMissingError(`${day} was not audited.`)),
  read: ({ key }) => Promise.reject(new LogMissingError(`${key} is not there.`)),
};
