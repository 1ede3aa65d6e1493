/**
 * CSV as RFC 4180 has it: a header row, CRLF after every row, quotes where a field needs them; and the file's name.
 *
 *   clicks_2026-04-01_2026-04-21_Europe-Berlin.csv       whole days, both included, as they are asked for
 *   clicks_2026-04-20T1200Z_2026-04-20T1300Z_UTC.csv     other bounds: instants, the second one excluded
 *   clicks_2026-04-01_2026-04-21_UTC_first-10000-rows.csv, …_further-rows.csv       one page of several
 *
 * Keeps: no cell is a formula to a spreadsheet: a text that starts with `= + - @`, one of these in full width, tab, CR
 * or LF gets an apostrophe in front, unless it is a plain number; so does what follows a semicolon, at which a
 * spreadsheet of many languages begins another cell, quoted or not. A file's name holds letters, digits and `. _ + -`
 * only, which every file system and a quoted header take. Source: OWASP, "CSV Injection".
 */
import { DAY_MS } from "../../core/limits.ts";
import { isoDay } from "../../core/time.ts";

const FORMULA_START = /^[=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n]/;
const FORMULA_WITHIN = /;(?=[=+\-@\uff1d\uff0b\uff0d\uff20])/g;
const PLAIN_NUMBER = /^[+-]?\d+(?:\.\d+)?$/;
const NEEDS_QUOTES = /[",\r\n]/;
const IS_MIDNIGHT = /T00:00:00/;
const SECONDS = /(?<=T\d\d:\d\d):\d\d/;
const NOT_IN_NAMES = /[^\w+-]/g;
const DATE_CHARS = "2026-04-20".length;

/** A cell; null is empty. */
export type CsvValue = string | number | bigint | null;

/** The header and the rows as one text. */
export function encodeCsv(names: readonly string[], rows: readonly (readonly CsvValue[])[]): string {
  return [names, ...rows].map((row) => row.map(encodeCell).join(",").concat("\r\n")).join("");
}

function encodeCell(value: CsvValue): string {
  const text = value === null ? "" : String(value);
  const begun = FORMULA_START.test(text) && !PLAIN_NUMBER.test(text) ? "'".concat(text) : text;
  const safe = begun.replaceAll(FORMULA_WITHIN, ";'");
  return NEEDS_QUOTES.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** A range as `meta` spells it, [from, to), at whole minutes of its zone. */
export type SpelledPeriod = { readonly from: string; readonly to: string; readonly timezone: string };

/** The name of the file that a spreadsheet keeps: which period, in which zone, and whether rows are missing. */
export function csvFileName({ from, to, timezone }: SpelledPeriod, part: string | null = null): string {
  const isDays = IS_MIDNIGHT.test(from) && IS_MIDNIGHT.test(to);
  const bounds = isDays ? [from.slice(0, DATE_CHARS), dayBefore(to)] : [spellMinute(from), spellMinute(to)];
  const zone = timezone.replaceAll(NOT_IN_NAMES, "-");
  return `clicks_${[...bounds, zone, ...(part === null ? [] : [part])].join("_")}.csv`;
}

/** The date before that of a local instant; as dates, so it is right whatever the clocks do. */
function dayBefore(instant: string): string {
  return isoDay(Date.parse(instant.slice(0, DATE_CHARS)) - DAY_MS);
}

/** `2026-04-20T14:00:00+02:00` as `2026-04-20T1400+0200`: ISO 8601 without colons and seconds. */
function spellMinute(instant: string): string {
  return instant.replace(SECONDS, "").replaceAll(":", "");
}
