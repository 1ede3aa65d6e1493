/**
 * An instant as people and machines write it, with its zone: RFC 3339.
 *
 *   2026-04-20T12:00[:00[.000]]Z        2026-04-20T14:00+02:00
 *
 * Keeps: a date that does not exist, an hour 24 or a zone beyond 14 hours is no instant.
 */
import { SECOND_MS } from "./limits.ts";

/** A space before the offset is a `+` that the caller did not percent-encode. */
const INSTANT = /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(\.\d{1,9})?)?(?:([Zz])|([ +-])(\d{2}):?(\d{2}))$/;

/** The instant in milliseconds since 1970, or null when the text is none. */
export function parseZonedInstant(text: string): number | null {
  const match = INSTANT.exec(text);
  if (match === null) return null;
  const [, date = "", hours = "", minutes = "", seconds = "00", fraction = "", zulu, sign, zoneHours, zoneMinutes] =
    match;
  const startMs = midnightMs(date);
  if (startMs === null || Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 59) return null;
  const timeS = Number(hours) * 3_600 + Number(minutes) * 60 + Number(seconds);
  const offsetS = zulu === undefined ? Number(zoneHours) * 3_600 + Number(zoneMinutes) * 60 : 0;
  if (offsetS > 14 * 3_600 || Number(zoneMinutes ?? 0) > 59) return null;
  const fractionMs = Math.floor(Number(`0${fraction}`) * SECOND_MS);
  return startMs + (timeS - (sign === "-" ? -offsetS : offsetS)) * SECOND_MS + fractionMs;
}

/** Midnight of a date that exists, in UTC: `2026-02-30` does not. */
export function midnightMs(date: string): number | null {
  const instantMs = Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(instantMs)) return null;
  return new Date(instantMs).toISOString().startsWith(date) ? instantMs : null;
}
