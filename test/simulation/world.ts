/**
 * One simulated system: isolates at the edge, queues, shards, report databases, archive, cron, operators, reviewers and
 * submitters, over one virtual time, one seed and one set of parts.
 *
 *   requests → EdgeIsolate → QueueModel → consumer → EventHost → facts, archive     clicks and impressions have queues
 *                    └→ shard └→ spool → cron ─────────↑    dead letters → operator ↑    and shards of their own
 *   purchases, batches → Submitters → OrderHost, CountsHost → facts, archive
 *
 * Keeps: every arrow that crosses the network is a call of network.ts, so each may fail, hang or arrive late.
 */
import type { EnqueueStepName } from "../../src/config.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../../src/core/limits.ts";
import { isTokenEntry } from "../../src/core/log-line.ts";
import type { Topology } from "../../src/core/routing.ts";
import type { EventType } from "../../src/core/token-event.ts";
import type { Posting } from "../../src/facts/facts-store.ts";
import { consumeDeadLetters } from "../../src/queue/consumer.ts";
import type { Sealer } from "../../src/queue/dead-letter.ts";
import type { ShardNamespace } from "../../src/shard/stub.ts";
import { MemoryBucket } from "./bucket.ts";
import { Carrier } from "./carrier.ts";
import { Chance } from "./chance.ts";
import { EdgeIsolate } from "./edge-model.ts";
import { EventHost } from "./event-host.ts";
import { CLOCK_STEP_MAX_MS, type FaultKind, Faults } from "./faults.ts";
import type { MemoryRow } from "./memory-shard-log.ts";
import { Network, NetworkFault } from "./network.ts";
import { configured, type Keeper, type Parts, type ReadableArchive, type ShardCalls } from "./parts.ts";
import { QueueModel } from "./queue-model.ts";
import { ReportDatabases } from "./reports.ts";
import { ISOLATES } from "./request.ts";
import { Revisers } from "./revisers.ts";
import { Scheduler } from "./scheduler.ts";
import type { Ground, ShardHost, ShardSettings } from "./shard-host.ts";
import { Strays } from "./strays.ts";
import { CountsHost, OrderHost } from "./submission-host.ts";
import { Submitters } from "./submitters.ts";
import { TopologyPlan } from "./topology-plan.ts";
import { Witness } from "./witness.ts";
import { makeWorkload, type Workload } from "./workload.ts";

export type WorldOptions = {
  readonly seed: number;
  readonly hours: number;
  /** Kinds of fault that may occur, and whether each of them must. */
  readonly kinds: readonly FaultKind[];
  readonly areCertain: boolean;
  /** Only these impressions click; null for all. */
  readonly only: ReadonlySet<number> | null;
  readonly parts: Parts;
  /** The impression whose way is written down, if any. */
  readonly traced: number | null;
};

type IngestCall = { readonly encoded: string[]; readonly isAwaited: boolean | undefined };

const CHAINS: readonly (readonly EnqueueStepName[])[] = [
  ["queue", "other_queue", "shard", "spool"],
  ["queue", "shard", "spool"],
  ["shard", "queue", "spool"],
  ["queue", "spool"],
];

export class World {
  readonly scheduler: Scheduler;
  readonly faults: Faults;
  readonly witness: Witness;
  readonly facts: ReportDatabases;
  readonly archive: ReadableArchive;
  readonly bucket: MemoryBucket;
  readonly network: Network;
  readonly carrier = new Carrier();
  readonly workload: Workload;
  readonly settings: ShardSettings;
  readonly endMs: number;
  readonly queues: Readonly<Record<EventType, readonly QueueModel[]>>;
  readonly deadQueue: QueueModel;
  readonly parts: Parts;
  /** Which shard logged a late click. */
  readonly lateAt = new Map<string, string>();
  readonly eventHosts = new Map<string, EventHost>();
  readonly orderHosts = new Map<string, OrderHost>();
  readonly countsHosts = new Map<string, CountsHost>();
  readonly submitters: Submitters;
  readonly revisers: Revisers;
  readonly strays: Strays;
  readonly isolates: EdgeIsolate[] = [];
  readonly #plan: TopologyPlan;
  readonly #clockOffsets = new Map<string, number>();
  readonly #chain: readonly EnqueueStepName[];
  readonly #ids: Chance;
  readonly #routing: Chance;
  readonly #ground: Ground;
  #born = 0;

  constructor(options: WorldOptions) {
    const { seed, hours, parts } = options;
    const chance = new Chance(seed, "settings");
    const startMs = Date.UTC(2026, 3, 20) + Math.floor(chance.unit() * DAY_MS);
    this.endMs = startMs + hours * HOUR_MS;
    const spanMs = { startMs, endMs: this.endMs };
    this.parts = parts;
    this.scheduler = new Scheduler(startMs);
    this.faults = new Faults(seed, options, spanMs);
    this.witness = new Witness(this.scheduler, options.traced);
    this.network = new Network(this.scheduler, this.faults);
    this.bucket = new MemoryBucket(this.network, this.scheduler);
    this.facts = new ReportDatabases(parts.makeFacts, new Chance(seed, "databases"));
    this.archive = parts.makeArchive();
    this.settings = settingsOf(chance, new Chance(seed, "posting"));
    this.#chain = chance.pick(CHAINS);
    this.#ids = new Chance(seed, "ids");
    this.#routing = new Chance(seed, "routing");
    this.#plan = new TopologyPlan(this.faults, spanMs);
    this.workload = makeWorkload({ seed, startMs, hours, only: options.only });
    this.submitters = new Submitters(this, new Chance(seed, "submissions"));
    this.revisers = new Revisers(this);
    this.strays = new Strays(this);
    for (const { impression } of this.workload.requests) this.carrier.know(impression.token, impression.claims);
    this.deadQueue = this.#makeDeadQueue();
    const retriesMax = chance.between(3, 8);
    const makeQueues = (type: EventType) =>
      Array.from({ length: chance.between(1, 3) }, (_, at) => this.#makeQueue(`${type}-queue-${at}`, retriesMax));
    this.queues = { click: makeQueues("click"), impression: makeQueues("impression") };
    this.#ground = this.#makeGround();
    for (let at = 0; at < ISOLATES; at++) this.isolates.push(this.makeIsolate(at));
  }

  clockOffset = (name: string): number => this.#clockOffsets.get(name) ?? 0;

  /** Steps one clock by up to `CLOCK_STEP_MAX_MS`, or back to the truth. */
  stepClock(name: string, chance: Chance): void {
    const offset = chance.is(0.3) ? 0 : Math.round((chance.unit() * 2 - 1) * CLOCK_STEP_MAX_MS);
    this.#clockOffsets.set(name, offset);
  }

  setClocksRight(): void {
    this.#clockOffsets.clear();
  }

  eventHost(name: string): EventHost {
    const host = this.eventHosts.get(name) ?? new EventHost(name, this.#ground);
    this.eventHosts.set(name, host);
    return host;
  }

  orderHost(name: string): OrderHost {
    const host = this.orderHosts.get(name) ?? new OrderHost(name, this.#ground);
    this.orderHosts.set(name, host);
    return host;
  }

  countsHost(name: string): CountsHost {
    const host = this.countsHosts.get(name) ?? new CountsHost(name, this.#ground);
    this.countsHosts.set(name, host);
    return host;
  }

  /** Every shard that was ever called. */
  hosts(): ShardHost[] {
    return [...this.eventHosts.values(), ...this.orderHosts.values(), ...this.countsHosts.values()];
  }

  makeIsolate(at: number): EdgeIsolate {
    return new EdgeIsolate(`edge-${at}-${this.#born++}`, {
      ...this.#ground,
      bucket: this.bucket,
      queues: this.queues,
      chain: this.#chain,
      witness: this.witness,
      ids: this.#ids,
      namespace: (isCallerAlive) => this.namespace(isCallerAlive),
      topology: (name, keeper, nowMs) => this.inForce(name, keeper, nowMs),
      // All isolates of one place have one clock.
      clockOffset: () => this.clockOffset(`edge-${at}`),
      onClick: (impression, click) => this.submitters.clicked(impression, click),
    });
  }

  /** The topology in force for the named isolate, by its own keeper. */
  inForce(name: string, keeper: Keeper, nowMs: number): Promise<Topology> {
    return keeper.inForce(configured(this.#plan.at(name, this.scheduler.nowMs)), nowMs);
  }

  /** The shards as `ShardNamespace` shows them to a caller that may die. */
  namespace(isCallerAlive: () => boolean): ShardNamespace {
    const calls: ShardCalls = {
      ingest: (name, encoded, isAwaited) => this.#ingest(name, { encoded, isAwaited }, isCallerAlive),
    };
    const routed = this.parts.route(
      calls,
      this.#routing,
      () => this.#plan.at("any", this.scheduler.nowMs),
      this.carrier,
    );
    const strayed = this.strays.route(routed);
    const getByName = (name: string) => ({
      ingest: (encoded: string[], isAwaited: boolean) => strayed.ingest(name, encoded, isAwaited),
    });
    return { getByName } as unknown as ShardNamespace;
  }

  #ingest(name: string, { encoded, isAwaited }: IngestCall, isCallerAlive: () => boolean): Promise<number> {
    const apply = async () => {
      const host = this.eventHost(name);
      host.maybeEvict();
      const counted = await host.object().ingest(encoded, isAwaited);
      if (this.faults.strikes("evict", 0.3)) {
        host.evict();
        throw new NetworkFault("evicted after the commit");
      }
      return counted;
    };
    return this.network.call({ kind: "rpc", service: name, label: "ingest", latencyMs: 20, apply, isCallerAlive });
  }

  #makeGround(): Ground {
    const { scheduler, faults, network, carrier, parts, facts, archive, settings, witness } = this;
    const onCommit = (shard: string, source: string, row: MemoryRow) => {
      for (const entry of row.logged) {
        if (isTokenEntry(entry) && entry.verdict === "late") this.lateAt.set(entry.event.id, shard);
      }
      witness.committed(source, row);
      for (const entry of row.logged) this.revisers.noted(shard, entry);
    };
    const onPost = (posting: Posting) => witness.posted(posting);
    const onBug = (what: string) => witness.bug(what);
    const hooks = { clockOffset: this.clockOffset, onCommit, onPost, onBug };
    return { scheduler, faults, network, carrier, parts, facts, archive, settings, ...hooks };
  }

  #makeQueue(name: string, retriesMax: number): QueueModel {
    const keeper = { current: null as Keeper | null };
    return new QueueModel(
      {
        name,
        retriesMax,
        batchMax: 100,
        deadLetters: this.deadQueue,
        consume: async (batch, isAlive) => {
          const archive = this.bucket.bound(isAlive);
          // The consumer's isolate keeps what it knows of the topology from batch to batch.
          keeper.current ??= this.parts.makeKeeper(this.bucket.bound(() => true));
          const topology = await this.inForce(name, keeper.current, this.scheduler.nowMs + this.clockOffset(name));
          await this.parts.consume(batch, {
            shards: this.namespace(isAlive),
            topology,
            archive,
            seal: SEALER,
            codec: this.carrier,
          });
        },
      },
      this.scheduler,
      this.faults,
    );
  }

  #makeDeadQueue(): QueueModel {
    const consume = (batch: Parameters<typeof consumeDeadLetters>[0], isAlive: () => boolean) =>
      consumeDeadLetters(batch, { archive: this.bucket.bound(isAlive), seal: SEALER });
    const options = { name: "dead", retriesMax: Number.POSITIVE_INFINITY, batchMax: 10, deadLetters: null, consume };
    return new QueueModel(options, this.scheduler, this.faults);
  }
}

/** Seals have their own tests; here nobody edits a letter. */
export const SEALER: Sealer = async () => ({ kid: "sim", mac: "sim" });

function settingsOf(chance: Chance, posting: Chance): ShardSettings {
  const charsPerEvent = chance.pick([700, 40_000, 250_000]);
  return {
    policy: { mode: chance.is(0.75) ? "review" : "accept", allowedLatenessS: 30 },
    flushIntervalMs: chance.pick([300, SECOND_MS, 3 * SECOND_MS]),
    submissionFlushIntervalMs: chance.pick([SECOND_MS, 5 * SECOND_MS, 30 * SECOND_MS]),
    archiveIntervalMs: chance.pick([2 * SECOND_MS, 20 * SECOND_MS, MINUTE_MS]),
    postIntervalMs: posting.pick([0, 10 * SECOND_MS, 5 * MINUTE_MS]),
    dedupHorizonMs: chance.pick([75 * MINUTE_MS, 3 * HOUR_MS, 3 * HOUR_MS]),
    backlogCharsMax: charsPerEvent * chance.pick([20, 200, 100_000]),
    charsPerEvent,
  };
}
