/**
 * From log to report databases: folds log rows into one posting after the other until nothing is left, each database
 * its own advertisers' part.
 *
 *   rows after the mark that is furthest behind ─▶ facts ─▶ part of each database with that mark ─▶ its store, mark
 *
 * Order of durable writes, and what a crash between them leaves:
 *   0 the assignments of new advertisers                     → assigned advertisers without facts, which is harmless
 *   1 the posting (one transaction with the ledger's row)    → the ledger's row is ahead of the mark
 *   2 the mark of the database                               → nothing: the log may shrink
 *
 * Keeps: each log row is applied exactly once. A posting takes place only where the ledger says what the mark says, and
 * moves both. When its outcome is unknown the ledger's row tells: unchanged means not applied, `to` means applied. Any
 * other row is for ledger-check.ts. So a lost reply, a zombie request that arrives after its retry and a range that
 * grew between two tries are all the same case, and no error text is parsed. A range without facts of a database moves
 * its mark alone, and joins the next posting. A database that fails keeps no other from going on; it comes after them,
 * and they meet again at the end of the log.
 * Relies on: one run at a time per log (the shard's single flight); assignments that never change. Memory: the rows of
 * one read, and one posting.
 */

import { type LogOwner, sourceOf } from "../archive/archive.ts";
import type { LogRow } from "../archive/log-source.ts";
import { type Facts, foldEntry } from "../core/facts.ts";
import { foldLateClick, type LateClicks } from "../core/late-click.ts";
import { POSTING_CHARS_MAX } from "../core/limits.ts";
import { isTokenEntry } from "../core/log-line.ts";
import { isSamePosition, type Position, positionAfter } from "../core/position.ts";
import { assert } from "../core/result.ts";
import { ELEMENT_CHARS, EXACT_USERS_MAX } from "../core/sketch.ts";
import { type FactsStore, isSameLedgerRow, type LedgerRow, type ReportStores } from "./facts-store.ts";

/** Characters that one cell or row takes in a posting, rounded up from ids of full length. */
const CHARS_PER_CELL = 330;
const CHARS_PER_ROW = 500;
/** One more than an element has, since one digit in 64 is a backslash, which JSON escapes. */
const CHARS_PER_USER = ELEMENT_CHARS + 1;

/**
 * Up to where a database has a log: `at` by the log, `ledger` by the database, which rows without facts do not move.
 * `isTried` while a posting from here may be under way: it would take away what is shown meanwhile, so nothing is.
 */
export type PostedMark = { readonly at: Position; readonly ledger: LedgerRow | null; readonly isTried?: boolean };

/** A database on its way through a log; its mark has been compared with the ledger (ledger-check.ts). */
export type PostTarget = {
  readonly name: string;
  readonly store: FactsStore;
  readonly mark: { read(): PostedMark; write(mark: PostedMark): void };
};

/** The database answers, and nothing of the posting is applied. */
export class NotAppliedError extends Error {
  override readonly name = "NotAppliedError";
}

/** What the ledger holds is neither what it held before the posting nor what it would hold after. */
export class LedgerConflictError extends Error {
  override readonly name = "LedgerConflictError";
}

/** The archive has no row behind a place of a log, though the log went on. */
export class MissingRowsError extends Error {
  override readonly name = "MissingRowsError";
}

export type PostOptions = {
  readonly assign: ReportStores["assign"];
  readonly owner: LogOwner;
  readonly untilSeq: number;
  /**
   * Rows after a place, of the log or, where it has been trimmed, of the archive; at most some millions of characters.
   */
  readonly rowsAfter: (at: Position) => Promise<readonly LogRow[]>;
  /** Postings after which to stop; what is left is for the next run. */
  readonly postingsMax: number;
  /** Posts one row apart (post-apart.ts); resolves to the ledger's row afterwards. */
  readonly apart: (row: RowPart) => Promise<LedgerRow>;
  /** Whether a posting from that place has been refused so often that it is to be posted apart. */
  readonly isRefused: (name: string, from: Position) => boolean;
  /** What is folded already, if the first posting begins where it does. */
  readonly begun?: OpenFold;
  /** Is given the facts of each posting, for the operational metrics. */
  readonly onPosted?: (facts: Facts) => void;
};

/** Facts and late clicks of some rows, and the place behind them. */
export type Fold = { readonly to: Position; readonly facts: Facts; readonly lates: LateClicks };

/** A fold that grows until it is posted, and the place before its first row. */
export type OpenFold = Fold & { readonly from: Position };

/** A posting that only moves the ledger. */
export const NOTHING: Pick<Fold, "facts" | "lates"> = { facts: new Map(), lates: new Map() };

/** The first row of what is to be posted: a database's part of it. */
export type RowPart = { readonly target: PostTarget; readonly owner: LogOwner; readonly row: Fold };

/**
 * Posts the rows after each target's mark up to `untilSeq`; rows that arrive meanwhile wait for the next run, so that a
 * steady stream does not turn into many small postings, and all marks meet. When a store fails and its ledger shows
 * that nothing was applied, the others still have their turn, and the first such fault is thrown; a fault of the
 * assignments, which all need, ends the run.
 */
export async function postLog(targets: readonly PostTarget[], options: PostOptions): Promise<void> {
  const { assign, untilSeq, begun } = options;
  const faults: unknown[] = [];
  const seqOf = (target: PostTarget) => target.mark.read().at.seq;
  let going = targets.filter((target) => seqOf(target) < untilSeq);
  for (let postings = 0; going.length > 0 && postings < options.postingsMax; postings++) {
    const from = going.map((target) => target.mark.read().at).reduce((a, b) => (b.seq < a.seq ? b : a));
    const rows = () => rowsBehind(from, options);
    const isBegun = begun !== undefined && begun.to.seq > from.seq && isSamePosition(begun.from, from);
    const fold = isBegun ? begun : await foldRows(from, await rows());
    const parts = splitFold(fold, await assign(advertisersOf(fold)));
    const failed = new Set<PostTarget>();
    const post = async (target: PostTarget): Promise<void> => {
      try {
        await settle(target, { fold, part: parts.get(target.name), from, rows }, options);
      } catch (fault) {
        faults.push(fault);
        failed.add(target);
      }
    };
    await Promise.all(going.filter((target) => seqOf(target) === from.seq).map(post));
    going = going.filter((target) => !failed.has(target) && seqOf(target) < untilSeq);
  }
  if (faults.length > 0) throw faults[0];
}

/** The rows behind a place, up to where a run goes. */
export async function rowsBehind(
  from: Position,
  { owner, untilSeq, rowsAfter }: Pick<PostOptions, "owner" | "untilSeq" | "rowsAfter">,
): Promise<readonly LogRow[]> {
  const rows = (await rowsAfter(from)).filter(({ seq }) => seq <= untilSeq);
  if (rows[0]?.seq === from.seq + 1) return rows;
  throw new MissingRowsError(`rows behind ${from.seq} of ${sourceOf(owner)} are missing`);
}

type Step = { fold: Fold; part: Fold | undefined; from: Position; rows: () => Promise<readonly LogRow[]> };

/** Applies a database's part of the rows, or moves its mark over rows that hold nothing of it. */
async function settle(target: PostTarget, step: Step, options: PostOptions): Promise<void> {
  const { owner, isRefused, onPosted } = options;
  const { fold, part, from } = step;
  const { mark, name, store } = target;
  const { ledger } = mark.read();
  const isHalfPosted = ledger !== null && ledger.part !== "";
  if (isHalfPosted) return settleApart(target, step, options);
  if (part === undefined) {
    mark.write({ at: fold.to, ledger });
    return;
  }
  if (mark.read().isTried !== true) mark.write({ ...mark.read(), isTried: true });
  try {
    mark.write({ at: part.to, ledger: await postFold(store, { owner, from: ledger, fold: part }) });
    onPosted?.(part.facts);
  } catch (fault) {
    if (!(fault instanceof NotAppliedError) || !isRefused(name, from)) throw fault;
    await settleApart(target, step, options);
  }
}

async function settleApart(
  target: PostTarget,
  { from, rows }: Step,
  { assign, owner, apart }: PostOptions,
): Promise<void> {
  const first = await foldRows(from, (await rows()).slice(0, 1));
  const part = splitFold(first, await assign(advertisersOf(first))).get(target.name);
  const row = part ?? { ...NOTHING, to: first.to };
  const ledger = await apart({ target, owner, row });
  target.mark.write({ at: first.to, ledger });
}

/**
 * Posts a fold behind the ledger's row `from`; resolves to the row that then stands. Throws NotAppliedError when
 * nothing was applied.
 */
export async function postFold(
  store: FactsStore,
  { owner, from, fold, part = "" }: { owner: LogOwner; from: LedgerRow | null; fold: Fold; part?: string },
): Promise<LedgerRow> {
  const to: LedgerRow = { ...fold.to, part };
  const source = sourceOf(owner);
  try {
    await store.post({ source, shard: owner.shard, from, to, facts: fold.facts, lates: fold.lates });
    return to;
  } catch (fault) {
    // Whatever went wrong, the ledger knows.
    const row = (await store.ledger(owner.shard)).get(source) ?? null;
    if (isSameLedgerRow(row, to)) return to;
    if (isSameLedgerRow(row, from))
      throw new NotAppliedError(`posting to ${source}: ${String(fault)}`, { cause: fault });
    throw new LedgerConflictError(`the ledger of ${source} stands at ${row?.seq ?? "nothing"}`, { cause: fault });
  }
}

/**
 * Shows a fold behind the ledger's row `from` until it is posted. Throws NotAppliedError when it is not shown, though
 * the ledger stands there.
 */
export async function openFold(
  store: FactsStore,
  { owner, from, fold: { to, facts } }: { owner: LogOwner; from: LedgerRow | null; fold: Fold },
): Promise<void> {
  const source = sourceOf(owner);
  try {
    await store.open({ source, from, to, facts });
  } catch (fault) {
    const row = (await store.ledger(owner.shard)).get(source) ?? null;
    if (!isSameLedgerRow(row, from))
      throw new LedgerConflictError(`the ledger of ${source} stands at ${row?.seq ?? "nothing"}`, { cause: fault });
    const at = (await store.opened(owner.shard)).get(source);
    if (at?.seq === to.seq && at.chain === to.chain) return;
    throw new NotAppliedError(`showing ${source}: ${String(fault)}`, { cause: fault });
  }
}

/** Folds as many of the rows behind `from` as fit into one posting, at least one. */
export function foldRows(from: Position, rows: readonly LogRow[]): Promise<Fold> {
  return foldOn({ from, to: from, facts: new Map(), lates: new Map() }, rows);
}

/** Folds rows behind a fold into it, in place, as many as fit. Where it rejects, the fold is none any more. */
export async function foldOn({ from, to: end, facts, lates }: OpenFold, rows: readonly LogRow[]): Promise<OpenFold> {
  let to = end;
  for (const row of rows) {
    if (to !== from && charsOf(facts) + row.chars > POSTING_CHARS_MAX) break;
    for (const entry of row.entries()) {
      foldEntry(facts, entry);
      if (isTokenEntry(entry)) foldLateClick(lates, entry);
    }
    to = await positionAfter(to, row);
  }
  return { from, to, facts, lates };
}

export function advertisersOf({ facts, lates }: Fold): string[] {
  const counted = Array.from(facts.values(), ({ advertiserId }) => advertiserId);
  return [...new Set([...counted, ...Array.from(lates.values(), ({ advertiserId }) => advertiserId)])];
}

/** The fold as each database gets it; one without facts and late clicks in it is not there. */
export function splitFold(fold: Fold, assignments: ReadonlyMap<string, string>): Map<string, Fold> {
  return splitBy(fold, (advertiserId) => {
    const name = assignments.get(advertiserId);
    assert(name !== undefined, "an advertiser is assigned before it is posted");
    return name;
  });
}

/** The fold's parts by what their advertisers are given. */
export function splitBy({ to, facts, lates }: Fold, nameOf: (advertiserId: string) => string): Map<string, Fold> {
  const parts = new Map<string, Fold & { facts: Facts; lates: LateClicks }>();
  const partOf = (advertiserId: string) => {
    const name = nameOf(advertiserId);
    const part = parts.get(name) ?? { to, facts: new Map(), lates: new Map() };
    parts.set(name, part);
    return part;
  };
  for (const [key, row] of facts) partOf(row.advertiserId).facts.set(key, row);
  for (const [id, late] of lates) partOf(late.advertiserId).lates.set(id, late);
  return parts;
}

/** Upper estimate of the posting's JSON. */
export function charsOf(facts: Facts): number {
  let cells = 0;
  let users = 0;
  for (const row of facts.values()) {
    cells += row.cells.size;
    users += Math.min(row.users.size, EXACT_USERS_MAX);
  }
  return facts.size * CHARS_PER_ROW + cells * CHARS_PER_CELL + users * CHARS_PER_USER;
}
