/**
 * The periods that a view can be about, by the word of its address and by the key that chooses it.
 *
 *   period=day          d   today                      period=month        m   this month
 *   period=yesterday    y   yesterday                  period=last_month   l   last month
 *   period=7d           7   the last 7 days            period=last_week    k   last week, from Monday to Sunday
 *   period=30d          3   the last 30 days           from=…&to=…             from one day to another, both counted
 *
 * Keeps: pure. A period is days of a zone; the last days end with today. Its neighbours are as long as it is, and those
 * of a month are months.
 */
import { addDays, type Day, dayIn, daysBetween, firstOfMonth, isDay, lastOfMonth, mondayOf } from "./calendar.ts";

/** From one day to another, both counted. */
export type Days = { readonly from: Day; readonly to: Day };

type Period = { readonly key: string; readonly label: string; readonly days: (today: Day) => Days };

const lastDays = (days: number) => (today: Day) => ({ from: addDays(today, 1 - days), to: today });
const monthOf = (day: Day) => ({ from: firstOfMonth(day), to: lastOfMonth(day) });

export const PERIODS = {
  day: { key: "d", label: "Today", days: lastDays(1) },
  yesterday: {
    key: "y",
    label: "Yesterday",
    days: (today) => ({ from: addDays(today, -1), to: addDays(today, -1) }),
  },
  "7d": { key: "7", label: "Last 7 days", days: lastDays(7) },
  last_week: {
    key: "k",
    label: "Last week",
    days: (today) => ({ from: addDays(mondayOf(today), -7), to: addDays(mondayOf(today), -1) }),
  },
  "30d": { key: "3", label: "Last 30 days", days: lastDays(30) },
  "90d": { key: "9", label: "Last 90 days", days: lastDays(90) },
  month: { key: "m", label: "This month", days: (today) => ({ from: firstOfMonth(today), to: today }) },
  last_month: { key: "l", label: "Last month", days: (today) => monthOf(addDays(firstOfMonth(today), -1)) },
  "12mo": {
    key: "1",
    label: "Last 12 months",
    days: (today) => ({ from: firstOfMonth(addDays(firstOfMonth(today), -330)), to: today }),
  },
} as const satisfies Record<string, Period>;

export type PeriodName = keyof typeof PERIODS;
/** A name, or the days themselves. */
export type PeriodChoice = PeriodName | Days;

const PERIOD_NAMES = Object.keys(PERIODS) as readonly PeriodName[];
export const PERIOD_UNLESS_GIVEN: PeriodName = "30d";
/** As a report takes them at most. */
const DAYS_MAX = 1_826;

/** The period of an address; null where it names days that do not exist, are too many, or end before they begin. */
export function periodOf(search: URLSearchParams): PeriodChoice | null {
  const [from, to] = [search.get("from"), search.get("to")];
  if (from !== null || to !== null) {
    const days = { from: from ?? to ?? "", to: to ?? from ?? "" };
    const isRange = isDay(days.from) && isDay(days.to) && days.from <= days.to;
    return isRange && daysBetween(days.from, days.to) <= DAYS_MAX ? days : null;
  }
  const word = search.get("period");
  return word === null ? PERIOD_UNLESS_GIVEN : (PERIOD_NAMES.find((name) => name === word) ?? null);
}

export function daysOf(choice: PeriodChoice, today: Day): Days {
  return typeof choice === "string" ? PERIODS[choice].days(today) : choice;
}

/** The days that it is about in a zone. */
export function daysIn(choice: PeriodChoice, timeZone: string, nowMs: number): Days {
  return daysOf(choice, dayIn(timeZone, nowMs));
}

/** The period just before (-1) or after (1); null where it lies in the future, or the calendar has no such days. */
export function neighbourOf(days: Days, step: -1 | 1, today: Day): Days | null {
  const length = daysBetween(days.from, days.to);
  const isMonth = days.from === firstOfMonth(days.from) && (days.to === lastOfMonth(days.from) || days.to === today);
  const isOneMonth = isMonth && days.from.slice(0, 7) === days.to.slice(0, 7) && length > 1;
  const next = isOneMonth
    ? monthOf(step === -1 ? addDays(days.from, -1) : addDays(lastOfMonth(days.from), 1))
    : { from: addDays(days.from, step * length), to: addDays(days.to, step * length) };
  return next.from > today || !isDay(next.from) || !isDay(next.to) ? null : next;
}
