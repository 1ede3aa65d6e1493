/**
 * Fills a report database from the archive: whatever of any shard's log is archived and not yet in the database's
 * ledger is posted. An empty database gets everything; one that has all of it, nothing.
 *
 *   each sealed day, shard by shard:   its folds where the day is clean and old, its segments else, its folds after all
 *                                      where those are gone
 *   then the logs behind the last day: their segments, shard by shard
 *
 * Folds hold figures and no single events; so days that the review list may still need are read from their segments.
 *
 * Keeps: exact beside shards that go on posting: both move the ledger by compare-and-set, and who comes second reads
 * it again. The ledger ends where the log does. What is not archived yet is posted by its shard. Bounded: a call ends
 * after about `untilMs`, and says where to go on. Where a day's lines and folds are both gone it stops with
 * LogMissingError, which names the day; what it has posted stays right.
 */

import { ArchiveDamagedError, type LogOwner, sourceOf } from "../archive/archive.ts";
import { type ArchiveHead, HEADS_PREFIX, type Life } from "../archive/head.ts";
import { R2Archive } from "../archive/r2-archive.ts";
import { type StoredSegment, segmentsOfDay } from "../archive/segments.ts";
import { POSTINGS_PER_FLUSH_MAX } from "../core/limits.ts";
import { isSamePosition, type Position } from "../core/position.ts";
import { isoDay } from "../core/time.ts";
import { D1Facts } from "./d1-facts.ts";
import { buryPosting } from "./dead-posting.ts";
import type { FactsStore, LedgerRow, ReportStores } from "./facts-store.ts";
import { type FoldedDay, type FoldedLog, LogMissingError, type StoredFold } from "./folded-log.ts";
import { repost } from "./ledger-check.ts";
import {
  advertisersOf,
  type Fold,
  LedgerConflictError,
  MissingRowsError,
  NOTHING,
  postFold,
  splitFold,
} from "./post.ts";
import { postApart, Refusals } from "./post-apart.ts";

export type RebuildPorts = {
  readonly database: D1Database;
  /** Its name, as the directory has it. */
  readonly name: string;
  readonly bucket: R2Bucket;
  readonly folded: FoldedLog;
  /** Days from this one on, `YYYY-MM-DD`, are read from their segments as long as those are there. */
  readonly linesFrom: string;
  readonly assign: ReportStores["assign"];
  readonly clock: () => number;
};

export type Rebuilt = {
  /** Events of log rows, or of folds, that were read for posting. */
  readonly events: number;
  /** Shards that are done, in each day by itself. */
  readonly shards: number;
  /** Where to go on: `2026-08-29/clicks-3`, of a day, or `clicks-3`, behind the last; null when all is done. */
  readonly next: string | null;
};

const OF_DAY = /^(\d{4}-\d{2}-\d{2})\/(.*)$/;

/** Posts what is missing behind `after`, the `next` of the call before, until the clock says `untilMs`. */
export async function rebuild(
  ports: RebuildPorts,
  { after, untilMs }: { after: string; untilMs: number },
): Promise<Rebuilt> {
  const run = new Rebuild(ports, untilMs);
  const [, afterDay, afterShard = ""] = OF_DAY.exec(after) ?? [];
  if (after === "" || afterDay !== undefined) {
    const days = (await ports.folded.days()).filter((day) => day >= (afterDay ?? ""));
    for (const day of days) {
      const stoppedAt = await run.day(await ports.folded.open(day), day === afterDay ? afterShard : "");
      if (stoppedAt !== null) return run.result(`${day}/${stoppedAt}`);
    }
  }
  return run.result(await run.tails(afterDay === undefined ? after : ""));
}

class Rebuild {
  readonly #ports: RebuildPorts;
  readonly #untilMs: number;
  readonly #store: FactsStore;
  readonly #archive: CountingArchive;
  readonly #refusals = new Refusals();
  readonly #heads = new Map<string, Promise<ArchiveHead | null>>();
  readonly #ledgers = new Map<string, Promise<ReadonlyMap<string, LedgerRow>>>();
  /** Of the day that was last asked for. */
  #segments: { readonly day: string; readonly bySource: ReadonlyMap<string, readonly StoredSegment[]> } | null = null;
  #shards = 0;

  constructor(ports: RebuildPorts, untilMs: number) {
    this.#ports = ports;
    this.#untilMs = untilMs;
    this.#store = new D1Facts(ports.database, ports.clock);
    this.#archive = new CountingArchive(ports.bucket);
  }

  result(next: string | null): Rebuilt {
    return { events: this.#archive.events, shards: this.#shards, next };
  }

  /** Carries all shards to the end of a day; resolves to the last that is done where time is over, null else. */
  async day(day: FoldedDay, after: string): Promise<string | null> {
    const byShard = Map.groupBy(day.ends.keys(), (source) => source.slice(0, source.lastIndexOf("/")));
    let done = after;
    for (const shard of Array.from(byShard.keys()).sort()) {
      if (shard <= after) continue;
      for (const source of byShard.get(shard) ?? []) {
        if (!(await this.#carry(day, { shard, incarnation: source.slice(shard.length + 1) }))) return done;
      }
      this.#shards++;
      done = shard;
    }
    return null;
  }

  /** Posts what shards have logged behind the sealed days; resolves to the last that is done, null where all are. */
  async tails(after: string): Promise<string | null> {
    let done = after;
    for (let cursor: string | undefined; ; ) {
      const startAfter = after === "" ? {} : { startAfter: `${HEADS_PREFIX}${after}.json` };
      const page = await this.#ports.bucket.list({
        prefix: HEADS_PREFIX,
        ...startAfter,
        ...(cursor ? { cursor } : {}),
      });
      for (const { key } of page.objects) {
        const shard = key.slice(HEADS_PREFIX.length, -".json".length);
        if (!(await this.#tail(shard))) return done;
        this.#shards++;
        done = shard;
      }
      if (!page.truncated) return null;
      cursor = page.cursor;
    }
  }

  /** Carries a source to where a day ended, step by step; false when time is over. */
  async #carry(day: FoldedDay, owner: LogOwner): Promise<boolean> {
    const end = day.ends.get(sourceOf(owner));
    const life = (await this.#lives(owner.shard)).find(({ incarnation }) => incarnation === owner.incarnation);
    if (end === undefined || life === undefined) return true;
    for (;;) {
      const row = await this.#row(owner);
      if (!isBehind(row ?? life.base, end, row)) return true;
      if (this.#ports.clock() >= this.#untilMs) return false;
      const isOfLines = !day.isClean || (day.day >= this.#ports.linesFrom && (await this.#hasLines(day, owner, end)));
      if (isOfLines && (await this.#postLines(owner, { ...life, end }, row))) continue;
      await this.#postFolds(day, owner, { life, end, row });
    }
  }

  /** Whether all that a source logged on a clean day is in segments; else its folds are taken, from the first on. */
  async #hasLines({ day, source }: FoldedDay, owner: LogOwner, end: Position): Promise<boolean> {
    const name = sourceOf(owner);
    if (this.#segments?.day !== day) {
      const segments = await segmentsOfDay(this.#ports.bucket, day);
      const stored = segments.filter(({ isClosed }) => !isClosed);
      this.#segments = { day, bySource: Map.groupBy(stored, (segment) => sourceOf(segment.owner)) };
    }
    let at = (await source(name))?.from;
    for (const { from, to } of this.#segments.bySource.get(name) ?? []) {
      if (at !== undefined && isSamePosition(at, from)) at = to;
    }
    return at !== undefined && at.seq >= end.seq;
  }

  async #tail(shard: string): Promise<boolean> {
    for (const announced of await this.#lives(shard)) {
      const owner: LogOwner = { shard, incarnation: announced.incarnation };
      for (;;) {
        const row = await this.#row(owner);
        if (!isBehind(row ?? announced.base, announced.end, row)) break;
        const life = await arrived(new R2Archive(this.#ports.bucket), owner, announced);
        if (!isBehind(row ?? life.base, life.end, row)) break;
        if (this.#ports.clock() >= this.#untilMs) return false;
        if (await this.#postLines(owner, life, row)) continue;
        const { seq, loggedAtMs } = row ?? life.base;
        const day = loggedAtMs === 0 ? "" : ` It was logged on ${isoDay(loggedAtMs)} or later.`;
        throw new LogMissingError(
          `What ${sourceOf(owner)} logged behind row ${seq} is in no segment, and in no fold of a sealed day.${day}`,
        );
      }
    }
    return true;
  }

  /** Posts segments up to the life's end; false where the next row is in none, or the one that has it is damaged. */
  async #postLines(owner: LogOwner, life: Life, row: LedgerRow | null): Promise<boolean> {
    const { name, bucket, assign, clock } = this.#ports;
    try {
      await repost(
        { name, store: this.#store },
        {
          ...{ life, row, archive: this.#archive, owner, assign, postingsMax: POSTINGS_PER_FLUSH_MAX },
          isRefused: (target, { seq }) => this.#refusals.isRefused(target, String(seq)),
          apart: (part) =>
            postApart(part, { refusals: this.#refusals, bury: (dead) => buryPosting(bucket, dead, clock()) }),
        },
      );
    } catch (fault) {
      if (fault instanceof MissingRowsError || fault instanceof ArchiveDamagedError) {
        this.#ledgers.delete(owner.shard);
        const now = await this.#row(owner);
        return now?.seq !== row?.seq;
      }
      // The shard was faster: its ledger is read again.
      if (!(fault instanceof LedgerConflictError)) throw fault;
    }
    this.#ledgers.delete(owner.shard);
    return true;
  }

  /** Posts the next fold of the day, or moves the ledger to the day's end behind its last one. */
  async #postFolds(
    day: FoldedDay,
    owner: LogOwner,
    { life, end, row }: { life: Life; end: Position; row: LedgerRow | null },
  ): Promise<void> {
    const source = sourceOf(owner);
    const at = row ?? life.base;
    const folded = await day.source(source);
    if (folded === null)
      throw missing(day, source, at, day.isClean ? "its audit had nothing of it" : "it is not clean");
    const isHalfPosted = (row?.part ?? "") !== "";
    const next = folded.folds.find(({ to }) => to.seq > at.seq);
    const isBefore = at.seq < folded.from.seq;
    if (isBefore || isHalfPosted || (next !== undefined && next.from.seq < at.seq)) {
      // In a day before, or within a fold: lines lead to where the next fold begins.
      const to = isBefore ? folded.from : (next?.to ?? end);
      if (await this.#postLines(owner, { ...life, end: to }, row)) return;
      const { name } = this.#ports;
      throw missing(
        day,
        source,
        at,
        isBefore ? "it begins later" : `${name} stands within one; empty it, and what was lost is taken from folds`,
      );
    }
    if (next?.from.seq === at.seq && next.from.chain !== at.chain) {
      throw missing(day, source, at, `the ledger of ${this.#ports.name} is of another log there`);
    }
    const fold = next === undefined ? { ...NOTHING, to: end } : await this.#ofDatabase(next);
    try {
      await postFold(this.#store, { owner, from: row, fold });
      this.#archive.events += next?.events ?? 0;
    } catch (fault) {
      if (!(fault instanceof LedgerConflictError)) throw fault;
    }
    this.#ledgers.delete(owner.shard);
  }

  /** A fold's part of this database. */
  async #ofDatabase(stored: StoredFold): Promise<Fold> {
    const { folded, assign, name } = this.#ports;
    const fold: Fold = { to: stored.to, facts: await folded.read(stored), lates: new Map() };
    return splitFold(fold, await assign(advertisersOf(fold))).get(name) ?? { ...NOTHING, to: stored.to };
  }

  async #lives(shard: string): Promise<readonly Life[]> {
    const known = this.#heads.get(shard) ?? this.#archive.readHead(shard).then((stored) => stored?.head ?? null);
    this.#heads.set(shard, known);
    return (await known)?.lives ?? [];
  }

  async #row(owner: LogOwner): Promise<LedgerRow | null> {
    const known = this.#ledgers.get(owner.shard) ?? this.#store.ledger(owner.shard);
    this.#ledgers.set(owner.shard, known);
    return (await known).get(sourceOf(owner)) ?? null;
  }
}

function isBehind(at: Position, end: Position, row: LedgerRow | null): boolean {
  return at.seq < end.seq || (row?.part ?? "") !== "";
}

function missing({ day }: FoldedDay, source: string, { seq }: Position, why: string): LogMissingError {
  const what = `What ${source} logged behind row ${seq} up to the end of ${day}`;
  return new LogMissingError(`${what} is in no segment, and ${day} has no fold of it: ${why}.`);
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
