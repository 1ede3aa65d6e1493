/**
 * Packing claims into runs, and merging runs.
 *
 *   pack    keys of memory → one run an hour, together with the newest runs of the hour while they are few pages
 *   merge   `fanIn` runs of one level → one of the next, at most `stepPages` pages a transaction
 *
 * A merge that takes several transactions writes where it has come to in the mark of the keys; its run is listed by the
 * last one, which removes those that it was made of. Until then look-ups go to them, so a merge that is never ended, or
 * begun again, changes nothing.
 *
 * Keeps: of a key the newest run has the word: what is merged lies side by side in age, and the new run takes that
 * place. A release is dropped only where no older run could have the key.
 * Relies on: the caller's transaction.
 */
import { CLAIM_BYTES, writeClaim } from "../core/claim-page.ts";
import type { EventId } from "../core/event-id.ts";
import type { ImpressionKey } from "../core/impression-key.ts";
import type { KeyHash } from "../core/key-hash.ts";
import type { ClaimRuns } from "./claim-runs.ts";
import type { ClaimStore, Run } from "./claim-store.ts";
import type { KeySizes } from "./key-sizes.ts";
import { ClaimReader, mergeClaims } from "./merge-claims.ts";
import { RunWriter } from "./run-writer.ts";

/** A merge under way: the runs that it reads, newest first, the run that it writes, and the key that it has come to. */
export type Merging = Run & { readonly from: readonly number[]; readonly after: readonly number[] | null };

/** What is kept of packed keys beside their tables. */
export type KeysMark = {
  /** Of the filters. */
  readonly salt: readonly number[];
  /** The last row of the log whose keys are packed. */
  readonly packedTo: number;
  readonly merging: Merging | null;
};

type Claims = ReadonlyMap<ImpressionKey, EventId | null>;

export class ClaimPacker {
  readonly #store: ClaimStore;
  readonly #runs: ClaimRuns;
  readonly #hash: () => KeyHash;
  readonly #sizes: KeySizes;

  constructor(store: ClaimStore, runs: ClaimRuns, { hash, sizes }: { hash: () => KeyHash; sizes: KeySizes }) {
    this.#store = store;
    this.#runs = runs;
    this.#hash = hash;
    this.#sizes = sizes;
  }

  /** Makes a run of one hour's claims; null stands for a key that was released. */
  pack(hour: number, claims: Claims, merging: Merging | null): void {
    if (claims.size === 0) return;
    const { taken, level } = this.#newestOf(hour, Math.ceil(claims.size / this.#sizes.pageClaims), merging);
    const sources = [freshReader(claims), ...taken.map((run) => ClaimReader.ofRun(this.#runs, run, null))];
    const isReleaseKept = taken.length < this.#runs.of(hour).length;
    const run = this.#nextRun(hour, merging);
    const to = { hour, run, age: run, level, pages: 0, claims: 0 };
    const writer = this.#writer(to);
    mergeClaims(sources, writer, { isReleaseKept, stretchesMax: Number.POSITIVE_INFINITY });
    this.#end(to, writer, taken);
  }

  /** The next step of the merge under way, or of one that is due; the merge as it is then, undefined for none due. */
  step(merging: Merging | null): Merging | null | undefined {
    const at = merging ?? this.#due();
    if (at === null) return undefined;
    const runs = this.#runs.of(at.hour);
    const from = at.from.map((number) => runs.find(({ run }) => run === number)).filter((run) => run !== undefined);
    const sources = from.map((run) => ClaimReader.ofRun(this.#runs, run, at.after));
    const writer = this.#writer(at);
    const after = mergeClaims(sources, writer, {
      isReleaseKept: runs.at(-1) !== from.at(-1),
      stretchesMax: Math.max(1, this.#sizes.stepPages / this.#sizes.stretchPages),
    });
    if (after !== null) return { ...at, pages: writer.pages, claims: writer.claims, after };
    this.#end(at, writer, from);
    return null;
  }

  /** Whether there is a merge to begin. */
  isDue(): boolean {
    return this.#due() !== null;
  }

  /** The newest runs that are packed again at once, and the level of what is made of them. */
  #newestOf(hour: number, freshPages: number, merging: Merging | null): { taken: Run[]; level: number } {
    const { fanIn, stepPages } = this.#sizes;
    const isFree = (run: Run) => merging?.hour !== hour || !merging.from.includes(run.run);
    const taken: Run[] = [];
    let pages = freshPages;
    for (let level = 0; ; level++) {
      const same: Run[] = [];
      for (const run of this.#runs.of(hour).slice(taken.length)) {
        if (run.level !== level || !isFree(run)) break;
        same.push(run);
      }
      pages += same.reduce((sum, run) => sum + run.pages, 0);
      if (same.length < fanIn - 1 || pages > stepPages) return { taken, level };
      taken.push(...same);
    }
  }

  /** The first merge that is due: of the hour that has most runs of one level side by side. */
  #due(): Merging | null {
    let most: readonly Run[] = [];
    for (const hour of this.#runs.hours()) {
      let group: Run[] = [];
      for (const run of this.#runs.of(hour)) {
        group = group[0]?.level === run.level ? [...group, run] : [run];
        if (group.length > most.length) most = group;
      }
    }
    const [newest] = most;
    if (newest === undefined || most.length < this.#sizes.fanIn) return null;
    const { hour, age, level } = newest;
    const run = this.#nextRun(hour, null);
    return { hour, run, age, level: level + 1, pages: 0, claims: 0, from: most.map((each) => each.run), after: null };
  }

  #writer(to: Run): RunWriter {
    return new RunWriter(this.#store, to, { hash: this.#hash(), sizes: this.#sizes });
  }

  #end({ hour, run, age, level }: Run, writer: RunWriter, from: readonly Run[]): void {
    writer.end();
    for (const each of from) this.#runs.remove(each);
    const { pages, claims } = writer;
    if (claims > 0) this.#runs.list({ hour, run, age, level, pages, claims });
  }

  /** Greater than that of any run of the hour. */
  #nextRun(hour: number, merging: Merging | null): number {
    const numbers = this.#runs.of(hour).map(({ run }) => run);
    return Math.max(0, ...numbers, merging?.hour === hour ? merging.run : 0) + 1;
  }
}

function freshReader(claims: Claims): ClaimReader {
  const page = new Uint8Array(claims.size * CLAIM_BYTES);
  // As text they sort as their bytes do.
  for (const [n, key] of Array.from(claims.keys()).sort().entries()) {
    writeClaim(page, n * CLAIM_BYTES, { key, event: claims.get(key) ?? null });
  }
  return new ClaimReader((at) => (at === 0 ? page : null));
}
