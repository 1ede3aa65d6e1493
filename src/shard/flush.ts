/**
 * Flush: carry the log to the sinks, then forget what is no longer needed.
 *
 *   check      each database's ledger against the log's mark, before anything is posted (facts/ledger-check.ts)
 *   post       to the report databases, or show there what is not due (flush-facts.ts)
 *                                          → again from the mark, the ledger recognises it
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

import { archiveLog, StorageSetBackError } from "../archive/archive.ts";
import { DAY_MS, HOUR_MS, REVISIONS_KEPT_DAYS, SEGMENT_CHARS_MAX } from "../core/limits.ts";
import { isSamePosition } from "../core/position.ts";
import { hourOf } from "../core/time.ts";
import { logFault } from "../log.ts";
import { carryFacts, checkTargets } from "./flush-facts.ts";
import {
  archivedPlace,
  carriedPlace,
  type FlushPorts,
  type FlushSession,
  type FlushSettings,
  visiblePlace,
} from "./flush-ports.ts";
import { ownLife } from "./recovery.ts";
import type { Memory } from "./revise.ts";
import { recordRules } from "./rules-record.ts";

/** Keys in memory that are packed when the log can be trimmed: so many that they fill pages. */
const KEYS_PACKED_MIN = 4_096;
/** Archive intervals that a row of the log lies at most when all sinks have it. */
const SEGMENTS_PER_PACK = 5;
const MERGE_STEPS_PER_FLUSH = 4;

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
  const outcomes = await Promise.allSettled([
    carryFacts(ports, session, { checked, settings, nowMs }),
    archiveIfDue(ports, settings, nowMs),
  ]);
  ports.transaction(() => {
    noteVisible(ports, session);
    trimCarried(ports, settings, nowMs);
    ports.forget(nowMs);
  });
  mergeKeys(ports);
  const faults = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason as unknown] : []));
  if (faults.length > 0) throw faults.find((fault) => fault instanceof StorageSetBackError) ?? faults[0];
}

function noteVisible(ports: FlushPorts, session: FlushSession): void {
  const mark = ports.log.visible();
  const [before, now] = [mark.read(), visiblePlace(ports, session)];
  if (before === null || !isSamePosition(before, now)) mark.write(now);
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
