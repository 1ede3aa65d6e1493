/**
 * Tumbling windows aligned to the epoch: a minute, hour or day is its number since 1970-01-01T00:00Z.
 *
 * Keeps: an instant lies in exactly one window [start, start + size). No clock is read here; `now` is an argument.
 */
import { DAY_MS, HOUR_MS, MINUTE_MS } from "./limits.ts";

export function minuteOf(instantMs: number): number {
  return Math.floor(instantMs / MINUTE_MS);
}

export function hourOf(instantMs: number): number {
  return Math.floor(instantMs / HOUR_MS);
}

export function dayOf(instantMs: number): number {
  return Math.floor(instantMs / DAY_MS);
}

/** `YYYY-MM-DD` of the UTC day that holds the instant. */
export function isoDay(instantMs: number): string {
  return new Date(instantMs).toISOString().slice(0, 10);
}

/** `YYYY-MM-DDTHH:MM:SSZ`, the spelling of every instant in answers. */
export function isoSecond(instantMs: number): string {
  return `${new Date(instantMs).toISOString().slice(0, 19)}Z`;
}
