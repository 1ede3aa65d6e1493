/**
 * The port to what a shard keeps of events whose verdict was changed: each change by event and number, 0 for a review.
 *
 * Contract (test/contract/revised-store.test.ts, over memory and SQLite): a change that is put again under its number
 * alters nothing; `of` gives an event's changes by number; `validOf` the event of an impression that is valid by its
 * newest change; `dropBefore` forgets changes that were made before the instant.
 */
import type { EventId } from "../core/event-id.ts";
import type { ImpressionKey } from "../core/impression-key.ts";
import type { Change } from "../core/revision.ts";

export interface RevisedStore {
  put(event: EventId, key: ImpressionKey, change: Change): void;
  of(event: EventId): Change[];
  validOf(key: ImpressionKey, except: EventId): EventId | null;
  dropBefore(atMs: number): void;
}
