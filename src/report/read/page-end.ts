/**
 * Where a page ends the reading of slices: in an order by time, slices behind the last window of a full page are not
 * read.
 *
 *   by day and publisher, first 10 000 rows:   read: days 1–20, 21–40, 41–58 │ full, not read: days 59–90
 *
 * Keeps: only groups of windows that no slice left touches are counted, so the first `page.limit` of them are whole.
 * Where totals or another period are asked as well, and for users, all is read.
 */
import { MINUTE_MS } from "../../core/limits.ts";
import { readTierOf, TIER_MS, timeOrderOf } from "../plan/plan.ts";
import { type Slice, stretchesOf } from "../plan/plots.ts";
import type { Share } from "../plan/subqueries.ts";
import { windowEdges } from "../query/windows.ts";
import { groupKey, keyOfRow, type ReadRow } from "./groups.ts";

export class PageEnd {
  readonly #share: Share;
  readonly #isDescending: boolean;
  readonly #edges: readonly number[];

  private constructor(share: Share, isDescending: boolean) {
    this.#share = share;
    this.#isDescending = isDescending;
    this.#edges = windowEdges(share.query.range, share.query);
  }

  /** Null where a page does not end the reading. */
  static of(shares: readonly Share[]): PageEnd | null {
    const [share, another] = shares;
    if (share === undefined || another !== undefined) return null;
    const { page, query } = share;
    const first = timeOrderOf(page);
    if (first === null || query.granularity === "all" || query.metrics.includes("unique_users")) return null;
    return new PageEnd(share, first.isDescending);
  }

  /** Slices in the order of the answer. */
  inOrder<T extends { readonly slice: Slice }>(reads: readonly T[]): T[] {
    const sign = this.#isDescending ? -1 : 1;
    return reads.toSorted((left, right) => sign * (this.#nextWindow([left.slice]) - this.#nextWindow([right.slice])));
  }

  /** Whether the rows fill the page with windows that none of the slices left touches. */
  isFull(rows: readonly (readonly ReadRow[])[], left: readonly Slice[]): boolean {
    const { page, query } = this.#share;
    if (rows.reduce((sum, { length }) => sum + length, 0) < page.limit) return false;
    const next = this.#nextWindow(left);
    const groups = new Set<string>();
    for (const row of rows.flat()) {
      const { window, dimensions } = keyOfRow(row, query);
      if (this.#isDescending ? window > next : window < next) groups.add(groupKey(window, dimensions));
    }
    return groups.size >= page.limit;
  }

  /** The first window, in the order of the answer, that slices touch. */
  #nextWindow(slices: readonly Slice[]): number {
    const minutes = slices.flatMap(({ plots }) =>
      plots.flatMap(({ read }) => {
        const size = TIER_MS[readTierOf(read)] / MINUTE_MS;
        return stretchesOf(read).map(({ from, to }) => (this.#isDescending ? to * size - 1 : from * size));
      }),
    );
    const minute = minutes.reduce((a, b) => (this.#isDescending === a > b ? a : b));
    return this.#edges.findLast((edge) => edge <= minute) ?? this.#edges[0] ?? minute;
  }
}
