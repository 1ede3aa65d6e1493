/**
 * Local days of a time zone, in quarters of an hour since 1970: what zones change by.
 *
 * A local day begins at its first instant; an hour that the clocks repeat belongs to the day that has begun.
 */
import { Differs } from "./outcome.js";

export const QUARTER_MS = 900_000;
export const DAY_MS = 86_400_000;
export const QUARTERS_PER_DAY = DAY_MS / QUARTER_MS;
/** No clock is put back further. */
const BACK_QUARTERS = 12;

/** @typedef {{ day: string, from: number, to: number }} LocalDay quarters [from, to) */

/**
 * The local days that the quarters [from, to) touch, cut at both ends.
 * @param {number} from
 * @param {number} to
 * @param {string} zone
 * @returns {LocalDay[]}
 */
export function localDays(from, to, zone) {
  const format = formatOf(zone);
  /** @type {LocalDay[]} */
  const days = [];
  let latest = "";
  for (let quarter = from - BACK_QUARTERS; quarter < to; quarter++) {
    const date = format.format(quarter * QUARTER_MS);
    if (date > latest) latest = date;
    if (quarter < from) continue;
    const last = days.at(-1);
    if (last?.day === latest) last.to = quarter + 1;
    else days.push({ day: latest, from: quarter, to: quarter + 1 });
  }
  return days;
}

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/** @param {string} zone */
function formatOf(zone) {
  let format = formats.get(zone);
  if (format === undefined) {
    try {
      format = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" });
    } catch {
      throw new Differs(`the statement's time zone ${JSON.stringify(zone)} is none that this machine knows`);
    }
    formats.set(zone, format);
  }
  return format;
}

/**
 * The UTC days that instants [from, to) touch.
 * @param {number} fromMs
 * @param {number} toMs
 */
export function utcDays(fromMs, toMs) {
  const days = [];
  for (let ms = Math.floor(fromMs / DAY_MS) * DAY_MS; ms < toMs; ms += DAY_MS) days.push(isoDay(ms));
  return days;
}

/** @param {number} ms */
export const isoDay = (ms) => new Date(ms).toISOString().slice(0, 10);

/**
 * The first quarter of a UTC day.
 * @param {string} day
 */
export const quarterOfDay = (day) => Date.parse(day) / QUARTER_MS;
