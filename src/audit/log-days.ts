/**
 * The log days and what is known of each, in the primary report database: an index of the seals and reports in R2,
 * which can be made again from them.
 *
 *   sealed     nothing can be logged into it any more, and its archive is complete
 *   clean      its last audit found nothing that is not mended or accepted
 *   blocked    its last audit found something that waits
 *
 * Keeps: a day's row only moves on to a later attempt.
 */
import { parseJson } from "../core/base64url.ts";
import type { AuditReport } from "./audit-report.ts";

export type LogDayState = "sealed" | "clean" | "blocked";

export type LogDay = {
  /** `YYYY-MM-DD`, UTC */
  readonly day: string;
  readonly state: LogDayState;
  /** The last audit; 0 before the first. */
  readonly attempt: number;
  readonly sealedAtMs: number;
  readonly auditedAtMs: number | null;
  /** How many of each kind the last audit found. */
  readonly found: Readonly<Record<string, number>>;
  /** The later log day with which this one is right; null where it is by itself. */
  readonly mendedOn: string | null;
};

const SELECT_LOG_DAYS = `
SELECT day, state, attempt, sealed_at_ms, audited_at_ms, found, mended_on
FROM log_days
WHERE day >= ?1
ORDER BY day`;

const SELECT_LAST_AUDITED = `
SELECT day
FROM log_days
WHERE attempt > 0
ORDER BY day DESC
LIMIT 1`;

const MARK_LOG_DAY = `
INSERT INTO log_days (day, state, attempt, sealed_at_ms, audited_at_ms, found, mended_on)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
ON CONFLICT (day) DO UPDATE SET
  state = excluded.state,
  attempt = excluded.attempt,
  audited_at_ms = excluded.audited_at_ms,
  found = excluded.found,
  mended_on = excluded.mended_on
WHERE excluded.attempt > log_days.attempt`;

type LogDayRow = {
  readonly day: string;
  readonly state: LogDayState;
  readonly attempt: number;
  readonly sealed_at_ms: number;
  readonly audited_at_ms: number | null;
  readonly found: string;
  readonly mended_on: string | null;
};

/** The sealed log days from `fromDay` on, in their order. */
export async function readLogDays(primary: D1Database, fromDay = ""): Promise<LogDay[]> {
  const { results } = await primary.prepare(SELECT_LOG_DAYS).bind(fromDay).all<LogDayRow>();
  return results.map(({ day, state, attempt, sealed_at_ms, audited_at_ms, found, mended_on }) => ({
    ...{ day, state, attempt, sealedAtMs: sealed_at_ms, auditedAtMs: audited_at_ms, mendedOn: mended_on },
    found: parseJson(found) as Record<string, number>,
  }));
}

/** The last day that was audited at least once; null before the first. */
export async function lastAudited(primary: D1Database): Promise<string | null> {
  return (await primary.prepare(SELECT_LAST_AUDITED).first<{ day: string }>())?.day ?? null;
}

export async function markSealed(primary: D1Database, day: string, sealedAtMs: number): Promise<void> {
  await primary.prepare(MARK_LOG_DAY).bind(day, "sealed", 0, sealedAtMs, null, "{}", null).run();
}

export async function markAudited(primary: D1Database, report: AuditReport): Promise<void> {
  const { day, outcome, attempt, sealedAtMs, endedAtMs, found, mendedOn } = report;
  const counts = Object.fromEntries(Object.entries(found).map(([kind, { count }]) => [kind, count]));
  const bound = [day, outcome, attempt, sealedAtMs, endedAtMs, JSON.stringify(counts), mendedOn];
  await primary
    .prepare(MARK_LOG_DAY)
    .bind(...bound)
    .run();
}
