/**
 * CountsShard, the Durable Object that counts uploaded batches of impressions once: `counts-<i>`, found by a keyed hash
 * of the batch (submission-routing.ts). Like an event shard it is a log with an index of keys, which are the batches'.
 *
 *   upload(upload)    log a batch of counts, once
 *   status() sweep() alarm()   as in event-shard.ts
 *
 * Keeps: durable when a call returns (the output gate holds the reply). Public methods are exactly the RPC surface.
 */
import { DurableObject } from "cloudflare:workers";
import type { ShardStatus } from "./flush-runner.ts";
import { SubmissionLog } from "./submission-log.ts";
import { rememberCounts, submitCounts, type Upload, type UploadOutcome } from "./submit-counts.ts";

export class CountsShard extends DurableObject<Env> {
  readonly #log: SubmissionLog;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#log = new SubmissionLog(ctx, env, rememberCounts);
  }

  /** Counts an upload once. Throws when nothing was decided. */
  async upload(upload: Upload): Promise<UploadOutcome> {
    await this.#log.ready();
    return this.#log.submit((ports, nowMs) => submitCounts(upload, ports, nowMs));
  }

  async status(): Promise<ShardStatus> {
    return this.#log.runner.status();
  }

  async sweep(): Promise<boolean> {
    return this.#log.runner.sweep();
  }

  /** Seals the log up to an instant; whether all before it is in the archive (flush-runner.ts). */
  async seal(untilMs: number): Promise<boolean> {
    return this.#log.runner.seal(untilMs);
  }

  /** Archives what is logged, due or not. */
  async archiveNow(): Promise<void> {
    await this.#log.runner.archiveNow();
  }

  override async alarm(): Promise<void> {
    await this.#log.runner.alarm();
  }
}
