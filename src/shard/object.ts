/**
 * EventShard, the Durable Object that decides: one per shard of the topology, named `clicks-<index>`.
 *
 *   ingest(events)  decide and log a batch; durable when it returns (the output gate holds the reply)
 *   review(…)       accept or reject late clicks
 *   status()        how far the log has been carried; tells idle from stuck
 *   sweep()         flush if one is overdue; cron calls it on every shard
 *   alarm()         flush, then arm the next one; catches its own failures, since the platform gives up after six
 *
 * Keeps: at most one flush at a time. An alarm is armed whenever the log holds something that is not posted or not
 * archived. Public methods are exactly the RPC surface; all else is #private, which RPC cannot reach.
 * Relies on: one object per name in the world, and storage that commits what one synchronous stretch wrote.
 */
import { DurableObject } from "cloudflare:workers";
import { type Config, readConfig } from "../config.ts";
import { SECOND_MS } from "../core/limits.ts";
import { assert } from "../core/result.ts";
import type { ReviewOutcome } from "../core/review.ts";
import { logFault } from "../log.ts";
import { R2Archive } from "../sinks/archive.ts";
import { D1Facts } from "../sinks/d1-facts.ts";
import { ARCHIVED_CURSOR, archiveDueMs, type FlushPorts, flush, POSTED_CURSOR } from "./flush.ts";
import { type Ingested, ingest, openArrivals } from "./ingest.ts";
import { LogStore } from "./log-store.ts";
import { type ReviewRequest, reviewLate } from "./review.ts";
import { migrate } from "./schema.ts";
import { SqliteKeyIndex } from "./sqlite-key-index.ts";
import { SqliteLateShelf } from "./sqlite-late-shelf.ts";

/** Progress of one shard. Instants are null when nothing waits. */
export type ShardStatus = {
  readonly lastSeq: number;
  readonly postedSeq: number;
  readonly archivedSeq: number;
  readonly oldestUnpostedReceivedAtMs: number | null;
  readonly oldestUnarchivedLoggedAtMs: number | null;
};

/** An alarm that is this late has slipped (the platform allows a minute); the next ingest does its work. */
const OVERDUE_MS = 5 * SECOND_MS;
const RETRY_MIN_MS = SECOND_MS;
const RETRY_MAX_MS = 60 * SECOND_MS;

export class EventShard extends DurableObject<Env> {
  readonly #config: Config;
  readonly #log: LogStore;
  readonly #index: SqliteKeyIndex;
  readonly #shelf: SqliteLateShelf;
  readonly #ports: FlushPorts;
  #flushing: Promise<void> | null = null;
  #failures = 0;
  /** When the alarm is set for, as far as this instance knows. */
  #armedForMs: number | null = null;
  #unpostedChars: number;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const shard = ctx.id.name;
    assert(shard !== undefined, "a shard is addressed by name");
    this.#config = readConfig(env);
    const incarnation = migrate(ctx.storage, () => crypto.randomUUID().slice(0, 8));
    this.#log = new LogStore(ctx.storage.sql);
    this.#index = new SqliteKeyIndex(ctx.storage.sql, this.#log);
    this.#shelf = new SqliteLateShelf(ctx.storage.sql);
    this.#ports = {
      log: this.#log,
      index: this.#index,
      shelf: this.#shelf,
      owner: { shard, incarnation },
      facts: new D1Facts(env.REPORT_DB, () => Date.now()),
      archive: new R2Archive(env.ARCHIVE),
      operations: env.OPERATIONS,
      transaction: (closure) => ctx.storage.transactionSync(closure),
    };
    this.#unpostedChars = this.#log.waitingAfter(this.#log.cursor(POSTED_CURSOR).read()).chars;
  }

  /**
   * Counts a batch of encoded ClickEvents, each exactly once whatever is delivered again. Returns how many were new.
   * Throws when an event cannot be read or the unposted log is past its bound; nothing is counted then, and the caller
   * delivers the batch again later.
   */
  async ingest(encodedEvents: string[]): Promise<number> {
    if (this.#unpostedChars > this.#config.logBacklogCharsMax) {
      throw new Error("shard_overloaded: the unposted log is full");
    }
    const arrivals = openArrivals(encodedEvents);
    const nowMs = Date.now();
    const { decided, chars } = this.#transaction<Ingested>(() =>
      ingest(arrivals, { ...this.#ports, policy: this.#config.late, nowMs }),
    );
    this.#unpostedChars += chars;
    this.#flushIfOverdue(nowMs);
    if (decided > 0) this.#arm(nowMs + this.#config.flushIntervalMs);
    return decided;
  }

  /** Accepts or rejects late clicks in the name of `by`; one outcome per request, in their order. Idempotent. */
  async review(requests: ReviewRequest[], by: string): Promise<ReviewOutcome[]> {
    const nowMs = Date.now();
    const outcomes = this.#transaction(() =>
      requests.map((request) => reviewLate(request, this.#ports, { by, nowMs })),
    );
    this.#arm(nowMs + this.#config.flushIntervalMs);
    return outcomes;
  }

  async status(): Promise<ShardStatus> {
    const postedSeq = this.#log.cursor(POSTED_CURSOR).read();
    const archivedSeq = this.#log.cursor(ARCHIVED_CURSOR).read();
    return {
      lastSeq: this.#log.last().seq,
      postedSeq,
      archivedSeq,
      oldestUnpostedReceivedAtMs: this.#log.waitingAfter(postedSeq).oldestReceivedAtMs,
      oldestUnarchivedLoggedAtMs: this.#log.waitingAfter(archivedSeq).oldestLoggedAtMs,
    };
  }

  /** Drops expired tables, and catches up when an alarm was lost. */
  async sweep(): Promise<void> {
    await this.#flush();
  }

  override async alarm(): Promise<void> {
    this.#armedForMs = null;
    await this.#flush();
  }

  #transaction<T>(closure: () => T): T {
    try {
      return this.ctx.storage.transactionSync(closure);
    } catch (fault) {
      this.#index.forgetTables();
      throw fault;
    }
  }

  /** Sets the alarm unless an earlier one is set that has not been lost. */
  #arm(atMs: number): void {
    const armedMs = this.#armedForMs;
    if (armedMs !== null && armedMs > Date.now() - OVERDUE_MS && armedMs <= atMs) return;
    this.#armedForMs = atMs;
    // Part of the same write as the ingest: the output gate holds the reply until both are durable.
    void this.ctx.storage.setAlarm(atMs);
  }

  #flushIfOverdue(nowMs: number): void {
    if (this.#armedForMs === null || nowMs <= this.#armedForMs + OVERDUE_MS) return;
    this.#armedForMs = null;
    this.ctx.waitUntil(this.#flush());
  }

  /** One flush at a time; a caller that finds one under way waits for it. Never rejects. */
  #flush(): Promise<void> {
    this.#flushing ??= this.#flushOnce().finally(() => {
      this.#flushing = null;
    });
    return this.#flushing;
  }

  async #flushOnce(): Promise<void> {
    const { archiveIntervalMs, dedupHorizonMs } = this.#config;
    try {
      await flush(this.#ports, { archiveIntervalMs, dedupHorizonMs }, Date.now());
      this.#failures = 0;
    } catch (fault) {
      // A sink is down or slow. The log keeps everything; try again soon, and less and less often.
      this.#failures++;
      logFault("flush_failed", fault, { shard: this.#ports.owner.shard, failures: this.#failures });
    }
    this.#rearm();
  }

  /** Arms the alarm for the earliest work that is left, if any. */
  #rearm(): void {
    const nowMs = Date.now();
    const unposted = this.#log.waitingAfter(this.#log.cursor(POSTED_CURSOR).read());
    this.#unpostedChars = unposted.chars;
    const archiveMs = archiveDueMs(this.#log, this.#config.archiveIntervalMs);
    if (unposted.rows === 0 && archiveMs === null) return;
    const postMs = unposted.rows > 0 ? nowMs + this.#config.flushIntervalMs : Number.POSITIVE_INFINITY;
    const earliestMs = Math.min(postMs, archiveMs ?? Number.POSITIVE_INFINITY);
    const backoffMs =
      this.#failures === 0 ? 0 : Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(this.#failures, 6));
    this.#arm(Math.max(earliestMs, nowMs + backoffMs));
  }
}
