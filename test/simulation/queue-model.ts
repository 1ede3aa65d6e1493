/**
 * A queue as the platform describes it: at least once, in any order, in batches, with retries and a dead-letter queue.
 *
 *   send → waiting ──batch──▶ consumer ─┬─ ack      → gone (and sometimes delivered once more)
 *                     ▲                 ├─ retry(s) → waiting, attempts + 1, or the dead-letter queue
 *                     └─────────────────┴─ dies     → waiting: none of its acknowledgements took effect
 *
 * Keeps: a message that was taken is delivered until it is acknowledged or becomes a dead letter.
 */
import { MINUTE_MS, SECOND_MS } from "../../src/core/limits.ts";
import type { IncomingBatch, IncomingMessage } from "../../src/queue/consumer.ts";
import type { Faults } from "./faults.ts";
import type { Scheduler } from "./scheduler.ts";

type Held = { readonly id: string; readonly body: string; readonly timestamp: Date; attempts: number };

/** Consumes one batch; `isAlive` turns false when the consumer dies. */
export type Consume = (batch: IncomingBatch, isAlive: () => boolean) => Promise<void>;

export type QueueOptions = {
  readonly name: string;
  readonly retriesMax: number;
  readonly batchMax: number;
  readonly consume: Consume;
  readonly deadLetters: QueueModel | null;
};

const BATCH_TIMEOUT_MS = SECOND_MS;
/** The platform ends a consumer that does not come to an end. */
const CONSUMER_LIFE_MS = 5 * MINUTE_MS;

type Settled = "ack" | { readonly delayMs: number };

export class QueueModel {
  readonly name: string;
  readonly #options: QueueOptions;
  readonly #scheduler: Scheduler;
  readonly #faults: Faults;
  #ready: Held[] = [];
  #held = 0;
  #serial = 0;
  #isPumping = false;

  constructor(options: QueueOptions, scheduler: Scheduler, faults: Faults) {
    this.name = options.name;
    this.#options = options;
    this.#scheduler = scheduler;
    this.#faults = faults;
  }

  /** Messages that are taken and not yet gone. */
  get size(): number {
    return this.#held;
  }

  take(body: string, { id, at }: { id?: string; at?: Date } = {}): void {
    const timestamp = at ?? new Date(this.#scheduler.nowMs);
    this.#hold({ id: id ?? `${this.name}-${this.#serial++}`, body, timestamp, attempts: 0 }, 0);
  }

  #hold(message: Held, delayMs: number): void {
    this.#held++;
    const chance = this.#faults.stream("queue");
    let waitMs = delayMs;
    if (this.#faults.strikes("queue")) waitMs += chance.unit() * (chance.is(0.2) ? 10 * MINUTE_MS : 8 * SECOND_MS);
    if (waitMs === 0) this.#makeReady(message);
    else this.#scheduler.after(waitMs, "message ready", () => this.#makeReady(message));
  }

  #makeReady(message: Held): void {
    this.#ready.push(message);
    if (this.#isPumping) return;
    this.#isPumping = true;
    this.#scheduler.after(BATCH_TIMEOUT_MS, "batch", () => this.#pump());
  }

  #pump(): void {
    this.#isPumping = false;
    const chance = this.#faults.stream("queue");
    while (this.#ready.length > 0) {
      const isShuffled = this.#faults.strikes("queue");
      if (isShuffled) this.#ready.sort((a, b) => (chance.is(0.5) ? a.id.localeCompare(b.id) : 1));
      this.#deliver(this.#ready.splice(0, isShuffled ? 1 + chance.between(0, 5) : this.#options.batchMax));
    }
  }

  #deliver(held: readonly Held[]): void {
    const settled = new Map<string, Settled>();
    let isOver = false;
    const messages = held.map((message): IncomingMessage => {
      message.attempts++;
      return {
        id: message.id,
        timestamp: message.timestamp,
        body: message.body,
        attempts: message.attempts,
        ack: () => void settled.set(message.id, "ack"),
        retry: ({ delaySeconds = 0 } = {}) => void settled.set(message.id, { delayMs: delaySeconds * SECOND_MS }),
      };
    });
    const end = (isDead: boolean) => {
      if (isOver) return;
      isOver = true;
      giveUp();
      for (const message of held) this.#settle(message, isDead ? { delayMs: SECOND_MS } : settled.get(message.id));
    };
    const lifeMs = this.#faults.strikes("queue", 0.5) ? this.#faults.stream("queue").unit() * 200 : CONSUMER_LIFE_MS;
    const giveUp = this.#scheduler.after(lifeMs, "consumer dies", () => end(true));
    this.#scheduler.touch();
    // A handler that rejects has its whole batch delivered again.
    this.#options
      .consume({ queue: this.name, messages }, () => !isOver)
      .then(
        () => end(false),
        () => end(true),
      );
    if (this.#faults.strikes("queue", 0.3)) this.#duplicate(held);
  }

  /** A second copy of the messages, in flight at the same time. */
  #duplicate(held: readonly Held[]): void {
    for (const { id, body, timestamp } of held) this.#hold({ id: `${id}'`, body, timestamp, attempts: 0 }, 0);
  }

  #settle(message: Held, settled: Settled | undefined): void {
    this.#held--;
    if (settled === "ack" || settled === undefined) {
      if (this.#faults.strikes("queue", 0.3)) this.#hold(message, 30 * SECOND_MS);
      return;
    }
    const { deadLetters, retriesMax } = this.#options;
    if (deadLetters !== null && message.attempts > retriesMax)
      deadLetters.take(message.body, { at: message.timestamp });
    else this.#hold(message, Math.max(1, settled.delayMs));
  }
}
