/**
 * The log days and what is known of each, in the primary report database: an index of the seals and reports in R2,
 * which can be made again from them.
 *
 *   sealed     nothing can be logged into it any more, and its archive is complete
 *   clean      its last audit found nothing that is not mended or accepted
 *   blocked    its last audit found something that waits
 *
 * Keeps: a day's row only moves on to a later attempt. With it, in one transaction, everybody is told which service
 * days are reconciled by it.
 */
import { parseJson } from "../core/base64url.ts";
import { closingOf } from "../core/day-state.ts";
import { DAY_MS } from "../core/limits.ts";
import { type NewEvent, TO_EVERYBODY } from "../core/outbox-event.ts";
import { isoDay } from "../core/time.ts";
import { insertEvents } from "../facts/outbox-sql.ts";
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

/** Marks a day as its report says. With a grace, and a clean day, what is reconciled by it is told. */
export async function markAudited(
  primary: D1Database,
  report: AuditReport,
  graceMs: number | null = null,
): Promise<void> {
  const { day, outcome, attempt, sealedAtMs, endedAtMs, found, mendedOn } = report;
  const counts = Object.fromEntries(Object.entries(found).map(([kind, { count }]) => [kind, count]));
  const bound = [day, outcome, attempt, sealedAtMs, endedAtMs, JSON.stringify(counts), mendedOn];
  const mark = primary.prepare(MARK_LOG_DAY).bind(...bound);
  const isTold = graceMs !== null && outcome === "clean";
  const told = async (): Promise<D1PreparedStatement[]> => {
    const events = isTold ? reconciledBy(await readLogDays(primary), { day, attempt, mendedOn }, graceMs) : [];
    return events.length === 0 ? [] : [insertEvents(primary, events, endedAtMs)];
  };
  await primary.batch([mark, ...(await told())]);
  // Another day that was marked meanwhile may be what this one waited for.
  const late = await told();
  if (late.length > 0) await primary.batch(late);
}

/** That each service day is reconciled which needed this log day to be clean, or has it among its own. */
export function reconciledBy(
  known: readonly LogDay[],
  { day, attempt, mendedOn }: Pick<LogDay, "day" | "attempt" | "mendedOn">,
  graceMs: number,
): NewEvent[] {
  const others = known.filter((one) => one.day !== day);
  const withDay = (state: "clean" | "blocked") =>
    [...others, { day, attempt, mendedOn, state }].sort((left, right) => (left.day < right.day ? -1 : 1));
  const days = withDay("clean");
  const firstMs = Date.parse(days[0]?.day ?? day);
  const { reconciledUntilMs: before } = closingOf(withDay("blocked"), graceMs);
  const { reconciledUntilMs: after } = closingOf(days, graceMs);
  const events: NewEvent[] = [];
  for (let startMs = firstMs; startMs + DAY_MS <= after; startMs += DAY_MS) {
    const untilMs = startMs + DAY_MS + graceMs;
    const own = days.filter((one) => Date.parse(one.day) >= startMs && Date.parse(one.day) < untilMs);
    const isOwn = own.some((one) => one.day === day);
    if (startMs + DAY_MS <= before && !isOwn) continue;
    const audits = own.map((one) => `${one.day}/${one.attempt}`);
    const serviceDay = isoDay(startMs);
    events.push({
      ...{ fact: `day.reconciled:${serviceDay}:${audits.join()}`, audience: TO_EVERYBODY, type: "day.reconciled" },
      data: { day: serviceDay, audits },
    });
  }
  return events;
}
