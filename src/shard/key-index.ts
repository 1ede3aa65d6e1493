/**
 * The port to what a shard remembers of keys and events.
 *
 * Contract (test/contract/key-index.test.ts, over memory, packed in memory, and packed in SQLite):
 *   - `lookup` answers for exactly the keys and ids asked, from the tables of the hours asked.
 *   - `insert` remembers; a key or id inserted twice keeps its first event.
 *   - `release` forgets claims, each only where that event has the key; whoever is inserted then has it.
 *   - `dropBefore(hour)` forgets everything of earlier hours, whole tables at a time, and `droppedBeforeHour()` says so
 *     from then on, for ever; it never goes back. Nothing of a forgotten hour is remembered again.
 *   - All changes are made in `transaction`: what it throws away is as before, and what it commits is known to whoever
 *     opens the storage next. `unlogged` is to be written beside the log row of the same transaction, so that
 *     nothing else need be.
 */
import type { EventId } from "../core/event-id.ts";
import type { ImpressionKey } from "../core/impression-key.ts";
import type { Claim, Known, Repeat } from "../core/ingest.ts";

export type Lookup = {
  readonly keys: readonly { readonly hour: number; readonly key: ImpressionKey }[];
  readonly events: readonly { readonly hour: number; readonly event: EventId }[];
};

export interface KeyIndex {
  lookup(lookup: Lookup): Known;
  transaction<T>(closure: () => T): T;
  insert(claims: readonly Claim[], repeats: readonly Repeat[]): void;
  release(claims: readonly Claim[]): void;
  /** What changed since the last call, to be logged in the same transaction; null when nothing did. */
  unlogged(): Uint8Array | null;
  droppedBeforeHour(): number;
  dropBefore(hour: number): void;
  /** The earliest hour of which something is remembered; null when nothing is. */
  oldestHour(): number | null;
}
