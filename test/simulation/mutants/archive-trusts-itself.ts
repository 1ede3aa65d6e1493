/**
 * Breaks: the archive finds its segment already there and takes it for its own. When the storage was set back and the log
 * went on differently, the new rows are nowhere.
 * Violates G3: an acknowledged click is in the archive.
 */

import type { Segment } from "../../../src/archive/archive.ts";
import type { Position } from "../../../src/core/position.ts";
import { MemoryArchive } from "../memory-archive.ts";
import type { Mutant } from "./mutant.ts";

class TrustingArchive extends MemoryArchive {
  override async put(segment: Segment): Promise<Position> {
    await super.put(segment);
    return segment.to;
  }
}

/** A head that says whatever the shard wants to hear. */
class HeadlessArchive extends TrustingArchive {
  override async readHead() {
    return null;
  }

  override async writeHead() {
    return "etag";
  }
}

export const ARCHIVE_TRUSTS_ITSELF: Mutant = {
  fault: "no head: storage that was set back goes on under its old numbers",
  promise: "G3",
  parts: { makeArchive: () => new HeadlessArchive() },
};
