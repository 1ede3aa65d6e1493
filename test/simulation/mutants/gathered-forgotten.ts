/**
 * Breaks: pages of repeats that are gathered into one are removed before the one is written, and it never is. Of several
 * pages the ids of the first are left.
 * Violates G3: an acknowledged click is in the archive exactly once.
 */
import type { IdPage } from "../../../src/core/id-page.ts";
import { MemoryKeyStores } from "../memory-key-stores.ts";
import { MemoryPages, SMALL_PAGES } from "../memory-pages.ts";
import type { Mutant } from "./mutant.ts";

class ForgetfulPages extends MemoryPages {
  override put(hour: number, lowest: number, ids: IdPage): void {
    if (ids.length <= SMALL_PAGES.bytesMax) super.put(hour, lowest, ids);
  }
}

export const GATHERED_FORGOTTEN: Mutant = {
  fault: "of pages of repeats that are gathered the ids of the first are left",
  promise: "G3",
  parts: { makeKeyStores: (journal) => new MemoryKeyStores(journal, { repeats: new ForgetfulPages(journal) }) },
};
