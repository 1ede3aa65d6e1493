/**
 * A simulated shard of conversions (`orders-<i>`) or uploaded counts (`counts-<i>`): the book of what was submitted beside
 * the log, and the object over them, which follows src/shard/order-shard.ts or src/shard/counts-shard.ts.
 */

import type { LogEntry } from "../../src/core/log-line.ts";
import type { SubmissionBook } from "../../src/shard/submission-book.ts";
import { forgottenPeriod, periodOf, type SubmitPorts, type Submitted } from "../../src/shard/submit.ts";
import type { ConversionOutcome } from "../../src/shard/submit-conversions.ts";
import type { Upload, UploadOutcome } from "../../src/shard/submit-counts.ts";
import { SUBMISSION_SHARDS } from "./faults.ts";
import type { Copyable, Transact } from "./parts.ts";
import { type Ground, ShardHost, ShardObject } from "./shard-host.ts";

type Remember = (entries: readonly LogEntry[], book: SubmissionBook, period: number) => void;

abstract class SubmissionHost<T extends SubmissionObject> extends ShardHost<T> {
  readonly book: SubmissionBook & Copyable;

  constructor(name: string, ground: Ground) {
    super(name, SUBMISSION_SHARDS, ground);
    this.book = ground.parts.makeBook(this.journal);
  }

  protected override copyRest(): () => void {
    return this.book.copy();
  }
}

export class OrderHost extends SubmissionHost<OrderObject> {
  protected override make(): OrderObject {
    return new OrderObject(this, this.ground.parts.rememberConversions);
  }
}

export class CountsHost extends SubmissionHost<CountsObject> {
  protected override make(): CountsObject {
    return new CountsObject(this, this.ground.parts.rememberCounts);
  }
}

abstract class SubmissionObject extends ShardObject {
  readonly #host: SubmissionHost<SubmissionObject>;

  constructor(host: SubmissionHost<SubmissionObject>, remember: Remember) {
    const own = {
      forget: (nowMs: number) => host.book.dropBefore(forgottenPeriod(nowMs)),
      remember: (entries: readonly LogEntry[]) => remember(entries, host.book, periodOf(host.nowMs)),
    };
    super(host, own, host.ground.settings.submissionFlushIntervalMs);
    this.#host = host;
  }

  /** Decides on so many rows when it may. */
  protected async submit<T>(
    rows: number,
    decide: (ports: SubmitPorts & { nowMs: number }, transact: Transact) => Submitted<T>,
  ): Promise<T> {
    await this.ready();
    const { log, book, journal, nowMs, ground } = this.#host;
    ground.scheduler.handed += rows - 1;
    const { result, chars } = decide({ log, book, nowMs }, (closure) => journal.transaction(closure));
    this.appended(chars);
    return result;
  }

  protected get parts(): Ground["parts"] {
    return this.#host.ground.parts;
  }
}

class OrderObject extends SubmissionObject {
  convert(encodedEvents: readonly string[]): Promise<ConversionOutcome[]> {
    return this.submit(encodedEvents.length, (ports, transact) => this.parts.convert(encodedEvents, ports, transact));
  }
}

class CountsObject extends SubmissionObject {
  upload(upload: Upload): Promise<UploadOutcome> {
    return this.submit(upload.encodedRows.length, (ports, transact) => this.parts.upload(upload, ports, transact));
  }
}
