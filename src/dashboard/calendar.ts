/**
 * Days of a calendar as texts, `2026-11-28`, and which of them it is now in a zone.
 *
 * Keeps: pure; arithmetic on dates never passes through an instant, so no change of clocks moves a day.
 */
import { DAY_MS } from "../core/limits.ts";

export type Day = string;

const DAY = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/;

/** Whether a text is a day that exists. */
export function isDay(text: string): boolean {
  return DAY.test(text) && toDay(toMs(text)) === text;
}

/** The day that it is in a zone. */
export function dayIn(timeZone: string, nowMs: number): Day {
  return new Intl.DateTimeFormat("en-CA", { timeZone, dateStyle: "short" }).format(nowMs);
}

export function addDays(day: Day, days: number): Day {
  return toDay(toMs(day) + days * DAY_MS);
}

/** Days from one to another, both counted. */
export function daysBetween(from: Day, to: Day): number {
  return Math.round((toMs(to) - toMs(from)) / DAY_MS) + 1;
}

export function firstOfMonth(day: Day): Day {
  return `${day.slice(0, 8)}01`;
}

export function lastOfMonth(day: Day): Day {
  const [year = 0, month = 1] = day.split("-").map(Number);
  return toDay(Date.UTC(year, month, 0));
}

export function mondayOf(day: Day): Day {
  const sinceMonday = (new Date(toMs(day)).getUTCDay() + 6) % 7;
  return addDays(day, -sinceMonday);
}

function toMs(day: Day): number {
  return Date.parse(`${day}T00:00:00Z`);
}

function toDay(ms: number): Day {
  return new Date(ms).toISOString().slice(0, 10);
}
