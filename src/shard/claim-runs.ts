/**
 * Looking a key up in the stored runs of its hour, newest first.
 *
 *   key → page whose first key is not above it → filter of its stretch: certainly not there, on to the next run
 *                                              → the page itself: there, released, or not there
 *
 * First keys of the runs of an hour are in memory from its first look-up on (16 bytes a page). Filters are when they
 * were asked lately, up to a bound, and so are the last few pages.
 *
 * Keeps: a filter never decides that a key is there. What is in memory is what the store has: `forget` after a
 * transaction that was taken back.
 */
import { type ClaimPage, findClaim, KEY_BYTES, KEY_WORDS, readKey } from "../core/claim-page.ts";
import type { EventId } from "../core/event-id.ts";
import type { ImpressionKey } from "../core/impression-key.ts";
import { mayHold } from "../core/key-filter.ts";
import type { KeyHash } from "../core/key-hash.ts";
import type { ClaimStore, Run } from "./claim-store.ts";
import type { KeySizes } from "./key-sizes.ts";

/** Pages in memory. */
const PAGES_HELD = 8;

type OpenRun = Run & {
  readonly fences: Uint32Array;
  /** Of each stretch; null where it is not in memory. */
  readonly filters: (Uint8Array | null)[];
  readonly askedAt: number[];
};

export class ClaimRuns {
  readonly #store: ClaimStore;
  readonly #hash: () => KeyHash;
  readonly #sizes: KeySizes;
  readonly #words = new Uint32Array(KEY_WORDS);
  /** All listed runs by hour, newest first; null before they are read. */
  #listed: Map<number, Run[]> | null = null;
  readonly #open = new Map<Run, OpenRun>();
  #filterBytes = 0;
  #asked = 0;
  #pages: { readonly run: Run; readonly page: number; readonly claims: ClaimPage }[] = [];

  constructor(store: ClaimStore, hash: () => KeyHash, sizes: KeySizes) {
    this.#store = store;
    this.#hash = hash;
    this.#sizes = sizes;
  }

  /** The event that has a key; null where it was released, undefined where no run has anything of it. */
  find(hour: number, key: ImpressionKey): EventId | null | undefined {
    const runs = this.of(hour);
    if (runs.length === 0) return undefined;
    readKey(key, this.#words);
    const hash = this.#hash().of(this.#words);
    this.#asked++;
    for (const run of runs) {
      const open = this.#opened(run);
      const page = pageOf(open.fences, this.#words);
      if (page < 0 || !mayHold(this.#filter(open, page), hash)) continue;
      const found = findClaim(this.page(run, page), this.#words);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Listed runs of an hour, newest first. */
  of(hour: number): readonly Run[] {
    return this.#runs().get(hour) ?? [];
  }

  /** Hours that have runs. */
  hours(): number[] {
    return Array.from(this.#runs().keys());
  }

  page(run: Run, page: number): ClaimPage {
    const held = this.#pages.find((each) => each.run === run && each.page === page);
    if (held !== undefined) return held.claims;
    const isAlone = page === run.pages - 1 && page % this.#sizes.stretchPages === 0;
    const claims = this.#store.page(run, page, isAlone);
    this.#pages.push({ run, page, claims });
    if (this.#pages.length > PAGES_HELD) this.#pages.shift();
    return claims;
  }

  /** First keys of a run's pages. */
  fencesOf(run: Run): Uint32Array {
    return this.#opened(run).fences;
  }

  list(run: Run): void {
    this.#store.list(run);
    const runs = this.#runs();
    runs.set(run.hour, [run, ...this.of(run.hour)].sort(newestFirst));
  }

  remove(run: Run): void {
    this.#store.remove(run);
    this.#close(run);
    const left = this.of(run.hour).filter((other) => other !== run);
    if (left.length === 0) this.#runs().delete(run.hour);
    else this.#runs().set(run.hour, left);
  }

  dropBefore(hour: number): void {
    this.#store.dropBefore(hour);
    for (const [at, runs] of Array.from(this.#runs())) {
      if (at >= hour) continue;
      for (const run of runs) this.#close(run);
      this.#runs().delete(at);
    }
  }

  /** To be called when the transaction was rolled back. */
  forget(): void {
    this.#listed = null;
    this.#open.clear();
    this.#pages = [];
    this.#filterBytes = 0;
  }

  #runs(): Map<number, Run[]> {
    this.#listed ??= Map.groupBy(this.#store.runs().sort(newestFirst), ({ hour }) => hour);
    return this.#listed;
  }

  #opened(run: Run): OpenRun {
    const open = this.#open.get(run);
    if (open !== undefined) return open;
    const stretches = Math.ceil(run.pages / this.#sizes.stretchPages);
    const opened: OpenRun = {
      ...run,
      fences: wordsOf(this.#store.fences(run)),
      filters: Array.from({ length: stretches }, () => null),
      askedAt: Array.from({ length: stretches }, () => 0),
    };
    this.#open.set(run, opened);
    return opened;
  }

  #filter(open: OpenRun, page: number): Uint8Array {
    const stretch = Math.floor(page / this.#sizes.stretchPages);
    open.askedAt[stretch] = this.#asked;
    const held = open.filters[stretch];
    if (held !== null && held !== undefined) return held;
    const filter = this.#store.filter(open, stretch * this.#sizes.stretchPages);
    open.filters[stretch] = filter;
    this.#filterBytes += filter.length;
    if (this.#filterBytes > this.#sizes.filterBytesMax) this.#letGo();
    return filter;
  }

  /** Lets go of the filters that were not asked for longest, a quarter of them all. */
  #letGo(): void {
    const held = Array.from(this.#open.values()).flatMap((open) =>
      open.filters.flatMap((filter, stretch) =>
        filter === null ? [] : [{ open, stretch, bytes: filter.length, askedAt: open.askedAt[stretch] ?? 0 }],
      ),
    );
    held.sort((a, b) => a.askedAt - b.askedAt);
    for (const { open, stretch, bytes } of held) {
      if (this.#filterBytes <= this.#sizes.filterBytesMax * 0.75) return;
      open.filters[stretch] = null;
      this.#filterBytes -= bytes;
    }
  }

  #close(run: Run): void {
    const open = this.#open.get(run);
    for (const filter of open?.filters ?? []) this.#filterBytes -= filter?.length ?? 0;
    this.#open.delete(run);
    this.#pages = this.#pages.filter((page) => page.run !== run);
  }
}

function newestFirst(a: Run, b: Run): number {
  return b.age - a.age;
}

function wordsOf(keys: Uint8Array<ArrayBuffer>): Uint32Array {
  const view = new DataView(keys.buffer, keys.byteOffset, keys.byteLength);
  return Uint32Array.from({ length: keys.length / 4 }, (_, word) => view.getUint32(word * 4));
}

/** The last page whose first key is not above the key; -1 where the key is below all. */
export function pageOf(fences: Uint32Array, words: Uint32Array): number {
  let [low, high] = [0, (fences.length * 4) / KEY_BYTES];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isAbove(fences, middle * KEY_WORDS, words)) high = middle;
    else low = middle + 1;
  }
  return low - 1;
}

function isAbove(fences: Uint32Array, at: number, words: Uint32Array): boolean {
  for (let word = 0; word < KEY_WORDS; word++) {
    const difference = (fences[at + word] as number) - (words[word] as number);
    if (difference !== 0) return difference > 0;
  }
  return false;
}
