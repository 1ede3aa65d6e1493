/**
 * Pages of repeats in memory, behind the port of shard/repeat-pages.ts, with transactions.
 *
 * Keeps: a transaction that throws leaves no page of itself. Each write first passes `failpoint`: a crash between two
 * pages.
 */
import type { IdPage } from "../../src/core/id-page.ts";
import type { PageSizes, PageStore, StoredPage } from "../../src/shard/repeat-pages.ts";
import type { Journal } from "./journal.ts";
import { putBack } from "./memory-shard-log.ts";

/** Three or four ids a page, so that a small simulation cuts and gathers pages. */
export const SMALL_PAGES: PageSizes = { bytesMax: 70, gathered: 2 };

export class MemoryPages implements PageStore {
  /** By hour, then by lowest rank. */
  readonly #hours = new Map<number, Map<number, IdPage>>();
  readonly #journal: Journal;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  find(hour: number, rank: number): StoredPage | null {
    const ranks = this.#ranks(hour);
    const at = ranks.findLastIndex((lowest) => lowest <= rank);
    const lowest = ranks[at];
    const ids = lowest === undefined ? undefined : this.#hours.get(hour)?.get(lowest);
    return lowest === undefined || ids === undefined ? null : { lowest, ids, next: ranks[at + 1] ?? null };
  }

  put(hour: number, lowest: number, ids: IdPage): void {
    this.#journal.failpoint();
    this.#set(hour, lowest, ids);
  }

  remove(hour: number, lowest: number): void {
    this.#journal.failpoint();
    this.#set(hour, lowest, undefined);
  }

  last(hour: number, pages: number): { lowest: number; bytes: number }[] {
    const held = this.#hours.get(hour);
    return this.#ranks(hour)
      .slice(-pages)
      .map((lowest) => ({ lowest, bytes: held?.get(lowest)?.length ?? 0 }));
  }

  oldestHour(): number | null {
    const hours = Array.from(this.#hours, ([hour, pages]) => (pages.size === 0 ? Number.POSITIVE_INFINITY : hour));
    const oldest = Math.min(...hours);
    return Number.isFinite(oldest) ? oldest : null;
  }

  dropBefore(hour: number): void {
    for (const [at, pages] of Array.from(this.#hours)) {
      if (at >= hour) continue;
      this.#hours.delete(at);
      this.#journal.onEnd((end) => {
        if (end === "abort") this.#hours.set(at, pages);
      });
    }
  }

  /** Takes a copy; the function that is returned puts it back. */
  copy(): () => void {
    const hours = new Map(Array.from(this.#hours, ([hour, pages]) => [hour, new Map(pages)]));
    return () => putBack(this.#hours, new Map(Array.from(hours, ([hour, pages]) => [hour, new Map(pages)])));
  }

  #ranks(hour: number): number[] {
    return Array.from(this.#hours.get(hour)?.keys() ?? []).sort((a, b) => a - b);
  }

  #set(hour: number, lowest: number, ids: IdPage | undefined): void {
    const pages = this.#hours.get(hour) ?? new Map<number, IdPage>();
    this.#hours.set(hour, pages);
    const before = pages.get(lowest);
    const write = (page: IdPage | undefined) => (page === undefined ? pages.delete(lowest) : pages.set(lowest, page));
    this.#journal.onEnd((end) => {
      if (end === "abort") write(before);
    });
    write(ids);
  }
}
