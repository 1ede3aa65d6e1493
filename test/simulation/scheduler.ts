/**
 * Virtual time: a priority queue of happenings by instant, and by order of scheduling where instants are equal.
 *
 *   heap of {atMs, serial, kind, run}      run() may schedule more; promises that it settles run before the next one
 *
 * Keeps: instants are whole milliseconds, as clocks tell them. The order is a function of the seed alone. Nothing here reads a clock; an hour without happenings costs
 * nothing. `steps` counts happenings that were carried out, `handed` the events that one of them carried to a
 * station beyond its first (a batch of ten events into a shard is ten decisions in one step).
 * Relies on: a step's promises are settled without real input or output, so one turn of the event loop settles all; and
 * `touch`, since a turn costs as much as a step, and many steps wake nobody.
 */
type Happening = { readonly atMs: number; readonly serial: number; readonly kind: string; run: (() => void) | null };

export type Cancel = () => void;

export class Scheduler {
  nowMs: number;
  steps = 0;
  handed = 0;
  digest = 0x811c9dc5;
  readonly #heap: Happening[] = [];
  #serial = 0;
  #waiting = 0;
  #isTouched = false;

  constructor(startMs: number) {
    this.nowMs = startMs;
  }

  /** How many happenings are still to come. */
  get waiting(): number {
    return this.#waiting;
  }

  after(ms: number, kind: string, run: () => void): Cancel {
    return this.at(this.nowMs + ms, kind, run);
  }

  at(atMs: number, kind: string, run: () => void): Cancel {
    const happening: Happening = { atMs: Math.ceil(Math.max(atMs, this.nowMs)), serial: this.#serial++, kind, run };
    this.#push(happening);
    this.#waiting++;
    return () => {
      if (happening.run !== null) this.#waiting--;
      happening.run = null;
    };
  }

  /** To be called by whoever settles a promise that somebody waits for, or starts work that can go on at once. */
  touch(): void {
    this.#isTouched = true;
  }

  /** Mixes a number into the digest of the run. */
  mix(value: number): void {
    this.digest = Math.imul(this.digest ^ value ^ (value / 4_294_967_296), 0x01000193) >>> 0;
  }

  /** Carries out happenings in order until none is left or the next lies after `untilMs`. */
  async run(untilMs = Number.POSITIVE_INFINITY): Promise<void> {
    for (let next = this.#heap[0]; next !== undefined && next.atMs <= untilMs; next = this.#heap[0]) {
      this.#pop();
      const { run } = next;
      if (run === null) continue;
      next.run = null;
      this.#waiting--;
      this.nowMs = next.atMs;
      this.steps++;
      this.mix(next.atMs);
      this.mix(next.kind.charCodeAt(0) * 256 + next.kind.length);
      run();
      if (!this.#isTouched) continue;
      this.#isTouched = false;
      await turn();
    }
    if (Number.isFinite(untilMs)) this.nowMs = Math.max(this.nowMs, untilMs);
  }

  #push(happening: Happening): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(happening);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent] as Happening;
      if (!isBefore(happening, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = happening;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Happening;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Happening, heap[child] as Happening)) child++;
      if (!isBefore(heap[child] as Happening, last)) break;
      heap[at] = heap[child] as Happening;
      at = child;
    }
    heap[at] = last;
  }
}

/** One turn of the event loop: all promises that can settle have settled. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function isBefore(a: Happening, b: Happening): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.serial < b.serial);
}
