/**
 * From log to report database: folds log rows into one posting after the other until nothing is left.
 *
 * Order of durable writes, and what a crash between them leaves:
 *   1 the posting (one transaction with its ledger row)   → the next run reads the ledger back and moves on
 *   2 the cursor "posted to"                              → nothing: the log may shrink
 *
 * Keeps: each log row is applied exactly once. A posting starts at cursor + 1; when its outcome is unknown, or another
 * request was first, the ledger says how far that key reached. So a lost reply, a zombie request that arrives after its
 * retry and a range that grew between two tries are all the same case, and no error text is parsed.
 * Relies on: one run at a time per log (the shard's single flight) for economy; the ledger for correctness.
 */
import { type Facts, foldEntry } from "../core/facts.ts";
import { foldLateClick, type LateClicks } from "../core/late-click.ts";
import { LOG_READ_CHARS_MAX, POSTING_CHARS_MAX } from "../core/limits.ts";
import { isTokenEntry } from "../core/log-line.ts";
import { assert } from "../core/result.ts";
import { ELEMENT_CHARS, EXACT_USERS_MAX } from "../core/sketch.ts";
import { type LogOwner, sourceOf } from "./archive.ts";
import type { FactsStore, Posting } from "./facts-store.ts";
import type { Cursor, LogRow, LogSource } from "./log-source.ts";

/** Characters that one cell or row takes in a posting, rounded up from ids of full length. */
const CHARS_PER_CELL = 330;
const CHARS_PER_ROW = 500;
/** One more than an element has, since one digit in 64 is a backslash, which JSON escapes. */
const CHARS_PER_USER = ELEMENT_CHARS + 1;

/**
 * Posts the rows after the cursor, at least up to `untilSeq`; rows that arrive meanwhile may wait for the next run, so
 * that a steady stream does not turn into many small postings. Throws the store's fault when the ledger shows that
 * nothing was applied. Returns the facts posted, for the operational metrics.
 */
export async function postLog(
  log: LogSource,
  cursor: Cursor,
  { store, owner, untilSeq }: { store: FactsStore; owner: LogOwner; untilSeq: number },
): Promise<Facts[]> {
  const posted: Facts[] = [];
  while (cursor.read() < untilSeq) {
    const posting = nextPosting(log.rowsAfter(cursor.read(), LOG_READ_CHARS_MAX), owner);
    assert(posting !== null, "the log holds every row up to its last");
    const seqTo = await settle(store, posting);
    cursor.advance(seqTo);
    if (seqTo === posting.seqTo) posted.push(posting.facts);
  }
  return posted;
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
