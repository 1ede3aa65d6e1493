/**
 * What every answer says about itself: the query as understood, how complete it is, and where it was read.
 *
 *   {"query":{…,"from":…,"to":…},"watermark":…,"complete":…,"lagSeconds":…,"state":"open","tiers":[…],"rowsRead":…,…}
 *
 * Keeps: `query.from` and `query.to` are instants and half-open, [from, to), also where the caller gave a date.
 * `complete` is true only when every event that arrived before `to` is counted: none waits on its way, none of the
 * asker's lies in dead letters or waits for a decision, and no tier has forgotten any. `state` is the least of the
 * range's days (core/day-state.ts), `states` has the range in parts. A page of rows that were kept says what was true
 * when they were read, but for the audits since.
 */
import type { TierSettings } from "../../config.ts";
import { type DayState, dayStateOf } from "../../core/day-state.ts";
import { toCamelCase } from "../../core/fields.ts";
import { MINUTE_MS } from "../../core/limits.ts";
import { isoSecond } from "../../core/time.ts";
import type { LatePolicy } from "../../core/verdict.ts";
import { type Segment, TIER_MS } from "../plan/plan.ts";
import { UNSET } from "../query/fields.ts";
import { isMoneyMetric } from "../query/metrics.ts";
import { fieldNames, type OrderTerm, type ReportQuery } from "../query/query.ts";
import type { Warning } from "../query/range.ts";
import type { Range } from "../query/windows.ts";
import { instantSpeller } from "../query/zone.ts";
import { type Counted, countedTogether, type Group, nothingCounted } from "../read/groups.ts";
import { type Closed, type SpelledState, spelledStates, stateWarnings } from "./day-states.ts";
import { keptWarnings } from "./retention-warnings.ts";
import { type NamedValues, namedValuesReader, toJsonValue } from "./table.ts";
import { type UsersMeta, usersMeta } from "./users-meta.ts";
import type { WatermarkReading } from "./watermark.ts";

type Spelled = { readonly from: string; readonly to: string };

export type ReportMeta = {
  readonly query: Readonly<Record<string, unknown>>;
  readonly watermark: string | null;
  readonly complete: boolean;
  readonly lagSeconds: number | null;
  readonly state: DayState;
  /** The range in parts of one state. */
  readonly states: readonly SpelledState[];
  readonly truncated: boolean;
  /** The `cursor` of the next page, null on the last. */
  readonly nextCursor: string | null;
  /** The metrics over the whole query, whatever the page; only when asked. */
  readonly totals?: unknown;
  /** The one currency of all money in the answer; null where there are several, or the profile does not say. */
  readonly currency?: string | null;
  /** Those that its money is in, '' for advertisers whose profile does not say; only where money is asked. */
  readonly currencies?: readonly string[];
  /** About `unique_users`; only when asked. */
  readonly uniqueUsers?: UsersMeta;
  readonly tiers: readonly ({ readonly tier: string } & Spelled)[];
  readonly rowsRead: number;
  readonly timezone: string;
  /** Whether the query named the zone, the advertiser's profile did, or nobody. */
  readonly timezoneFrom: ReportQuery["zoneFrom"];
  readonly latePolicy: { readonly mode: string; readonly allowedLatenessSeconds: number };
  readonly warnings: readonly Warning[];
};

/** What a reading says of itself, apart from its rows; plain data, since it is kept with them. */
export type ReadFacts = {
  readonly segments: readonly Segment[];
  readonly rowsRead: number;
  readonly watermark: WatermarkReading;
  readonly totals: NamedValues | null;
};

export type MetaFacts = {
  readonly query: ReportQuery;
  readonly read: ReadFacts;
  /** Currencies of the money shown; null where no money is asked. */
  readonly currencies: readonly string[] | null;
  /** What the answer shows, for statements about it. */
  readonly shown: readonly Counted[];
  readonly isCut: boolean;
  readonly nextCursor: string | null;
  readonly late: LatePolicy;
  readonly tiers: TierSettings;
  readonly closed: Closed;
  /** Whether the asker may know what blocks a day. */
  readonly isOperator: boolean;
  readonly nowMs: number;
};

/** A year by day in a zone of half hours changes tiers twice a day. */
const TIERS_SHOWN_MAX = 100;
const TIERS_CUT: Warning = { code: "tiers_cut", detail: `Only the first ${TIERS_SHOWN_MAX} tiers are listed.` };

/** Warnings of events that are known to be missing. */
const MISSING: ReadonlySet<string> = new Set(["past_retention", "conversions_undecided"]);

const CURRENCY_UNSET: Warning = {
  code: "currency_unset",
  detail: "The money of advertisers whose profiles name no currency is in the rows without one.",
};

export function toMeta(facts: MetaFacts): ReportMeta {
  const { query, read, late, nowMs } = facts;
  const { watermarkMs, warnings } = read.watermark;
  const said: Warning[] = [
    ...query.warnings,
    ...warnings,
    ...(query.isByCurrency && facts.currencies?.includes("") ? [CURRENCY_UNSET] : []),
    ...(read.segments.length > TIERS_SHOWN_MAX ? [TIERS_CUT] : []),
    ...keptWarnings(read.segments, facts.tiers, nowMs),
    ...stateWarnings(query.range, facts.closed, facts.isOperator),
  ];
  const hasPassed = watermarkMs !== null && watermarkMs >= query.range.toMs;
  return {
    query: toQueryMeta(query),
    watermark: watermarkMs === null ? null : isoSecond(watermarkMs),
    complete: hasPassed && read.watermark.isShort !== true && !said.some(({ code }) => MISSING.has(code)),
    lagSeconds: watermarkMs === null ? null : Math.max(0, Math.round((nowMs - watermarkMs) / 1_000)),
    state: dayStateOf(query.range.toMs, watermarkMs, facts.closed.closing),
    states: spelledStates(query.range, watermarkMs, facts.closed),
    truncated: facts.isCut,
    nextCursor: facts.nextCursor,
    ...(read.totals === null ? {} : { totals: toJsonValue(read.totals) }),
    ...(query.metrics.includes("unique_users") ? { uniqueUsers: usersMeta(facts.shown, query.metrics) } : {}),
    tiers: read.segments.slice(0, TIERS_SHOWN_MAX).map(({ tier, from, to }) => ({
      tier,
      from: isoSecond(from * TIER_MS[tier]),
      to: isoSecond(to * TIER_MS[tier]),
    })),
    rowsRead: read.rowsRead,
    timezone: query.zone.name,
    timezoneFrom: query.zoneFrom,
    ...currencyMeta(facts.currencies),
    latePolicy: { mode: late.mode, allowedLatenessSeconds: late.allowedLatenessS },
    warnings: said,
  };
}

/**
 * The metrics over a whole query, and over its previous period where that is asked. Where money may be of several
 * currencies, those that are no money, and `byCurrency` all of them for each.
 */
export function toTotals(
  now: readonly Group[],
  previous: readonly Group[] | null,
  { metrics, isByCurrency }: ReportQuery,
): NamedValues {
  const read = namedValuesReader(metrics, (value) => value);
  const nothing = nothingCounted(metrics);
  const pair = (one: Counted, before: Counted | null) => ({
    ...read(one),
    ...(before === null ? {} : { previous: read(before) }),
  });
  if (!isByCurrency) return pair(now[0] ?? nothing, previous === null ? null : (previous[0] ?? nothing));
  const money = new Set<string>(metrics.filter(isMoneyMetric).map(toCamelCase));
  const without = (groups: readonly Group[]) =>
    Object.fromEntries(Object.entries(read(countedTogether(groups, metrics))).filter(([name]) => !money.has(name)));
  const of = (groups: readonly Group[], currency: string) =>
    groups.find(({ dimensions }) => dimensions[0] === currency) ?? nothing;
  const currencies = new Set([...now, ...(previous ?? [])].map(({ dimensions }) => dimensions[0] ?? ""));
  return {
    ...without(now),
    ...(previous === null ? {} : { previous: without(previous) }),
    byCurrency: [...currencies].sort().map((currency) => ({
      ...{ currency },
      ...pair(of(now, currency), previous === null ? null : of(previous, currency)),
    })),
  };
}

function currencyMeta(currencies: readonly string[] | null): Pick<ReportMeta, "currency" | "currencies"> {
  if (currencies === null) return {};
  const [only = "", another] = currencies;
  return { currency: only === "" || another !== undefined ? null : only, currencies };
}

function toQueryMeta(query: ReportQuery): Record<string, unknown> {
  const spell = (values: readonly string[]) => values.map((value) => (value === "" ? UNSET : value));
  const filters = query.filters.flatMap(({ dimension, include, exclude }): [string, string[]][] => [
    ...(include.length === 0 ? [] : ([[toCamelCase(dimension), spell(include)]] as [string, string[]][])),
    ...(exclude.length === 0 ? [] : ([[`${toCamelCase(dimension)}!`, spell(exclude)]] as [string, string[]][])),
  ]);
  return {
    ...spellRange(query.range, query),
    granularity: query.granularity,
    dimensions: query.dimensions.map(({ name }) => toCamelCase(name)),
    filters: Object.fromEntries(filters),
    metrics: query.metrics.map(toCamelCase),
    order: query.order.map((term) => toOrderMeta(term, query)),
    limit: query.limit,
    ...(query.previous === null ? {} : { previous: spellRange(query.previous, query) }),
  };
}

function spellRange({ fromMs, toMs }: Range, { zone }: ReportQuery): Spelled {
  const [from, to] = [fromMs / MINUTE_MS, toMs / MINUTE_MS];
  const spell = instantSpeller({ from, to }, zone);
  return { from: spell(from), to: spell(to) };
}

function toOrderMeta({ by, isDescending }: OrderTerm, query: ReportQuery): string {
  const names = fieldNames(query);
  const keys = names.length - query.metrics.length;
  const first = { window: 0, dimension: keys - query.dimensions.length, metric: keys }[by.kind];
  const name = toCamelCase(names[first + (by.kind === "window" ? 0 : by.index)] ?? "");
  return isDescending ? "-".concat(name) : name;
}
