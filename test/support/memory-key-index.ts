/** The in-memory key index: same contract as SqliteKeyIndex, for contract tests and simulation. */
import type { EventId } from "../../src/core/event-id.ts";
import type { ImpressionKey } from "../../src/core/impression-key.ts";
import type { Claim, Known, Repeat } from "../../src/core/ingest.ts";
import type { KeyIndex, Lookup } from "../../src/shard/key-index.ts";

export class MemoryKeyIndex implements KeyIndex {
  readonly #seen = new Map<number, Map<ImpressionKey, EventId>>();
  readonly #repeats = new Map<number, Set<EventId>>();
  #droppedBeforeHour = 0;

  lookup({ keys, events }: Lookup): Known {
    const claimedBy = new Map<ImpressionKey, EventId>();
    for (const { hour, key } of keys) {
      const event = this.#seen.get(hour)?.get(key);
      if (event !== undefined) claimedBy.set(key, event);
    }
    const repeats = new Set(
      events.filter(({ hour, event }) => this.#repeats.get(hour)?.has(event)).map((e) => e.event),
    );
    return { claimedBy, repeats, droppedBeforeHour: this.#droppedBeforeHour };
  }

  insert(claims: readonly Claim[], repeats: readonly Repeat[]): void {
    for (const { hour, key, event } of claims) {
      const table = this.#seen.get(hour) ?? new Map<ImpressionKey, EventId>();
      if (!table.has(key)) table.set(key, event);
      this.#seen.set(hour, table);
    }
    for (const { hour, event } of repeats) {
      const table = this.#repeats.get(hour) ?? new Set<EventId>();
      this.#repeats.set(hour, table.add(event));
    }
  }

  release(claims: readonly Claim[]): void {
    for (const { hour, key, event } of claims) {
      const table = this.#seen.get(hour);
      if (table?.get(key) === event) table.delete(key);
    }
  }

  droppedBeforeHour(): number {
    return this.#droppedBeforeHour;
  }

  dropBefore(hour: number): void {
    if (hour <= this.#droppedBeforeHour) return;
    for (const tables of [this.#seen, this.#repeats]) {
      for (const at of Array.from(tables.keys())) if (at < hour) tables.delete(at);
    }
    this.#droppedBeforeHour = hour;
  }

  oldestHour(): number | null {
    const hours = [...this.#seen.keys(), ...this.#repeats.keys()];
    return hours.length === 0 ? null : Math.min(...hours);
  }

  /** Takes a copy; the function that is returned puts it back. */
  copy(): () => void {
    const seen = Array.from(this.#seen, ([hour, table]) => [hour, new Map(table)] as const);
    const repeats = Array.from(this.#repeats, ([hour, table]) => [hour, new Set(table)] as const);
    const dropped = this.#droppedBeforeHour;
    return () => {
      this.#seen.clear();
      this.#repeats.clear();
      for (const [hour, table] of seen) this.#seen.set(hour, new Map(table));
      for (const [hour, table] of repeats) this.#repeats.set(hour, new Set(table));
      this.#droppedBeforeHour = dropped;
    };
  }
}
