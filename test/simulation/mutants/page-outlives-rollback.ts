/**
 * Breaks: pages of repeats are written beside the transaction that logs their events. When it is rolled back the ids
 * stay, the queue delivers the events again, and they are taken for known.
 * Violates G3: an acknowledged click is in the archive.
 */
import { Journal } from "../journal.ts";
import { MemoryKeyStores } from "../memory-key-stores.ts";
import { MemoryPages } from "../memory-pages.ts";
import type { Mutant } from "./mutant.ts";

export const PAGE_OUTLIVES_ROLLBACK: Mutant = {
  fault: "a page of repeats outlives the rollback of its events",
  promise: "G3",
  parts: {
    makeKeyStores: (journal) => new MemoryKeyStores(journal, { repeats: new MemoryPages(new Journal(() => false)) }),
  },
};
