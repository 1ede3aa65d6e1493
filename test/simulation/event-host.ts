/**
 * A simulated shard of clicks or impressions: claimed keys and late clicks beside the log, and the object over them, which
 * follows src/shard/event-shard.ts.
 */
import { hash32 } from "../../src/core/hash.ts";
import { KEY_SALT_BYTES } from "../../src/core/key-hash.ts";
import type { LogEntry } from "../../src/core/log-line.ts";
import type { ReviewOutcome } from "../../src/core/review.ts";
import type { RevisionOutcome } from "../../src/core/revision.ts";
import { type Arrival, decidedOfEach } from "../../src/shard/ingest.ts";
import type { PackedKeyIndex } from "../../src/shard/packed-key-index.ts";
import { type ReviewRequest, reviewLate } from "../../src/shard/review.ts";
import type { RevisedBy, RevisionRequest } from "../../src/shard/revise.ts";
import { type MemoryKeyStores, SMALL_KEYS } from "./memory-key-stores.ts";
import type { Parts } from "./parts.ts";
import { type Ground, ShardHost, ShardObject } from "./shard-host.ts";
import { MemoryLateStore, MemoryRevisedStore } from "./storage.ts";

export class EventHost extends ShardHost<EventObject> {
  readonly keyStores: MemoryKeyStores;
  readonly lateStore: MemoryLateStore;
  readonly revised: MemoryRevisedStore;

  constructor(name: string, ground: Ground) {
    super(name, name, ground);
    this.keyStores = ground.parts.makeKeyStores(this.journal);
    this.lateStore = new MemoryLateStore(this.journal);
    this.revised = new MemoryRevisedStore(this.journal);
  }

  protected override copyRest(): () => void {
    const copies = [this.keyStores, this.lateStore, this.revised].map((each) => each.copy());
    return () => {
      for (const putBack of copies) putBack();
    };
  }

  protected override make(): EventObject {
    return new EventObject(this);
  }
}

class EventObject extends ShardObject {
  readonly #host: EventHost;
  readonly #index: PackedKeyIndex;
  readonly #group: ReturnType<Parts["makeGroup"]>;

  constructor(host: EventHost) {
    const { parts, settings, carrier: codec } = host.ground;
    const { journal, log, keyStores: stores, lateStore, revised } = host;
    const index = parts.makeIndex({
      ...{ stores, log, sizes: SMALL_KEYS, transact: (closure) => journal.transaction(closure) },
      makeSalt: () => Uint8Array.from({ length: KEY_SALT_BYTES }, (_, byte) => (hash32(host.name) >>> byte) & 0xff),
    });
    const memory = { index, lateStore, revised };
    const own = {
      keys: index,
      forget: parts.forgetEvents(memory, settings.dedupHorizonMs),
      remember: (entries: readonly LogEntry[]) => void parts.rememberEntries(entries, { ...memory, codec }),
    };
    super(host, own, settings.flushIntervalMs);
    this.#host = host;
    this.#index = index;
    const commit = (calls: readonly (readonly Arrival[])[]) => this.#commit(calls);
    this.#group = parts.makeGroup({ ...this.timing, ready: () => this.ready(), commit });
  }

  /** Rejects when the object ends while the call is held. */
  async ingest(encodedEvents: readonly string[], isAwaited = false): Promise<number> {
    await this.ready();
    const arrivals = this.#host.ground.carrier.arrive(encodedEvents);
    this.#host.ground.scheduler.handed += arrivals.length - 1;
    return this.whileAlive(this.#group.submit(arrivals, isAwaited));
  }

  #commit(calls: readonly (readonly Arrival[])[]): number[] {
    const { ground, log, lateStore, nowMs } = this.#host;
    const index = this.#index;
    const { carrier, parts, settings } = ground;
    const ports = { log, index, lateStore, policy: settings.policy, codec: carrier, nowMs };
    const ingested = parts.ingest(calls.flat(), ports, (closure) => index.transaction(closure));
    this.appended(ingested.chars);
    return decidedOfEach(calls, ingested);
  }

  async review(requests: readonly ReviewRequest[], by: string): Promise<ReviewOutcome[]> {
    await this.ready();
    const { ground, log, lateStore, revised, nowMs } = this.#host;
    const index = this.#index;
    const ports = { log, index, lateStore, revised, codec: ground.carrier };
    const reviewed = index.transaction(() => requests.map((request) => reviewLate(request, ports, { by, nowMs })));
    this.appended(reviewed.reduce((sum, { chars }) => sum + chars, 0));
    return reviewed.map(({ outcome }) => outcome);
  }

  async revise(requests: readonly RevisionRequest[], revisedBy: RevisedBy): Promise<RevisionOutcome[]> {
    await this.ready();
    const { ground, log, lateStore, revised, nowMs } = this.#host;
    const index = this.#index;
    const ports = { log, index, lateStore, revised, codec: ground.carrier };
    const { decided, chars } = ground.parts.revise(requests, ports, { ...revisedBy, nowMs }, (closure) =>
      index.transaction(closure),
    );
    this.appended(chars);
    return decided;
  }
}
