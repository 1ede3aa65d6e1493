/**
 * The port to what an object of submissions remembers: the state of each order, or each uploaded batch.
 *
 *   period   days since 1970 / 30: when a key was last changed; what is forgotten together
 *
 * Contract (test/contract/submission-book.test.ts, over memory and SQLite):
 *   - `find` answers for exactly the keys asked, whatever period they were remembered in.
 *   - `put` remembers each key in `period` with its new state, also one that is known from an earlier period: a key is
 *     forgotten by its last change, which a click that is believed as long may have made.
 *   - No bound on how many keys are given at once, nor on how long their states are together.
 *   - `dropBefore(period)` forgets every key of earlier periods, whole tables at a time.
 */
export interface SubmissionBook {
  /** State texts by key. */
  find(keys: readonly string[]): Map<string, string>;
  put(states: ReadonlyMap<string, string>, period: number): void;
  dropBefore(period: number): void;
}
