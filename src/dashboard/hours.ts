/**
 * The hours of a day, which are looked at minute by minute: as reports cut them, in any zone.
 *
 *   /?from=2026-11-28&to=2026-11-28&granularity=minute&at=2026-11-28T13:00:00Z
 *
 * Keeps: pure. An hour is named by the instant at which it starts, since an hour of the clock may come twice a day or
 * not at all. What people type, `at=14:00`, is the first hour of the day that the clock calls so.
 */
import { MINUTE_MS } from "../core/limits.ts";
import { isoSecond } from "../core/time.ts";
import { windowEdges } from "../report/query/windows.ts";
import { dateMinute, toZone, UTC } from "../report/query/zone.ts";
import { type Day, dayIn } from "./calendar.ts";
import type { Span } from "./windows.ts";

const CLOCK = /^([01]?\d|2[0-3])(?::[0-5]\d)?$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?Z$/;

/** The hours of a date of a zone, in their order; some dates have 23 or 25. */
export function hoursOf(day: Day, timeZone: string): Span[] {
  const zone = toZone(timeZone) ?? UTC;
  const [from, to] = [dateMinute(day, zone), dateMinute(day, zone, 1)];
  if (from === null || to === null || from >= to) return [];
  const edges = windowEdges({ fromMs: from * MINUTE_MS, toMs: to * MINUTE_MS }, { granularity: "hour", zone });
  return edges.slice(1).map((end, at) => ({ fromMs: (edges[at] ?? from) * MINUTE_MS, toMs: end * MINUTE_MS }));
}

/** The hour of a date that an address names; without a name the one that it is now, or the first. Null for no hour. */
export function hourAt(
  text: string | undefined,
  { day, zone, nowMs }: { day: Day; zone: string; nowMs: number },
): Span | null {
  const hours = hoursOf(day, zone);
  const holding = (ms: number) => hours.find(({ fromMs, toMs }) => fromMs <= ms && ms < toMs) ?? null;
  if (text === undefined) return holding(nowMs) ?? hours[0] ?? null;
  if (INSTANT.test(text)) return holding(Date.parse(text));
  const [, hour] = CLOCK.exec(text) ?? [];
  if (hour === undefined) return null;
  const format = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", hourCycle: "h23" });
  return hours.find(({ fromMs }) => Number(format.format(fromMs)) === Number(hour)) ?? null;
}

/** The hour before one (-1) or after it (1); null where that has not begun. */
export function neighbourHour({ fromMs, toMs }: Span, step: -1 | 1, { zone, nowMs }: { zone: string; nowMs: number }) {
  const instant = step === 1 ? toMs : fromMs - MINUTE_MS;
  if (instant > nowMs) return null;
  return hourAt(isoSecond(instant), { day: dayIn(zone, instant), zone, nowMs });
}

/** The change of a view that leads to an hour. */
export function toHour({ fromMs }: Span, zone: string) {
  const day = dayIn(zone, fromMs);
  return { period: { from: day, to: day }, own: { granularity: "minute", at: isoSecond(fromMs) } };
}
