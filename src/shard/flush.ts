/**
 * Flush: carry the log to the sinks, then forget what is no longer needed.
 *
 * Order, and what a crash between two steps leaves:
 *   1 post to the report databases     → again from the cursor, the ledger recognises it
 *   2 operational metrics              → some points missing or twice; they are samples
 *   3 archive, when a segment is due   → again from the cursor, the segment's metadata recognises it
 *   4 trim the log                     → rows that are posted and archived stay a little longer
 *   5 drop expired key tables          → dropped at the next flush
 *
 * Keeps: a fault of one sink does not keep the other from its work; it is thrown after both had their turn.
 */
import type { Facts } from "../core/facts.ts";
import { HOUR_MS, SEGMENT_CHARS_MAX } from "../core/limits.ts";
import { hourOf } from "../core/time.ts";
import { type ArchiveStore, archiveLog, type LogOwner } from "../sinks/archive.ts";
import type { ReportStores } from "../sinks/facts-store.ts";
import { type OperationsDataset, writeFactsPoints } from "../sinks/operations.ts";
import { postLog } from "../sinks/post.ts";
import type { KeyIndex } from "./key-index.ts";
import type { LateShelf } from "./late-shelf.ts";
import type { ShardLog } from "./shard-log.ts";

/** The cursor of a report database, by the name of its binding. */
export const postedCursor = (database: string) => `posted/${database}`;
export const ARCHIVED_CURSOR = "archived";

export type FlushPorts = {
  readonly log: ShardLog;
  readonly owner: LogOwner;
  readonly reports: ReportStores;
  readonly archive: ArchiveStore;
  readonly operations: OperationsDataset;
  /** Is told the facts of what was posted. */
  readonly watch?: ((posted: readonly Facts[]) => void) | undefined;
  readonly transaction: (closure: () => void) => void;
  /** Drops what is past its horizon at that instant; in the same transaction as the trim. */
  readonly forget: (nowMs: number) => void;
};

export type FlushSettings = { readonly archiveIntervalMs: number };

/** Forgets claimed keys, repeats and late clicks that are older than the horizon. */
export function forgetEvents(
  { index, shelf }: { index: KeyIndex; shelf: LateShelf },
  dedupHorizonMs: number,
): FlushPorts["forget"] {
  return (nowMs) => {
    const forgottenMs = nowMs - dedupHorizonMs;
    index.dropBefore(hourOf(forgottenMs));
    shelf.dropBefore(forgottenMs);
  };
}

/** Carries out one flush at `nowMs`. Throws the first sink's fault after everything else was tried. */
export async function flush(ports: FlushPorts, settings: FlushSettings, nowMs: number): Promise<void> {
  const outcomes = await Promise.allSettled([post(ports), archiveIfDue(ports, settings, nowMs)]);
  ports.transaction(() => {
    const { log } = ports;
    log.trim(Math.min(postedSeq(ports), log.cursor(ARCHIVED_CURSOR).read()));
    ports.forget(nowMs);
  });
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}

/** Up to where every report database has the log. */
export function postedSeq({ log, reports }: Pick<FlushPorts, "log" | "reports">): number {
  return Math.min(...Array.from(reports.byName.keys(), (name) => log.cursor(postedCursor(name)).read()));
}

async function post({ log, owner, reports: { byName, pin }, operations, watch }: FlushPorts): Promise<void> {
  const targets = Array.from(byName, ([name, store]) => ({ name, store, cursor: log.cursor(postedCursor(name)) }));
  const posted: Facts[] = [];
  try {
    await postLog(log, targets, { pin, owner, untilSeq: log.last().seq }, (facts) => posted.push(facts));
  } finally {
    writeFactsPoints(operations, owner.shard, posted);
    watch?.(posted);
  }
}

async function archiveIfDue(
  { log, owner, archive }: FlushPorts,
  { archiveIntervalMs }: FlushSettings,
  nowMs: number,
): Promise<void> {
  const cursor = log.cursor(ARCHIVED_CURSOR);
  const dueMs = archiveDueMs(log, archiveIntervalMs);
  if (dueMs === null || dueMs > nowMs) return;
  await archiveLog(log, cursor, { store: archive, owner, untilSeq: log.last().seq });
}

/** When the oldest row that is not archived is due: at once when a segment is full; null when there is none. */
export function archiveDueMs(log: ShardLog, archiveIntervalMs: number): number | null {
  const { chars, oldestLoggedAtMs } = log.waitingAfter(log.cursor(ARCHIVED_CURSOR).read());
  if (oldestLoggedAtMs === null) return null;
  if (chars >= SEGMENT_CHARS_MAX) return oldestLoggedAtMs;
  const hourEndMs = (hourOf(oldestLoggedAtMs) + 1) * HOUR_MS;
  return Math.min(oldestLoggedAtMs + archiveIntervalMs, hourEndMs);
}
