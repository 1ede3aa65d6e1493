/**
 * The newest keys of a shard, in memory: those whose log rows are still there, and what the transaction under way adds.
 *
 *   kept      committed; every one stands beside a row of the log, from which it is known again
 *   open      of this transaction; laid over what is kept, and part of it when the transaction commits
 *   unlogged  of this transaction, and not yet given to the log
 *
 * Keeps: a transaction that is rolled back leaves what is kept as it was.
 */
import type { EventId } from "../core/event-id.ts";
import type { ImpressionKey } from "../core/impression-key.ts";
import type { ClaimChange, KeyChanges } from "../core/key-changes.ts";

/** What is known of one hour's keys: who has them, null for nobody; and events of that hour that claim nothing. */
type HourKeys = { readonly claims: Map<ImpressionKey, EventId | null>; readonly repeats: Set<EventId> };
type Hours = Map<number, HourKeys>;

export class FreshKeys {
  #kept: Hours = new Map();
  #keptCount = 0;
  #open: Hours = new Map();
  #openCount = 0;
  #unlogged: { claims: ClaimChange[]; repeats: { hour: number; event: EventId }[] } = { claims: [], repeats: [] };
  /** What was kept is packed by this transaction. */
  #isPacked = false;
  #droppedBefore = 0;

  /** Changes in memory: an upper bound of the keys. */
  get count(): number {
    return this.#openCount + (this.#isPacked ? 0 : this.#keptCount);
  }

  /** The event that has the key, null for nobody; undefined where memory does not know. */
  claimant(hour: number, key: ImpressionKey): EventId | null | undefined {
    const open = this.#open.get(hour)?.claims.get(key);
    if (open !== undefined || this.#isPacked || hour < this.#droppedBefore) return open;
    return this.#kept.get(hour)?.claims.get(key);
  }

  isRepeat(hour: number, event: EventId): boolean {
    if (this.#open.get(hour)?.repeats.has(event) === true) return true;
    return !this.#isPacked && hour >= this.#droppedBefore && this.#kept.get(hour)?.repeats.has(event) === true;
  }

  claim(change: ClaimChange): void {
    hourOf(this.#open, change.hour).claims.set(change.key, change.event);
    this.#openCount++;
    this.#unlogged.claims.push(change);
  }

  repeat(hour: number, event: EventId): void {
    hourOf(this.#open, hour).repeats.add(event);
    this.#openCount++;
    this.#unlogged.repeats.push({ hour, event });
  }

  /** What was added since the last call; null when nothing was. */
  takeUnlogged(): KeyChanges | null {
    const { claims, repeats } = this.#unlogged;
    if (claims.length === 0 && repeats.length === 0) return null;
    this.#unlogged = { claims: [], repeats: [] };
    return { claims, repeats };
  }

  /** Takes in what stands beside a row of the log, oldest row first. */
  restore({ claims, repeats }: KeyChanges, droppedBeforeHour: number): void {
    for (const { hour, key, event } of claims) {
      if (hour >= droppedBeforeHour) hourOf(this.#kept, hour).claims.set(key, event);
    }
    for (const { hour, event } of repeats) if (hour >= droppedBeforeHour) hourOf(this.#kept, hour).repeats.add(event);
    this.#keptCount += claims.length + repeats.length;
  }

  /** All keys in memory, by hour. */
  all(): Hours {
    const all: Hours = new Map();
    for (const hours of this.#isPacked ? [this.#open] : [this.#kept, this.#open]) {
      for (const [hour, keys] of hours) {
        if (hour < this.#droppedBefore) continue;
        const kept = all.get(hour);
        if (kept === undefined) all.set(hour, keys);
        else {
          const both = { claims: new Map(kept.claims), repeats: new Set(kept.repeats) };
          add(keys, both);
          all.set(hour, both);
        }
      }
    }
    return all;
  }

  /** Hours of which something is in memory. */
  hours(): number[] {
    const kept = this.#isPacked ? [] : this.#kept.keys();
    return [...kept, ...this.#open.keys()].filter((hour) => hour >= this.#droppedBefore);
  }

  /** All keys in memory are packed: they are gone from here when the transaction commits. */
  pack(): void {
    this.#isPacked = true;
    this.#open = new Map();
    this.#openCount = 0;
    this.#unlogged = { claims: [], repeats: [] };
  }

  /** Hours before that one are gone when the transaction commits. */
  dropBefore(hour: number): void {
    this.#droppedBefore = hour;
    for (const at of Array.from(this.#open.keys())) if (at < hour) this.#open.delete(at);
  }

  commit(): void {
    if (this.#isPacked) {
      this.#kept = this.#open;
      this.#keptCount = this.#openCount;
    } else {
      for (const [hour, keys] of this.#open) {
        const to = this.#kept.get(hour);
        if (to === undefined) this.#kept.set(hour, keys);
        else add(keys, to);
      }
      this.#keptCount += this.#openCount;
    }
    for (const [hour, { claims, repeats }] of Array.from(this.#kept)) {
      if (hour >= this.#droppedBefore) continue;
      this.#kept.delete(hour);
      this.#keptCount -= claims.size + repeats.size;
    }
    this.rollBack();
  }

  rollBack(): void {
    this.#open = new Map();
    this.#openCount = 0;
    this.#unlogged = { claims: [], repeats: [] };
    this.#isPacked = false;
    this.#droppedBefore = 0;
  }
}

function hourOf(hours: Hours, hour: number): HourKeys {
  let keys = hours.get(hour);
  if (keys === undefined) {
    keys = { claims: new Map(), repeats: new Set() };
    hours.set(hour, keys);
  }
  return keys;
}

function add({ claims, repeats }: HourKeys, to: HourKeys): void {
  for (const [key, event] of claims) to.claims.set(key, event);
  for (const event of repeats) to.repeats.add(event);
}
