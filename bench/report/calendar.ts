/**
 * Which days the data set has: whole UTC days by number since 1970, always the same ones, whatever day it is.
 *
 *   fromDay ──── days and hours ──── coldDay ──── minutesFrom ──── minutes ──── toDay
 *
 * Relies on: all of it has passed, so that every range is closed.
 */
import { DAY_MS } from "../../src/core/limits.ts";

export type Calendar = {
  readonly fromDay: number;
  /** The one past the last. */
  readonly toDay: number;
  /** From here on there are minutes. */
  readonly minutesFrom: number;
  /** The one day before that has minutes, which are moved to objects. */
  readonly coldDay: number;
};

const END_DAY = Date.UTC(2026, 10, 1) / DAY_MS;
/** Noon of the day after the last, when the Worker is asked. */
export const ASKED_MS = (END_DAY + 0.5) * DAY_MS;
const COLD_DAYS_AGO = 92;

export function makeCalendar({ days, minuteDays }: { days: number; minuteDays: number }): Calendar {
  return {
    fromDay: END_DAY - days,
    toDay: END_DAY,
    minutesFrom: END_DAY - minuteDays,
    coldDay: END_DAY - COLD_DAYS_AGO,
  };
}

export function hasMinutes({ coldDay, minutesFrom }: Calendar, day: number): boolean {
  return day === coldDay || day >= minutesFrom;
}

/** `2026-10-31`. */
export function dateOf(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}
