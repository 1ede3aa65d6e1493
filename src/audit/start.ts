/**
 * Which log day may be audited, and under which number: days in their order, each when it is over and its grace has
 * passed, one audit of a day at a time.
 *
 * Keeps: a number is taken by an object that is put if absent, so that of two who start at once one is refused. Who
 * starts again after an instance died takes the next number.
 */
import { ARCHIVE_PREFIX } from "../archive/archive.ts";
import { retiredKey } from "../archive/holds.ts";
import { DAY_MS, HOUR_MS } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import { isoDay } from "../core/time.ts";
import { auditId, auditKey, auditPrefix } from "./audit-report.ts";
import { lastAudited, readLogDays } from "./log-days.ts";
import { workPrefix } from "./objects.ts";

/** Why a day is not audited now. */
export type StartRefusal = "day_not_over" | "day_without_log" | "day_before_open" | "audit_running" | "day_retired";

/** After this long without a report an audit is taken for dead. */
const DEAD_AFTER_MS = 6 * HOUR_MS;

export type Start = {
  /** `YYYY-MM-DD` */
  readonly day: string;
  readonly nowMs: number;
  readonly graceMs: number;
  /** Whether a day may be closed that is not over: what is logged later in it goes under the next one's name. */
  readonly isEarly?: boolean;
  /** As in audit/workflow.ts. */
  readonly partsAbove?: number;
};

type StartEnv = Pick<Env, "ARCHIVE" | "REPORT_DB">;

/** Takes the next number of a day's audits. */
export async function takeAttempt(
  { ARCHIVE: bucket, REPORT_DB: primary }: StartEnv,
  { day, nowMs, graceMs, isEarly = false }: Start,
): Promise<Result<number, StartRefusal>> {
  const dayMs = Date.parse(day);
  const isOver = isEarly ? dayMs <= nowMs : dayMs + DAY_MS + graceMs <= nowMs;
  if (!isOver) return err("day_not_over");
  const isRetired = async () => (await bucket.head(retiredKey(day))) !== null;
  if (await isRetired()) return err("day_retired");
  const first = await firstLogDay(bucket);
  if (first === null || day < first) return err("day_without_log");
  const before = isoDay(dayMs - DAY_MS);
  const known = await readLogDays(primary, before);
  const isNext = day === first || known.some((other) => other.day === before && other.attempt > 0);
  if (!isNext) return err("day_before_open");
  const last = await lastAttempt(bucket, day);
  if (last > 0 && (await bucket.head(auditKey(day, last))) === null) {
    if (await isAlive(bucket, startKey(day, last), nowMs)) return err("audit_running");
  }
  const taken = await bucket.put(startKey(day, last + 1), JSON.stringify({ id: auditId(day, last + 1), nowMs }), {
    onlyIf: { etagDoesNotMatch: "*" },
  });
  if (taken === null) return err("audit_running");
  if (await isRetired()) {
    await bucket.delete(startKey(day, last + 1));
    return err("day_retired");
  }
  return ok(last + 1);
}

/** Whether an audit of the day is under way: it has begun, has no report yet, and is not taken for dead. */
export async function isAuditRunning(bucket: R2Bucket, day: string, nowMs: number): Promise<boolean> {
  const last = await lastAttempt(bucket, day);
  if (last === 0 || (await bucket.head(auditKey(day, last))) !== null) return false;
  return isAlive(bucket, startKey(day, last), nowMs);
}

async function isAlive(bucket: R2Bucket, key: string, nowMs: number): Promise<boolean> {
  const started = await bucket.head(key);
  return started !== null && nowMs - started.uploaded.getTime() < DEAD_AFTER_MS;
}

const startKey = (day: string, attempt: number) => `${workPrefix(day, attempt)}start.json`;

async function lastAttempt(bucket: R2Bucket, day: string): Promise<number> {
  const prefix = auditPrefix(day);
  const page = await bucket.list({ prefix, delimiter: "/" });
  return Math.max(0, ...page.delimitedPrefixes.map((folder) => Number.parseInt(folder.slice(prefix.length), 10)));
}

/** The first UTC day of the archive; null when nothing was ever archived. */
export async function firstLogDay(bucket: R2Bucket): Promise<string | null> {
  const { delimitedPrefixes } = await bucket.list({ prefix: ARCHIVE_PREFIX, delimiter: "/" });
  return delimitedPrefixes[0]?.slice(ARCHIVE_PREFIX.length + "dt=".length, -1) ?? null;
}

/** Has a day audited by a Workflow of its own; resolves to the audit's id. */
export async function startAudit(env: Env, start: Start): Promise<Result<string, StartRefusal>> {
  const attempt = await takeAttempt(env, start);
  if (!attempt.ok) return attempt;
  const { day, partsAbove } = start;
  const id = `${day}-${String(attempt.value).padStart(4, "0")}`;
  await env.AUDIT.create({
    id,
    params: { day, attempt: attempt.value, ...(partsAbove === undefined ? {} : { partsAbove }) },
  });
  return ok(auditId(day, attempt.value));
}

/** Starts the audit of the first day that is over, its grace past, and was never audited; null when there is none. */
export async function startDue(
  env: Env,
  { nowMs, graceMs }: { nowMs: number; graceMs: number },
): Promise<string | null> {
  const last = await lastAudited(env.REPORT_DB);
  const day = last === null ? await firstLogDay(env.ARCHIVE) : isoDay(Date.parse(last) + DAY_MS);
  if (day === null) return null;
  if (Date.parse(day) + DAY_MS + graceMs > nowMs) return null;
  const started = await startAudit(env, { day, nowMs, graceMs });
  return started.ok ? started.value : null;
}
