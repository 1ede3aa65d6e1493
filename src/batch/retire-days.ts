/**
 * Old log days are retired: their lines leave the archive, when what they add up to stands in folds.
 *
 *   older than RAW_KEPT_DAYS ─▶ not held ─▶ last audit clean, its folds all there, evidence too, no audit under way
 *     ─▶ mark: retired/v1/dt=<day>.json ─▶ still not held, no audit begun ─▶ what audits kept between their steps
 *     ─▶ the lines, oldest first
 *
 * Keeps: nothing is deleted before what replaces it was looked at, each fold compared with the report that names it.
 * The mark is put before the last look at holds and audits, which look at it after they are put: of two at once one
 * gives way. A hold that comes while lines are being deleted keeps those that are left. A turn deletes at most about
 * `OBJECTS_PER_TURN_MAX`, and one that is killed anywhere is gone on with by the next. A day is found as long as it has
 * lines, so what else goes with it goes before them.
 * Relies on: a lifecycle rule of the bucket only as a backstop, far behind RAW_KEPT_DAYS (docs/OPERATIONS.md).
 */
import { ARCHIVE_PREFIX } from "../archive/archive.ts";
import { deleteBelow, foldersBelow } from "../archive/delete-below.ts";
import { heldStretches, isHeld, retiredKey } from "../archive/holds.ts";
import { type AuditReport, auditPrefix } from "../audit/audit-report.ts";
import { lastReport, unfoldedOf } from "../audit/fold-log.ts";
import { FOLDS_PREFIX, foldsPrefix } from "../audit/folds.ts";
import { HOUR_LINES_PREFIX } from "../audit/hour-lines.ts";
import { sealKey } from "../audit/objects.ts";
import { isAuditRunning } from "../audit/start.ts";
import { DAY_MS, MINUTE_MS } from "../core/limits.ts";
import { isoDay } from "../core/time.ts";
import { LogMissingError } from "../facts/folded-log.ts";
import { logFault, logInfo } from "../log.ts";

/** Turns are ten minutes apart: 1.4 M objects a day, far more than shards write. */
const TURN_MINUTES = 10;
const OBJECTS_PER_TURN_MAX = 10_000;

export type RetirePorts = {
  readonly archive: R2Bucket;
  readonly nowMs: number;
  readonly rawKeptDays: number;
  /** Whether the evidence is there that a clean day has a part in. */
  readonly isEvidenced: (day: string) => Promise<boolean>;
  readonly objectsMax?: number;
};

/** Why an old day's lines stay. */
export type Stays = "held" | "not_clean" | "not_evidenced" | "audit_running" | "not_folded";

export type Retired = {
  /** Objects deleted, by day. */
  readonly deleted: Readonly<Record<string, number>>;
  /** Old days whose lines stay. */
  readonly stays: Readonly<Record<string, Stays>>;
};

export function isRetireTurn(nowMs: number): boolean {
  return Math.floor(nowMs / MINUTE_MS) % TURN_MINUTES === 0;
}

/** Deletes lines of old days, as far as one turn goes. */
export async function retireDays(ports: RetirePorts): Promise<Retired> {
  const { objectsMax = OBJECTS_PER_TURN_MAX } = ports;
  const deleted: Record<string, number> = {};
  const stays: Record<string, Stays> = {};
  let left = objectsMax;
  for (const day of await oldDays(ports)) {
    if (left <= 0) break;
    const why = await whyItStays(ports, day);
    if (why !== null) {
      stays[day] = why;
      continue;
    }
    const count = await deleteDay(ports, day, left);
    left -= count;
    deleted[day] = count;
    logInfo("day_retired", { day, objects: count });
  }
  return { deleted, stays };
}

/** Days with lines that ended long enough ago, oldest first. */
async function oldDays({ archive, nowMs, rawKeptDays }: RetirePorts): Promise<string[]> {
  const before = isoDay(nowMs - rawKeptDays * DAY_MS);
  const days = (await foldersBelow(archive, ARCHIVE_PREFIX)).map((folder) => folder.slice("dt=".length));
  return days.filter((day) => day < before);
}

/** Null where a day is retired when this resolves. */
async function whyItStays(ports: RetirePorts, day: string): Promise<Stays | null> {
  const { archive, nowMs } = ports;
  const isHeldNow = async () => isHeld(day, await heldStretches(archive));
  if (await isHeldNow()) return "held";
  if ((await archive.head(retiredKey(day))) !== null) return null;
  const report = await lastReport(archive, day);
  const why = await whyNotProven(ports, day, report);
  if (why !== null || report === null) return why ?? "not_clean";
  const mark = { v: 1, day, audit: report.id, folds: report.folds, atMs: nowMs };
  await archive.put(retiredKey(day), JSON.stringify(mark), { onlyIf: { etagDoesNotMatch: "*" } });
  const isLate = (await isHeldNow()) ? "held" : (await isAuditRunning(archive, day, nowMs)) ? "audit_running" : null;
  if (isLate !== null) await archive.delete(retiredKey(day));
  return isLate;
}

async function whyNotProven(
  { archive, nowMs, isEvidenced }: RetirePorts,
  day: string,
  report: AuditReport | null,
): Promise<Stays | null> {
  const isClean = report?.outcome === "clean" && (await archive.head(sealKey(day))) !== null;
  if (!isClean) return "not_clean";
  if (await isAuditRunning(archive, day, nowMs)) return "audit_running";
  if (!(await isEvidenced(day))) return "not_evidenced";
  const unfolded = await unfoldedOf(archive, report).catch((fault: unknown) => {
    if (fault instanceof LogMissingError) return [fault.message];
    throw fault;
  });
  if (unfolded.length === 0) return null;
  logFault("day_not_retired", new Error(unfolded[0]), { day, objects: unfolded.length });
  return "not_folded";
}

/** Deletes what goes with a retired day, its lines last; at most about so many objects. */
async function deleteDay({ archive }: RetirePorts, day: string, most: number): Promise<number> {
  const report = await lastReport(archive, day);
  let deleted = 0;
  const mayGoOn = async () => !isHeld(day, await heldStretches(archive));
  const below = async (prefix: string, isWanted: (key: string) => boolean = () => true): Promise<boolean> => {
    const done = await deleteBelow(archive, prefix, { most: most - deleted, isWanted, mayGoOn });
    deleted += done.deleted;
    return done.isDone;
  };
  // Reports stand beside the folders, and are kept, as are the folds that the last one names.
  const inFolder = (key: string) => key.slice(auditPrefix(day).length).includes("/");
  const kept = foldsPrefix(day, report?.attempt ?? 0);
  const isOther = (key: string) => report !== null && !key.startsWith(kept);
  const isDone =
    (await below(auditPrefix(day), inFolder)) &&
    (await below(`${FOLDS_PREFIX}dt=${day}/`, isOther)) &&
    (await below(`${HOUR_LINES_PREFIX}dt=${day}/`));
  if (isDone) await below(`${ARCHIVE_PREFIX}dt=${day}/`);
  return deleted;
}
