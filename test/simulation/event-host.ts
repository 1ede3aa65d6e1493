/**
 * A simulated shard of clicks or impressions: claimed keys and late clicks beside the log, and the object over them, which
 * follows src/shard/event-shard.ts.
 */
import type { LogEntry } from "../../src/core/log-line.ts";
import type { ReviewOutcome } from "../../src/core/review.ts";
import type { RevisionOutcome } from "../../src/core/revision.ts";
import type { KeyIndex } from "../../src/shard/key-index.ts";
import { type ReviewRequest, reviewLate } from "../../src/shard/review.ts";
import type { RevisedBy, RevisionRequest } from "../../src/shard/revise.ts";
import type { Copyable } from "./parts.ts";
import { type Ground, ShardHost, ShardObject } from "./shard-host.ts";
import { MemoryLateStore, MemoryRevisedStore } from "./storage.ts";

export class EventHost extends ShardHost<EventObject> {
  readonly index: KeyIndex & Copyable;
  readonly lateStore: MemoryLateStore;
  readonly revised: MemoryRevisedStore;

  constructor(name: string, ground: Ground) {
    super(name, name, ground);
    this.index = ground.parts.makeIndex(this.journal);
    this.lateStore = new MemoryLateStore(this.journal);
    this.revised = new MemoryRevisedStore(this.journal);
  }

  protected override copyRest(): () => void {
    const copies = [this.index, this.lateStore, this.revised].map((each) => each.copy());
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

  constructor(host: EventHost) {
    const { parts, settings } = host.ground;
    const own = {
      forget: parts.forgetEvents(host, settings.dedupHorizonMs),
      remember: (entries: readonly LogEntry[]) =>
        void parts.rememberEntries(entries, {
          index: host.index,
          lateStore: host.lateStore,
          revised: host.revised,
          codec: host.ground.carrier,
        }),
    };
    super(host, own, settings.flushIntervalMs);
    this.#host = host;
  }

  async ingest(encodedEvents: readonly string[]): Promise<number> {
    await this.ready();
    const { ground, journal, log, index, lateStore, nowMs } = this.#host;
    const { carrier, parts, settings, scheduler } = ground;
    const arrivals = carrier.arrive(encodedEvents);
    scheduler.handed += arrivals.length - 1;
    const ports = { log, index, lateStore, policy: settings.policy, codec: carrier, nowMs };
    const { decided, chars } = parts.ingest(arrivals, ports, (closure) => journal.transaction(closure));
    this.appended(chars);
    return decided;
  }

  async review(requests: readonly ReviewRequest[], by: string): Promise<ReviewOutcome[]> {
    await this.ready();
    const { ground, journal, log, index, lateStore, revised, nowMs } = this.#host;
    const ports = { log, index, lateStore, revised, codec: ground.carrier };
    const reviewed = journal.transaction(() => requests.map((request) => reviewLate(request, ports, { by, nowMs })));
    this.appended(reviewed.reduce((sum, { chars }) => sum + chars, 0));
    return reviewed.map(({ outcome }) => outcome);
  }

  async revise(requests: readonly RevisionRequest[], revisedBy: RevisedBy): Promise<RevisionOutcome[]> {
    await this.ready();
    const { ground, journal, log, index, lateStore, revised, nowMs } = this.#host;
    const ports = { log, index, lateStore, revised, codec: ground.carrier };
    const { decided, chars } = ground.parts.revise(requests, ports, { ...revisedBy, nowMs }, (closure) =>
      journal.transaction(closure),
    );
    this.appended(chars);
    return decided;
  }
}
