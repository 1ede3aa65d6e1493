/**
 * Breaks: the archive finds its segment already there, takes it for its own and goes on after the range it wanted to
 * write. When an earlier try had stored a shorter range and its reply was lost, the rows in between are nowhere.
 * Violates G3: an acknowledged click is in the archive.
 */
import type { Segment } from "../../../src/sinks/archive.ts";
import { MemoryArchive } from "../memory-archive.ts";
import type { Mutant } from "./mutant.ts";

class TrustingArchive extends MemoryArchive {
  override async put(segment: Segment): Promise<number> {
    await super.put(segment);
    return segment.seqTo;
  }
}

export const ARCHIVE_TRUSTS_ITSELF: Mutant = {
  fault: "a stored segment is believed to reach as far as the one to be stored",
  promise: "G3",
  parts: { makeArchive: () => new TrustingArchive() },
};
