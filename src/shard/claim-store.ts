/**
 * The port to stored claims: sorted runs of pages, by hour of issue.
 *
 *   run      all claims that were packed or merged at once, ascending by key; a later run has the word on a key
 *   stretch  some pages of a run that lie side by side, with the first key of each and one filter over all
 *   page     claims (core/claim-page.ts)
 *
 * Contract (test/contract/packed-key-index.test.ts, over memory and SQLite): what was put is there until its run is
 * removed or its hour is dropped; only a run that is listed is in `runs`. Removing deletes rows, dropping an hour does
 * not.
 * Relies on: the caller's transaction.
 */
import type { ClaimPage } from "../core/claim-page.ts";

export type Run = {
  readonly hour: number;
  /** Its number in the hour. */
  readonly run: number;
  /** Of two runs the one of greater age is newer: its number, or the age of the newest that it was merged from. */
  readonly age: number;
  /** How often its claims were merged. */
  readonly level: number;
  readonly pages: number;
  readonly claims: number;
};

/** Pages from `first` on; one that is the only one of its stretch stands beside the filter. */
export type Stretch = {
  readonly first: number;
  /** The first key of each page. */
  readonly fences: Uint8Array<ArrayBuffer>;
  readonly filter: Uint8Array<ArrayBuffer>;
  readonly pages: readonly ClaimPage[];
};

export interface ClaimStore {
  /** Runs that are listed, in any order. */
  runs(): Run[];
  list(run: Run): void;
  /** Takes a run off the list, and deletes what it is made of. */
  remove(run: Run): void;
  put(run: Pick<Run, "hour" | "run">, stretch: Stretch): void;
  /** First keys of all pages of a run. */
  fences(run: Run): Uint8Array<ArrayBuffer>;
  /** The filter of the stretch that begins with that page. */
  filter(run: Run, first: number): Uint8Array;
  page(run: Run, page: number, isAlone: boolean): ClaimPage;
  /** Forgets hours before that one, whole tables at a time. */
  dropBefore(hour: number): void;
}
