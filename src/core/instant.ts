/**
 * An instant as people and machines write it, with its zone: RFC 3339.
 *
 *   2026-04-20T12:00[:00[.000]]Z        2026-04-20T14:00+02:00
 *
 * Keeps: a date that does not exist, an hour 24 or a zone beyond 14 hours is no instant.
 */
import { SECOND_MS } from "./limits.ts";
import { err, ok, type Result } from "./result.ts";

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

/**
 * Milliseconds since 1970 have twelve or thirteen digits from 1973-03-03 to 2286-11-20; fewer are seconds, more are
 * finer.
 */
const MILLISECONDS_MIN = 100_000_000_000;
const MILLISECONDS_MAX = 9_999_999_999_999;
const DIGITS = /^[+-]?\d{1,30}(\.\d{1,30})?$/;

/** The instant that a sender gave, as text with its zone or as milliseconds; the error is a sentence for it. */
export function readInstant(value: unknown): Result<number, string> {
  const text = typeof value === "string" ? value : null;
  const number = typeof value === "number" ? value : text !== null && DIGITS.test(text) ? Number(text) : null;
  if (number !== null) return readMilliseconds(number);
  const instantMs = text === null ? null : parseZonedInstant(text);
  if (instantMs !== null) return ok(instantMs);
  return err("An instant with its zone (2026-04-20T14:00:00+02:00), or milliseconds since 1970.");
}

function readMilliseconds(value: number): Result<number, string> {
  if (value >= MILLISECONDS_MIN && value <= MILLISECONDS_MAX && Number.isSafeInteger(value)) return ok(value);
  if (!(value > 0)) return err("Milliseconds since 1970, above 0.");
  if (value < MILLISECONDS_MIN) {
    return err("Milliseconds since 1970, of which a day of this century has 13 digits; seconds times 1000.");
  }
  if (value <= MILLISECONDS_MAX) return err("Whole milliseconds since 1970.");
  return err("Milliseconds since 1970, of which a day of this century has 13 digits; not microseconds or nanoseconds.");
}

/** Midnight of a date that exists, in UTC: `2026-02-30` does not. */
export function midnightMs(date: string): number | null {
  const instantMs = Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(instantMs)) return null;
  return new Date(instantMs).toISOString().startsWith(date) ? instantMs : null;
}
