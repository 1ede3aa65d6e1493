/**
 * SubmissionShard, the Durable Object that decides on what others submit: `orders-<i>` on conversions, `counts-<i>` on
 * uploaded impression counts. Like an event shard it is a log with an index of keys; the keys are the submitters'.
 *
 *   convert(events)   decide and log conversions; one outcome each
 *   upload(upload)    log a batch of counts, once
 *   status() sweep() alarm()   as in shard/event-shard.ts
 *
 * Keeps: durable when a call returns (the output gate holds the reply). Public methods are exactly the RPC surface.
 */
import { DurableObject } from "cloudflare:workers";
import { type Config, readConfig } from "../config.ts";
import { logFault } from "../log.ts";
import { type OwnPorts, runnerOn } from "./flush-host.ts";
import type { FlushRunner, ShardStatus } from "./flush-runner.ts";
import { rememberSubmissions } from "./remember-submissions.ts";
import { migrate } from "./schema.ts";
import { LogStore } from "./sqlite-shard-log.ts";
import { SqliteSubmissionBook } from "./sqlite-submission-book.ts";
import {
  type ConversionOutcome,
  decideInPieces,
  forgottenPeriod,
  periodOf,
  type Submitted,
  submitConversions,
  submitCounts,
  type Upload,
  type UploadOutcome,
} from "./submit.ts";

export class SubmissionShard extends DurableObject<Env> {
  readonly #config: Config;
  readonly #log: LogStore;
  readonly #book: SqliteSubmissionBook;
  readonly #runner: FlushRunner;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#config = readConfig(env);
    migrate(ctx.storage);
    this.#log = new LogStore(ctx.storage.sql);
    const book = new SqliteSubmissionBook(ctx.storage.sql);
    this.#book = book;
    const { submissionFlushIntervalMs: flushIntervalMs, archiveIntervalMs, newAdvertisersTo } = this.#config;
    const own: OwnPorts = {
      forget: (nowMs) => book.dropBefore(forgottenPeriod(nowMs)),
      remember: (entries) => rememberSubmissions(entries, book, periodOf(Date.now())),
    };
    this.#runner = runnerOn(ctx, env, this.#log, own, { flushIntervalMs, archiveIntervalMs, newAdvertisersTo });
  }

  /** Decides encoded ConversionEvents, each exactly once whatever is sent again. Throws when nothing was tried. */
  async convert(encodedEvents: string[]): Promise<ConversionOutcome[]> {
    await this.#ready();
    const ports = { log: this.#log, book: this.#book };
    return decideInPieces(
      encodedEvents,
      (piece) => this.#submit(() => submitConversions(piece, ports, Date.now())),
      (fault, undecidable) =>
        logFault("conversions_undecidable", fault, { conversions: encodedEvents.length, undecidable }),
    );
  }

  /** Counts an upload once. Throws when nothing was decided. */
  async upload(upload: Upload): Promise<UploadOutcome> {
    await this.#ready();
    const ports = { log: this.#log, book: this.#book };
    return this.#submit(() => submitCounts(upload, ports, Date.now()));
  }

  async status(): Promise<ShardStatus> {
    return this.#runner.status();
  }

  async sweep(): Promise<boolean> {
    return this.#runner.sweep();
  }

  override async alarm(): Promise<void> {
    await this.#runner.alarm();
  }

  async #ready(): Promise<void> {
    await this.#runner.ready();
    if (this.#runner.heldChars > this.#config.logBacklogCharsMax) {
      throw new Error("shard_overloaded: the log that is not posted or not archived is full");
    }
  }

  #submit<T>(decide: () => Submitted<T>): T {
    const { result, chars } = this.ctx.storage.transactionSync(decide);
    this.#runner.appended(chars);
    return result;
  }
}
