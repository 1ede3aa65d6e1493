/**
 * When a shard flushes: at its alarm, at a call that finds the alarm overdue, or at a sweep; one flush at a time, and
 * again until nothing is left.
 *
 * Keeps: an alarm is armed whenever the log holds something that is not posted or not archived. A flush that fails is
 * logged and armed again, less and less often: the platform gives an alarm up after six failures, so none ever reaches
 * it. Nothing here rejects.
 * Relies on: one runner per log, made again with its object.
 */
import { SECOND_MS } from "../core/limits.ts";
import { logFault } from "../log.ts";
import { ARCHIVED_CURSOR, archiveDueMs, type FlushPorts, flush, postedSeq } from "./flush.ts";

/** Progress of one shard. Instants are null when nothing waits. */
export type ShardStatus = {
  readonly lastSeq: number;
  readonly postedSeq: number;
  readonly archivedSeq: number;
  readonly oldestUnpostedReceivedAtMs: number | null;
  readonly oldestUnarchivedLoggedAtMs: number | null;
};

/** What a runner needs of the object that it belongs to. */
export type FlushHost = {
  readonly nowMs: () => number;
  /** Sets the one alarm; part of the same write as what was done before in the same stretch. */
  readonly setAlarm: (atMs: number) => void;
  readonly waitUntil: (work: Promise<void>) => void;
};

export type FlushTiming = { readonly flushIntervalMs: number; readonly archiveIntervalMs: number };

/** An alarm that is this late has slipped (the platform allows a minute); the next call does its work. */
const OVERDUE_MS = 5 * SECOND_MS;
const RETRY_MIN_MS = SECOND_MS;
const RETRY_MAX_MS = 60 * SECOND_MS;

export class FlushRunner {
  readonly #ports: FlushPorts;
  readonly #timing: FlushTiming;
  readonly #host: FlushHost;
  readonly #flush: typeof flush;
  #flushing: Promise<void> | null = null;
  #failures = 0;
  /** When the alarm is set for, as far as this instance knows. */
  #armedForMs: number | null = null;
  #unpostedChars: number;

  constructor(ports: FlushPorts, timing: FlushTiming, host: FlushHost, run = flush) {
    this.#ports = ports;
    this.#timing = timing;
    this.#host = host;
    this.#flush = run;
    this.#unpostedChars = ports.log.waitingAfter(postedSeq(ports)).chars;
  }

  /** Characters of log that not every report database has yet. */
  get unpostedChars(): number {
    return this.#unpostedChars;
  }

  /** To be called after every change of the log, with the characters that it added. */
  appended(chars: number): void {
    this.#unpostedChars += chars;
    const nowMs = this.#host.nowMs();
    if (this.#armedForMs !== null && nowMs > this.#armedForMs + OVERDUE_MS) {
      this.#armedForMs = null;
      this.#host.waitUntil(this.flush());
    }
    if (chars > 0) this.#arm(nowMs + this.#timing.flushIntervalMs);
  }

  async alarm(): Promise<void> {
    this.#armedForMs = null;
    await this.flush();
  }

  /** One flush at a time; a caller that finds one under way waits for it. */
  flush(): Promise<void> {
    this.#flushing ??= this.#flushOnce().finally(() => {
      this.#flushing = null;
    });
    return this.#flushing;
  }

  status(): ShardStatus {
    const { log } = this.#ports;
    const posted = postedSeq(this.#ports);
    const archivedSeq = log.cursor(ARCHIVED_CURSOR).read();
    return {
      lastSeq: log.last().seq,
      postedSeq: posted,
      archivedSeq,
      oldestUnpostedReceivedAtMs: log.waitingAfter(posted).oldestReceivedAtMs,
      oldestUnarchivedLoggedAtMs: log.waitingAfter(archivedSeq).oldestLoggedAtMs,
    };
  }

  /** Sets the alarm unless an earlier one is set that has not been lost. */
  #arm(atMs: number): void {
    const armedMs = this.#armedForMs;
    if (armedMs !== null && armedMs > this.#host.nowMs() - OVERDUE_MS && armedMs <= atMs) return;
    this.#armedForMs = atMs;
    this.#host.setAlarm(atMs);
  }

  async #flushOnce(): Promise<void> {
    try {
      await this.#flush(this.#ports, this.#timing, this.#host.nowMs());
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
    const { log } = this.#ports;
    const nowMs = this.#host.nowMs();
    const unposted = log.waitingAfter(postedSeq(this.#ports));
    this.#unpostedChars = unposted.chars;
    const archiveMs = archiveDueMs(log, this.#timing.archiveIntervalMs);
    if (unposted.rows === 0 && archiveMs === null) return;
    const postMs = unposted.rows > 0 ? nowMs + this.#timing.flushIntervalMs : Number.POSITIVE_INFINITY;
    const earliestMs = Math.min(postMs, archiveMs ?? Number.POSITIVE_INFINITY);
    const backoffMs =
      this.#failures === 0 ? 0 : Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(this.#failures, 6));
    this.#arm(Math.max(earliestMs, nowMs + backoffMs));
  }
}
