/**
 * Whose slice runs: dear reads are cut into short statements (src/report/read/sliced.ts), and at a database one of them
 * runs at a time, each reader's in turn.
 *
 *   next(pass) ─▶ its slice before is done ─▶ … others' slices, others' light reads … ─▶ its turn
 *
 * Keeps: at most one slice of all is with the database, so whoever comes waits for one at most. A slice lets light
 * reads of other tenants go first, for `YIELD_MS` at most, so that it comes on however many they are. The tenant that
 * was served the longest ago is next. A turn comes back by `next`, by `end`, or when nothing was heard for `LEASE_MS`.
 */
import type { ReadBudget } from "../core/read-budget.ts";
import type { Clock } from "./read-line.ts";
import type { Refusal } from "./read-problems.ts";

/** What a read in slices asks the gate of a database (read-pass.ts). */
export type SliceTurns = {
  /** Charges what will be read, before it is; a refusal where the budget does not hold it. */
  readonly claim: (rows: number) => Promise<Refusal | null>;
  /** Resolves when the next slice may run. */
  readonly next: () => Promise<void>;
};

/** How long a slice lets light reads of others go first. */
export const YIELD_MS = 100;
/**
 * Between a slice and the next, at least, so that whoever is not at the gate yet gets there: their key is looked up
 * before. Where another tenant was here lately it is as long as the slice took.
 */
export const PAUSE_MS = 4;
const LATELY_MS = 10_000;
/** A slice takes a tenth of it. */
export const LEASE_MS = 1_000;

type Waiting = {
  readonly pass: number;
  readonly tenant: string;
  readonly sinceMs: number;
  readonly wake: (isHeld: boolean) => void;
};

export class SliceLine {
  readonly #budget: Pick<ReadBudget, "keepRead" | "lightBeside" | "wasBeside">;
  readonly #clock: Clock;
  readonly #waiting = new Set<Waiting>();
  /** Tenant → when it was served, by number. */
  readonly #served = new Map<string, number>();
  #turns = 0;
  #holder: { readonly pass: number; readonly tenant: string; readonly untilMs: number } | null = null;
  #pauseUntilMs = 0;
  #cancel: (() => void) | null = null;

  constructor(budget: Pick<ReadBudget, "keepRead" | "lightBeside" | "wasBeside">, clock: Clock) {
    this.#budget = budget;
    this.#clock = clock;
  }

  /** Resolves at the pass's turn; false where the pass is gone. */
  next(pass: number): Promise<boolean> {
    const nowMs = this.#clock.nowMs();
    const tenant = this.#budget.keepRead(pass, nowMs);
    this.#release(pass);
    const turn =
      tenant === null
        ? Promise.resolve(false)
        : new Promise<boolean>((wake) => this.#waiting.add({ pass, tenant, sinceMs: nowMs, wake }));
    this.advance();
    return turn;
  }

  /** The pass has no more slices. */
  end(pass: number): void {
    this.#release(pass);
    for (const waiting of this.#waiting) {
      if (waiting.pass !== pass) continue;
      this.#waiting.delete(waiting);
      waiting.wake(false);
    }
    this.advance();
  }

  /** Gives the turn to whoever may have it now. */
  advance(): void {
    this.#cancel?.();
    this.#cancel = null;
    const nowMs = this.#clock.nowMs();
    if (this.#waiting.size === 0) {
      if (this.#holder === null) this.#served.clear();
      return;
    }
    const takenUntilMs = this.#holder?.untilMs ?? this.#pauseUntilMs;
    if (takenUntilMs > nowMs) {
      this.#wakeAfter(takenUntilMs - nowMs);
      return;
    }
    const inTurn = Array.from(this.#waiting).toSorted(
      (left, right) => this.#servedAt(left) - this.#servedAt(right) || left.sinceMs - right.sinceMs,
    );
    const next = inTurn.find((waiting) => this.#mayRun(waiting, nowMs));
    if (next === undefined) {
      this.#wakeAfter(Math.min(...inTurn.map(({ sinceMs }) => sinceMs + YIELD_MS - nowMs)));
      return;
    }
    this.#waiting.delete(next);
    this.#turns++;
    this.#served.set(next.tenant, this.#turns);
    this.#holder = { pass: next.pass, tenant: next.tenant, untilMs: nowMs + LEASE_MS };
    next.wake(true);
  }

  #release(pass: number): void {
    const held = this.#holder;
    if (held === null || held.pass !== pass) return;
    this.#holder = null;
    const nowMs = this.#clock.nowMs();
    const tookMs = Math.min(LEASE_MS, nowMs - (held.untilMs - LEASE_MS));
    const hasOthers = this.#budget.wasBeside(held.tenant, nowMs - LATELY_MS);
    this.#pauseUntilMs = nowMs + Math.max(PAUSE_MS, hasOthers ? tookMs : 0);
  }

  #mayRun({ tenant, sinceMs }: Waiting, nowMs: number): boolean {
    return nowMs - sinceMs >= YIELD_MS || this.#budget.lightBeside(tenant) === 0;
  }

  #servedAt({ tenant }: Waiting): number {
    return this.#served.get(tenant) ?? 0;
  }

  #wakeAfter(ms: number): void {
    this.#cancel = this.#clock.wakeAfter(Math.max(1, ms), () => this.advance());
  }
}
