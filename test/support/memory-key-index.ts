/** The in-memory key index: same contract as PackedKeyIndex, and what it is compared with. It takes nothing back. */
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

  transaction<T>(closure: () => T): T {
    return closure();
  }

  unlogged(): null {
    return null;
  }

  insert(claims: readonly Claim[], repeats: readonly Repeat[]): void {
    for (const { hour, key, event } of claims) {
      if (hour < this.#droppedBeforeHour) continue;
      const table = this.#seen.get(hour) ?? new Map<ImpressionKey, EventId>();
      if (!table.has(key)) table.set(key, event);
      this.#seen.set(hour, table);
    }
    for (const { hour, event } of repeats) {
      if (hour < this.#droppedBeforeHour) continue;
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
}
