/**
 * What audits and evidence were made from leaves when nothing is made from it any more.
 *
 *   claims/v1/shard=<name>/hour=<hour of iat>/        records by which claims are checked
 *   clicks/v1/dt=<service day>/                       lines that evidence is made from, with their tokens
 *   evidence-work/v1/dt=<service day>/                what the steps of making it left
 *
 * An hour or a day of these is wanted for as long as a log day can say something about it: for RAW_KEPT_DAYS, and the
 * span before, in which an event of such a log day can have been issued, clicked and waited (the dedup horizon).
 *
 * Keeps: a log day whose lines are still in the archive, held or never clean, may be audited again: nothing that it had
 * a part in leaves, nor what lies within the span before it. So a day's lines leave after the evidence of all log days
 * that they came from was made (retire-days.ts). A service day that is held stays. What is deleted is only ever read
 * again with lines that are as old, and evidence is never made of half a day's (evidence/due.ts).
 */
import { ARCHIVE_PREFIX } from "../archive/archive.ts";
import { deleteBelow, foldersBelow } from "../archive/delete-below.ts";
import { heldStretches, isHeld } from "../archive/holds.ts";
import { CLICK_LINES_PREFIX } from "../audit/click-lines.ts";
import { CLAIMS_PREFIX, EVIDENCE_WORK_PREFIX, keysBelow } from "../audit/objects.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS } from "../core/limits.ts";
import { logInfo } from "../log.ts";

/** Once an hour, apart from the turns of retire-days.ts. */
const TURN_MINUTE = 17;
const OBJECTS_PER_TURN_MAX = 10_000;

export type RetireWorkPorts = {
  readonly archive: R2Bucket;
  readonly nowMs: number;
  readonly rawKeptDays: number;
  /** How long after it was issued an impression's event may be logged. */
  readonly spanMs: number;
  readonly objectsMax?: number;
};

/** Objects deleted, by folder. */
export type RetiredWork = Readonly<Record<string, number>>;

type Folder = {
  readonly prefix: string;
  /** What the folder is about ends here. */
  readonly endMs: number;
  /** The service day, where it is of one. */
  readonly day: string | null;
  /** Where its keys name the log day that they came from. */
  readonly logDayIn: RegExp;
};

export function isRetireWorkTurn(nowMs: number): boolean {
  return Math.floor(nowMs / MINUTE_MS) % 60 === TURN_MINUTE;
}

/** Deletes what is past its time, as far as one turn goes, the oldest first. */
export async function retireWork(ports: RetireWorkPorts): Promise<RetiredWork> {
  const { archive, nowMs, rawKeptDays, spanMs, objectsMax = OBJECTS_PER_TURN_MAX } = ports;
  const deleted: Record<string, number> = {};
  const wantedFromMs = nowMs - rawKeptDays * DAY_MS - spanMs;
  const old = (await folders(archive)).filter(({ endMs }) => endMs <= wantedFromMs).sort((a, b) => a.endMs - b.endMs);
  if (old.length === 0) return deleted;
  // Read before anything is deleted: a day that is retired meanwhile is looked at in the next turn.
  const logDays = (await foldersBelow(archive, ARCHIVE_PREFIX)).map((folder) => folder.slice("dt=".length));
  let left = objectsMax;
  for (const folder of old) {
    if (left <= 0) break;
    if (await isWanted(folder, { archive, logDays, spanMs })) continue;
    const { day, prefix } = folder;
    const mayGoOn = async () => day === null || !isHeld(day, await heldStretches(archive));
    const { deleted: count } = await deleteBelow(archive, prefix, { most: left, mayGoOn });
    if (count === 0) continue;
    left -= count;
    deleted[prefix] = count;
    logInfo("work_retired", { prefix, objects: count });
  }
  return deleted;
}

async function folders(archive: R2Bucket): Promise<Folder[]> {
  const ofDays = async (under: string, logDayIn: RegExp): Promise<Folder[]> =>
    (await foldersBelow(archive, under)).map((name) => {
      const day = name.slice("dt=".length);
      return { prefix: `${under}${name}/`, endMs: Date.parse(day) + DAY_MS, day, logDayIn };
    });
  const ofHours = async (shard: string): Promise<Folder[]> =>
    (await foldersBelow(archive, `${CLAIMS_PREFIX}${shard}/`)).map((name) => ({
      prefix: `${CLAIMS_PREFIX}${shard}/${name}/`,
      endMs: (Number(name.slice("hour=".length)) + 1) * HOUR_MS,
      day: null,
      logDayIn: /\/hour=-?\d+\/([^/]+)\//,
    }));
  const shards = await foldersBelow(archive, CLAIMS_PREFIX);
  return [
    ...(await ofDays(CLICK_LINES_PREFIX, /\/hour=[^/]+\/([^/]+)\//)),
    ...(await ofDays(EVIDENCE_WORK_PREFIX, /^$/)),
    ...(await Promise.all(shards.map(ofHours))).flat(),
  ];
}

/** Whether a log day that may be audited again has a part in it, or begins within the span behind it. */
async function isWanted(
  { prefix, endMs, logDayIn }: Folder,
  { archive, logDays, spanMs }: { archive: R2Bucket; logDays: readonly string[]; spanMs: number },
): Promise<boolean> {
  const isNear = logDays.some((day) => {
    const startMs = Date.parse(day);
    return startMs < endMs + spanMs && startMs + DAY_MS > endMs - DAY_MS;
  });
  if (isNear) return true;
  const known = new Set(logDays);
  return (await keysBelow(archive, prefix)).some((key) => known.has(logDayIn.exec(key)?.[1] ?? ""));
}
