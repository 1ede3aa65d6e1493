/**
 * Where a page ends the reading: what is dear and in the order of time is read from the first windows of its range, as
 * many as fill the page.
 *
 *   90 days by day and ad, first 10 000 rows:   day 1 │ 2 180 groups ─▶ days 1–6 │ 12 900 groups: full, the answer
 *
 * Keeps: each try is a whole reading of its own, of one moment like any other (sliced.ts), and the last is the answer:
 * windows behind a full page are no part of it. Tries grow, so those before the last are together less than it.
 */
import { MINUTE_MS } from "../../core/limits.ts";
import { timeOrderOf } from "../plan/plan.ts";
import type { Ask } from "../plan/subqueries.ts";
import { isManyValued } from "../query/fields.ts";
import type { ReportQuery } from "../query/query.ts";
import { type Range, windowEdges } from "../query/windows.ts";

/** The first try is about this part of the windows. */
const FIRST_PART = 1 / 128;
/** A try is longer than what the one before lets expect, since windows differ. */
const MARGIN = 1.1;
const GROWTH_LEAST = 1.5;
/** What the first windows hold says little of the others where it is less than this, or nothing. */
const TELLING = 100;
const GROWTH_UNTOLD = 8;
/** So many groups a window of few-valued dimensions has as a rule. */
const FEW = 32;
/** Where more than this part of the windows would be read, all are. */
const MOST_PART = 0.8;

export class FirstWindows {
  readonly #ask: Ask;
  readonly #isDescending: boolean;
  readonly #edges: readonly number[];
  #windows: number;
  #tries = 0;

  private constructor(ask: Ask, isDescending: boolean) {
    this.#ask = ask;
    this.#isDescending = isDescending;
    this.#edges = windowEdges(ask.query.range, ask.query);
    this.#windows = Math.ceil(this.#all * FIRST_PART);
  }

  /** Null where all is asked for: totals, another period, or a page in another order. */
  static of([ask, another]: readonly Ask[]): FirstWindows | null {
    if (ask === undefined || another !== undefined || ask.query.granularity === "all") return null;
    const first = timeOrderOf(ask.page);
    if (first === null) return null;
    const windows = new FirstWindows(ask, first.isDescending);
    return windows.#all * groupsOf(ask.query) > ask.page.limit ? windows : null;
  }

  /** What is to be read next; null where that is the whole range. */
  get range(): Range | null {
    if (this.#windows > this.#all * MOST_PART) return null;
    const { fromMs, toMs } = this.#ask.query.range;
    const at = (edge: number) => (this.#edges[edge] ?? 0) * MINUTE_MS;
    if (this.#isDescending) return { fromMs: Math.max(fromMs, at(this.#all - this.#windows)), toMs };
    return { fromMs, toMs: Math.min(toMs, at(this.#windows)) };
  }

  /** The windows of `range` have only so many groups. */
  widen(groups: number): void {
    const isTelling = groups >= TELLING || (groups > 0 && this.#tries > 0);
    const growth = isTelling ? (MARGIN * this.#ask.page.limit) / groups : GROWTH_UNTOLD;
    this.#windows = Math.ceil(this.#windows * Math.max(GROWTH_LEAST, growth));
    this.#tries++;
  }

  get #all(): number {
    return this.#edges.length - 1;
  }
}

/** As many as a window may be expected to have. */
function groupsOf({ dimensions }: ReportQuery): number {
  if (dimensions.some(({ dimension }) => isManyValued(dimension))) return Number.POSITIVE_INFINITY;
  return dimensions.length === 0 ? 1 : FEW;
}
