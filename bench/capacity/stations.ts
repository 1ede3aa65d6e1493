/**
 * The stations of the capacity model: what waits in the order of its coming, with when it came, and who serves it.
 */

/** Clicks of one instant. */
export type Cohort = { readonly cameMs: number; readonly clicks: number };

/** A line whose first ones leave. */
class Line<T> {
  #items: T[] = [];
  #from = 0;

  push(item: T): void {
    this.#items.push(item);
  }

  get first(): T | undefined {
    return this.#items[this.#from];
  }

  leave(): void {
    this.#from++;
    if (this.#from < this.#items.length / 2) return;
    this.#items = this.#items.slice(this.#from);
    this.#from = 0;
  }
}

/** A line of jobs, each with clicks in it and the milliseconds of work that it takes. */
export class Station {
  readonly #jobs = new Line<{ readonly cohorts: readonly Cohort[]; workMs: number }>();
  waitingMs = 0;
  busyMs = 0;

  add(cohorts: readonly Cohort[], workMs: number): void {
    this.#jobs.push({ cohorts, workMs });
    this.waitingMs += workMs;
  }

  /** Works for so long; returns the clicks of the jobs that are done. */
  work(forMs: number): Cohort[] {
    const done: Cohort[] = [];
    let leftMs = forMs;
    for (let job = this.#jobs.first; job !== undefined && leftMs > 0; job = this.#jobs.first) {
      const spentMs = Math.min(leftMs, job.workMs);
      job.workMs -= spentMs;
      leftMs -= spentMs;
      if (job.workMs > 0) break;
      this.#jobs.leave();
      for (const cohort of job.cohorts) done.push(cohort);
    }
    this.busyMs += forMs - leftMs;
    this.waitingMs = Math.max(0, this.waitingMs - (forMs - leftMs));
    return done;
  }
}

/** What waits in a queue until a batch is full or its oldest message old enough. */
export class Backlog {
  readonly #cohorts = new Line<{ readonly cameMs: number; clicks: number }>();
  readonly #perMessage: number;
  messages = 0;
  most = 0;

  constructor(perMessage: number) {
    this.#perMessage = perMessage;
  }

  add(cameMs: number, messages: number): void {
    if (messages <= 0) return;
    this.#cohorts.push({ cameMs, clicks: messages * this.#perMessage });
    this.messages += messages;
    this.most = Math.max(this.most, this.messages);
  }

  get oldestMs(): number {
    return this.#cohorts.first?.cameMs ?? Number.POSITIVE_INFINITY;
  }

  take(messages: number): Cohort[] {
    const taken: Cohort[] = [];
    let left = messages * this.#perMessage;
    for (let first = this.#cohorts.first; first !== undefined && left > 1e-9; first = this.#cohorts.first) {
      const clicks = Math.min(left, first.clicks);
      taken.push({ cameMs: first.cameMs, clicks });
      left -= clicks;
      first.clicks -= clicks;
      if (first.clicks <= 1e-9) this.#cohorts.leave();
    }
    this.messages = Math.max(0, this.messages - messages);
    return taken;
  }
}
