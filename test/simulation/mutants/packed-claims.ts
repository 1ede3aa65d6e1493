/**
 * Breaks packed keys, one part at a time: a filter, a merge, a page, what is read back from the log, a rollback.
 * Violates G4, where a key that was claimed is free again, or G3, where a click is taken for known that nobody logged.
 */
import { CLAIM_BYTES } from "../../../src/core/claim-page.ts";
import type { Run, Stretch } from "../../../src/shard/claim-store.ts";
import { type KeyIndexPorts, PackedKeyIndex } from "../../../src/shard/packed-key-index.ts";
import { MemoryClaims, MemoryKeyStores } from "../memory-key-stores.ts";
import { MemoryShardLog } from "../memory-shard-log.ts";
import type { Mutant } from "./mutant.ts";

class ForgetfulFilters extends MemoryClaims {
  override filter(run: Run, first: number): Uint8Array {
    return super.filter(run, first).map((byte) => byte & 0x7f);
  }
}

export const FILTER_FORGETS: Mutant = {
  fault: "a filter over claims forgets some of its keys",
  promise: "G4",
  parts: { makeKeyStores: (journal) => new MemoryKeyStores(journal, { claims: new ForgetfulFilters(journal) }) },
};

class MergedAway extends MemoryClaims {
  override list(run: Run): void {
    if (run.level === 0) super.list(run);
  }
}

export const RUN_MERGED_AWAY: Mutant = {
  fault: "runs are removed before the one is listed that they were merged into, and it never is",
  promise: "G4",
  parts: { makeKeyStores: (journal) => new MemoryKeyStores(journal, { claims: new MergedAway(journal) }) },
};

class HalfPages extends MemoryClaims {
  override put(run: Pick<Run, "hour" | "run">, stretch: Stretch): void {
    const pages = stretch.pages.map((page) => page.slice(0, Math.ceil(page.length / CLAIM_BYTES / 2) * CLAIM_BYTES));
    super.put(run, { ...stretch, pages });
  }
}

export const CLAIMS_HALF_WRITTEN: Mutant = {
  fault: "of a page of claims the first half is written",
  promise: "G4",
  parts: { makeKeyStores: (journal) => new MemoryKeyStores(journal, { claims: new HalfPages(journal) }) },
};

class LogWithoutKeys extends MemoryShardLog {
  override keysAfter(): Uint8Array[] {
    return [];
  }
}

export const NEWEST_KEYS_LOST: Mutant = {
  fault: "keys that were in memory are not read back from the log",
  promise: "G4",
  parts: { makeLog: (...given) => new LogWithoutKeys(...given) },
};

class HastyIndex extends PackedKeyIndex {
  readonly #faults: unknown[];

  constructor(ports: KeyIndexPorts) {
    const faults: unknown[] = [];
    const transact = <T>(closure: () => T): T => {
      let value: { readonly made: T } | null = null;
      try {
        return ports.transact(() => {
          value = { made: closure() };
          return value.made;
        });
      } catch (fault) {
        if (value === null) throw fault;
        faults.push(fault);
        return (value as { made: T }).made;
      }
    };
    super({ ...ports, transact });
    this.#faults = faults;
  }

  override transaction<T>(closure: () => T): T {
    const value = super.transaction(closure);
    const [fault] = this.#faults.splice(0);
    if (fault !== undefined) throw fault;
    return value;
  }
}

export const MEMORY_BEFORE_COMMIT: Mutant = {
  fault: "keys are in memory before the transaction commits, and stay when it does not",
  promise: "G3",
  parts: { makeIndex: (ports) => new HastyIndex(ports) },
};
