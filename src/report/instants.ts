/**
 * How a caller writes an instant, and the one rule that is not obvious: a date names a day.
 *
 *   2026-04-20                 as `from`: the day's first instant; as `to`: its end, both in the query's time zone
 *   2026-04-20T12:00[:00[.0]]Z or +02:00      that instant          1776686400      unix seconds
 *
 * Keeps: `to` as a date includes that day, as people mean it; `to` as an instant is excluded, so that consecutive
 * ranges tile. Either way the answer's `meta.query` states the half-open range in instants. A time without its offset is
 * refused: on the day on which clocks go back it names two instants.
 */
import { MINUTE_MS, SECOND_MS } from "../core/limits.ts";
import { err, ok, type Result } from "../core/result.ts";
import { dateMinute, type Zone } from "./zone.ts";

/** What a caller wrote, before the time zone is known. */
export type Moment =
  | { readonly kind: "date"; readonly date: string }
  | { readonly kind: "instant"; readonly instantMs: number };

const DATE = /^\d{4}-\d{2}-\d{2}$/;
/** A space before the offset is a `+` that the caller did not percent-encode. */
const INSTANT = /^(\d{4}-\d{2}-\d{2})[Tt](\d{2}):(\d{2})(?::(\d{2})(\.\d{1,9})?)?(?:([Zz])|([ +-])(\d{2}):?(\d{2}))$/;
const UNIX_SECONDS = /^\d{9,10}$/;
/** 2100-01-01: later instants are slips of the pen. */
const INSTANT_MAX_MS = Date.UTC(2100, 0, 1);

/** The moment that a text names; the error is a sentence for the caller. */
export function parseMoment(text: string): Result<Moment, string> {
  const isDate = DATE.test(text);
  const instantMs = isDate ? midnightMs(text) : UNIX_SECONDS.test(text) ? unixMs(text) : isoMs(text);
  if (instantMs === null) {
    return err(
      `"${text.slice(0, 40)}" must be a date (2026-04-20), an instant with its zone (2026-04-20T12:00:00Z, ` +
        "2026-04-20T14:00:00+02:00) or unix seconds.",
    );
  }
  if (instantMs < 0 || instantMs > INSTANT_MAX_MS) return err("The instant must lie between 1970 and 2100.");
  return ok(isDate ? { kind: "date", date: text } : { kind: "instant", instantMs });
}

/** The instant in milliseconds, as one edge of a range in a zone. */
export function instantOf(moment: Moment, edge: "from" | "to", zone: Zone): number {
  if (moment.kind === "instant") return moment.instantMs;
  return (dateMinute(moment.date, zone, edge === "to" ? 1 : 0) ?? 0) * MINUTE_MS;
}

function unixMs(text: string): number {
  return Number(text) * SECOND_MS;
}

function isoMs(text: string): number | null {
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

/** Midnight of a date that exists: `2026-02-30` does not. */
function midnightMs(date: string): number | null {
  const instantMs = Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(instantMs)) return null;
  return new Date(instantMs).toISOString().startsWith(date) ? instantMs : null;
}
