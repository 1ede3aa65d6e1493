/**
 * Time zones by IANA name: what a local day is, and how far local time lies from UTC.
 *
 *   stretch   from one change of the offset to the next: local minute = UTC minute + offset
 *
 * Keeps: every boundary is a whole UTC minute (an offset with seconds, last used in 1972, is floored). A local day
 * starts at its first instant, so days are contiguous whatever the clocks do; a day that the zone skipped has no
 * instant.
 * Relies on: Temporal, as a polyfill over the platform's own time zone data (workerd has no Temporal).
 */
import { Temporal } from "temporal-polyfill";
import { MINUTE_MS } from "../../core/limits.ts";
import { nearestName } from "./nearest-name.ts";

export type Zone = { readonly name: string; readonly isUtc: boolean };

/** Minutes [from, to) in which the zone's offset is the same. */
export type Stretch = { readonly from: number; readonly to: number; readonly offset: number };

export const UTC: Zone = { name: "UTC", isUtc: true };

/** IANA names hold these characters; an offset such as `+02:00` is not one. */
const ZONE_NAME = /^[A-Za-z][A-Za-z0-9_+\-/]{0,63}$/;
const UTC_NAMES: readonly string[] = ["UTC", "Etc/UTC"];

/** The zone that a name means, in its usual spelling, or null. */
export function toZone(text: string): Zone | null {
  if (!ZONE_NAME.test(text)) return null;
  try {
    const name = Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(text).timeZoneId;
    return UTC_NAMES.includes(name) ? UTC : { name, isUtc: false };
  } catch {
    // Temporal throws RangeError on a name that the platform does not know, and nothing else.
    return null;
  }
}

/** A sentence on a name that is no zone. */
export function suggestZone(text: string): string {
  const nearest = nearestName(text, ["UTC", ...Intl.supportedValuesOf("timeZone")]);
  const hint = nearest === null ? "" : ` Did you mean ${nearest}?`;
  return `"${text.slice(0, 64)}" is no IANA time zone.${hint}`;
}

/** The first minute of a local date (`2026-04-20`), or of the day that lies `days` after it; null for no date. */
export function dateMinute(date: string, zone: Zone, days = 0): number | null {
  try {
    return startOf(Temporal.PlainDate.from(date).add({ days }), zone);
  } catch {
    // Temporal throws RangeError on a date that does not exist, and nothing else.
    return null;
  }
}

/** The local date of a minute. */
export function localDate(minute: number, zone: Zone): Temporal.PlainDate {
  return localTime(minute, zone).toPlainDate();
}

/** The local dates that [from, to) touches, in order. */
export function datesOf(from: number, to: number, zone: Zone): string[] {
  const last = localDate(to - 1, zone);
  const dates: string[] = [];
  for (let date = localDate(from, zone); Temporal.PlainDate.compare(date, last) <= 0; date = date.add({ days: 1 })) {
    dates.push(date.toString());
  }
  return dates;
}

/** The first minute of a local date. */
export function startOf(date: Temporal.PlainDate, zone: Zone): number {
  return Math.floor(date.toZonedDateTime(zone.name).epochMilliseconds / MINUTE_MS);
}

/** The minute of the same date and time a year before; of 29 February, where that year has none, that of the 28th. */
export function yearBefore(minute: number, zone: Zone): number {
  return Math.floor(localTime(minute, zone).subtract({ years: 1 }).epochMilliseconds / MINUTE_MS);
}

/**
 * The stretches that touch [from, to), ascending, each from where it begins to where it ends: a range that is a part of
 * another has the same ones.
 */
export function stretchesIn(from: number, to: number, zone: Zone): Stretch[] {
  if (zone.isUtc) return [{ from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY, offset: 0 }];
  const stretches: Stretch[] = [];
  // A change at `from` itself lies before the minute behind it.
  const begun = localTime(from + 1, zone).getTimeZoneTransition("previous");
  let start = begun === null ? Number.NEGATIVE_INFINITY : Math.floor(begun.epochMilliseconds / MINUTE_MS);
  let local = localTime(from, zone);
  for (;;) {
    const offset = Math.floor(local.offsetNanoseconds / 60e9);
    const next = local.getTimeZoneTransition("next");
    const end = next === null ? Number.POSITIVE_INFINITY : Math.floor(next.epochMilliseconds / MINUTE_MS);
    stretches.push({ from: start, to: end, offset });
    if (next === null || end >= to) return stretches;
    start = end;
    local = next;
  }
}

/** Spells instants at whole minutes: `2026-03-29T03:00:00+02:00`, and with `Z` in UTC. For instants in [from, to]. */
export function instantSpeller({ from, to }: { from: number; to: number }, zone: Zone): (minute: number) => string {
  const stretches = stretchesIn(from, to + 1, zone);
  return (minute) => {
    const offset = stretches.find((stretch) => minute < stretch.to)?.offset ?? 0;
    const local = new Date((minute + offset) * MINUTE_MS).toISOString().slice(0, 19);
    return local.concat(zone.isUtc ? "Z" : spellOffset(offset));
  };
}

function spellOffset(offset: number): string {
  const size = Math.abs(offset);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${offset < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

function localTime(minute: number, zone: Zone): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(minute * MINUTE_MS).toZonedDateTimeISO(zone.name);
}
