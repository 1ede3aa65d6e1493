/**
 * Merging claims from several sources into one run: in ascending order, of each key what the newest source says.
 *
 * Keeps: exact; a source is read page by page. It stops behind a whole stretch, and goes on from the key that it had
 * come to, also in another session.
 */
import { CLAIM_BYTES, type ClaimPage, claimsBelow, isReleasedAt, KEY_WORDS, readKeyAt } from "../core/claim-page.ts";
import { type ClaimRuns, pageOf } from "./claim-runs.ts";
import type { Run } from "./claim-store.ts";
import type { RunWriter } from "./run-writer.ts";

/** Claims in ascending order, read one after the other. */
export class ClaimReader {
  /** Of the claim that it stands at. */
  readonly words = new Uint32Array(KEY_WORDS);
  readonly #pageAt: (page: number) => ClaimPage | null;
  #page: number;
  bytes: DataView = new DataView(new ArrayBuffer(0));
  at = 0;
  isAtEnd = false;

  /** `pageAt` gives the pages in their order, and null behind the last. */
  constructor(pageAt: (page: number) => ClaimPage | null, page = 0) {
    this.#pageAt = pageAt;
    this.#page = page;
    this.#open();
  }

  /** Of a run, from the first claim behind a key on. */
  static ofRun(runs: ClaimRuns, run: Run, after: readonly number[] | null): ClaimReader {
    const pageAt = (page: number) => (page < run.pages ? runs.page(run, page) : null);
    if (after === null) return new ClaimReader(pageAt);
    const words = Uint32Array.from(after);
    const page = Math.max(0, pageOf(runs.fencesOf(run), words));
    const reader = new ClaimReader(pageAt, page);
    reader.#skip(claimsBelow(runs.page(run, page), words));
    if (!reader.isAtEnd && compare(reader.words, words) === 0) reader.next();
    return reader;
  }

  next(): void {
    this.#skip(1);
  }

  #skip(claims: number): void {
    this.at += claims * CLAIM_BYTES;
    if (this.at < this.bytes.byteLength) readKeyAt(this.bytes, this.at, this.words);
    else {
      this.#page++;
      this.#open();
    }
  }

  #open(): void {
    const page = this.#pageAt(this.#page);
    this.at = 0;
    this.isAtEnd = page === null || page.length === 0;
    if (page === null || page.length === 0) return;
    this.bytes = new DataView(page.buffer, page.byteOffset, page.byteLength);
    readKeyAt(this.bytes, 0, this.words);
  }
}

/**
 * Writes the sources' claims, newest source first, until so many stretches are written. Returns the key that it has
 * come to, or null when it came to the end; then the writer is to be ended.
 */
export function mergeClaims(
  sources: readonly ClaimReader[],
  writer: RunWriter,
  { isReleaseKept, stretchesMax }: { isReleaseKept: boolean; stretchesMax: number },
): number[] | null {
  const key = new Uint32Array(KEY_WORDS);
  let open = sources.filter(({ isAtEnd }) => !isAtEnd);
  for (let stretches = 0; ; ) {
    const first = firstOf(open);
    if (first === null) return null;
    key.set(first.words);
    const isWritten = isReleaseKept || !isReleasedAt(first.bytes, first.at);
    if (isWritten && writer.add(first.bytes, first.at)) stretches++;
    let isAnyAtEnd = false;
    for (const source of open) {
      if (compare(source.words, key) !== 0) continue;
      source.next();
      isAnyAtEnd ||= source.isAtEnd;
    }
    if (isAnyAtEnd) open = open.filter(({ isAtEnd }) => !isAtEnd);
    if (stretches >= stretchesMax) return Array.from(key);
  }
}

/** The source that stands at the least key; of several the newest. */
function firstOf(sources: readonly ClaimReader[]): ClaimReader | null {
  let first: ClaimReader | null = null;
  for (const source of sources) if (first === null || compare(source.words, first.words) < 0) first = source;
  return first;
}

function compare(one: Uint32Array, other: Uint32Array): number {
  for (let word = 0; word < KEY_WORDS; word++) {
    const difference = (one[word] as number) - (other[word] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}
