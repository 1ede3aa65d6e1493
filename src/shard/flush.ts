/**
 * Flush: carry the log to the sinks, then forget what is no longer needed.
 *
 *   check      each database's ledger against the log's mark, before anything is posted (facts/ledger-check.ts)
 *   post       to the report databases     → again from the mark, the ledger recognises it
 *   archive    when a segment is due, after the rules that its lines name (rules-record.ts)
 *                                          → again from the mark, head and segment recognise it
 *   trim       the log, behind both, and where its keys are packed
 *                                          → rows that are posted and archived stay a little longer
 *   forget     expired key tables          → dropped at the next flush
 *   merge      packed keys, a few steps    → look-ups take a little longer
 *
 * Posting and archiving run beside each other; what a crash in any of the steps leaves is said behind the arrow. Where
 * a ledger says that the storage is of the past nothing is archived either: under the old life's name it would stand
 * there as what the database has.
 *
 * Keeps: a fault of one sink does not keep the other from its work; it is thrown after both had their turn. Bounded: a
 * run ends after `POSTINGS_PER_FLUSH_MAX` postings, and holds one posting, one segment and what it read for them.
 */

import { archiveLog, type LogOwner, StorageSetBackError, sourceOf } from "../archive/archive.ts";
import type { Life } from "../archive/head.ts";
import type { Facts } from "../core/facts.ts";
import {
  DAY_MS,
  HOUR_MS,
  LOG_READ_CHARS_MAX,
  POSTINGS_PER_FLUSH_MAX,
  REVISIONS_KEPT_DAYS,
  SEGMENT_CHARS_MAX,
} from "../core/limits.ts";
import type { Position } from "../core/position.ts";
import { assert } from "../core/result.ts";
import { hourOf } from "../core/time.ts";
import type { FactsStore } from "../facts/facts-store.ts";
import { archivedRows, checkMark, repost } from "../facts/ledger-check.ts";
import { type PostedMark, type PostOptions, type PostTarget, postLog } from "../facts/post.ts";
import { type DeadPosting, postApart, Refusals } from "../facts/post-apart.ts";
import { logFault } from "../log.ts";
import { FactsTally, type OperationsDataset } from "../operations.ts";
import type { PackedKeyIndex } from "./packed-key-index.ts";
import { ownLife, type RecoveryPorts } from "./recovery.ts";
import type { Memory } from "./revise.ts";
import { recordRules } from "./rules-record.ts";

export type PackedKeys = Pick<PackedKeyIndex, "transaction" | "packedTo" | "freshCount" | "pack" | "merge">;

export type FlushPorts = Omit<RecoveryPorts, "reports"> & {
  readonly reports: {
    readonly byName: ReadonlyMap<string, FactsStore>;
    readonly assign: (advertiserIds: readonly string[]) => Promise<ReadonlyMap<string, string>>;
  };
  readonly operations: OperationsDataset;
  /** Is told the facts of each posting. */
  readonly watch?: ((posted: Facts) => void) | undefined;
  /** Keys that stand beside rows of the log until they are packed. */
  readonly keys?: PackedKeys | undefined;
  /** Drops what is past its horizon at that instant; in the same transaction as the trim. */
  readonly forget: (nowMs: number) => void;
  /** Keeps what a database refuses (facts/post-apart.ts); durable when it resolves. */
  readonly bury: (dead: DeadPosting) => Promise<void>;
};

/** Keys in memory that are packed when the log can be trimmed: so many that they fill pages. */
const KEYS_PACKED_MIN = 4_096;
/** Archive intervals that a row of the log lies at most when all sinks have it. */
const SEGMENTS_PER_PACK = 5;
const MERGE_STEPS_PER_FLUSH = 4;

export type FlushSettings = { readonly archiveIntervalMs: number };

/** What a session has learned: which databases were compared with their ledgers, and what they refuse. */
export class FlushSession {
  readonly checked = new Set<string>();
  readonly refusals = new Refusals();
  /** The lives of the log, once the storage was compared with its archive; null before. */
  lives: readonly Life[] | null = null;
}

/** How full a storage is, and how long its keys are kept whatever it holds. */
export type Room = { readonly heldBytes: () => number; readonly bytesMax: number; readonly keptMs: number };

/**
 * Forgets claimed keys, repeats and late clicks past the horizon, and changes of verdicts after REVISIONS_KEPT_DAYS.
 * Where the storage is fuller than it may be the oldest hour goes before its time, one a flush: what is delivered again
 * from there is deferred, outside of gross, where a storage that is full would count nobody's clicks.
 */
export function forgetEvents(
  { index, lateStore, revised }: Memory,
  dedupHorizonMs: number,
  room?: Room,
): FlushPorts["forget"] {
  return (nowMs) => {
    const forgottenMs = nowMs - dedupHorizonMs;
    index.dropBefore(hourOf(forgottenMs));
    lateStore.dropBefore(forgottenMs);
    revised.dropBefore(nowMs - REVISIONS_KEPT_DAYS * DAY_MS);
    if (room === undefined || room.heldBytes() <= room.bytesMax) return;
    const hour = index.oldestHour();
    const isKept = hour === null || hour >= hourOf(nowMs - room.keptMs);
    if (!isKept) index.dropBefore(hour + 1);
    logFault("storage_filling", new Error("the storage holds more than it may"), {
      bytes: room.heldBytes(),
      forgottenHour: isKept ? null : hour,
    });
  };
}

/** Carries out one flush at `nowMs`. Throws the first sink's fault after everything else was tried. */
export async function flush(
  ports: FlushPorts,
  settings: FlushSettings,
  nowMs: number,
  session: FlushSession,
): Promise<void> {
  const checked = await checkTargets(ports, session);
  const setBack = checked.faults.find((fault) => fault instanceof StorageSetBackError);
  if (setBack !== undefined) throw setBack;
  const outcomes = await Promise.allSettled([post(ports, session, checked), archiveIfDue(ports, settings, nowMs)]);
  ports.transaction(() => {
    trimCarried(ports, settings, nowMs);
    ports.forget(nowMs);
  });
  mergeKeys(ports);
  const faults = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason as unknown] : []));
  if (faults.length > 0) throw faults.find((fault) => fault instanceof StorageSetBackError) ?? faults[0];
}

/** Up to where every report database has the log; a database that was never posted to has nothing of it. */
export function postedPlace({ log, reports }: Pick<FlushPorts, "log" | "reports">): Position {
  const base = log.life().read()?.base ?? log.tail();
  const places = Array.from(reports.byName.keys(), (name) => log.posted(name).read()?.at ?? base);
  return places.reduce((a, b) => (b.seq < a.seq ? b : a), places[0] ?? base);
}

/**
 * Deletes rows that every sink has. Those with keys that are not packed wait until it is worth a few rows written: many
 * keys, or rows that have lain long.
 */
function trimCarried(ports: FlushPorts, { archiveIntervalMs }: FlushSettings, nowMs: number): void {
  const { log, keys } = ports;
  const carried = carriedPlace(ports);
  if (keys !== undefined && keys.packedTo() < carried.seq) {
    const isDue = keys.freshCount() >= KEYS_PACKED_MIN || (packDueMs(ports, archiveIntervalMs) ?? nowMs) <= nowMs;
    if (!isDue) return;
    keys.pack();
  }
  log.trim(carried);
}

/** When rows that are carried are trimmed, however few keys stand beside them; null when there are none. */
export function packDueMs(
  ports: Pick<FlushPorts, "log" | "keys" | "reports">,
  archiveIntervalMs: number,
): number | null {
  const { log, keys } = ports;
  const carried = carriedPlace(ports).seq;
  if (keys === undefined || carried <= log.tail().seq) return null;
  const { oldestLoggedAtMs } = log.waitingAfter(log.tail().seq);
  return oldestLoggedAtMs === null ? null : oldestLoggedAtMs + SEGMENTS_PER_PACK * archiveIntervalMs;
}

function mergeKeys({ keys }: FlushPorts): void {
  for (let step = 0; step < MERGE_STEPS_PER_FLUSH; step++) if (keys?.merge(true) !== true) return;
}

/** Up to where every sink has the log. */
export function carriedPlace(ports: Pick<FlushPorts, "log" | "reports">): Position {
  const posted = postedPlace(ports);
  const archived = archivedPlace(ports);
  return archived.seq < posted.seq ? archived : posted;
}

export function archivedPlace({ log }: Pick<FlushPorts, "log">): Position {
  return log.archived().read() ?? log.life().read()?.base ?? log.tail();
}

/** The databases that may be posted to, what they are posted with, and why the others may not. */
type Checked = {
  readonly targets: readonly PostTarget[];
  readonly options: RepostOptions;
  readonly tally: FactsTally;
  readonly faults: readonly unknown[];
};

async function checkTargets(ports: FlushPorts, session: FlushSession): Promise<Checked> {
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

async function post(
  ports: FlushPorts,
  session: FlushSession,
  { targets, options, tally, faults: met }: Checked,
): Promise<void> {
  const { log, shard, archive } = ports;
  const { incarnation } = ownLife(ports);
  const owner: LogOwner = { shard, incarnation };
  const faults = [...met];
  const fromArchive = archivedRows(archive, owner, () => archivedPlace(ports));
  const rowsAfter = async (at: Position) =>
    at.seq >= log.tail().seq ? log.rowsAfter(at.seq, LOG_READ_CHARS_MAX) : fromArchive(at);
  try {
    await postLog(targets, { ...options, owner, rowsAfter, untilSeq: log.last().seq });
  } catch (fault) {
    // What was learned of the ledgers may no longer be true.
    session.checked.clear();
    faults.push(fault);
  } finally {
    tally.write();
  }
  if (faults.length > 0) throw faults[0];
}

type RepostOptions = Omit<PostOptions, "owner" | "untilSeq" | "rowsAfter">;

/** A database that may be posted to: its mark is in line with its ledger. */
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

  const rows = await store.ledger(shard);
  const onBehind = (behind: object) =>
    logFault("report_database_behind", new Error(`${name} was set back`), { shard, ...behind });
  await checkMark({ name, store, mark }, { log, owner, base, rows, onBehind });
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

async function archiveIfDue(ports: FlushPorts, { archiveIntervalMs }: FlushSettings, nowMs: number): Promise<void> {
  const { log, shard, archive } = ports;
  const dueMs = archiveDueMs(ports, archiveIntervalMs);
  if (dueMs === null || dueMs > nowMs) return;
  const { incarnation, base } = ownLife(ports);
  await recordRules(log, archive);
  await archiveLog(log, { store: archive, owner: { shard, incarnation }, base, untilSeq: log.last().seq });
}

/** When the oldest row that is not archived is due: at once when a segment is full; null when there is none. */
export function archiveDueMs(ports: Pick<FlushPorts, "log">, archiveIntervalMs: number): number | null {
  const { chars, oldestLoggedAtMs } = ports.log.waitingAfter(archivedPlace(ports).seq);
  if (oldestLoggedAtMs === null) return null;
  if (chars >= SEGMENT_CHARS_MAX) return oldestLoggedAtMs;
  const hourEndMs = (hourOf(oldestLoggedAtMs) + 1) * HOUR_MS;
  return Math.min(oldestLoggedAtMs + archiveIntervalMs, hourEndMs);
}
