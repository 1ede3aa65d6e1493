/**
 * The storage of one simulated shard beside its log and keys: late clicks, changes, submissions in memory, behind the ports that the
 * SQLite implementations stand behind, with transactions that take everything back.
 *
 * Keeps: a transaction that throws leaves nothing of itself. What was committed survives the object's eviction.
 * Each write first passes `failpoint`, which may throw: a crash between two statements.
 */
import type { EventId } from "../../src/core/event-id.ts";
import type { ImpressionKey } from "../../src/core/impression-key.ts";
import type { Change } from "../../src/core/revision.ts";
import type { DecidedReview, LateClick, LateStore, ShelvedClick } from "../../src/shard/late-store.ts";
import type { RevisedStore } from "../../src/shard/revised-store.ts";
import type { SubmissionBook } from "../../src/shard/submission-book.ts";
import type { Journal } from "./journal.ts";
import { putBack } from "./memory-shard-log.ts";

export class MemoryLateStore implements LateStore {
  readonly #clicks = new Map<EventId, ShelvedClick>();
  readonly #journal: Journal;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  put(clicks: readonly LateClick[]): void {
    for (const click of clicks) {
      this.#journal.failpoint();
      if (!this.#clicks.has(click.event)) this.#set(click.event, { ...click, decided: null });
    }
  }

  join(event: EventId, clicks: number): void {
    this.#journal.failpoint();
    const shelved = this.#clicks.get(event);
    if (shelved !== undefined) this.#set(event, { ...shelved, clicks: shelved.clicks + clicks });
  }

  ofKey(key: ImpressionKey): ShelvedClick[] {
    const found = Array.from(this.#clicks.values()).filter((click) => click.key === key);
    return found.sort((a, b) => (a.event < b.event ? -1 : 1));
  }

  find(event: EventId): ShelvedClick | null {
    return this.#clicks.get(event) ?? null;
  }

  decide(event: EventId, decided: DecidedReview): void {
    this.#journal.failpoint();
    const shelved = this.#clicks.get(event);
    if (shelved !== undefined) this.#set(event, { ...shelved, decided });
  }

  dropBefore(receivedAtMs: number): void {
    for (const [event, click] of this.#clicks) if (click.receivedAtMs < receivedAtMs) this.#set(event, null);
  }

  copy(): () => void {
    const clicks = new Map(this.#clicks);
    return () => putBack(this.#clicks, clicks);
  }

  #set(event: EventId, click: ShelvedClick | null): void {
    const before = this.#clicks.get(event);
    this.#journal.onEnd((end) => {
      if (end === "commit") return;
      if (before === undefined) this.#clicks.delete(event);
      else this.#clicks.set(event, before);
    });
    if (click === null) this.#clicks.delete(event);
    else this.#clicks.set(event, click);
  }
}

export class MemoryRevisedStore implements RevisedStore {
  readonly #changes = new Map<
    string,
    { readonly event: EventId; readonly key: ImpressionKey; readonly change: Change }
  >();
  readonly #journal: Journal;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  put(event: EventId, key: ImpressionKey, change: Change): void {
    this.#journal.failpoint();
    const name = `${event} ${change.n}`;
    if (this.#changes.has(name)) return;
    this.#changes.set(name, { event, key, change });
    this.#journal.onEnd((end) => {
      if (end === "abort") this.#changes.delete(name);
    });
  }

  of(event: EventId): Change[] {
    const mine = Array.from(this.#changes.values()).filter((held) => held.event === event);
    return mine.map(({ change }) => change).sort((a, b) => a.n - b.n);
  }

  validOf(key: ImpressionKey, except: EventId): EventId | null {
    const events = Array.from(this.#changes.values()).filter((held) => held.key === key && held.event !== except);
    return events.find(({ event }) => this.of(event).at(-1)?.verdict === "valid")?.event ?? null;
  }

  dropBefore(atMs: number): void {
    for (const [name, held] of Array.from(this.#changes)) {
      if ((this.of(held.event).at(-1)?.atMs ?? atMs) >= atMs) continue;
      this.#changes.delete(name);
      this.#journal.onEnd((end) => {
        if (end === "abort") this.#changes.set(name, held);
      });
    }
  }

  copy(): () => void {
    const changes = new Map(this.#changes);
    return () => putBack(this.#changes, changes);
  }
}

type Remembered = { readonly state: string; readonly period: number };

export class MemorySubmissionBook implements SubmissionBook {
  readonly #states = new Map<string, Remembered>();
  readonly #journal: Journal;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  find(keys: readonly string[]): Map<string, string> {
    const found = new Map<string, string>();
    for (const key of keys) {
      const known = this.#states.get(key);
      if (known !== undefined) found.set(key, known.state);
    }
    return found;
  }

  put(states: ReadonlyMap<string, string>, period: number): void {
    for (const [key, state] of states) {
      this.#journal.failpoint();
      this.#set(key, { state, period });
    }
  }

  dropBefore(period: number): void {
    for (const [key, known] of this.#states) if (known.period < period) this.#set(key, undefined);
  }

  copy(): () => void {
    const states = new Map(this.#states);
    return () => putBack(this.#states, states);
  }

  #set(key: string, remembered: Remembered | undefined): void {
    const before = this.#states.get(key);
    const write = (value: Remembered | undefined) =>
      value === undefined ? this.#states.delete(key) : this.#states.set(key, value);
    this.#journal.onEnd((end) => {
      if (end === "abort") write(before);
    });
    write(remembered);
  }
}
