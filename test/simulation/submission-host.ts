/**
 * A simulated shard of conversions (`orders-<i>`) or uploaded counts (`counts-<i>`): the book of what was submitted beside
 * the log, and the object over them, which follows src/shard/submission-object.ts.
 */

import type { SubmissionBook } from "../../src/shard/submission-book.ts";
import {
  type ConversionOutcome,
  forgottenPeriod,
  type Submitted,
  type Upload,
  type UploadOutcome,
} from "../../src/shard/submit.ts";
import { SUBMISSION_SHARDS } from "./faults.ts";
import { type Ground, ShardHost, ShardObject } from "./shard-host.ts";

export class SubmissionHost extends ShardHost<SubmissionObject> {
  readonly book: SubmissionBook;

  constructor(name: string, ground: Ground) {
    super(name, SUBMISSION_SHARDS, ground);
    this.book = ground.parts.makeBook(this.journal);
  }

  protected override make(): SubmissionObject {
    return new SubmissionObject(this);
  }
}

class SubmissionObject extends ShardObject {
  readonly #host: SubmissionHost;

  constructor(host: SubmissionHost) {
    const forget = (nowMs: number) => host.book.dropBefore(forgottenPeriod(nowMs));
    super(host, forget, host.ground.settings.submissionFlushIntervalMs);
    this.#host = host;
  }

  convert(encodedEvents: readonly string[]): ConversionOutcome[] {
    const { log, book, journal, nowMs, ground } = this.#host;
    ground.scheduler.handed += encodedEvents.length - 1;
    const transact = <T>(closure: () => T) => journal.transaction(closure);
    return this.#submit(() => ground.parts.convert(encodedEvents, { log, book, nowMs }, transact));
  }

  upload(upload: Upload): UploadOutcome {
    const { log, book, journal, nowMs, ground } = this.#host;
    ground.scheduler.handed += upload.encodedRows.length - 1;
    const transact = <T>(closure: () => T) => journal.transaction(closure);
    return this.#submit(() => ground.parts.upload(upload, { log, book, nowMs }, transact));
  }

  #submit<T>(decide: () => Submitted<T>): T {
    this.refuseOverload();
    const { result, chars } = decide();
    this.appended(chars);
    return result;
  }
}
