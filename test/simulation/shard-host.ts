/**
 * One simulated shard: its storage, which stays, and the object over it, which comes and goes.
 *
 *   storage   log, keys, late clicks, the alarm        survives everything
 *   object    what is armed, failures, the flush       lost at every eviction, made again by the next call
 *
 * The object follows src/shard/object.ts statement by statement (which cannot be loaded outside of workerd); ingest,
 * review and flush are the real ones.
 *
 * Keeps: an evicted object does nothing any more: answers to its calls go nowhere. Its calls under way take effect.
 */
import { SECOND_MS } from "../../src/core/limits.ts";
import type { ReviewOutcome } from "../../src/core/review.ts";
import type { LatePolicy } from "../../src/core/verdict.ts";
import { ARCHIVED_CURSOR, archiveDueMs, type FlushPorts, POSTED_CURSOR } from "../../src/shard/flush.ts";
import type { KeyIndex } from "../../src/shard/key-index.ts";
import { type ReviewRequest, reviewLate } from "../../src/shard/review.ts";
import type { Carrier } from "./carrier.ts";
import type { Faults } from "./faults.ts";
import { InjectedFault, Journal } from "./journal.ts";
import type { MemoryRow, MemoryShardLog } from "./memory-shard-log.ts";
import { type Network, NetworkFault } from "./network.ts";
import type { Parts, ReadableArchive, ReadableFacts } from "./parts.ts";
import type { Cancel, Scheduler } from "./scheduler.ts";
import { MemoryLateShelf } from "./storage.ts";

export type ShardSettings = {
  readonly policy: LatePolicy;
  readonly flushIntervalMs: number;
  readonly archiveIntervalMs: number;
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
  readonly facts: ReadableFacts;
  readonly archive: ReadableArchive;
  readonly settings: ShardSettings;
  readonly clockOffset: (name: string) => number;
  readonly onCommit: (shard: string, row: MemoryRow) => void;
  /** A fault that nobody injected. */
  readonly onBug: (what: string) => void;
};

const OVERDUE_MS = 5 * SECOND_MS;
const RETRY_MIN_MS = SECOND_MS;
const RETRY_MAX_MS = 60 * SECOND_MS;

export class ShardHost {
  readonly name: string;
  readonly log: MemoryShardLog;
  readonly index: KeyIndex;
  readonly shelf: MemoryLateShelf;
  readonly journal: Journal;
  readonly ground: Ground;
  #object: ShardObject | null = null;
  #alarm: Cancel | null = null;

  constructor(name: string, ground: Ground) {
    const { faults, parts, settings } = ground;
    this.name = name;
    this.ground = ground;
    this.journal = new Journal(() => faults.strikes("abort", 0.2));
    this.log = parts.makeLog(this.journal, settings.charsPerEvent, (row) => ground.onCommit(name, row));
    this.index = parts.makeIndex(this.journal);
    this.shelf = new MemoryLateShelf(this.journal);
  }

  get nowMs(): number {
    return this.ground.scheduler.nowMs + this.ground.clockOffset(this.name);
  }

  get hasAlarm(): boolean {
    return this.#alarm !== null;
  }

  /** The object, made if there is none: what the platform does at any call. */
  object(): ShardObject {
    this.#object ??= new ShardObject(this);
    return this.#object;
  }

  evict(): void {
    if (this.#object !== null) this.#object.isAlive = false;
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

export class ShardObject {
  isAlive = true;
  readonly #host: ShardHost;
  readonly #ports: FlushPorts;
  #flushing: Promise<void> | null = null;
  #failures = 0;
  #armedForMs: number | null = null;
  #unpostedChars: number;

  constructor(host: ShardHost) {
    this.#host = host;
    const { log, index, shelf, name, ground } = host;
    const { network, facts, archive } = ground;
    const isCallerAlive = () => this.isAlive;
    const call = <T>(service: "d1" | "r2", label: string, apply: () => Promise<T>): Promise<T> =>
      network.call({ kind: service, service, label, latencyMs: 60, apply, isCallerAlive });
    this.#ports = {
      log,
      index,
      shelf,
      owner: { shard: name, incarnation: "sim" },
      facts: {
        post: (posting) => call("d1", "post", () => facts.post(posting)),
        postedTo: (source, seqFrom) => call("d1", "ledger", () => facts.postedTo(source, seqFrom)),
      },
      archive: { put: (segment) => call("r2", "segment", () => archive.put(segment)) },
      operations: { writeDataPoint: () => {} },
      transaction: (closure) => host.journal.transaction(closure),
    };
    this.#unpostedChars = log.waitingAfter(log.cursor(POSTED_CURSOR).read()).chars;
  }

  ingest(encodedEvents: readonly string[]): number {
    const { ground, journal, nowMs } = this.#host;
    const { carrier, parts, settings } = ground;
    if (this.#unpostedChars > settings.backlogCharsMax) throw new Error("shard_overloaded: the unposted log is full");
    const arrivals = carrier.arrive(encodedEvents);
    ground.scheduler.handed += arrivals.length - 1;
    const ports = { ...this.#ports, policy: settings.policy, nowMs };
    const { decided, chars } = parts.ingest(arrivals, ports, (closure) => journal.transaction(closure));
    this.#unpostedChars += chars;
    if (decided > 0) this.#arm(nowMs + settings.flushIntervalMs);
    this.#flushIfOverdue(nowMs);
    return decided;
  }

  review(requests: readonly ReviewRequest[], by: string): ReviewOutcome[] {
    const { ground, journal, nowMs } = this.#host;
    const ports = { ...this.#ports, codec: ground.carrier };
    const outcomes = journal.transaction(() => requests.map((request) => reviewLate(request, ports, { by, nowMs })));
    this.#arm(nowMs + ground.settings.flushIntervalMs);
    return outcomes;
  }

  sweep(): void {
    void this.#flush();
  }

  alarm(): void {
    this.#armedForMs = null;
    void this.#flush();
  }

  #arm(atMs: number): void {
    if (this.#armedForMs !== null && this.#armedForMs <= atMs) return;
    this.#armedForMs = atMs;
    this.#host.setAlarm(atMs);
  }

  #flushIfOverdue(nowMs: number): void {
    if (this.#armedForMs === null || nowMs <= this.#armedForMs + OVERDUE_MS) return;
    this.#armedForMs = null;
    void this.#flush();
  }

  #flush(): Promise<void> {
    this.#host.ground.scheduler.touch();
    if (!this.#host.ground.parts.isSingleFlight) return this.#flushOnce();
    this.#flushing ??= this.#flushOnce().finally(() => {
      this.#flushing = null;
    });
    return this.#flushing;
  }

  async #flushOnce(): Promise<void> {
    const { ground, nowMs } = this.#host;
    try {
      await ground.parts.flush(this.#ports, ground.settings, nowMs);
      this.#failures = 0;
    } catch (fault) {
      if (fault instanceof InjectedFault) this.#host.maybeEvict();
      else if (!(fault instanceof NetworkFault)) ground.onBug(`flush of ${this.#host.name}: ${String(fault)}`);
      this.#failures++;
    }
    this.#rearm();
  }

  #rearm(): void {
    const { log, nowMs, ground } = this.#host;
    const { flushIntervalMs, archiveIntervalMs } = ground.settings;
    const unposted = log.waitingAfter(log.cursor(POSTED_CURSOR).read());
    this.#unpostedChars = unposted.chars;
    const archiveMs = archiveDueMs(log, archiveIntervalMs);
    if (unposted.rows === 0 && archiveMs === null) return;
    const postMs = unposted.rows > 0 ? nowMs + flushIntervalMs : Number.POSITIVE_INFINITY;
    const earliestMs = Math.min(postMs, archiveMs ?? Number.POSITIVE_INFINITY);
    const backoffMs =
      this.#failures === 0 ? 0 : Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(this.#failures, 6));
    this.#arm(Math.max(earliestMs, nowMs + backoffMs));
  }
}

/** True when everything the shard logged is posted, archived and trimmed. */
export function isDrained({ log }: ShardHost): boolean {
  const { seq } = log.last();
  const isCarried = [POSTED_CURSOR, ARCHIVED_CURSOR].every((name) => log.cursor(name).read() >= seq);
  return log.rows.length === 0 && isCarried;
}
