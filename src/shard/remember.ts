/**
 * Remembering what a log says: keys, repeats and late clicks of entries that were logged, for a storage that has
 * forgotten them (it was restored to an earlier moment, and reads its own past back from the archive).
 *
 *   valid → claim                         late → lateStore, kept or joined
 *   duplicate, invalid, late → repeat     decision → claim, decided        revision → as revise.ts takes it in
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
import { changeOfReview, type Review } from "../core/review.ts";
import type { Revision } from "../core/revision.ts";
import type { LateStore } from "./late-store.ts";
import { type Memory as Remembered, takeChange } from "./revise.ts";

export type RememberPorts = Remembered & { readonly codec?: EventCodec | undefined };

/** Remembers entries of a log; returns how many were not known. */
export function rememberEntries(entries: readonly LogEntry[], { codec = WIRE_CODEC, ...ports }: RememberPorts): number {
  const logged = entries.filter(isTokenEntry).map((entry) => ({ entry, prepared: prepareEvent(entry) }));
  const known = ports.index.lookup({
    keys: logged.map(({ prepared: { key, keyHour } }) => ({ hour: keyHour, key })),
    events: logged.map(({ prepared: { repeatHour }, entry: { event } }) => ({ hour: repeatHour, event: event.id })),
  });
  const memory = new Memory(known, ports, codec);
  for (const { entry, prepared } of logged) memory.add(entry, prepared);
  memory.write();
  return memory.added;
}

class Memory {
  added = 0;
  #claims: Claim[] = [];
  #repeats: Repeat[] = [];
  readonly #claimedBy: Map<ImpressionKey, EventId>;
  readonly #repeated: Set<EventId>;
  readonly #droppedBeforeHour: number;
  readonly #ports: Remembered;
  readonly #lateStore: LateStore;
  readonly #codec: EventCodec;

  constructor({ claimedBy, repeats, droppedBeforeHour }: Known, ports: Remembered, codec: EventCodec) {
    this.#claimedBy = new Map(claimedBy);
    this.#repeated = new Set(repeats);
    this.#droppedBeforeHour = droppedBeforeHour;
    this.#ports = ports;
    this.#lateStore = ports.lateStore;
    this.#codec = codec;
  }

  add(entry: TokenContent, prepared: PreparedEvent): void {
    const { event, verdict, review, revision } = entry;
    if (revision !== undefined && revision !== null) {
      this.#revise(entry, revision, prepared);
      return;
    }
    if (verdict === "deferred") return;
    if (review !== null) {
      this.#decide(entry, review, prepared);
      return;
    }
    if (this.#claimedBy.get(prepared.key) === event.id || this.#repeated.has(event.id)) return;
    if (verdict === "valid") this.added += Number(this.#claim(event.id, prepared));
    else if (prepared.repeatHour >= this.#droppedBeforeHour) {
      this.#repeated.add(event.id);
      this.#repeats.push({ hour: prepared.repeatHour, event: event.id });
      this.added++;
      if (verdict === "late") this.#keep(entry, prepared.key);
    }
  }

  /** Writes what was gathered. */
  write(): void {
    this.#ports.index.insert(this.#claims, this.#repeats);
    this.#claims = [];
    this.#repeats = [];
  }

  /** A claim that moves must find what was claimed before it. */
  #revise({ event, verdict, reason }: TokenContent, revision: Revision, prepared: PreparedEvent): void {
    const { revised, index } = this.#ports;
    const { isListed: _, ...change } = revision;
    if (revised.of(event.id).some(({ n }) => n === change.n)) return;
    this.write();
    takeChange(prepared, { ...change, verdict, reason }, this.#ports);
    const { key, keyHour, repeatHour } = prepared;
    const now = index.lookup({ keys: [{ hour: keyHour, key }], events: [{ hour: repeatHour, event: event.id }] });
    const claimant = now.claimedBy.get(key);
    if (claimant === undefined) this.#claimedBy.delete(key);
    else this.#claimedBy.set(key, claimant);
    if (now.repeats.has(event.id)) this.#repeated.add(event.id);
    this.added++;
  }

  /** True when the key was free, as far as anybody remembers. */
  #claim(event: EventId, { key, keyHour }: PreparedEvent): boolean {
    if (keyHour < this.#droppedBeforeHour || this.#claimedBy.has(key)) return false;
    this.#claimedBy.set(key, event);
    this.#claims.push({ hour: keyHour, key, event });
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
    this.#ports.revised.put(event.id, prepared.key, changeOfReview({ verdict, reason }, review));
    this.added += Number(isNew || isOpen);
  }
}
