/**
 * What a shard remembers of events that claim nothing: their ids, by hour of receipt, in packed pages
 * (core/id-page.ts). Pages of one hour lie side by side in the order of the ids; each holds the ids from its lowest
 * rank up to the next page.
 *
 *   rank   0 ─────────── r1 ─────────── r2 ───────→      an id is looked for in one page, and added to one page
 *          │ first page  │ second page  │ last page
 *
 * A page that is full is cut in two. Ids ascend with time, so nearly all are added to the last pages: the events of one
 * call touch one or two, each of them one row.
 *
 * Keeps: exact, whatever ids come in which order. Within a transaction that writes all parts of a cut page or none.
 * Relies on: the caller's transaction.
 */
import { EVENT_ID_BYTES, type EventId, eventIdAt } from "../core/event-id.ts";
import {
  cutRows,
  type IdPage,
  type IdRows,
  mergeRows,
  packPage,
  pageHas,
  rankAt,
  rowCount,
  rowsOf,
  unpackPage,
} from "../core/id-page.ts";

/** Bytes of a page, and pages that are gathered into one. */
export type PageSizes = { readonly bytesMax: number; readonly gathered: number };

export type StoredPage = {
  readonly lowest: number;
  readonly ids: IdPage;
  /** The lowest rank of the page behind it; null for the last. */
  readonly next: number | null;
};

/** Pages by hour and lowest rank. */
export interface PageStore {
  /** The page with the greatest `lowest` that is not above the rank; null when there is none. */
  find(hour: number, rank: number): StoredPage | null;
  put(hour: number, lowest: number, ids: IdPage): void;
  remove(hour: number, lowest: number): void;
  /** The hour's last pages, ascending, by their lowest rank and size. */
  last(hour: number, pages: number): { readonly lowest: number; readonly bytes: number }[];
}

export class RepeatPages {
  readonly #store: PageStore;
  readonly #sizes: PageSizes;
  readonly #highest = new Map<number, string>();

  constructor(store: PageStore, sizes: PageSizes) {
    this.#store = store;
    this.#sizes = sizes;
  }

  /** Those of the ids that were added in that hour. */
  known(hour: number, ids: readonly EventId[]): EventId[] {
    const highest = this.#highestOf(hour);
    const asked = Array.from(new Set(ids.filter((id) => id <= highest))).sort();
    if (asked.length === 0) return [];
    const rows = rowsOf(asked);
    const found: EventId[] = [];
    this.#eachPage(hour, rows, (page, from, to) => {
      if (page === null) return;
      for (let row = from; row < to; row++) if (pageHas(page.ids, rows, row)) found.push(asked[row] as EventId);
    });
    return found;
  }

  /** Adds ids; those that are there already change nothing. */
  add(hour: number, ids: readonly EventId[]): void {
    this.#highest.delete(hour);
    const rows = rowsOf(ids);
    this.#eachPage(hour, rows, (page, from, to) => this.#addTo(hour, page, slice(rows, from, to)));
  }

  /** To be called when the transaction was rolled back, and when hours were dropped. */
  forget(): void {
    this.#highest.clear();
  }

  /** The highest id of an hour, above which most are that are asked for; empty for none. */
  #highestOf(hour: number): string {
    const known = this.#highest.get(hour);
    if (known !== undefined) return known;
    const last = this.#store.find(hour, Number.MAX_SAFE_INTEGER);
    const rows = last === null ? new Uint8Array(0) : unpackPage(last.ids);
    const highest = rows.length === 0 ? "" : eventIdAt(rows, rows.length - EVENT_ID_BYTES);
    this.#highest.set(hour, highest);
    return highest;
  }

  #addTo(hour: number, page: StoredPage | null, added: IdRows): void {
    const held = page === null ? null : unpackPage(page.ids);
    const merged = held === null ? added : mergeRows(held, added);
    if (held !== null && merged.length === held.length) return;
    const { bytesMax, gathered } = this.#sizes;
    const isGathered = page !== null && page.ids.length > bytesMax;
    const isLast = page === null || page.next === null;
    const parts = cutRows(merged, { bytesMax: isGathered ? gathered * bytesMax : bytesMax, isLast });
    for (const [at, part] of parts.entries()) {
      // The first page of an hour takes whatever comes before all others.
      this.#store.put(hour, at === 0 ? (page?.lowest ?? 0) : rankAt(part, 0), packPage(part));
    }
    for (let isMore = parts.length > 1; isMore; ) isMore = this.#gather(hour, parts.length);
  }

  /**
   * Makes one page of several that are not among the last: few more ids come to them, and together they are dense.
   * Returns whether there were so many.
   */
  #gather(hour: number, added: number): boolean {
    const { bytesMax, gathered } = this.#sizes;
    const pages = this.#store.last(hour, 2 * gathered + added);
    const alone = pages.slice(pages.findLastIndex(({ bytes }) => bytes > bytesMax) + 1);
    const [first, ...others] = alone.slice(0, gathered);
    if (first === undefined || alone.length < 2 * gathered) return false;
    const parts = [first, ...others].map(({ lowest }) => this.#store.find(hour, lowest)?.ids);
    this.#store.put(hour, first.lowest, packPage(concat(parts.map((ids) => unpackPage(ids as IdPage)))));
    for (const { lowest } of others) this.#store.remove(hour, lowest);
    return true;
  }

  /** Goes through ascending rows page by page: those from `from` up to `to` belong to the page. */
  #eachPage(hour: number, rows: IdRows, visit: (page: StoredPage | null, from: number, to: number) => void): void {
    const count = rowCount(rows);
    for (let from = 0, to = 0; from < count; from = to) {
      const page = this.#store.find(hour, rankAt(rows, from));
      const next = page?.next ?? null;
      to = from + 1;
      while (to < count && (next === null || rankAt(rows, to) < next)) to++;
      visit(page, from, to);
    }
  }
}

function concat(parts: readonly IdRows[]): IdRows {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function slice(rows: IdRows, from: number, to: number): IdRows {
  const each = rows.length / rowCount(rows);
  return rows.slice(from * each, to * each);
}
