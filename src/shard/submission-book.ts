/**
 * The port to what a submission shard remembers: the state of each order, and each uploaded batch.
 *
 *   period   days since 1970 / 30: when a key was first remembered; what is forgotten together
 *
 * Contract (test/contract/submission-book.test.ts, over memory and SQLite):
 *   - `find` answers for exactly the keys asked, whatever period they were remembered in.
 *   - `put` remembers a new key in `period`; a key that is known keeps its period and takes the new state.
 *   - `dropBefore(period)` forgets every key of earlier periods, whole tables at a time.
 */
export interface SubmissionBook {
  /** State texts by key. */
  find(keys: readonly string[]): Map<string, string>;
  put(states: ReadonlyMap<string, string>, period: number): void;
  dropBefore(period: number): void;
}
