/**
 * How long sums of hours (hour-sums-sql.ts) are kept, and for which of these days reports read them.
 *
 *   … from hours alone │ today − 100: kept, not read │ today − 93: read … │ today
 *
 * Keeps: a day is deleted, or passed over by a roll, only when nobody has read its sums for a week, so it does not
 * matter which of them is first, and clocks may differ by as much. Two versions of the Worker that run at once must
 * agree on it, so it is no setting.
 */
import { dayOf } from "../core/time.ts";

export const HOUR_SUMS_KEPT_DAYS = 100;
const UNREAD_DAYS = 7;

/** The first UTC day whose sums are kept. */
export function firstHourSumsKept(nowMs: number): number {
  return dayOf(nowMs) - HOUR_SUMS_KEPT_DAYS;
}

/** The first UTC day whose sums are read; days before are read from hours. */
export function firstHourSumsRead(nowMs: number): number {
  return firstHourSumsKept(nowMs) + UNREAD_DAYS;
}
