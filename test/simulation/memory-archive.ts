/**
 * The archive in memory: segments by key, each put only if absent, and heads, behind the port that R2Archive implements.
 *
 * Keeps: the contract of archive.ts: `put` answers with the place up to which what is stored under the key reaches.
 */

import { type ArchiveStore, type LogOwner, type Segment, sourceOf } from "../../src/archive/archive.ts";
import type { ArchiveHead, StoredHead } from "../../src/archive/head.ts";
import type { LogRow } from "../../src/archive/log-source.ts";
import type { LogEntry } from "../../src/core/log-line.ts";
import type { Position } from "../../src/core/position.ts";

export class MemoryArchive implements ArchiveStore {
  /** Segments by key; null where none may come to stand any more. */
  readonly segments = new Map<string, Segment | null>();
  readonly heads = new Map<string, StoredHead>();
  readonly rules = new Map<string, string>();
  #writes = 0;

  async put(segment: Segment): Promise<Position | null> {
    const existing = this.segments.get(segment.key);
    if (existing !== undefined) return existing?.to ?? null;
    this.segments.set(segment.key, segment);
    return segment.to;
  }

  async readHead(shard: string): Promise<StoredHead | null> {
    return this.heads.get(shard) ?? null;
  }

  async writeHead(shard: string, head: ArchiveHead, etag: string | null): Promise<string | null> {
    if ((this.heads.get(shard)?.etag ?? null) !== etag) return null;
    const next = String(++this.#writes);
    this.heads.set(shard, { head, etag: next });
    return next;
  }

  async close(key: string): Promise<Position | null> {
    const existing = this.segments.get(key);
    if (existing === undefined) this.segments.set(key, null);
    return existing?.to ?? null;
  }

  async putRules(id: string, text: string): Promise<void> {
    if (!this.rules.has(id)) this.rules.set(id, text);
  }

  async rowsAfter(owner: LogOwner, after: Position): Promise<readonly LogRow[]> {
    for (const segment of this.segments.values()) {
      if (segment === null || sourceOf(segment.owner) !== sourceOf(owner)) continue;
      if (segment.from.seq <= after.seq && segment.to.seq > after.seq)
        return segment.rows.filter(({ seq }) => seq > after.seq);
    }
    return [];
  }

  /** Every line of every segment, in the order of their keys. */
  *lines(): Iterable<LogEntry> {
    for (const key of Array.from(this.segments.keys()).sort()) {
      for (const row of this.segments.get(key)?.rows ?? []) yield* row.entries();
    }
  }
}
