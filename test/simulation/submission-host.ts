/**
 * A simulated shard of conversions (`orders-<i>`) or uploaded counts (`counts-<i>`): the book of what was submitted beside
 * the log, and the object over them, which follows src/shard/submission-shard.ts.
 */

import type { LogEntry } from "../../src/core/log-line.ts";
import type { SubmissionBook } from "../../src/shard/submission-book.ts";
import {
  type ConversionOutcome,
  forgottenPeriod,
  periodOf,
  type Submitted,
  type Upload,
  type UploadOutcome,
} from "../../src/shard/submit.ts";
import { SUBMISSION_SHARDS } from "./faults.ts";
import type { Copyable } from "./parts.ts";
import { type Ground, ShardHost, ShardObject } from "./shard-host.ts";

export class SubmissionHost extends ShardHost<SubmissionObject> {
  readonly book: SubmissionBook & Copyable;

  constructor(name: string, ground: Ground) {
    super(name, SUBMISSION_SHARDS, ground);
    this.book = ground.parts.makeBook(this.journal);
  }

  protected override copyRest(): () => void {
    return this.book.copy();
  }

  protected override make(): SubmissionObject {
    return new SubmissionObject(this);
  }
}

class SubmissionObject extends ShardObject {
  readonly #host: SubmissionHost;

  constructor(host: SubmissionHost) {
    const { rememberSubmissions } = host.ground.parts;
    const own = {
      forget: (nowMs: number) => host.book.dropBefore(forgottenPeriod(nowMs)),
      remember: (entries: readonly LogEntry[]) => rememberSubmissions(entries, host.book, periodOf(host.nowMs)),
    };
    super(host, own, host.ground.settings.submissionFlushIntervalMs);
    this.#host = host;
  }

  async convert(encodedEvents: readonly string[]): Promise<ConversionOutcome[]> {
    await this.ready();
    const { log, book, journal, nowMs, ground } = this.#host;
    ground.scheduler.handed += encodedEvents.length - 1;
    const transact = <T>(closure: () => T) => journal.transaction(closure);
    return this.#submit(() => ground.parts.convert(encodedEvents, { log, book, nowMs }, transact));
  }

  async upload(upload: Upload): Promise<UploadOutcome> {
    await this.ready();
    const { log, book, journal, nowMs, ground } = this.#host;
    ground.scheduler.handed += upload.encodedRows.length - 1;
    const transact = <T>(closure: () => T) => journal.transaction(closure);
    return this.#submit(() => ground.parts.upload(upload, { log, book, nowMs }, transact));
  }

  #submit<T>(decide: () => Submitted<T>): T {
    const { result, chars } = decide();
    this.appended(chars);
    return result;
  }
}
