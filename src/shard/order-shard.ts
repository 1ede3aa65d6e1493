/**
 * OrderShard, the Durable Object that decides on conversions, order by order: `orders-<i>`, found by a keyed hash of
 * the order (submission-routing.ts). Like an event shard it is a log with an index of keys; the keys are the orders'.
 *
 *   convert(events)   decide and log conversions; one outcome each
 *   status() sweep() alarm()   as in event-shard.ts
 *
 * Keeps: durable when a call returns (the output gate holds the reply). Public methods are exactly the RPC surface.
 */
import { DurableObject } from "cloudflare:workers";
import { logFault } from "../log.ts";
import type { ShardStatus } from "./flush-runner.ts";
import { SubmissionLog } from "./submission-log.ts";
import {
  type ConversionOutcome,
  decideInPieces,
  rememberConversions,
  submitConversions,
} from "./submit-conversions.ts";

export class OrderShard extends DurableObject<Env> {
  readonly #log: SubmissionLog;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.#log = new SubmissionLog(ctx, env, rememberConversions);
  }

  /** Decides encoded ConversionEvents, each exactly once whatever is sent again. Throws when nothing was tried. */
  async convert(encodedEvents: string[]): Promise<ConversionOutcome[]> {
    await this.#log.ready();
    return decideInPieces(
      encodedEvents,
      (piece) => this.#log.submit((ports, nowMs) => submitConversions(piece, ports, nowMs)),
      (fault, undecidable) =>
        logFault("conversions_undecidable", fault, { conversions: encodedEvents.length, undecidable }),
    );
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
