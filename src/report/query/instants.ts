/**
 * How a caller writes an instant, and the one rule that is not obvious: a date names a day.
 *
 *   2026-04-20                 as `from`: the day's first instant; as `to`: its end, both in the query's time zone
 *   2026-04-20T12:00[:00[.0]]Z or +02:00      that instant          1776686400      unix seconds
 *
 * Keeps: `to` as a date includes that day, as people mean it; `to` as an instant is excluded, so that consecutive
 * ranges tile. Either way the answer's `meta.query` states the half-open range in instants. A time without its offset
 * is refused: on the day on which clocks go back it names two instants.
 */
import { midnightMs, parseZonedInstant } from "../../core/instant.ts";
import { MINUTE_MS, SECOND_MS } from "../../core/limits.ts";
import { err, ok, type Result } from "../../core/result.ts";
import { dateMinute, type Zone } from "./zone.ts";

/** What a caller wrote, before the time zone is known. */
export type Moment =
  | { readonly kind: "date"; readonly date: string }
  | { readonly kind: "instant"; readonly instantMs: number };

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const UNIX_SECONDS = /^\d{9,10}$/;
/** 2100-01-01: later instants are slips of the pen. */
const INSTANT_MAX_MS = Date.UTC(2100, 0, 1);

/** The moment that a text names; the error is a sentence for the caller. */
export function parseMoment(text: string): Result<Moment, string> {
  const isDate = DATE.test(text);
  const instantMs = isDate ? midnightMs(text) : UNIX_SECONDS.test(text) ? unixMs(text) : parseZonedInstant(text);
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
