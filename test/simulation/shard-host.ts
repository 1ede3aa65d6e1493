/**
 * One simulated shard of any kind: its storage, which stays, and the object over it, which comes and goes.
 *
 *   storage   log, the alarm, what else its kind remembers (event-host.ts, submission-host.ts)   survives everything
 *   object    the flush runner: what is armed, failures, the flush     lost at every eviction, made again by the next call
 *
 * The runner, the flush and all decisions are the real ones; an object only wires them together, as src/shard/event-shard.ts,
 * order-shard.ts and counts-shard.ts do, which cannot be loaded outside of workerd.
 *
 * Keeps: an evicted object does nothing any more: answers to its calls go nowhere. Its calls under way take effect. A
 * fault of a flush that nobody injected is a bug, whatever the runner makes of it.
 */

import { StorageSetBackError } from "../../src/archive/archive.ts";
import { SECOND_MS } from "../../src/core/limits.ts";
import type { LatePolicy } from "../../src/core/verdict.ts";
import type { FactsStore, Posting } from "../../src/facts/facts-store.ts";
import { LedgerConflictError, NotAppliedError } from "../../src/facts/post.ts";
import type { flush } from "../../src/shard/flush.ts";
import type { FlushPorts } from "../../src/shard/flush-ports.ts";
import { FlushRunner } from "../../src/shard/flush-runner.ts";
import type { Timing } from "../../src/timing.ts";
import { copyOf } from "../support/memory-facts.ts";
import { RULES } from "../support/rules.ts";
import type { Carrier } from "./carrier.ts";
import type { Faults } from "./faults.ts";
import { InjectedFault, Journal } from "./journal.ts";
import type { MemoryRow, MemoryShardLog } from "./memory-shard-log.ts";
import { type Network, NetworkFault } from "./network.ts";
import type { Parts, ReadableArchive } from "./parts.ts";
import type { ReportDatabases } from "./reports.ts";
import type { Cancel, Scheduler } from "./scheduler.ts";

export type ShardSettings = {
  readonly policy: LatePolicy;
  readonly flushIntervalMs: number;
  readonly submissionFlushIntervalMs: number;
  readonly archiveIntervalMs: number;
  readonly postIntervalMs: number;
  readonly dedupHorizonMs: number;
  readonly backlogCharsMax: number;
  readonly charsPerEvent: number;
};

/** What a shard stands on. */
export type Ground = {
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  readonly network: Network;
  readonly carrier: Carrier;
  readonly parts: Parts;
  readonly facts: ReportDatabases;
  readonly archive: ReadableArchive;
  readonly settings: ShardSettings;
  readonly clockOffset: (name: string) => number;
  readonly onCommit: (shard: string, source: string, row: MemoryRow) => void;
  readonly onPost: (posting: Posting) => void;
  /** A fault that nobody injected. */
  readonly onBug: (what: string) => void;
};

export abstract class ShardHost<T extends ShardObject = ShardObject> {
  readonly name: string;
  readonly log: MemoryShardLog;
  readonly journal: Journal;
  readonly ground: Ground;
  readonly #clock: string;
  #object: T | null = null;
  #lives = 0;
  #alarm: Cancel | null = null;

  /** `clock` names the clock it goes by. */
  constructor(name: string, clock: string, ground: Ground) {
    const { faults, parts, settings } = ground;
    this.name = name;
    this.#clock = clock;
    this.ground = ground;
    this.journal = new Journal(() => faults.strikes("abort", 0.2));
    this.log = parts.makeLog(this.journal, settings.charsPerEvent, (row) =>
      ground.onCommit(name, `${name}/${this.log.life().read()?.incarnation}`, row),
    );
  }

  protected abstract make(): T;

  get nowMs(): number {
    return this.ground.scheduler.nowMs + this.ground.clockOffset(this.#clock);
  }

  /** The object, made if there is none: what the platform does at any call. */
  object(): T {
    this.#object ??= this.make();
    return this.#object;
  }

  /** A name that no life of this shard has had. */
  nextIncarnation(): string {
    return `life-${this.#lives++}`;
  }

  /** What a copy of the storage takes beside the log. */
  protected abstract copyRest(): () => void;

  /** Takes a copy of the storage; the function that is returned sets it back, as a restore does, which ends the object. */
  copy(): () => void {
    const [log, rest] = [this.log.copy(), this.copyRest()];
    return () => {
      this.evict();
      log();
      rest();
    };
  }

  evict(): void {
    this.#object?.end();
    this.#object = null;
  }

  /** Evicts between two steps when the seed wants it. */
  maybeEvict(): void {
    if (this.ground.faults.strikes("evict", 0.3)) this.evict();
  }

  setAlarm(atMs: number): void {
    const { scheduler, faults } = this.ground;
    this.#alarm?.();
    // A clock that is ahead does not delay the alarm: the platform keeps its own.
    const inMs = Math.max(0, atMs - this.nowMs);
    const lateMs = faults.strikes("alarm") ? faults.stream("alarm").unit() * 60 * SECOND_MS : 0;
    this.#alarm = scheduler.after(inMs + lateMs, "alarm", () => {
      this.#alarm = null;
      if (faults.strikes("alarm")) return;
      this.object().alarm();
      if (faults.strikes("alarm"))
        scheduler.after(faults.stream("alarm").unit() * SECOND_MS, "alarm again", () => this.object().alarm());
    });
  }
}

type OwnPorts = Pick<FlushPorts, "forget" | "remember" | "keys">;

export abstract class ShardObject {
  isAlive = true;
  readonly #runner: FlushRunner;
  readonly #ended = Promise.withResolvers<never>();
  readonly #host: ShardHost;

  constructor(host: ShardHost, own: OwnPorts, flushIntervalMs: number) {
    this.#host = host;
    const { settings } = host.ground;
    const { archiveIntervalMs, postIntervalMs, backlogCharsMax } = settings;
    const timing = { flushIntervalMs, archiveIntervalMs, postIntervalMs, postCharsMax: backlogCharsMax / 4 };
    const platform = {
      nowMs: () => host.nowMs,
      setAlarm: (atMs: number) => host.setAlarm(atMs),
      waitUntil: (work: Promise<void>) => this.#watch(work),
    };
    this.#runner = new FlushRunner(this.#flushPorts(own), timing, platform, this.#flush);
  }

  /** Calls that still wait hear of it; nobody else does. */
  end(): void {
    this.isAlive = false;
    this.#ended.promise.catch(() => {});
    this.#ended.reject(new NetworkFault("evicted before it was ready"));
    this.#host.ground.scheduler.touch();
  }

  /** Never resolves when the object ends meanwhile. */
  sweep(): Promise<boolean> {
    const swept = this.#runner.sweep();
    this.#watch(swept.then(() => {}));
    return swept;
  }

  /** Whether what was logged before the instant is archived; nothing is logged before it any more. */
  async seal(untilMs: number): Promise<boolean> {
    return this.#runner.seal(untilMs);
  }

  alarm(): void {
    this.#host.ground.scheduler.touch();
    this.#watch(this.#runner.alarm());
  }

  /** Timers of this object, which are silent when it has ended. */
  protected get timing(): Timing {
    const { scheduler } = this.#host.ground;
    const after = (ms: number) => {
      let cancel = () => {};
      const done = new Promise<void>((resolve) => {
        cancel = scheduler.after(ms, "hold", () => {
          if (!this.isAlive) return;
          scheduler.touch();
          resolve();
        });
      });
      return { done, cancel };
    };
    return { nowMs: () => this.#host.nowMs, after };
  }

  /** Rejects when the object ends first. */
  protected whileAlive<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#ended.promise]);
  }

  /** Waits until the storage is known to be of the present; rejects when the log is past its bound. */
  protected async ready(): Promise<void> {
    const checking = this.#runner.ready();
    if (checking !== undefined) await this.whileAlive(checking);
    const { backlogCharsMax } = this.#host.ground.settings;
    if (this.#runner.heldChars > backlogCharsMax) throw new Error("shard_overloaded: the log is full");
  }

  protected appended(chars: number): void {
    this.#runner.appended(chars);
  }

  #flushPorts(own: OwnPorts): FlushPorts {
    const { log, journal, name, ground } = this.#host;
    const { network, facts, archive, onPost } = ground;
    const isCallerAlive = () => this.isAlive;
    const call = <T>(service: "d1" | "r2", label: string, apply: () => Promise<T>): Promise<T> =>
      network.call({ kind: service, service, label, latencyMs: 60, apply, isCallerAlive });
    // What is sent is written down at once: the caller's fold goes on growing while a request is under way.
    const remote = (store: FactsStore): FactsStore => ({
      post: (posting) => {
        onPost(posting);
        const sent = { ...posting, facts: copyOf(posting.facts), lates: new Map(posting.lates) };
        return call("d1", "post", () => store.post(sent));
      },
      open: (posting) => {
        const sent = { ...posting, facts: copyOf(posting.facts) };
        return call("d1", "open", () => store.open(sent));
      },
      close: (source) => call("d1", "close", () => store.close(source)),
      ledger: (shard) => call("d1", "ledger", () => store.ledger(shard)),
      opened: (shard) => call("d1", "opened", () => store.opened(shard)),
      standing: (shard) => call("d1", "ledger", () => store.standing(shard)),
    });
    const assignments = new Map<string, string>();
    return {
      ...own,
      log,
      rules: RULES,
      shard: name,
      reports: {
        byName: new Map(Array.from(facts.stores, ([name, store]) => [name, remote(store)])),
        assign: async (ids) => {
          const unknown = ids.filter((id) => !assignments.has(id));
          if (unknown.length > 0) {
            for (const [id, assign] of await call("d1", "assign", async () => facts.assign(unknown)))
              assignments.set(id, assign);
          }
          return assignments;
        },
      },
      archive: {
        put: (segment) => call("r2", "segment", () => archive.put(segment)),
        readHead: (shard) => call("r2", "read head", () => archive.readHead(shard)),
        writeHead: (shard, head, etag) => call("r2", "write head", () => archive.writeHead(shard, head, etag)),
        rowsAfter: (owner, after, until) => call("r2", "read segment", () => archive.rowsAfter(owner, after, until)),
        close: (key) => call("r2", "close segment", () => archive.close(key)),
        putRules: (id, text) => call("r2", "rules", () => archive.putRules(id, text)),
      },
      bury: async () => ground.onBug(`${name} buries a posting`),
      operations: { writeDataPoint: () => {} },
      transaction: (closure) => (own.keys ?? journal).transaction(closure),
      makeIncarnation: () => this.#host.nextIncarnation(),
      heldSeq: log.last().seq,
    };
  }

  /** The runner takes a fault for a sink's; here somebody knows which faults there are. */
  readonly #flush: typeof flush = async (ports, timing, nowMs, session) => {
    const { ground, name } = this.#host;
    ground.scheduler.touch();
    try {
      await ground.parts.flush(ports, timing, nowMs, session);
    } catch (fault) {
      if (fault instanceof InjectedFault) this.#host.maybeEvict();
      else if (!isExpected(fault)) ground.onBug(`flush of ${name}: ${String(fault)}`);
      throw fault;
    }
  };

  /** A runner never rejects. */
  #watch(work: Promise<void>): void {
    const { ground, name } = this.#host;
    work.catch((fault: unknown) => ground.onBug(`the flush runner of ${name} rejects: ${String(fault)}`));
  }
}

/** What a flush makes of injected faults. One that never ends leaves the shard undrained, which is noticed. */
function isExpected(fault: unknown): boolean {
  const kinds = [NetworkFault, NotAppliedError, LedgerConflictError, StorageSetBackError];
  return kinds.some((kind) => fault instanceof kind);
}

/** True when everything the shard logged is posted, archived and trimmed. */
export function isDrained({ log, ground }: ShardHost): boolean {
  const { seq } = log.last();
  const posted = Array.from(ground.facts.stores.keys(), (name) => log.posted(name).read()?.at.seq ?? 0);
  return log.rows.length === 0 && [...posted, log.archived().read()?.seq ?? 0].every((carried) => carried >= seq);
}
