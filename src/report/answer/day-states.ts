/**
 * The states of days in answers: what the audits of log days say of a range, of each of its windows, and to whom.
 *
 *   meta.states   [{"state":"reconciled","from":…,"to":…}, {"state":"open",…}]     the range in parts
 *   a row         "state":"provisional"                                            of its day, week or month
 *
 * Keeps: a window has the least state of the days of it that the range holds. The log days are read at most once in
 * `DAY_STATES_CACHE_MS` in an isolate, one row a day; where they cannot be read, nothing is called reconciled, and that
 * is said. What blocks a day is the operator's to know; a tenant is told that it is being looked into.
 */
import { billedUntil } from "../../audit/billed-until.ts";
import { type LogDay, readLogDays } from "../../audit/log-days.ts";
import { type Closing, closingOf, type DayState, dayStateOf, NOTHING_CLOSED, statesIn } from "../../core/day-state.ts";
import { MINUTE_MS } from "../../core/limits.ts";
import { isoSecond } from "../../core/time.ts";
import { logFault } from "../../log.ts";
import { DAY_STATES_CACHE_MS } from "../limits.ts";
import type { ReportQuery } from "../query/query.ts";
import type { Warning } from "../query/range.ts";
import { type Range, windowEdges } from "../query/windows.ts";

/** What is known of the log days. */
export type Closed = {
  readonly closing: Closing;
  readonly graceMs: number;
  readonly blocked: readonly LogDay[];
  readonly isKnown: boolean;
};
export type ClosedCache = { closed: Closed | null; readMs: number };

/** Blocked days that one warning names. */
const NAMED_MAX = 5;

/** The log days, as they were at most a cache's life ago. Never throws. */
export async function readClosed(
  primary: D1Database,
  { nowMs, graceMs }: { nowMs: number; graceMs: number },
  cache: ClosedCache,
): Promise<Closed> {
  const isFresh = nowMs >= cache.readMs && nowMs - cache.readMs < DAY_STATES_CACHE_MS;
  if (cache.closed !== null && isFresh) return cache.closed;
  try {
    const days = await readLogDays(primary);
    const blocked = days.filter(({ state }) => state === "blocked");
    cache.closed = { closing: closingOf(days, graceMs), graceMs, blocked, isKnown: true };
    cache.readMs = nowMs;
    return cache.closed;
  } catch (fault) {
    logFault("log_days_not_read", fault);
    return { closing: NOTHING_CLOSED, graceMs, blocked: [], isKnown: false };
  }
}

/** The same for one advertiser, whose statements say what is billed. Reads where the range may hold such a day. */
export async function withBilled(
  closed: Closed,
  primary: D1Database,
  { advertiserId, range }: { readonly advertiserId: string | null; readonly range: Range },
): Promise<Closed> {
  if (advertiserId === null || range.fromMs >= closed.closing.reconciledUntilMs) return closed;
  try {
    const billedUntilMs = (await billedUntil(primary, advertiserId)) ?? Number.NEGATIVE_INFINITY;
    return { ...closed, closing: { ...closed.closing, billedUntilMs } };
  } catch (fault) {
    logFault("log_days_not_read", fault);
    return { ...closed, closing: NOTHING_CLOSED, isKnown: false };
  }
}

export type SpelledState = { readonly state: DayState; readonly from: string; readonly to: string };

/** The range in parts of one state. */
export function spelledStates(range: Range, watermarkMs: number | null, { closing }: Closed): SpelledState[] {
  return statesIn(range, watermarkMs, closing).map(({ state, fromMs, toMs }) => ({
    ...{ state, from: isoSecond(fromMs), to: isoSecond(toMs) },
  }));
}

/** Whether rows and points of the query have a state of their own. */
export function hasStates({ granularity }: Pick<ReportQuery, "granularity">): boolean {
  return granularity === "day" || granularity === "week" || granularity === "month";
}

/** The state of a window by its first minute; null where windows have none of their own. */
export type StateOfWindow = (window: number) => DayState | null;

export function windowStates(query: ReportQuery, watermarkMs: number | null, { closing }: Closed): StateOfWindow {
  if (!hasStates(query)) return () => null;
  const edges = windowEdges(query.range, query);
  const { toMs } = query.range;
  const states = new Map(
    edges.slice(0, -1).map((window, at): [number, DayState] => {
      const endMs = Math.min((edges[at + 1] ?? 0) * MINUTE_MS, toMs);
      return [window, dayStateOf(endMs, watermarkMs, closing)];
    }),
  );
  return (window) => states.get(window) ?? "open";
}

/** What is to be said of blocked log days that the range depends on. */
export function stateWarnings(range: Range, closed: Closed, isOperator: boolean): Warning[] {
  if (!closed.isKnown) {
    const detail = "It could not be read which days are audited; none is called reconciled here.";
    return [{ code: "day_states_unknown", detail }];
  }
  if (range.toMs <= closed.closing.blockedAfterMs) return [];
  const [first, ...later] = closed.blocked;
  const needed = later.filter(({ day }) => Date.parse(day) < range.toMs + closed.graceMs);
  const blocked = [...(first === undefined ? [] : [first]), ...needed];
  const named = blocked.slice(0, NAMED_MAX).map((day) => (isOperator ? foundOn(day) : day.day));
  const more = blocked.length > NAMED_MAX ? ` and ${blocked.length - NAMED_MAX} more` : "";
  const list = `${named.join("; ")}${more}`;
  const detail = isOperator
    ? `Audits are blocked: ${list}. GET /v1/admin/audits/<day> has what was found.`
    : `The audit of what was recorded on ${list} is not finished: figures of the range may still be corrected.`;
  return [{ code: "days_blocked", detail }];
}

function foundOn({ day, found }: LogDay): string {
  const kinds = Object.entries(found).map(([kind, count]) => `${count} ${kind}`);
  return `${day} (${kinds.join(", ")})`;
}
