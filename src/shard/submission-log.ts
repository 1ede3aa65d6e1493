/**
 * What an object of submissions stands on: a log like an event shard's, the book of what was submitted, and the runner
 * that carries the log on. What is decided, and how it is remembered, is the object's own (order-shard.ts,
 * counts-shard.ts).
 *
 * Keeps: log and book change in one transaction. Nothing is decided while the log is past its bound, or before the
 * storage is known to be of the present.
 */
import { type Config, readConfig } from "../config.ts";
import type { LogEntry } from "../core/log-line.ts";
import { type OwnPorts, runnerOn } from "./flush-host.ts";
import type { FlushRunner } from "./flush-runner.ts";
import { rulesInForce } from "./rules-record.ts";
import { migrate } from "./schema.ts";
import { LogStore } from "./sqlite-shard-log.ts";
import { SqliteSubmissionBook } from "./sqlite-submission-book.ts";
import type { SubmissionBook } from "./submission-book.ts";
import { forgottenPeriod, periodOf, type SubmitPorts, type Submitted } from "./submit.ts";

export class SubmissionLog {
  readonly runner: FlushRunner;
  readonly #ctx: DurableObjectState;
  readonly #config: Config;
  readonly #ports: SubmitPorts;

  /** `remember` takes entries of this object's archive into the book again. */
  constructor(
    ctx: DurableObjectState,
    env: Env,
    remember: (entries: readonly LogEntry[], book: SubmissionBook, period: number) => void,
  ) {
    this.#ctx = ctx;
    this.#config = readConfig(env);
    migrate(ctx.storage);
    const rules = rulesInForce(this.#config);
    const log = new LogStore(ctx.storage.sql, rules);
    const book = new SqliteSubmissionBook(ctx.storage.sql);
    this.#ports = { log, book };
    const {
      submissionFlushIntervalMs: flushIntervalMs,
      postIntervalMs,
      archiveIntervalMs,
      newAdvertisersTo,
      logBacklogCharsMax,
    } = this.#config;
    const own: OwnPorts = {
      rules,
      forget: (nowMs) => book.dropBefore(forgottenPeriod(nowMs)),
      remember: (entries) => remember(entries, book, periodOf(Date.now())),
    };
    this.runner = runnerOn(ctx, env, log, own, {
      flushIntervalMs,
      postIntervalMs,
      archiveIntervalMs,
      newAdvertisersTo,
      postCharsMax: logBacklogCharsMax / 4,
    });
  }

  /** Waits until something may be decided; rejects where nothing may be. */
  async ready(): Promise<void> {
    await this.runner.ready();
    if (this.runner.heldChars > this.#config.logBacklogCharsMax) {
      throw new Error("shard_overloaded: the log that is not posted or not archived is full");
    }
  }

  /** Decides in one transaction; what it logged is carried on. */
  submit<T>(decide: (ports: SubmitPorts, nowMs: number) => Submitted<T>): T {
    const { result, chars } = this.#ctx.storage.transactionSync(() => decide(this.#ports, Date.now()));
    this.runner.appended(chars);
    return result;
  }
}
