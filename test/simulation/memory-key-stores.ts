/**
 * The stores of packed keys in memory, behind the ports that SQLite stands behind in production, with transactions.
 *
 * Keeps: a transaction that throws leaves nothing of itself. Each write first passes `failpoint`: a crash between two
 * pages. A run that is not listed keeps what was put for it, as rows would.
 */
import { KEY_BYTES } from "../../src/core/claim-page.ts";
import { assert } from "../../src/core/result.ts";
import type { ClaimStore, Run, Stretch } from "../../src/shard/claim-store.ts";
import type { KeySizes } from "../../src/shard/key-sizes.ts";
import type { KeyStores } from "../../src/shard/packed-key-index.ts";
import type { Journal } from "./journal.ts";
import { MemoryPages, SMALL_PAGES } from "./memory-pages.ts";
import { putBack } from "./memory-shard-log.ts";

/** A few claims a page, two pages a stretch, two stretches a transaction: a small simulation packs and merges. */
export const SMALL_KEYS: KeySizes = {
  ...{ freshMax: 6, pageClaims: 2, stretchPages: 2, stepPages: 4, fanIn: 3, filterBytesMax: 60 },
  repeats: SMALL_PAGES,
};

export class MemoryClaims implements ClaimStore {
  readonly #runs = new Map<string, Run>();
  /** By run and first page. */
  readonly #stretches = new Map<string, Stretch & Pick<Run, "hour">>();
  readonly #journal: Journal;

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  runs(): Run[] {
    return Array.from(this.#runs.values());
  }

  list(run: Run): void {
    this.#journal.failpoint();
    assert(!this.#runs.has(nameOf(run)), "a run is listed once");
    this.#set(this.#runs, nameOf(run), run);
  }

  remove(run: Run): void {
    this.#journal.failpoint();
    this.#set(this.#runs, nameOf(run), undefined);
    for (let first = 0; first < run.pages; first++) {
      if (this.#stretches.has(nameOf(run, first))) this.#set(this.#stretches, nameOf(run, first), undefined);
    }
  }

  put(run: Pick<Run, "hour" | "run">, stretch: Stretch): void {
    this.#journal.failpoint();
    this.#set(this.#stretches, nameOf(run, stretch.first), { ...stretch, hour: run.hour });
  }

  fences(run: Run): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(run.pages * KEY_BYTES);
    for (let first = 0; first < run.pages; first++) {
      const stretch = this.#stretches.get(nameOf(run, first));
      if (stretch !== undefined) all.set(stretch.fences, first * KEY_BYTES);
    }
    return all;
  }

  filter(run: Run, first: number): Uint8Array {
    return this.#stretch(run, first).filter;
  }

  page(run: Run, page: number, isAlone: boolean): Uint8Array<ArrayBuffer> {
    let first = page;
    while (first > 0 && !this.#stretches.has(nameOf(run, first))) first--;
    const { pages } = this.#stretch(run, first);
    assert(isAlone === (pages.length === 1), "the only page of a stretch is known for it");
    const found = pages[page - first];
    assert(found !== undefined, "a page that is asked for is there");
    return found;
  }

  dropBefore(hour: number): void {
    this.#journal.failpoint();
    for (const [name, run] of Array.from(this.#runs)) if (run.hour < hour) this.#set(this.#runs, name, undefined);
    for (const [name, stretch] of Array.from(this.#stretches)) {
      if (stretch.hour < hour) this.#set(this.#stretches, name, undefined);
    }
  }

  /** Takes a copy; the function that is returned puts it back. */
  copy(): () => void {
    const [runs, stretches] = [new Map(this.#runs), new Map(this.#stretches)];
    return () => {
      putBack(this.#runs, runs);
      putBack(this.#stretches, stretches);
    };
  }

  #stretch(run: Run, first: number): Stretch {
    const found = this.#stretches.get(nameOf(run, first));
    assert(found !== undefined, "a stretch that is asked for is there");
    return found;
  }

  #set<T>(values: Map<string, T>, name: string, value: T | undefined): void {
    const before = values.get(name);
    const write = (to: T | undefined) => (to === undefined ? values.delete(name) : values.set(name, to));
    this.#journal.onEnd((end) => {
      if (end === "abort") write(before);
    });
    write(value);
  }
}

export class MemoryKeyStores implements KeyStores {
  readonly claims: MemoryClaims;
  readonly repeats: MemoryPages;

  constructor(journal: Journal, { claims = new MemoryClaims(journal), repeats = new MemoryPages(journal) } = {}) {
    this.claims = claims;
    this.repeats = repeats;
  }

  forget(): void {}

  copy(): () => void {
    const [claims, repeats] = [this.claims.copy(), this.repeats.copy()];
    return () => {
      claims();
      repeats();
    };
  }
}

function nameOf({ hour, run }: Pick<Run, "hour" | "run">, first?: number): string {
  return first === undefined ? `${hour}/${run}` : `${hour}/${run}/${first}`;
}
