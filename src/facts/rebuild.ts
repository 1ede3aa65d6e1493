/**
 * Fills a report database from the archive: whatever of any shard's log is archived and not yet in the database's
 * ledger is posted, life by life, shard by shard. An empty database gets everything; one that has all of it, nothing.
 *
 * Keeps: exact beside shards that go on posting: both move the ledger by compare-and-set, and who comes second reads it
 * again. What is not archived yet is posted by its shard. Bounded: a call ends after about `untilMs`, and says where to
 * go on. Reaches back as far as the archive does (90 days).
 */

import { type LogOwner, sourceOf } from "../archive/archive.ts";
import { HEADS_PREFIX, type Life } from "../archive/head.ts";
import { R2Archive } from "../archive/r2-archive.ts";
import { POSTINGS_PER_FLUSH_MAX } from "../core/limits.ts";
import { D1Facts } from "./d1-facts.ts";
import { buryPosting } from "./dead-posting.ts";
import type { ReportStores } from "./facts-store.ts";
import { repost } from "./ledger-check.ts";
import { LedgerConflictError } from "./post.ts";
import { postApart, Refusals } from "./post-apart.ts";

export type RebuildPorts = {
  readonly database: D1Database;
  /** Its name, as the directory has it. */
  readonly name: string;
  readonly bucket: R2Bucket;
  readonly assign: ReportStores["assign"];
  readonly clock: () => number;
};

export type Rebuilt = {
  /** Events of log rows that were read for posting. */
  readonly events: number;
  readonly shards: number;
  /** The shard to go on after; null when all are done. */
  readonly next: string | null;
};

/** Posts what is missing of the shards whose names follow `after`, until the clock says `untilMs`. */
export async function rebuild(
  ports: RebuildPorts,
  { after, untilMs }: { after: string; untilMs: number },
): Promise<Rebuilt> {
  let events = 0;
  let shards = 0;
  let done = after;
  for (let cursor: string | undefined; ; ) {
    const startAfter = after === "" ? {} : { startAfter: `${HEADS_PREFIX}${after}.json` };
    const page = await ports.bucket.list({ prefix: HEADS_PREFIX, ...startAfter, ...(cursor ? { cursor } : {}) });
    for (const { key } of page.objects) {
      const shard = key.slice(HEADS_PREFIX.length, -".json".length);
      for (let isDone = false; !isDone; ) {
        if (ports.clock() >= untilMs) return { events, shards, next: done };
        const step = await rebuildShard(ports, shard);
        events += step.events;
        isDone = step.isDone;
      }
      shards++;
      done = shard;
    }
    if (!page.truncated) return { events, shards, next: null };
    cursor = page.cursor;
  }
}

/** Some postings of one shard. */
async function rebuildShard(ports: RebuildPorts, shard: string): Promise<{ events: number; isDone: boolean }> {
  const { database, name, bucket, assign, clock } = ports;
  const store = new D1Facts(database, clock);
  const archive = new CountingArchive(bucket);
  const head = await archive.readHead(shard);
  const rows = await store.ledger(shard);
  const refusals = new Refusals();
  let isDone = true;
  for (const announced of head?.head.lives ?? []) {
    const owner: LogOwner = { shard, incarnation: announced.incarnation };
    const row = rows.get(sourceOf(owner)) ?? null;
    const isPosted = (life: Life) => (row ?? life.base).seq >= life.end.seq && (row?.part ?? "") === "";
    if (isPosted(announced)) continue;
    const life = await arrived(new R2Archive(bucket), owner, announced);
    if (isPosted(life)) continue;
    try {
      const isWhole = await repost(
        { name, store },
        {
          ...{ life, row, archive, owner, assign, postingsMax: POSTINGS_PER_FLUSH_MAX },
          isRefused: (target, { seq }) => refusals.isRefused(target, String(seq)),
          apart: (part) => postApart(part, { refusals, bury: (dead) => buryPosting(bucket, dead, clock()) }),
        },
      );
      isDone &&= isWhole;
    } catch (fault) {
      // The shard was faster: its ledger is read again.
      if (!(fault instanceof LedgerConflictError)) throw fault;
      isDone = false;
    }
  }
  return { events: archive.events, isDone };
}

/** The life up to what is in the archive: the segment that was announced last may be on its way. */
async function arrived(archive: R2Archive, owner: LogOwner, life: Life): Promise<Life> {
  if (life.segment === null) return life;
  const rows = await archive.rowsAfter(owner, life.segment.from, life.end);
  return rows.length > 0 ? life : { ...life, end: life.segment.from };
}

class CountingArchive extends R2Archive {
  events = 0;

  override async rowsAfter(...where: Parameters<R2Archive["rowsAfter"]>) {
    const rows = await super.rowsAfter(...where);
    this.events += rows.reduce((sum, row) => sum + row.lines().split("\n").length, 0);
    return rows;
  }
}
