/**
 * From log to report databases: folds log rows into one posting after the other until nothing is left, each database its
 * own advertisers' part.
 *
 *   rows after the cursor that is furthest behind ─▶ facts ─▶ part of each database with that cursor ─▶ its store, cursor
 *
 * Order of durable writes, and what a crash between them leaves:
 *   0 the pins of new advertisers                         → pinned advertisers without facts, which is harmless
 *   1 the posting (one transaction with its ledger row)   → the next run reads the ledger back and moves on
 *   2 the cursor "posted to" of the database              → nothing: the log may shrink
 *
 * Keeps: each log row is applied exactly once. A posting starts at cursor + 1; when its outcome is unknown, or another
 * request was first, the ledger says how far that key reached. So a lost reply, a zombie request that arrives after its
 * retry and a range that grew between two tries are all the same case, and no error text is parsed. A range without
 * facts of a database needs no ledger row: one that has some has some however it grows. A database that fails keeps no
 * other from going on; it comes after them, and they meet again at the end of the log.
 * Relies on: one run at a time per log (the shard's single flight) for economy; the ledger for correctness; pins that
 * never change. Rows that a cursor has not reached and that are gone were posted to every database that was bound then,
 * and none of them was pinned to another, since that stops a run.
 */
import { type Facts, foldEntry } from "../core/facts.ts";
import { foldLateClick, type LateClicks } from "../core/late-click.ts";
import { LOG_READ_CHARS_MAX, POSTING_CHARS_MAX } from "../core/limits.ts";
import { isTokenEntry } from "../core/log-line.ts";
import { assert } from "../core/result.ts";
import { ELEMENT_CHARS, EXACT_USERS_MAX } from "../core/sketch.ts";
import { type LogOwner, sourceOf } from "./archive.ts";
import type { FactsStore, Posting, ReportStores } from "./facts-store.ts";
import type { Cursor, LogRow, LogSource } from "./log-source.ts";

/** Characters that one cell or row takes in a posting, rounded up from ids of full length. */
const CHARS_PER_CELL = 330;
const CHARS_PER_ROW = 500;
/** One more than an element has, since one digit in 64 is a backslash, which JSON escapes. */
const CHARS_PER_USER = ELEMENT_CHARS + 1;

/** A database on its way through a log. */
export type PostTarget = { readonly name: string; readonly store: FactsStore; readonly cursor: Cursor };

export type PostOptions = {
  readonly pin: ReportStores["pin"];
  readonly owner: LogOwner;
  readonly untilSeq: number;
};

/**
 * Posts the rows after each target's cursor up to `untilSeq`; rows that arrive meanwhile wait for the next run, so that a
 * steady stream does not turn into many small postings, and all cursors meet. When a store fails and its ledger shows that
 * nothing was applied, the others still have their turn, and the first such fault is thrown; a fault of the pins, which
 * all need, ends the run. `onPosted` is given the facts of each posting, for the operational metrics.
 */
export async function postLog(
  log: LogSource,
  targets: readonly PostTarget[],
  { pin, owner, untilSeq }: PostOptions,
  onPosted: (facts: Facts) => void = () => {},
): Promise<void> {
  const faults: unknown[] = [];
  let going = targets.filter(({ cursor }) => cursor.read() < untilSeq);
  while (going.length > 0) {
    const from = Math.min(...going.map(({ cursor }) => cursor.read()));
    const rows = log.rowsAfter(from, LOG_READ_CHARS_MAX).filter(({ seq }) => seq <= untilSeq);
    const posting = nextPosting(rows, owner);
    const parts = posting === null ? null : splitPosting(posting, await pin(advertisersOf(posting)));
    const failed = new Set<PostTarget>();
    const post = async (target: PostTarget): Promise<void> => {
      const part = parts?.get(target.name);
      try {
        const seqTo = part === undefined ? (posting?.seqTo ?? untilSeq) : await settle(target.store, part);
        target.cursor.advance(seqTo);
        if (part !== undefined && seqTo === part.seqTo) onPosted(part.facts);
      } catch (fault) {
        faults.push(fault);
        failed.add(target);
      }
    };
    await Promise.all(going.filter(({ cursor }) => cursor.read() === from).map(post));
    going = going.filter((target) => !failed.has(target) && target.cursor.read() < untilSeq);
  }
  if (faults.length > 0) throw faults[0];
}

/** Folds as many of the rows as fit into one posting; null when there are none. */
export function nextPosting(rows: readonly LogRow[], owner: LogOwner): Posting | null {
  const first = rows[0];
  if (first === undefined) return null;
  const facts: Facts = new Map();
  const lates: LateClicks = new Map();
  let seqTo = first.seq;
  for (const row of rows) {
    if (row !== first && charsOf(facts) + row.chars > POSTING_CHARS_MAX) break;
    for (const entry of row.entries()) {
      foldEntry(facts, entry);
      if (isTokenEntry(entry)) foldLateClick(lates, entry);
    }
    seqTo = row.seq;
  }
  return { source: sourceOf(owner), shard: owner.shard, seqFrom: first.seq, seqTo, facts, lates };
}

function advertisersOf({ facts, lates }: Posting): string[] {
  const counted = Array.from(facts.values(), ({ advertiserId }) => advertiserId);
  return [...new Set([...counted, ...Array.from(lates.values(), ({ advertiserId }) => advertiserId)])];
}

/** The posting as each database gets it; one without facts and late clicks in it is not there. */
function splitPosting(posting: Posting, pins: ReadonlyMap<string, string>): Map<string, Posting> {
  const parts = new Map<string, Posting & { facts: Facts; lates: LateClicks }>();
  const partOf = (advertiserId: string) => {
    const name = pins.get(advertiserId);
    assert(name !== undefined, "an advertiser is pinned before it is posted");
    const part = parts.get(name) ?? { ...posting, facts: new Map(), lates: new Map() };
    parts.set(name, part);
    return part;
  };
  for (const [key, row] of posting.facts) partOf(row.advertiserId).facts.set(key, row);
  for (const [id, late] of posting.lates) partOf(late.advertiserId).lates.set(id, late);
  return parts;
}

/** Applies the posting, or finds out how far an earlier one of the same key reached. */
async function settle(store: FactsStore, posting: Posting): Promise<number> {
  try {
    await store.post(posting);
    return posting.seqTo;
  } catch (fault) {
    // Whatever went wrong, the ledger knows: a row means applied up to there, none means not applied.
    const seqTo = await store.postedTo(posting.source, posting.seqFrom);
    if (seqTo === null) throw fault;
    return seqTo;
  }
}

/** Upper estimate of the posting's JSON. */
function charsOf(facts: Facts): number {
  let cells = 0;
  let users = 0;
  for (const row of facts.values()) {
    cells += row.cells.size;
    users += Math.min(row.users.size, EXACT_USERS_MAX);
  }
  return facts.size * CHARS_PER_ROW + cells * CHARS_PER_CELL + users * CHARS_PER_USER;
}
