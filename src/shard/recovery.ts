/**
 * Storage that was set back to an earlier moment: noticed before the first event of a session is decided, and mended.
 *
 *   head of the archive = this storage's life, at a place of this log     go on
 *   head ahead, another chain, or another life                            the storage is of the past; then, in order:
 *
 *   1 close the segment that was announced last, if it is not there   → a request still under way cannot bring it
 *   2 remember from the archive what later rows had claimed           → again, which changes nothing
 *   3 a new life in the head, from the last place that both know      → the next session finds a life not its own
 *   4 the new life and its marks in the storage, in one transaction   → nothing
 *
 * Keeps: what was archived is counted once: its keys are known again before anything is decided, and the report
 * databases get it under the life that wrote it (facts/ledger-check.ts), and nothing is dated before it any more, since
 * all lives together are one order of decisions (core/claim-check.ts). Rows that were posted and not yet archived
 * when the storage was set back are lost to the archive: `storage_set_back` names them.
 * Relies on: the head is written before the segment that it announces (archive/archive.ts).
 */

import { type ArchiveStore, type LogOwner, sourceOf } from "../archive/archive.ts";
import { currentLife, type Life } from "../archive/head.ts";
import { positionAt } from "../archive/log-source.ts";
import { LOG_READ_CHARS_MAX } from "../core/limits.ts";
import type { LogEntry } from "../core/log-line.ts";
import { isSamePosition, LOG_START, type Position, positionAfter } from "../core/position.ts";
import type { RuleSet } from "../core/rules.ts";
import type { ReportStores } from "../facts/facts-store.ts";
import { logFault } from "../log.ts";
import { raiseFloor } from "./append.ts";
import type { ShardLog } from "./shard-log.ts";

export type RecoveryPorts = {
  readonly shard: string;
  readonly log: ShardLog;
  readonly archive: ArchiveStore;
  readonly reports: Pick<ReportStores, "byName">;
  readonly transaction: (closure: () => void) => void;
  /** The rules under which this session goes on. */
  readonly rules: RuleSet;
  /** Takes in what an archived entry had claimed or decided; again changes nothing. In a transaction. */
  readonly remember: (entries: readonly LogEntry[]) => void;
  readonly makeIncarnation: () => string;
  /** Last row that the storage held when the object was made: what it may have posted in a life that was set back. */
  readonly heldSeq: number;
};

/** Who writes this storage's log; storage that is new gets its first life. */
export function ownLife({ log, transaction, makeIncarnation }: RecoveryPorts): Pick<Life, "incarnation" | "base"> {
  const known = log.life().read();
  if (known !== null) return known;
  const first = { incarnation: makeIncarnation(), base: LOG_START };
  transaction(() => log.life().write(first));
  return first;
}

/**
 * Compares the storage with the head of its archive, and mends it where it is of the past, or where a report database
 * has told so (`isSetBack`). Resolves to the lives of the log. Throws while R2 cannot say.
 */
export async function checkStorage(ports: RecoveryPorts, isSetBack = false): Promise<readonly Life[]> {
  const { archive, shard } = ports;
  const own = ownLife(ports);
  const stored = await archive.readHead(shard);
  const lives = stored?.head.lives ?? [{ ...own, end: own.base, segment: null }];
  const isOwn = stored === null || (await isCurrent(ports, currentLife(stored.head), own));
  if (isOwn && !isSetBack) return lives;
  return mend(ports, { lives, etag: stored?.etag ?? null }, own);
}

async function isCurrent({ log }: RecoveryPorts, { incarnation, end }: Life, own: Pick<Life, "incarnation">) {
  if (incarnation !== own.incarnation || end.seq > log.last().seq) return false;
  const archived = log.archived().read();
  if (archived !== null && isSamePosition(archived, end)) return true;
  // An end before the tail is of a head that was taken away and begun anew: the storage is ahead of it.
  return end.seq < log.tail().seq || (await positionAt(log, end.seq, LOG_READ_CHARS_MAX))?.chain === end.chain;
}

async function mend(
  ports: RecoveryPorts,
  { lives: known, etag }: { lives: readonly Life[]; etag: string | null },
  own: Pick<Life, "incarnation">,
): Promise<readonly Life[]> {
  const { shard, reports } = ports;
  const lives = [...known.slice(0, -1), await closed(ports, currentLife({ lives: known }))];
  const at = lives.findIndex(({ incarnation }) => incarnation === own.incarnation);
  const ownEnd = lives[at];
  const base = ownEnd === undefined ? LOG_START : await lastCommon(ports, ownEnd);
  let remembered = 0;
  for (const [index, life] of lives.entries()) {
    if (index >= at) remembered += await remember(ports, life, index === at ? base : life.base);
  }
  let counted: ReadonlyMap<string, Position> = new Map();
  const mended = await beginLife(ports, {
    ...{ lives, etag, base, databases: Array.from(reports.byName.keys()) },
    counted: async () => {
      counted = await countedUnderOldLife(ports, { shard, incarnation: own.incarnation }, base);
      return counted;
    },
  });
  logFault("storage_set_back", new Error("the storage was set back to an earlier moment"), {
    shard,
    from: own.incarnation,
    incarnation: currentLife({ lives: mended }).incarnation,
    seq: base.seq,
    remembered,
    lostTo: lives.at(-1)?.lost?.seq ?? null,
    postedNotArchived: Array.from(counted, ([name, { seq }]) => `${name}/${seq}`).join(),
  });
  return mended;
}

export type Beginning = {
  /** The lives before, as the head of that etag has them; the last one is over. */
  readonly lives: readonly Life[];
  readonly etag: string | null;
  /** The place of this log from which the new life goes on. */
  readonly base: Position;
  /** The report databases; each has this log up to `base`, or as far as is counted once the head is written. */
  readonly databases: readonly string[];
  readonly counted: () => Promise<ReadonlyMap<string, Position>>;
};

/** Goes on under a new incarnation: first in the head, then in the storage. Resolves to all lives. */
export async function beginLife(
  {
    archive,
    shard,
    log,
    transaction,
    makeIncarnation,
  }: Omit<RecoveryPorts, "reports" | "rules" | "remember" | "heldSeq">,
  { lives, etag, base, databases, counted }: Beginning,
): Promise<readonly Life[]> {
  const next: Life = { incarnation: makeIncarnation(), base, end: base, segment: null };
  const begun = [...lives, next];
  if ((await archive.writeHead(shard, { lives: begun }, etag)) === null) {
    throw new Error(`the archive head of ${shard} has another writer`);
  }
  const posted = await counted();
  transaction(() => {
    log.life().write({ incarnation: next.incarnation, base });
    // Behind it, so that time alone tells the order of all lives.
    raiseFloor(log, Math.max(...lives.map(({ end }) => end.loggedAtMs)) + 1);
    log.archived().write(base);
    log.visible().write(base);
    for (const name of databases) log.posted(name).write({ at: posted.get(name) ?? base, ledger: null });
  });
  return begun;
}

/** The life as it ends: at the last segment that is, or ever will be, in the archive. */
async function closed({ archive, log }: RecoveryPorts, life: Life): Promise<Life> {
  if (life.segment === null) return life;
  const stored = await archive.close(life.segment.key);
  const isStored = stored !== null && isSamePosition(stored, life.end);
  if (isStored) return { ...life, segment: null };
  const ended: Life = { ...life, segment: null, end: life.segment.from };
  // What this log still has is carried by the next life.
  const own = await positionAt(log, life.end.seq, LOG_READ_CHARS_MAX);
  return own?.chain === life.end.chain ? ended : { ...ended, lost: life.end };
}

/** The last place of the life that this log has gone through too. */
async function lastCommon({ archive, shard, log }: RecoveryPorts, life: Life): Promise<Position> {
  const owner: LogOwner = { shard, incarnation: life.incarnation };
  const tail = log.tail();
  // Rows before its base are of the life before it: this log may still hold them, and has gone through them too.
  let common = tail.seq < life.base.seq ? life.base : tail;
  if (common.seq >= life.end.seq) return common.seq === life.end.seq ? common : life.end;
  for (;;) {
    const own = log.rowsAfter(common.seq, LOG_READ_CHARS_MAX);
    const archived = own.length === 0 ? [] : await archive.rowsAfter(owner, common, life.end);
    const begun = common;
    for (const [index, row] of own.entries()) {
      const other = archived[index];
      if (other === undefined || row.seq > life.end.seq) break;
      const place = await positionAfter(common, row);
      if (place.chain !== (await positionAfter(common, other)).chain) return common;
      common = place;
    }
    if (common === begun) return common;
  }
}

/** Takes in what a life's rows after a place had claimed; resolves to the number of entries. */
async function remember({ archive, shard, transaction, remember: take }: RecoveryPorts, life: Life, after: Position) {
  const owner: LogOwner = { shard, incarnation: life.incarnation };
  let entries = 0;
  for (let at = after; at.seq < life.end.seq; ) {
    const rows = await archive.rowsAfter(owner, at, life.end);
    if (rows.length === 0) throw new Error(`the archive misses rows behind ${at.seq} of ${sourceOf(owner)}`);
    const opened = rows.flatMap((row) => row.entries());
    transaction(() => take(opened));
    entries += opened.length;
    for (const row of rows) at = await positionAfter(at, row);
  }
  return entries;
}

/**
 * Where this log's own rows behind the base had been posted under the old life: they must not be posted again. Where
 * the ledger's place is none of this log, they are the rows that the storage held when the object was made, since
 * nothing is decided before storage and archive were compared.
 */
async function countedUnderOldLife(
  { log, reports, heldSeq }: RecoveryPorts,
  owner: LogOwner,
  base: Position,
): Promise<Map<string, Position>> {
  const counted = new Map<string, Position>();
  for (const [name, store] of reports.byName) {
    const row = (await store.ledger(owner.shard)).get(sourceOf(owner));
    if (row === undefined || row.seq <= base.seq) continue;
    const own = await positionAt(log, row.seq, LOG_READ_CHARS_MAX);
    const place = own?.chain === row.chain ? own : await positionAt(log, heldSeq, LOG_READ_CHARS_MAX);
    if (place !== null && place.seq > base.seq) counted.set(name, place);
  }
  return counted;
}
