/**
 * EventShard, the Durable Object that decides on clicks and impressions: one per shard of the topology, named
 * `clicks-<index>` or `impressions-<index>`.
 *
 *   ingest(events)  decide and log a batch; durable when it returns (the output gate holds the reply)
 *   review(…)       accept or reject late clicks
 *   revise(…)       move events from one verdict to another
 *   find(event), changes(event), claimant(key)   what became of one event
 *   status()        how far the log has been carried; tells idle from stuck
 *   measure()       the same, with what this session has done, for the metrics
 *   seal(until)     nothing is logged before that instant any more; archiveNow() does not wait until it is due
 *   sweep()         flush if one is overdue; cron calls it on every shard
 *   alarm()         flush, then arm the next one (flush-runner.ts)
 *
 * Keeps: public methods are exactly the RPC surface; all else is #private, which RPC cannot reach.
 * Relies on: one object per name in the world, and storage that commits what one synchronous stretch wrote.
 */
import { DurableObject } from "cloudflare:workers";
import { type Config, readConfig } from "../config.ts";
import type { EventId } from "../core/event-id.ts";
import type { ImpressionKey } from "../core/impression-key.ts";
import { REVISIONS_PER_CALL_MAX, SHARD_BYTES_MAX } from "../core/limits.ts";
import type { ReviewOutcome } from "../core/review.ts";
import type { Change, RevisionOutcome } from "../core/revision.ts";
import { PLATFORM_TIMING } from "../timing.ts";
import { forgetEvents } from "./flush.ts";
import { type OwnPorts, runnerOn } from "./flush-host.ts";
import type { FlushRunner, ShardStatus } from "./flush-runner.ts";
import { GroupCommit } from "./group-commit.ts";
import { type Arrival, decidedOfEach, ingest, openArrivals } from "./ingest.ts";
import type { PackedKeyIndex } from "./packed-key-index.ts";
import { rememberEntries } from "./remember.ts";
import { type ReviewRequest, reviewLate } from "./review.ts";
import { type Memory, type RevisedBy, type RevisionRequest, reviseEvent } from "./revise.ts";
import { rulesInForce } from "./rules-record.ts";
import { migrate } from "./schema.ts";
import { type SessionCounts, SessionTally } from "./session-tally.ts";
import { packedKeysOn } from "./sqlite-key-stores.ts";
import { type ShelvedLate, SqliteLateStore } from "./sqlite-late-store.ts";
import { SqliteRevisedStore } from "./sqlite-revised-store.ts";
import { LogStore } from "./sqlite-shard-log.ts";

export class EventShard extends DurableObject<Env> {
  readonly #config: Config;
  readonly #log: LogStore;
  /** One index for the whole object: it holds keys in memory. No method, so RPC does not reach it. */
  protected readonly index: PackedKeyIndex;
  readonly #memory: Memory;
  readonly #late: SqliteLateStore;
  readonly #runner: FlushRunner;
  readonly #tally = new SessionTally();
  readonly #group = new GroupCommit<Arrival, number>({
    ...PLATFORM_TIMING,
    ready: () => this.#roomy(),
    commit: (calls) => this.#commit(calls),
  });

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#config = readConfig(env);
    migrate(ctx.storage);
    const { sql } = ctx.storage;
    const rules = rulesInForce(this.#config);
    this.#log = new LogStore(sql, rules);
    this.index = packedKeysOn(ctx.storage, this.#log);
    this.#late = new SqliteLateStore(sql);
    const memory = { index: this.index, lateStore: this.#late, revised: new SqliteRevisedStore(sql) };
    this.#memory = memory;
    const { flushIntervalMs, postIntervalMs, archiveIntervalMs, dedupHorizonMs, keysKeptMs } = this.#config;
    const { newAdvertisersTo, logBacklogCharsMax } = this.#config;
    const room = { heldBytes: () => ctx.storage.sql.databaseSize, bytesMax: SHARD_BYTES_MAX, keptMs: keysKeptMs };
    const own: OwnPorts = {
      rules,
      forget: forgetEvents(memory, dedupHorizonMs, room),
      remember: (entries) => void rememberEntries(entries, memory),
      keys: this.index,
      watch: (posted) => this.#tally.post(posted),
    };
    this.#runner = runnerOn(ctx, env, this.#log, own, {
      ...{ flushIntervalMs, postIntervalMs, archiveIntervalMs, newAdvertisersTo },
      // A log is not full of what is only shown.
      postCharsMax: logBacklogCharsMax / 4,
    });
  }

  /**
   * Counts a batch of encoded TokenEvents, each exactly once whatever is delivered again. Returns how many were new.
   * Where the shard is called often others are committed with them, for which they are held; not where `isAwaited`.
   * Throws when an event cannot be read, the log is past its bound, or the archive cannot say whether this storage is
   * of the present; nothing is counted then, and the caller delivers the batch again later.
   */
  async ingest(encodedEvents: string[], isAwaited = false): Promise<number> {
    await this.#roomy();
    return await this.#group.submit(openArrivals(encodedEvents), isAwaited);
  }

  /** Accepts or rejects late clicks in the name of `by`; one outcome per request, in their order. Idempotent. */
  async review(requests: ReviewRequest[], by: string): Promise<ReviewOutcome[]> {
    await this.#runner.ready();
    const ports = { log: this.#log, ...this.#memory };
    const nowMs = Date.now();
    return this.#decide(requests, (request) => reviewLate(request, ports, { by, nowMs }));
  }

  /**
   * Moves events of this shard from one verdict to another; one outcome per request, in their order. Idempotent.
   * Throws, with nothing done, when an event cannot be read, or as `ingest` does.
   */
  async revise(requests: RevisionRequest[], revisedBy: RevisedBy): Promise<RevisionOutcome[]> {
    if (requests.length > REVISIONS_PER_CALL_MAX) throw new Error(`revise takes at most ${REVISIONS_PER_CALL_MAX}`);
    await this.#roomy();
    const ports = { log: this.#log, ...this.#memory };
    const at = { ...revisedBy, nowMs: Date.now() };
    return this.#decide(requests, (request) => reviseEvent(request, ports, at));
  }

  /** The log's lines of one event, in their order; what is archived is no longer here. */
  async find(event: EventId): Promise<string[]> {
    return this.#log.linesOf(event);
  }

  /** What reviews and revisions made of one event, oldest first; also when its lines are archived. */
  async changes(event: EventId): Promise<Change[]> {
    await this.#runner.ready();
    return this.#memory.revised.of(event);
  }

  /** The event that claimed an impression issued in that hour, or null. */
  async claimant(key: ImpressionKey, hour: number): Promise<EventId | null> {
    await this.#runner.ready();
    return this.index.lookup({ keys: [{ hour, key }], events: [] }).claimedBy.get(key) ?? null;
  }

  /** Late clicks behind one as the shard keeps them, and replacing some by what an erasure leaves (erasure/run.ts). */
  async shelved(after: string): Promise<ShelvedLate[]> {
    return this.#late.shelvedAfter(after);
  }

  async reshelve(changed: (ShelvedLate & { was: string })[]): Promise<void> {
    this.ctx.storage.transactionSync(() => this.#late.reshelve(changed));
  }

  async status(): Promise<ShardStatus> {
    return this.#runner.status();
  }

  async measure(): Promise<ShardStatus & SessionCounts> {
    return { ...this.#runner.status(), ...this.#tally.counts() };
  }

  /** Compares log, archive and ledgers, drops expired tables, and catches up when an alarm was lost. */
  async sweep(): Promise<boolean> {
    return this.#runner.sweep();
  }

  /** Seals the log up to an instant; whether all before it is in the archive (flush-runner.ts). */
  async seal(untilMs: number): Promise<boolean> {
    return this.#runner.seal(untilMs);
  }

  /** Archives what is logged, due or not. */
  async archiveNow(): Promise<void> {
    await this.#runner.archiveNow();
  }

  override async alarm(): Promise<void> {
    await this.#runner.alarm();
  }

  async #roomy(): Promise<void> {
    await this.#runner.ready();
    if (this.#runner.heldChars > this.#config.logBacklogCharsMax) {
      throw new Error("shard_overloaded: the log that is not posted or not archived is full");
    }
  }

  #commit(calls: readonly (readonly Arrival[])[]): number[] {
    const arrivals = calls.flat();
    const ports = { log: this.#log, ...this.#memory, policy: this.#config.late, nowMs: Date.now() };
    const ingested = this.index.transaction(() => ingest(arrivals, ports));
    this.#runner.appended(ingested.chars);
    for (const { prepared } of arrivals) this.#tally.take(prepared.opened.event.token);
    return decidedOfEach(calls, ingested);
  }

  /** Decides requests one after the other, all of them in one transaction. */
  #decide<Request, Outcome>(
    requests: readonly Request[],
    decide: (request: Request) => { readonly outcome: Outcome; readonly chars: number },
  ): Outcome[] {
    const decided = this.index.transaction(() => requests.map(decide));
    this.#runner.appended(decided.reduce((sum, { chars }) => sum + chars, 0));
    return decided.map(({ outcome }) => outcome);
  }
}
