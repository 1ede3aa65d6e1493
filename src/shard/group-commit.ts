/**
 * Group commit: calls that come close behind each other share one transaction, and so one row of the log.
 *
 *   a call ─▶ gathered ─┬─ nothing was committed for a hold        ─▶ at once: who is seldom called holds nobody
 *                       ├─ there are many events, or it is awaited ─▶ all at once
 *                       └─ else                                    ─▶ all, a hold after the last commit
 *
 * Keeps: a call hears nothing before its own events are committed, and hears of nobody else's. Where a group cannot be
 * committed each of its calls is tried by itself, so a fault stays with whom it belongs to. What was held is committed
 * where a call may be at that moment, not where it might have been when it came. What is gathered is bounded, and in
 * memory alone: it is lost with its object, whose callers hear that, and deliver again.
 * Relies on: timers and calls of one object run in one context, so a call may be resolved from another's turn.
 */
import { GROUP_EVENTS, GROUP_HOLD_MS, INGEST_EVENTS_MAX } from "../core/limits.ts";
import type { Timer, Timing } from "../timing.ts";

export type GroupPorts<Item, Outcome> = Timing & {
  /** Resolves when something may be committed, and rejects where nothing may; who submits has just waited for it. */
  readonly ready: () => Promise<void>;
  /** Commits the items of all the calls, or of none and throws; an outcome for each call, in their order. */
  readonly commit: (calls: readonly (readonly Item[])[]) => readonly Outcome[];
};

type Call<Item, Outcome> = {
  readonly items: readonly Item[];
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (fault: unknown) => void;
};

export class GroupCommit<Item, Outcome> {
  readonly #ports: GroupPorts<Item, Outcome>;
  #gathered: Call<Item, Outcome>[] = [];
  #items = 0;
  #committedAtMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | null = null;

  constructor(ports: GroupPorts<Item, Outcome>) {
    this.#ports = ports;
  }

  /** Resolves to the call's outcome when its items are committed; rejects when they are not. */
  submit(items: readonly Item[], isAwaited = false): Promise<Outcome> {
    if (this.#items + items.length > INGEST_EVENTS_MAX) this.#commit();
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
    this.#gathered.push({ items, resolve, reject });
    this.#items += items.length;
    const nowMs = this.#ports.nowMs();
    // A clock that was set back holds nobody for longer.
    const waitMs = Math.min(this.#committedAtMs + GROUP_HOLD_MS - nowMs, GROUP_HOLD_MS);
    if (isAwaited || waitMs <= 0 || this.#items >= GROUP_EVENTS) this.#commit();
    else if (this.#timer === null) this.#hold(waitMs);
    return promise;
  }

  #hold(waitMs: number): void {
    const timer = this.#ports.after(waitMs);
    this.#timer = timer;
    // What it was set for may have been committed meanwhile, and another be set.
    const isStillHeld = () => this.#timer === timer;
    void timer.done
      .then(() => this.#ports.ready())
      .then(
        () => isStillHeld() && this.#commit(),
        (fault: unknown) => isStillHeld() && this.#refuse(fault),
      );
  }

  #commit(): void {
    const calls = this.#take();
    this.#committedAtMs = this.#ports.nowMs();
    if (!this.#settle(calls)) for (const call of calls) this.#settle([call]);
  }

  #refuse(fault: unknown): void {
    for (const { reject } of this.#take()) reject(fault);
  }

  #take(): readonly Call<Item, Outcome>[] {
    const calls = this.#gathered;
    this.#timer?.cancel();
    this.#timer = null;
    this.#gathered = [];
    this.#items = 0;
    return calls;
  }

  /** Commits calls together. False, with nothing committed, where it is not known which of them cannot be. */
  #settle(calls: readonly Call<Item, Outcome>[]): boolean {
    let outcomes: readonly Outcome[];
    try {
      outcomes = this.#ports.commit(calls.map(({ items }) => items));
    } catch (fault) {
      if (calls.length !== 1) return false;
      calls[0]?.reject(fault);
      return true;
    }
    for (const [at, { resolve }] of calls.entries()) resolve(outcomes[at] as Outcome);
    return true;
  }
}
