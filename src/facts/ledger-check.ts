/**
 * Compares what a shard believes of a report database with what the database's ledger says, source by source.
 *
 *   ledger = mark                          nothing to do
 *   ledger ahead, on the shard's own log   a posting whose reply was lost: the mark follows
 *   ledger behind, or no row               the database was set back or is new: the mark goes back, and the rows in
 *                                          between are posted again, from the archive where the log is trimmed
 *   ledger ahead, on no log that is known  the shard's storage was set back (shard/recovery.ts)
 *
 * Sources of earlier lives write nothing any more; they are posted up to the end of their life.
 *
 * Keeps: nothing is posted before it was compared. Everything here is idempotent.
 */

import { type ArchiveStore, type LogOwner, StorageSetBackError, sourceOf } from "../archive/archive.ts";
import type { Life } from "../archive/head.ts";
import { type LogRow, type LogSource, positionAt } from "../archive/log-source.ts";
import { LOG_READ_CHARS_MAX } from "../core/limits.ts";
import type { Position } from "../core/position.ts";
import { type FactsStore, isSameLedgerRow, type LedgerRow } from "./facts-store.ts";
import { NOTHING, type PostedMark, type PostOptions, postFold, postLog } from "./post.ts";

export type CheckedDatabase = {
  readonly name: string;
  readonly store: FactsStore;
  readonly mark: { read(): PostedMark | null; write(mark: PostedMark): void };
};

/** Where a database stood behind what it had been given. */
export type Behind = { readonly source: string; readonly from: number; readonly to: number };

export type CheckContext = {
  readonly log: LogSource;
  readonly owner: LogOwner;
  readonly base: Position;
  /** The ledger's rows of the shard in this database. */
  readonly rows: ReadonlyMap<string, LedgerRow>;
  readonly onBehind: (behind: Behind) => void;
};

/**
 * Brings the mark of a database in line with its ledger. Throws StorageSetBackError when the ledger is of another log.
 */
export async function checkMark({ mark }: CheckedDatabase, context: CheckContext): Promise<void> {
  const { log, owner, base, rows, onBehind } = context;
  const source = sourceOf(owner);
  const row = rows.get(source) ?? null;
  const have = mark.read();
  if (have === null) {
    // A database that was never posted to: what has left the log was none of its business.
    const at = row === null ? log.tail() : await placeOf(row, log);
    mark.write({ at: at.seq < base.seq ? base : at, ledger: row });
    return;
  }
  if (isSameLedgerRow(row, have.ledger)) return;
  if (row !== null && row.seq > have.at.seq) {
    mark.write({ at: await placeOf(row, log), ledger: row });
    return;
  }
  if (row !== null && row.seq === have.at.seq && row.chain !== have.at.chain) throw setBack(source, row);
  onBehind({ source, from: row?.seq ?? base.seq, to: have.at.seq });
  mark.write({ at: row ?? base, ledger: row });
}

/** The ledger's row as a place of this log. What has left the log is compared when it is read from the archive. */
async function placeOf(row: LedgerRow, log: LogSource): Promise<Position> {
  const { seq, chain, loggedAtMs } = row;
  if (seq < log.tail().seq) return { seq, chain, loggedAtMs };
  const place = await positionAt(log, seq, LOG_READ_CHARS_MAX);
  if (place?.chain !== chain) throw setBack("the ledger", row);
  return place;
}

function setBack(source: string, { seq }: LedgerRow): StorageSetBackError {
  return new StorageSetBackError(`${source} stands at ${seq}, which is not in this log`, true);
}

/** Rows of the archive as `postLog` asks for them; a segment is read once. */
export function archivedRows(
  archive: Pick<ArchiveStore, "rowsAfter">,
  owner: LogOwner,
  until: () => Position,
): PostOptions["rowsAfter"] {
  let held: readonly LogRow[] = [];
  return async (at) => {
    const next = held.findIndex(({ seq }) => seq === at.seq + 1);
    held = next < 0 ? await archive.rowsAfter(owner, at, until()) : held.slice(next);
    return held;
  };
}

/**
 * Posts what a life has in the archive and the database has not. Resolves to whether the database now has all of it:
 * one run ends after `postingsMax` postings.
 */
export async function repost(
  { name, store }: Pick<CheckedDatabase, "name" | "store">,
  {
    life,
    row,
    archive,
    ...options
  }: Omit<PostOptions, "untilSeq" | "rowsAfter"> & {
    life: Life;
    row: LedgerRow | null;
    archive: Pick<ArchiveStore, "rowsAfter">;
  },
): Promise<boolean> {
  const { owner } = options;
  const { end, base } = life;
  let reached: PostedMark = { at: row ?? base, ledger: row };
  const mark = {
    read: () => reached,
    write: (value: PostedMark) => {
      reached = value;
    },
  };
  const rowsAfter = archivedRows(archive, owner, () => end);
  try {
    await postLog([{ name, store, mark }], { ...options, untilSeq: end.seq, rowsAfter });
  } finally {
    const { at, ledger } = mark.read();
    // Where the last rows held nothing of this database the ledger says so, or they would be read again and again.
    if ((ledger ?? base).seq < at.seq) await postFold(store, { owner, from: ledger, fold: { ...NOTHING, to: at } });
  }
  return mark.read().at.seq >= end.seq;
}
