/**
 * Which service days need evidence: those that are reconciled, and whose clicks have changed since their last evidence.
 *
 *   evidence-days/v1/dt=<service day>.json   the log days and attempts that its evidence was made from
 *   evidence-days/v1/through.json            the audits up to which all evidence is made
 *
 * Keeps: a day is found again by whoever looks, until it is marked; marking is the last act. Evidence is never made of
 * half a day's lines: where those are gone that it was made from before (batch/retire-work.ts), the day is not due, and
 * that is a fault, since what arrived so late should have been refused.
 */
import { foldersBelow } from "../archive/delete-below.ts";
import { CLICK_LINES_PREFIX, clickLinesPrefix } from "../audit/click-lines.ts";
import { readLogDays } from "../audit/log-days.ts";
import { getJson, keysBelow, ofAttempts, putJson, TRUTH_PREFIX } from "../audit/objects.ts";
import { encodeUtf8 } from "../core/base64url.ts";
import { type ClosedDay, closingOf } from "../core/day-state.ts";
import { ADVERTISER_BUCKETS, DAY_MS } from "../core/limits.ts";
import { logFault } from "../log.ts";
import { sha256Hex } from "./manifest.ts";
import { hasTruth } from "./truth.ts";

/** A service day, and what its evidence is made from. */
export type MadeDay = {
  readonly day: string;
  /** `<log day>/NNNN` of every audit that left lines of the day, in order. */
  readonly audits: readonly string[];
};

export type DueDay = MadeDay & {
  /** The log days that any audit left lines of it from, also one of which nothing counts any more. */
  readonly logDays: readonly string[];
};

/** Of each log day whose last audit is clean, that audit's number. */
export type CleanDays = ReadonlyMap<string, number>;

export async function cleanDays(
  primary: D1Database,
  graceMs: number,
): Promise<{ clean: CleanDays; reconciledUntilMs: number }> {
  const days = await readLogDays(primary);
  const closed: ClosedDay[] = days;
  const { reconciledUntilMs } = closingOf(closed, graceMs);
  const clean = new Map(days.flatMap(({ day, state, attempt }) => (state === "clean" ? [[day, attempt]] : [])));
  return { clean, reconciledUntilMs };
}

const DAYS_PREFIX = "evidence-days/v1/";
const dayKey = (day: string) => `${DAYS_PREFIX}dt=${day}.json`;
const THROUGH_KEY = `${DAYS_PREFIX}through.json`;

/** The days whose evidence is to be made, in their order: without a click, those of which anything else was counted. */
export async function dueDays(
  bucket: R2Bucket,
  { clean, reconciledUntilMs }: { clean: CleanDays; reconciledUntilMs: number },
): Promise<DueDay[]> {
  const due: DueDay[] = [];
  for (const day of await daysWithAnything(bucket)) {
    if (Date.parse(day) + DAY_MS > reconciledUntilMs) continue;
    const { audits, logDays } = await auditsOf(bucket, day, clean);
    const made = await getJson<Pick<MadeDay, "audits">>(bucket, dayKey(day));
    const from = made?.audits ?? [];
    if (made !== null && from.join() === audits.join()) continue;
    if (made === null && audits.length === 0 && !(await hasAnyTruth(bucket, day, clean))) continue;
    const gone = from.filter((audit) => !logDays.has(logDayOf(audit)));
    // Of a log day that is audited again nothing is known until it is clean.
    if (gone.length === 0 && from.some((audit) => !clean.has(logDayOf(audit)))) continue;
    if (gone.length === 0) due.push({ day, audits, logDays: [...logDays].sort() });
    else logFault("evidence_lines_gone", new Error(gone.join(", ")), { day, lines: gone.length });
  }
  return due;
}

/** Days with lines of clicks, and those without evidence of which anything else was counted; in order. */
async function daysWithAnything(bucket: R2Bucket): Promise<string[]> {
  const daysBelow = async (prefix: string) => {
    return (await foldersBelow(bucket, prefix)).map((folder) => folder.slice("dt=".length));
  };
  const made = new Set(await keysBelow(bucket, DAYS_PREFIX));
  const unmade = (await daysBelow(TRUTH_PREFIX)).filter((day) => !made.has(dayKey(day)));
  return [...new Set([...(await daysBelow(CLICK_LINES_PREFIX)), ...unmade])].sort();
}

async function hasAnyTruth(bucket: R2Bucket, day: string, clean: CleanDays): Promise<boolean> {
  for (let at = 0; at < ADVERTISER_BUCKETS; at++) if (await hasTruth(bucket, { day, at, clean })) return true;
  return false;
}

const logDayOf = (audit: string) => audit.split("/")[0] ?? "";

/** The audits whose lines of a day count, and the log days that any audit left lines from. */
async function auditsOf(bucket: R2Bucket, day: string, clean: CleanDays) {
  const audits = new Set<string>();
  const logDays = new Set<string>();
  for (let at = 0; at < ADVERTISER_BUCKETS; at++) {
    const prefix = clickLinesPrefix(day, at);
    const auditOf = (key: string) => key.slice(prefix.length).split("/").slice(1, 3).join("/");
    const keys = await keysBelow(bucket, prefix);
    for (const key of keys) logDays.add(logDayOf(auditOf(key)));
    for (const key of counting(keys, prefix, clean)) audits.add(auditOf(key));
  }
  return { audits: [...audits].sort(), logDays };
}

/** The keys below a day's and bucket's folder that the audits left which count. */
export async function linesOf(bucket: R2Bucket, prefix: string, clean: CleanDays): Promise<string[]> {
  return counting(await keysBelow(bucket, prefix), prefix, clean);
}

function counting(keys: readonly string[], prefix: string, clean: CleanDays): string[] {
  const hours = Map.groupBy(keys, (key) => key.slice(0, prefix.length + "hour=HH/".length));
  return [...hours].flatMap(([folder, own]) => ofAttempts(own, folder, clean));
}

export async function markMade(bucket: R2Bucket, { day, audits }: MadeDay): Promise<void> {
  await putJson(bucket, dayKey(day), { audits });
}

/** Says that all evidence is made of the audits that were clean at its beginning. */
export async function markThrough(bucket: R2Bucket, clean: CleanDays): Promise<void> {
  await putJson(bucket, THROUGH_KEY, { audits: spelled(clean) });
}

/** Whether all evidence is made of the audits that are clean now. */
export async function isMadeThrough(bucket: R2Bucket, clean: CleanDays): Promise<boolean> {
  const through = await getJson<{ readonly audits: string }>(bucket, THROUGH_KEY);
  return through?.audits === spelled(clean);
}

/** Whether a log day is clean, over for all its service day needs, and all evidence is made that it has a part in. */
export async function isEvidencedIn(
  { ARCHIVE, REPORT_DB }: Pick<Env, "ARCHIVE" | "REPORT_DB">,
  day: string,
  graceMs: number,
): Promise<boolean> {
  const { clean, reconciledUntilMs } = await cleanDays(REPORT_DB, graceMs);
  if (!clean.has(day) || Date.parse(day) + DAY_MS > reconciledUntilMs) return false;
  return isMadeThrough(ARCHIVE, clean);
}

/** A short name for a state of the audits. */
export async function namedAudits(clean: CleanDays): Promise<string> {
  return (await sha256Hex(encodeUtf8(spelled(clean)))).slice(0, 16);
}

/** The same of the audits that a day's evidence is made of. */
export async function namedDue({ audits }: MadeDay): Promise<string> {
  return (await sha256Hex(encodeUtf8(audits.join()))).slice(0, 16);
}

function spelled(clean: CleanDays): string {
  return Array.from(clean, ([day, attempt]) => `${day}/${attempt}`)
    .sort()
    .join(" ");
}
