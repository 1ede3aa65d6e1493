/**
 * Writing one run, claim by claim in ascending order: full pages, and behind each stretch of them its first keys and
 * its filter. A run that is not listed yet is not there; so it may be written over several transactions, each of which
 * ends with a whole stretch.
 */
import { CLAIM_BYTES, type ClaimPage, KEY_BYTES, KEY_WORDS, readKeyAt } from "../core/claim-page.ts";
import { makeFilter } from "../core/key-filter.ts";
import type { KeyHash } from "../core/key-hash.ts";
import type { ClaimStore, Run } from "./claim-store.ts";
import type { KeySizes } from "./key-sizes.ts";

export class RunWriter {
  /** Pages and claims of the run that are in the store. */
  pages: number;
  claims: number;
  readonly #store: ClaimStore;
  readonly #to: Pick<Run, "hour" | "run">;
  readonly #hash: KeyHash;
  readonly #pageBytes: number;
  readonly #stretchPages: number;
  readonly #hashes: Uint32Array;
  readonly #words = new Uint32Array(KEY_WORDS);
  #full: ClaimPage[] = [];
  #page: ClaimPage;
  #at = 0;
  /** Claims of the stretch. */
  #count = 0;

  constructor(
    store: ClaimStore,
    to: Pick<Run, "hour" | "run" | "pages" | "claims">,
    { hash, sizes }: { hash: KeyHash; sizes: KeySizes },
  ) {
    this.pages = to.pages;
    this.claims = to.claims;
    this.#store = store;
    this.#to = to;
    this.#hash = hash;
    this.#pageBytes = sizes.pageClaims * CLAIM_BYTES;
    this.#stretchPages = sizes.stretchPages;
    this.#hashes = new Uint32Array(2 * sizes.pageClaims * sizes.stretchPages);
    this.#page = new Uint8Array(this.#pageBytes);
  }

  /** Adds the claim that stands at `at`; true where a stretch ends with it. */
  add(bytes: DataView, at: number): boolean {
    readKeyAt(bytes, at, this.#words);
    const { low, high } = this.#hash.of(this.#words);
    this.#hashes[2 * this.#count] = low;
    this.#hashes[2 * this.#count + 1] = high;
    this.#count++;
    this.#page.set(new Uint8Array(bytes.buffer, bytes.byteOffset + at, CLAIM_BYTES), this.#at);
    this.#at += CLAIM_BYTES;
    if (this.#at < this.#pageBytes) return false;
    this.#endPage();
    if (this.#full.length < this.#stretchPages) return false;
    this.end();
    return true;
  }

  /** Writes what is not yet in the store. */
  end(): void {
    if (this.#at > 0) this.#endPage();
    if (this.#full.length === 0) return;
    const fences = new Uint8Array(this.#full.length * KEY_BYTES);
    for (const [n, page] of this.#full.entries()) fences.set(page.subarray(0, KEY_BYTES), n * KEY_BYTES);
    const filter = makeFilter(this.#hashes, this.#count);
    this.#store.put(this.#to, { first: this.pages, fences, filter, pages: this.#full });
    this.pages += this.#full.length;
    this.claims += this.#count;
    this.#full = [];
    this.#count = 0;
  }

  #endPage(): void {
    this.#full.push(this.#at === this.#pageBytes ? this.#page : this.#page.slice(0, this.#at));
    this.#page = new Uint8Array(this.#pageBytes);
    this.#at = 0;
  }
}
