/**
 * What a shard remembers of keys and events, packed: a log-structured merge by hour of issue.
 *
 *   newest keys        in memory (fresh-keys.ts), and beside the log rows that made them: known again from there
 *   packed claims      in sorted runs of pages with filters (claim-runs.ts), which are merged (claim-packer.ts)
 *   packed repeats     in pages by hour of receipt (repeat-pages.ts)
 *
 * Keys are packed when memory holds many, or when the log is to be trimmed; `packedTo` says up to which row of the log
 * all are. Nothing is written for a key before: its log row is.
 *
 * Keeps: the contract of key-index.ts. Exact: a filter only says that a page must be read. Memory changes when the
 * transaction commits, and is as it was when it does not; `transaction` throws only then. A change that its caller has
 * not logged is packed before the transaction commits, so no key is in memory alone.
 * Relies on: all changes are made in `transaction`; one index per storage.
 */
import type { EventId } from "../core/event-id.ts";
import type { ImpressionKey } from "../core/impression-key.ts";
import type { Claim, Known, Repeat } from "../core/ingest.ts";
import { decodeKeyChanges, encodeKeyChanges } from "../core/key-changes.ts";
import { KeyHash } from "../core/key-hash.ts";
import { assert } from "../core/result.ts";
import { logFault } from "../log.ts";
import { ClaimPacker, type KeysMark } from "./claim-packer.ts";
import { ClaimRuns } from "./claim-runs.ts";
import type { ClaimStore } from "./claim-store.ts";
import { FreshKeys } from "./fresh-keys.ts";
import type { KeyIndex, Lookup } from "./key-index.ts";
import type { KeySizes } from "./key-sizes.ts";
import { type PageStore, RepeatPages } from "./repeat-pages.ts";
import type { ShardLog } from "./shard-log.ts";

export type KeyStores = {
  readonly claims: ClaimStore;
  readonly repeats: PageStore & { oldestHour(): number | null; dropBefore(hour: number): void };
  /** To be called when a transaction was rolled back. */
  forget(): void;
};

export type KeyIndexPorts = {
  readonly stores: KeyStores;
  readonly log: ShardLog;
  /** Runs a closure in a transaction, which it rolls back when the closure throws. */
  readonly transact: <T>(closure: () => T) => T;
  readonly makeSalt: () => Uint8Array;
  readonly sizes: KeySizes;
};

const DROPPED_CURSOR = "dropped_before_hour";
/** Claims that are merged for each that is added: more than levels that it goes through. */
const MERGED_PER_ADDED = 6;

export class PackedKeyIndex implements KeyIndex {
  readonly #ports: KeyIndexPorts;
  readonly #runs: ClaimRuns;
  readonly #packer: ClaimPacker;
  readonly #repeats: RepeatPages;
  /** Null until what is in the log was read. */
  #fresh: FreshKeys | null = null;
  #hash: KeyHash | null = null;
  #isOpen = false;
  /** Keys that were added since the last step of a merge. */
  #added = 0;

  constructor(ports: KeyIndexPorts) {
    this.#ports = ports;
    const { stores, sizes } = ports;
    const hash = () => this.#keyHash();
    this.#runs = new ClaimRuns(stores.claims, hash, sizes);
    this.#packer = new ClaimPacker(stores.claims, this.#runs, { hash, sizes });
    this.#repeats = new RepeatPages(stores.repeats, sizes.repeats);
  }

  transaction<T>(closure: () => T): T {
    const fresh = this.#memory();
    const before = fresh.count;
    const value = this.#transact(() => {
      const made = closure();
      this.#added += fresh.count - before;
      if (fresh.takeUnlogged() !== null || fresh.count > this.#ports.sizes.freshMax) this.pack();
      return made;
    });
    this.#mergeDue();
    return value;
  }

  lookup({ keys, events }: Lookup): Known {
    const claimedBy = new Map<ImpressionKey, EventId>();
    for (const { hour, key } of keys) {
      const event = this.#claimant(hour, key);
      if (event !== null && event !== undefined) claimedBy.set(key, event);
    }
    const repeats = new Set<EventId>();
    const fresh = this.#memory();
    const asked = events.filter(({ hour, event }) => {
      const isFresh = fresh.isRepeat(hour, event);
      if (isFresh) repeats.add(event);
      return !isFresh;
    });
    for (const [hour, group] of Map.groupBy(asked, (each) => each.hour)) {
      const ids = group.map(({ event }) => event);
      for (const event of this.#repeats.known(hour, ids)) repeats.add(event);
    }
    return { claimedBy, repeats, droppedBeforeHour: this.droppedBeforeHour() };
  }

  insert(claims: readonly Claim[], repeats: readonly Repeat[]): void {
    assert(this.#isOpen, "keys change in a transaction of their index");
    const fresh = this.#memory();
    const droppedBeforeHour = this.droppedBeforeHour();
    for (const claim of claims) {
      if (claim.hour < droppedBeforeHour) continue;
      const claimant = this.#claimant(claim.hour, claim.key);
      if (claimant === null || claimant === undefined) fresh.claim(claim);
    }
    for (const { hour, event } of repeats) {
      if (hour >= droppedBeforeHour && !fresh.isRepeat(hour, event)) fresh.repeat(hour, event);
    }
  }

  release(claims: readonly Claim[]): void {
    assert(this.#isOpen, "keys change in a transaction of their index");
    for (const { hour, key, event } of claims) {
      if (this.#claimant(hour, key) === event) this.#memory().claim({ hour, key, event: null });
    }
  }

  unlogged(): Uint8Array | null {
    const changes = this.#memory().takeUnlogged();
    return changes === null ? null : encodeKeyChanges(changes);
  }

  droppedBeforeHour(): number {
    return this.#ports.log.cursor(DROPPED_CURSOR).read();
  }

  dropBefore(hour: number): void {
    if (hour <= this.droppedBeforeHour()) return;
    assert(this.#isOpen, "keys change in a transaction of their index");
    this.#memory().dropBefore(hour);
    this.#runs.dropBefore(hour);
    this.#ports.stores.repeats.dropBefore(hour);
    this.#repeats.forget();
    const mark = this.#ports.log.keys().read();
    if (mark?.merging !== undefined && mark.merging !== null && mark.merging.hour < hour) {
      this.#ports.log.keys().write({ ...mark, merging: null });
    }
    this.#ports.log.cursor(DROPPED_CURSOR).advance(hour);
  }

  oldestHour(): number | null {
    const repeats = this.#ports.stores.repeats.oldestHour();
    const hours = [...this.#memory().hours(), ...this.#runs.hours(), ...(repeats === null ? [] : [repeats])];
    return hours.length === 0 ? null : Math.min(...hours);
  }

  /** Up to which row of the log all keys are packed. */
  packedTo(): number {
    return this.#ports.log.keys().read()?.packedTo ?? 0;
  }

  /** Keys in memory, at most. */
  freshCount(): number {
    return this.#memory().count;
  }

  /** Packs all keys in memory. In a transaction. */
  pack(): void {
    assert(this.#isOpen, "keys change in a transaction of their index");
    const { log } = this.#ports;
    const { salt, merging } = this.#mark();
    for (const [hour, { claims, repeats }] of this.#memory().all()) {
      this.#packer.pack(hour, claims, merging);
      if (repeats.size > 0) this.#repeats.add(hour, Array.from(repeats));
    }
    this.#memory().pack();
    log.keys().write({ salt, packedTo: log.last().seq, merging });
  }

  /**
   * Merges what one transaction may, when enough was added since the last time, or at once where `isIdle`. Returns
   * whether anything was to be merged.
   */
  merge(isIdle = false): boolean {
    const { stepPages, pageClaims } = this.#ports.sizes;
    const isDue = this.#added * MERGED_PER_ADDED >= stepPages * pageClaims;
    if (!isDue && !isIdle) return false;
    this.#added = 0;
    const mark = this.#ports.log.keys().read();
    if (mark === null || (mark.merging === null && !this.#packer.isDue())) return false;
    this.#transact(() => {
      const merging = this.#packer.step(mark.merging);
      if (merging !== undefined) this.#ports.log.keys().write({ ...mark, merging });
    });
    return true;
  }

  /** Never throws: what a caller's transaction committed is committed. The next merges try again. */
  #mergeDue(): void {
    try {
      this.merge();
    } catch (fault) {
      logFault("key_merge_failed", fault);
    }
  }

  #transact<T>(closure: () => T): T {
    const fresh = this.#memory();
    assert(!this.#isOpen, "a transaction of an index is no part of another");
    this.#isOpen = true;
    try {
      const value = this.#ports.transact(closure);
      fresh.commit();
      return value;
    } catch (fault) {
      fresh.rollBack();
      this.#runs.forget();
      this.#repeats.forget();
      this.#hash = null;
      this.#ports.stores.forget();
      throw fault;
    } finally {
      this.#isOpen = false;
    }
  }

  /** Null and undefined: nobody. */
  #claimant(hour: number, key: ImpressionKey): EventId | null | undefined {
    const fresh = this.#memory().claimant(hour, key);
    return fresh === undefined ? this.#runs.find(hour, key) : fresh;
  }

  /** The keys in memory; read from the log by whoever asks first. */
  #memory(): FreshKeys {
    if (this.#fresh !== null) return this.#fresh;
    const { log } = this.#ports;
    const fresh = new FreshKeys();
    const dropped = this.droppedBeforeHour();
    for (const changes of log.keysAfter(this.packedTo())) fresh.restore(decodeKeyChanges(changes), dropped);
    this.#fresh = fresh;
    return fresh;
  }

  #mark(): KeysMark {
    const { log, makeSalt } = this.#ports;
    const known = log.keys().read();
    if (known !== null) return known;
    const mark = { salt: Array.from(makeSalt()), packedTo: 0, merging: null };
    log.keys().write(mark);
    return mark;
  }

  #keyHash(): KeyHash {
    this.#hash ??= new KeyHash(Uint8Array.from(this.#mark().salt));
    return this.#hash;
  }
}
