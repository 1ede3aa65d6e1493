/**
 * When a shard flushes: at its alarm, at a call that finds the alarm overdue, or at a sweep; one flush at a time, and
 * again until nothing is left.
 *
 * Before the first event of a session is decided the storage is compared with its archive (recovery.ts); until that is
 * done, `ready` waits, and rejects when R2 does not answer; the rules in force are noted then. A sweep compares again,
 * storage and ledgers.
 *
 * Keeps: an alarm is armed whenever the log holds something that is not posted, not archived or not trimmed. A flush
 * that fails is logged and armed again, less and less often: the platform gives an alarm up after six failures, so none
 * ever reaches it. Nothing here rejects but `ready`.
 * Relies on: one runner per log, made again with its object.
 */

import { StorageSetBackError } from "../archive/archive.ts";
import { SECOND_MS } from "../core/limits.ts";
import { logFault } from "../log.ts";
import { raiseFloor } from "./append.ts";
import { archiveDueMs, flush, packDueMs } from "./flush.ts";
import {
  archivedPlace,
  carriedPlace,
  type FlushPorts,
  FlushSession,
  type FlushSettings,
  postedPlace,
  visiblePlace,
} from "./flush-ports.ts";
import { checkStorage } from "./recovery.ts";
import { noteRules } from "./rules-record.ts";

/** Progress of one shard. Instants are null when nothing waits. */
export type ShardStatus = {
  readonly lastSeq: number;
  /** Up to where reports show the log; `postedSeq` follows some minutes later. */
  readonly visibleSeq: number;
  readonly postedSeq: number;
  readonly archivedSeq: number;
  readonly oldestUnseenReceivedAtMs: number | null;
  readonly oldestUnarchivedLoggedAtMs: number | null;
};

/** What a runner needs of the object that it belongs to. */
export type FlushHost = {
  readonly nowMs: () => number;
  /** Sets the one alarm; part of the same write as what was done before in the same stretch. */
  readonly setAlarm: (atMs: number) => void;
  readonly waitUntil: (work: Promise<void>) => void;
};

export type FlushTiming = FlushSettings & { readonly flushIntervalMs: number };

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
  #heldChars: number;
  /** The place that they were counted behind. */
  #heldFromSeq: number;
  readonly #session = new FlushSession();
  #checking: Promise<void> | null = null;
  /** A ledger or the archive holds what this log never went through. */
  #isSetBack = false;

  constructor(ports: FlushPorts, timing: FlushTiming, host: FlushHost, run = flush) {
    this.#ports = ports;
    this.#timing = timing;
    this.#host = host;
    this.#flush = run;
    this.#heldChars = heldChars(ports);
    this.#heldFromSeq = carriedPlace(ports).seq;
  }

  /** Characters of log that a report database or the archive has not yet. */
  get heldChars(): number {
    return this.#heldChars;
  }

  /** Resolves at once when the storage is known to be of the present; rejects when that cannot be found out. */
  ready(): Promise<void> | undefined {
    return this.#session.lives === null ? this.#check() : undefined;
  }

  /**
   * Compares storage and ledgers with what the sinks hold, and flushes. Resolves to whether every report database was
   * compared and lacks nothing of an earlier life; what is left of this one is posted by the next runs.
   */
  async sweep(): Promise<boolean> {
    await this.#flushing;
    this.#session.lives = null;
    this.#session.checked.clear();
    await this.flush();
    return this.#session.checked.size === this.#ports.reports.byName.size;
  }

  /**
   * Seals what is logged before the instant: nothing is logged into it any more, from this call on. Resolves to whether
   * all of it is in the archive; if not, the caller asks again. Rejects where the archive does not answer.
   */
  async seal(untilMs: number): Promise<boolean> {
    await this.ready();
    const { log, transaction } = this.#ports;
    transaction(() => raiseFloor(log, untilMs));
    const isArchived = () => {
      const { oldestLoggedAtMs } = log.waitingAfter(archivedPlace(this.#ports).seq);
      return oldestLoggedAtMs === null || oldestLoggedAtMs >= untilMs;
    };
    // Whoever seals compares facts with the log next: what is only shown is posted.
    if (isArchived() && postedPlace(this.#ports).seq >= log.last().seq) return true;
    await this.archiveNow();
    return isArchived();
  }

  /** Archives and posts all that is logged, due or not. */
  async archiveNow(): Promise<void> {
    await this.#flushing;
    const atOnce = { archiveIntervalMs: Number.NEGATIVE_INFINITY, postIntervalMs: Number.NEGATIVE_INFINITY };
    this.#flushing ??= this.#flushOnce(atOnce).finally(() => {
      this.#flushing = null;
    });
    await this.#flushing;
  }

  /** To be called after every change of the log, with the characters that it added. */
  appended(chars: number): void {
    this.#heldChars += chars;
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
    const posted = postedPlace(this.#ports);
    const archived = archivedPlace(this.#ports);
    const noted = log.visible().read() ?? posted;
    const visible = noted.seq < posted.seq ? posted : noted;
    const waiting = log.waitingAfter(visible.seq).oldestReceivedAtMs;
    return {
      lastSeq: log.last().seq,
      visibleSeq: visible.seq,
      postedSeq: posted.seq,
      archivedSeq: archived.seq,
      // Behind the tail a database was set back: all since then is missing from it.
      oldestUnseenReceivedAtMs: visible.seq < log.tail().seq ? visible.loggedAtMs : waiting,
      oldestUnarchivedLoggedAtMs: log.waitingAfter(archived.seq).oldestLoggedAtMs,
    };
  }

  /** Sets the alarm unless an earlier one is set that has not been lost. */
  #arm(atMs: number): void {
    const armedMs = this.#armedForMs;
    if (armedMs !== null && armedMs > this.#host.nowMs() - OVERDUE_MS && armedMs <= atMs) return;
    this.#armedForMs = atMs;
    this.#host.setAlarm(atMs);
  }

  /** One comparison at a time. */
  #check(): Promise<void> {
    this.#checking ??= this.#checkOnce().finally(() => {
      this.#checking = null;
    });
    return this.#checking;
  }

  async #checkOnce(): Promise<void> {
    const lives = await checkStorage(this.#ports, this.#isSetBack);
    const { log, rules, transaction } = this.#ports;
    transaction(() => noteRules(log, rules));
    this.#session.lives = lives;
    this.#isSetBack = false;
  }

  async #flushOnce(settings: FlushSettings = this.#timing): Promise<void> {
    try {
      await this.ready();
      await this.#flush(this.#ports, settings, this.#host.nowMs(), this.#session);
      this.#failures = 0;
    } catch (fault) {
      // A sink is down or slow. The log keeps everything; try again soon, and less and less often.
      this.#failures++;
      if (fault instanceof StorageSetBackError) {
        this.#session.lives = null;
        this.#isSetBack ||= fault.isCertain;
      }
      logFault("flush_failed", fault, { shard: this.#ports.shard, failures: this.#failures });
    }
    this.#rearm();
  }

  /** Arms the alarm for the earliest work that is left, if any. */
  #rearm(): void {
    const { log, reports } = this.#ports;
    const nowMs = this.#host.nowMs();
    // Counted again where something was carried: a log of minutes is not read with every flush.
    const carried = carriedPlace(this.#ports).seq;
    if (carried !== this.#heldFromSeq) this.#heldChars = heldChars(this.#ports);
    this.#heldFromSeq = carried;
    const last = log.last().seq;
    const isUnseen = visiblePlace(this.#ports, this.#session).seq < last;
    const isUnposted = postedPlace(this.#ports).seq < last;
    const isBehind = this.#session.checked.size < reports.byName.size;
    const archiveMs = archiveDueMs(this.#ports, this.#timing.archiveIntervalMs);
    const packMs = packDueMs(this.#ports, this.#timing.archiveIntervalMs);
    if (!isUnposted && !isBehind && archiveMs === null && packMs === null) return;
    const soonMs = nowMs + this.#timing.flushIntervalMs;
    const postMs = isUnposted ? Math.max(soonMs, this.#session.postDueMs) : Number.POSITIVE_INFINITY;
    const carryMs = isUnseen || isBehind ? soonMs : postMs;
    const earliestMs = Math.min(carryMs, archiveMs ?? Number.POSITIVE_INFINITY, packMs ?? Number.POSITIVE_INFINITY);
    const backoffMs =
      this.#failures === 0 ? 0 : Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(this.#failures, 6));
    this.#arm(Math.max(earliestMs, nowMs + backoffMs));
  }
}

/** What some sink does not have yet. */
function heldChars(ports: FlushPorts): number {
  return ports.log.waitingAfter(carriedPlace(ports).seq).chars;
}
