/**
 * The archive in memory: segments by key, each put only if absent, behind the port that R2Archive implements.
 *
 * Keeps: the contract of archive.ts: `put` answers with the last sequence number of what is stored under the key.
 */
import type { LogEntry } from "../../src/core/log-line.ts";
import type { ArchiveStore, Segment } from "../../src/sinks/archive.ts";

export class MemoryArchive implements ArchiveStore {
  readonly segments = new Map<string, Segment>();

  async put(segment: Segment): Promise<number> {
    const existing = this.segments.get(segment.key);
    if (existing !== undefined) return existing.seqTo;
    this.segments.set(segment.key, segment);
    return segment.seqTo;
  }

  /** Every line of every segment, in the order of their keys. */
  *lines(): Iterable<LogEntry> {
    for (const key of Array.from(this.segments.keys()).sort()) {
      for (const row of this.segments.get(key)?.rows ?? []) yield* row.entries();
    }
  }
}
