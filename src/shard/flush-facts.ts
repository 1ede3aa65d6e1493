/**
 * The part of a flush that carries the log to the report databases: shown soon, posted seldom.
 *
 *   new rows ─▶ the open fold ─▶ not due: shown in each database, beside its facts (facts/open-sql.ts)
 *                             └▶ due:     posted, and a new fold begins behind it
 *
 * A fold is due when its oldest row is `postIntervalMs` old, when it or its log is large, sooner where it holds late
 * clicks or decisions on them, which nothing shows before, and at once where something is not as ever: a row that is
 * half posted, a posting that may still be under way, a fold that could not be shown, a database that was set back.
 *
 * Keeps: a fold is in memory alone, and made again from the log, which is trimmed behind postings. A database that is
 * behind the others catches up by postings, and then shows what they show. Nothing of a life that is over is shown
 * beside what the next one carries.
 */

import { type LogOwner, StorageSetBackError, sourceOf } from "../archive/archive.ts";
import { positionAt } from "../archive/log-source.ts";
import { LATES_POST_MS, LOG_READ_CHARS_MAX, OPEN_CHARS_MAX, POSTINGS_PER_FLUSH_MAX } from "../core/limits.ts";
import { isSamePosition, type Position } from "../core/position.ts";
import { assert } from "../core/result.ts";
import { isSameLedgerRow, type Opened } from "../facts/facts-store.ts";
import { archivedRows, checkMark, repost } from "../facts/ledger-check.ts";
import {
  advertisersOf,
  charsOf,
  foldOn,
  type OpenFold,
  openFold,
  type PostedMark,
  type PostOptions,
  type PostTarget,
  postLog,
  rowsBehind,
  splitFold,
} from "../facts/post.ts";
import { postApart } from "../facts/post-apart.ts";
import { logFault } from "../log.ts";
import { FactsTally } from "../operations.ts";
import {
  archivedPlace,
  type FlushPorts,
  type FlushSession,
  type FlushSettings,
  type SinceFold,
} from "./flush-ports.ts";
import { ownLife } from "./recovery.ts";

/** The databases that may be posted to, what they are posted with, and why the others may not. */
export type Checked = {
  readonly targets: readonly PostTarget[];
  readonly options: RepostOptions;
  readonly tally: FactsTally;
  readonly faults: readonly unknown[];
};

type RepostOptions = Omit<PostOptions, "owner" | "untilSeq" | "rowsAfter">;

export async function checkTargets(ports: FlushPorts, session: FlushSession): Promise<Checked> {
  const { shard, operations, bury, reports } = ports;
  const tally = new FactsTally(operations, shard);
  const options: RepostOptions = {
    assign: reports.assign,
    postingsMax: POSTINGS_PER_FLUSH_MAX,
    isRefused: (name, { seq }) => session.refusals.isRefused(name, String(seq)),
    apart: (row) => postApart(row, { refusals: session.refusals, bury }),
    onPosted: (facts) => {
      tally.add(facts);
      ports.watch?.(facts);
    },
  };
  const faults: unknown[] = [];
  const targets: PostTarget[] = [];
  for (const name of reports.byName.keys()) {
    try {
      targets.push(await checkedTarget(ports, session, { name, options }));
    } catch (fault) {
      faults.push(fault);
    }
  }
  return { targets, options, tally, faults };
}

/** A database that may be posted to: its mark is in line with its ledger, and what it shows with this log. */
async function checkedTarget(
  ports: FlushPorts,
  session: FlushSession,
  { name, options }: { name: string; options: RepostOptions },
): Promise<PostTarget> {
  const { log, shard, archive, reports } = ports;
  const { incarnation, base } = ownLife(ports);
  const owner: LogOwner = { shard, incarnation };
  const mark = log.posted(name);
  const store = reports.byName.get(name);
  assert(store !== undefined, "a target is one of the report databases");
  const read = (): PostedMark => mark.read() ?? { at: base, ledger: null };
  const target = { name, store, mark: { read, write: (value: PostedMark) => mark.write(value) } };
  if (session.checked.has(name)) return target;

  const { rows, opened } = await store.standing(shard);
  const onBehind = (behind: object) =>
    logFault("report_database_behind", new Error(`${name} was set back`), { shard, ...behind });
  await checkMark({ name, store, mark }, { log, owner, base, rows, onBehind });
  session.shown.delete(name);
  await checkShown(ports, session, { target, owner, opened });
  let isWhole = true;
  for (const life of session.lives ?? []) {
    const of: LogOwner = { shard, incarnation: life.incarnation };
    const row = rows.get(sourceOf(of)) ?? null;
    const isPosted = (row ?? life.base).seq >= life.end.seq && (row?.part ?? "") === "";
    if (life.incarnation === incarnation || isPosted) continue;
    isWhole = (await repost(target, { ...options, owner: of, life, row, archive })) && isWhole;
  }
  // What is left of earlier lives is posted by the next runs; this life's rows do not wait for it.
  if (isWhole) session.checked.add(name);
  return target;
}

/**
 * What a database shows of this shard: of this life, a place of this log, or the storage was set back behind it; of
 * earlier ones nothing, since this life carries what they had in common, and the archive the rest.
 */
async function checkShown(
  { log }: FlushPorts,
  session: FlushSession,
  { target: { name, store, mark }, owner, opened }: { target: PostTarget; owner: LogOwner; opened: Opened },
): Promise<void> {
  const own = sourceOf(owner);
  for (const [source, shown] of opened) {
    if (source !== own) {
      await store.close(source);
      continue;
    }
    // What stands before the tail has been posted: this database was set back, and is posted to again.
    if (shown.seq < log.tail().seq) continue;
    const at = await positionAt(log, shown.seq, LOG_READ_CHARS_MAX);
    if (at?.chain !== shown.chain) {
      throw new StorageSetBackError(`${source} is shown up to ${shown.seq}, which is not in this log`, true);
    }
    session.shown.set(name, { at, on: mark.read().ledger });
  }
}

/** Posts what is due and shows the rest. Throws the first fault after every database had its turn. */
export async function carryFacts(
  ports: FlushPorts,
  session: FlushSession,
  { checked, settings, nowMs }: { checked: Checked; settings: FlushSettings; nowMs: number },
): Promise<void> {
  const { log, shard, archive } = ports;
  const { targets, options, tally } = checked;
  const faults = [...checked.faults];
  const owner: LogOwner = { shard, incarnation: ownLife(ports).incarnation };
  const fromArchive = archivedRows(archive, owner, () => archivedPlace(ports));
  const rowsAfter = async (at: Position) =>
    at.seq >= log.tail().seq ? log.rowsAfter(at.seq, LOG_READ_CHARS_MAX) : fromArchive(at);
  const run = { ...options, owner, rowsAfter, untilSeq: log.last().seq };
  const tried = (work: Promise<void>) =>
    work.catch((fault: unknown) => {
      // What was learned of the ledgers may no longer be true.
      session.checked.clear();
      faults.push(fault);
    });
  const placeOf = ({ mark }: PostTarget) => mark.read().at;
  const front = targets.map(placeOf).reduce((a, b) => (b.seq > a.seq ? b : a), log.tail());
  try {
    await tried(postLog(targets, { ...run, untilSeq: front.seq }));
    const level = targets.filter((target) => placeOf(target).seq === front.seq);
    if (level.length > 0 && front.seq < run.untilSeq) await tried(carryOn(level, session, { run, settings, nowMs }));
  } finally {
    tally.write();
  }
  if (faults.length > 0) throw faults[0];
}

type Carrying = { readonly run: PostOptions; readonly settings: FlushSettings; readonly nowMs: number };

/** Posts or shows what is behind the one place where all the targets are. */
async function carryOn(
  level: readonly PostTarget[],
  session: FlushSession,
  { run, settings, nowMs }: Carrying,
): Promise<void> {
  const [first] = level;
  assert(first !== undefined, "somebody is carried to");
  const open = await grow(session, first.mark.read().at, run);
  const { postIntervalMs, postCharsMax = LOG_READ_CHARS_MAX } = settings;
  const charsMax = Math.min(postCharsMax, LOG_READ_CHARS_MAX);
  const dueMs = open.sinceMs + Math.min(postIntervalMs, open.lates.size > 0 ? LATES_POST_MS : Infinity);
  const isUnderWay = level.map(({ mark }) => mark.read()).some(isHalfPosted);
  const isLarge = open.to.seq < run.untilSeq || open.chars > charsMax || charsOf(open.facts) > OPEN_CHARS_MAX;
  if (nowMs >= dueMs || isUnderWay || isLarge || session.isUnshowable) {
    session.postDueMs = nowMs;
    session.open = null;
    await postLog(level, { ...run, begun: open });
    session.isUnshowable = false;
    return;
  }
  session.postDueMs = dueMs;
  try {
    await show(level, session, { open, run });
  } catch (fault) {
    // Whatever it is, postings have their own ways to deal with it.
    session.isUnshowable = true;
    throw fault;
  }
}

/** Whether a posting from the mark has begun, perhaps with one advertiser alone. */
function isHalfPosted({ ledger, isTried }: PostedMark): boolean {
  return isTried === true || (ledger?.part ?? "") !== "";
}

/** The fold behind `front`, with the rows that have come since. */
async function grow(session: FlushSession, front: Position, run: PostOptions): Promise<SinceFold> {
  const known = session.open;
  // Half grown it is none.
  session.open = null;
  let open = known;
  if (open === null || !isSamePosition(open.from, front)) {
    open = { from: front, to: front, facts: new Map(), lates: new Map(), sinceMs: Infinity, chars: 0 };
  }
  while (open.to.seq < run.untilSeq) {
    const rows = await rowsBehind(open.to, run);
    const sinceMs = Math.min(open.sinceMs, rows[0]?.loggedAtMs ?? Infinity);
    const folded = await foldOn(open, rows);
    const taken = rows.filter(({ seq }) => seq <= folded.to.seq);
    open = { ...folded, sinceMs, chars: taken.reduce((sum, row) => sum + row.chars, open.chars) };
    if (taken.length < rows.length) break;
  }
  session.open = open;
  return open;
}

/** Shows a fold in each database that has a part of it. */
async function show(
  level: readonly PostTarget[],
  session: FlushSession,
  { open, run: { assign, owner } }: { open: OpenFold; run: PostOptions },
): Promise<void> {
  const parts = splitFold(open, await assign(advertisersOf(open)));
  const outcomes = await Promise.allSettled(
    level.map(async ({ name, store, mark }) => {
      const { ledger } = mark.read();
      const part = parts.get(name);
      const shown = session.shown.get(name);
      const isShown = shown !== undefined && shown.at.seq === open.to.seq && isSameLedgerRow(shown.on, ledger);
      if (!isShown && part !== undefined && part.facts.size > 0)
        await openFold(store, { owner, from: ledger, fold: part });
      session.shown.set(name, { at: open.to, on: ledger });
    }),
  );
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}
