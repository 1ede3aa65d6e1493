/**
 * Remembering what a log says: keys, repeats and late clicks of entries that were logged, for a storage that has
 * forgotten them (it was restored to an earlier moment, and reads its own past back from the archive).
 *
 *   valid → claim                         late → lateStore, kept or joined
 *   duplicate, invalid, late → repeat     decision → claim, decided
 *
 * Keeps: what ingest and review would have remembered of the same entries, and nothing twice: an entry that is known
 * already changes nothing, so any part of a log may be given again. Entries of hours that are dropped are left alone,
 * and so are deferred ones, of which nothing is remembered. Conversions and uploaded counts are no events of this
 * index.
 * Relies on: entries come in the order of the log; the caller's transaction.
 */
import type { EventId } from "../core/event-id.ts";
import type { ImpressionKey } from "../core/impression-key.ts";
import { type Claim, type Known, type PreparedEvent, prepareEvent, type Repeat } from "../core/ingest.ts";
import { isTokenEntry, type LogEntry, type TokenContent } from "../core/log-line.ts";
import { type EventCodec, WIRE_CODEC } from "../core/message.ts";
import type { Review } from "../core/review.ts";
import type { KeyIndex } from "./key-index.ts";
import type { LateStore } from "./late-store.ts";

export type RememberPorts = {
  readonly index: KeyIndex;
  readonly lateStore: LateStore;
  readonly codec?: EventCodec | undefined;
};

/** Remembers entries of a log; returns how many were not known. */
export function rememberEntries(
  entries: readonly LogEntry[],
  { index, lateStore, codec = WIRE_CODEC }: RememberPorts,
): number {
  const logged = entries.filter(isTokenEntry).map((entry) => ({ entry, prepared: prepareEvent(entry) }));
  const known = index.lookup({
    keys: logged.map(({ prepared: { key, keyHour } }) => ({ hour: keyHour, key })),
    events: logged.map(({ prepared: { repeatHour }, entry: { event } }) => ({ hour: repeatHour, event: event.id })),
  });
  const memory = new Memory(known, lateStore, codec);
  for (const { entry, prepared } of logged) memory.add(entry, prepared);
  index.insert(memory.claims, memory.repeats);
  return memory.added;
}

class Memory {
  readonly claims: Claim[] = [];
  readonly repeats: Repeat[] = [];
  added = 0;
  readonly #claimedBy: Map<ImpressionKey, EventId>;
  readonly #repeated: Set<EventId>;
  readonly #droppedBeforeHour: number;
  readonly #lateStore: LateStore;
  readonly #codec: EventCodec;

  constructor({ claimedBy, repeats, droppedBeforeHour }: Known, lateStore: LateStore, codec: EventCodec) {
    this.#claimedBy = new Map(claimedBy);
    this.#repeated = new Set(repeats);
    this.#droppedBeforeHour = droppedBeforeHour;
    this.#lateStore = lateStore;
    this.#codec = codec;
  }

  add(entry: TokenContent, prepared: PreparedEvent): void {
    const { event, verdict, review } = entry;
    if (verdict === "deferred") return;
    if (review !== null) {
      this.#decide(entry, review, prepared);
      return;
    }
    if (this.#claimedBy.get(prepared.key) === event.id || this.#repeated.has(event.id)) return;
    if (verdict === "valid") this.added += Number(this.#claim(event.id, prepared));
    else if (prepared.repeatHour >= this.#droppedBeforeHour) {
      this.#repeated.add(event.id);
      this.repeats.push({ hour: prepared.repeatHour, event: event.id });
      this.added++;
      if (verdict === "late") this.#keep(entry, prepared.key);
    }
  }

  /** True when the key was free, as far as anybody remembers. */
  #claim(event: EventId, { key, keyHour }: PreparedEvent): boolean {
    if (keyHour < this.#droppedBeforeHour || this.#claimedBy.has(key)) return false;
    this.#claimedBy.set(key, event);
    this.claims.push({ hour: keyHour, key, event });
    return true;
  }

  #keep({ event, joins }: TokenContent, key: ImpressionKey): void {
    if (joins !== undefined && joins !== null) this.#lateStore.join(joins.to, event.count);
    else {
      const { id, receivedAtMs, count: clicks } = event;
      this.#lateStore.put([{ event: id, key, receivedAtMs, clicks, encoded: this.#codec.encode(event) }]);
    }
  }

  #decide({ event, verdict, reason }: TokenContent, review: Review, prepared: PreparedEvent): void {
    const isNew = verdict === "valid" && this.#claim(event.id, prepared);
    const shelved = this.#lateStore.find(event.id);
    const isOpen = shelved !== null && shelved.decided === null;
    const choice = verdict === "invalid" ? "reject" : "accept";
    if (isOpen) this.#lateStore.decide(event.id, { choice, decision: { verdict, reason }, review });
    this.added += Number(isNew || isOpen);
  }
}
