/**
 * What a screen is about, as its address says it: a period, filters, a comparison, a metric. The address is the state
 * of the view and nearly the query of the API: filters, dimensions and metrics have the API's own names.
 *
 *   /?period=30d&campaign_id=cmp_7&country!=DE&metric=spend_micros&compare=none&timezone=Asia/Tokyo
 *   → from=2026-10-30&to=2026-11-28&campaign_id=cmp_7&country!=DE&timezone=Asia/Tokyo
 *
 * Keeps: pure. What an address says that no view has is left out and told (`misread`), so that an old or a mistyped
 * link still opens; values of filters go to the API as they are, which judges them. Parameters of one screen (tabs,
 * sort, page) stand beside these and stay when a filter changes, but for the page.
 */
import { isoSecond } from "../core/time.ts";
import { DIMENSIONS, type Dimension } from "../report/query/fields.ts";
import { hourAt } from "./hours.ts";
import { type Days, daysIn, PERIOD_UNLESS_GIVEN, type PeriodChoice, periodOf } from "./periods.ts";
import type { Span } from "./windows.ts";

export type FilterTerm = { readonly dimension: Dimension; readonly isExcluded: boolean; readonly value: string };

/** What a period is set beside. */
export type Comparison = "previous_period" | "previous_year";

export type View = {
  readonly path: string;
  readonly period: PeriodChoice;
  readonly days: Days;
  /** The one hour of its day that it is about, minute by minute; null for the days themselves. */
  readonly hour: Span | null;
  readonly filters: readonly FilterTerm[];
  /** The one value that the page is about, where a page has one: a filter that stays. */
  readonly subject: FilterTerm | null;
  readonly isCompared: boolean;
  /** With what, where it is compared. */
  readonly comparison: Comparison;
  readonly zone: string;
  /** Whether the address names the zone, rather than the advertiser's profile. */
  readonly isZoneChosen: boolean;
  /** Further parameters, which belong to one screen. */
  readonly own: Readonly<Record<string, string>>;
  /** What the address says that was not understood, as sentences. */
  readonly misread: readonly string[];
};

/** A change of a view; a parameter of the screen that is null goes. */
export type ViewChange = {
  readonly path?: string;
  readonly period?: PeriodChoice;
  readonly filters?: readonly FilterTerm[];
  readonly isCompared?: boolean;
  readonly comparison?: Comparison;
  readonly zone?: string;
  readonly own?: Readonly<Record<string, string | null>>;
};

/** Start again with another selection, and with another period. */
const OF_A_PAGE: readonly string[] = ["cursor"];
const OF_A_PERIOD: readonly string[] = ["granularity", "at"];
const KNOWN: ReadonlySet<string> = new Set(["period", "from", "to", "compare", "timezone"]);
const VALUE_CHARS_MAX = 200;

/** The view of an address. */
export function viewOf(
  { pathname, searchParams }: Pick<URL, "pathname" | "searchParams">,
  { profileZone, nowMs, about = null }: { profileZone: string; nowMs: number; about?: Dimension | null },
): View {
  const misread: string[] = [];
  const asked = searchParams.get("timezone");
  const isZoneChosen = asked !== null && isZone(asked);
  if (asked !== null && !isZoneChosen) misread.push(`There is no time zone “${asked}”; this shows ${profileZone}.`);
  const zone = isZoneChosen ? asked : profileZone;
  const found = periodOf(searchParams);
  if (found === null) misread.push("The period of the address does not exist; this shows the last 30 days.");
  const period = found ?? PERIOD_UNLESS_GIVEN;
  const days = daysIn(period, zone, nowMs);
  const own = Object.fromEntries([...searchParams].filter(([name]) => !KNOWN.has(name) && !isFilter(name)));
  const isByMinute = own["granularity"] === "minute" && days.from === days.to;
  const hour = isByMinute ? hourAt(own["at"], { day: days.from, zone, nowMs }) : null;
  if (isByMinute && hour === null)
    misread.push(`That day has no hour “${own["at"]?.slice(0, 64)}”; this shows all of it.`);
  const filters = filtersOf(searchParams);
  const subject = subjectIn(filters, about);
  return {
    path: pathname,
    period,
    days,
    hour,
    filters: filters.filter((term) => term !== subject),
    subject,
    isCompared: searchParams.get("compare") !== "none",
    comparison: searchParams.get("compare") === "previous_year" ? "previous_year" : "previous_period",
    zone,
    isZoneChosen,
    own,
    misread,
  };
}

/** The address of a view, with a change. */
export function addressOf(view: View, change: ViewChange = {}): string {
  const { period, isCompared, comparison } = { ...view, ...change };
  const filters = withSubject({ ...view, filters: change.filters ?? view.filters });
  const search = new URLSearchParams();
  if (typeof period !== "string") {
    search.set("from", period.from);
    search.set("to", period.to);
  } else if (period !== PERIOD_UNLESS_GIVEN) search.set("period", period);
  for (const [name, values] of grouped(filters)) search.set(name, values.join(","));
  if (!isCompared) search.set("compare", "none");
  else if (comparison !== "previous_period") search.set("compare", comparison);
  if (change.zone !== undefined || view.isZoneChosen) search.set("timezone", change.zone ?? view.zone);
  const isSelection = change.filters !== undefined || change.period !== undefined || change.zone !== undefined;
  const started = [...(isSelection ? OF_A_PAGE : []), ...(change.period === undefined ? [] : OF_A_PERIOD)];
  const kept = Object.entries(view.own).filter(([name]) => !started.includes(name));
  for (const [name, value] of Object.entries({ ...Object.fromEntries(kept), ...change.own })) {
    if (value !== null && !(isSelection && OF_A_PAGE.includes(name))) search.set(name, value);
  }
  const path = change.path ?? view.path;
  const query = search.toString().replaceAll("%21=", "!=").replaceAll("%2C", ",").replaceAll("%3A", ":");
  return query === "" ? path : `${path}?${query}`;
}

/** The part of the API's query that every request of a view has. */
export function queryOf(view: View): Record<string, string> {
  const { days, hour, zone, isZoneChosen, isCompared, comparison } = view;
  return {
    ...(hour === null ? days : { from: isoSecond(hour.fromMs), to: isoSecond(hour.toMs) }),
    ...(isZoneChosen ? { timezone: zone } : {}),
    ...Object.fromEntries(grouped(withSubject(view)).map(([name, values]) => [name, values.join(",")])),
    ...(isCompared ? { compare: comparison } : {}),
  };
}

function withSubject({ subject, filters }: Pick<View, "subject" | "filters">): readonly FilterTerm[] {
  return subject === null ? filters : [subject, ...filters];
}

/** The only value that filters name of a dimension; null where there is none, or another beside it. */
function subjectIn(filters: readonly FilterTerm[], about: Dimension | null): FilterTerm | null {
  const [first, second] = filters.filter(({ dimension }) => dimension === about);
  return first === undefined || second !== undefined || first.isExcluded ? null : first;
}

/** The filters with one more; one of the same dimension and kind is joined by it. */
export function withFilter(filters: readonly FilterTerm[], term: FilterTerm): FilterTerm[] {
  return [...filters.filter((other) => !isSameTerm(other, term)), term];
}

export function withoutFilter(filters: readonly FilterTerm[], term: FilterTerm): FilterTerm[] {
  return filters.filter((other) => !isSameTerm(other, term));
}

function isSameTerm(one: FilterTerm, other: FilterTerm): boolean {
  return one.dimension === other.dimension && one.value === other.value && one.isExcluded === other.isExcluded;
}

function filtersOf(search: URLSearchParams): FilterTerm[] {
  return [...search].flatMap(([name, text]) => {
    if (!isFilter(name)) return [];
    const isExcluded = name.endsWith("!");
    const dimension = (isExcluded ? name.slice(0, -1) : name) as Dimension;
    const values = new Set(text.split(",").map((value) => value.trim().slice(0, VALUE_CHARS_MAX)));
    return Array.from(values, (value) => ({ dimension, isExcluded, value })).filter(({ value }) => value !== "");
  });
}

function isFilter(name: string): boolean {
  return DIMENSIONS.some((dimension) => name === dimension || name === `${dimension}!`);
}

/** Filters by parameter, in their order. */
function grouped(filters: readonly FilterTerm[]): [string, string[]][] {
  const byName = Map.groupBy(filters, ({ dimension, isExcluded }) => dimension.concat(isExcluded ? "!" : ""));
  return Array.from(byName, ([name, terms]) => [name, terms.map(({ value }) => value)]);
}

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return !/^[+-]/.test(name);
  } catch {
    // An unknown zone is a RangeError, and there is nothing else to throw.
    return false;
  }
}
