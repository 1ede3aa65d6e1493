/**
 * Breaks: of a page of repeats that is cut in two only the first part is written. Events that stood in the other one are
 * delivered again, and counted again.
 * Violates G3: an acknowledged click is in the archive exactly once.
 */
import type { IdPage } from "../../../src/core/id-page.ts";
import { MemoryKeyStores } from "../memory-key-stores.ts";
import { MemoryPages } from "../memory-pages.ts";
import type { Mutant } from "./mutant.ts";

class HalfWrittenPages extends MemoryPages {
  override put(hour: number, lowest: number, ids: IdPage): void {
    const isThere = this.find(hour, lowest)?.lowest === lowest;
    if (isThere || lowest === 0) super.put(hour, lowest, ids);
  }
}

export const PAGE_HALF_WRITTEN: Mutant = {
  fault: "of a page of repeats that is cut one part is not written",
  promise: "G3",
  parts: { makeKeyStores: (journal) => new MemoryKeyStores(journal, { repeats: new HalfWrittenPages(journal) }) },
};
