/**
 * What every answer says about itself: the query as understood, how complete it is, and where it was read.
 *
 *   {"query":{…,"from":…,"to":…},"watermark":…,"complete":…,"lagSeconds":…,"state":"open","tiers":[…],"rowsRead":…,…}
 *
 * Keeps: `query.from` and `query.to` are instants and half-open, [from, to), also where the caller gave a date.
 * `complete` is true only when every event that arrived before `to` is counted: none waits on its way, and none of the
 * asker's lies in dead letters. `state` is `provisional` when the range
 * ended before the watermark (late events, conversions and corrections still change it), else `open`. A page of rows
 * that were kept says what was true when they were read.
 */
import type { TierSettings } from "../config.ts";
import { toCamelCase } from "../core/fields.ts";
import { MINUTE_MS } from "../core/limits.ts";
import { isoSecond } from "../core/time.ts";
import type { LatePolicy } from "../core/verdict.ts";
import type { Counted } from "./groups.ts";
import { keptWarnings } from "./kept-tiers.ts";
import { type Segment, TIER_MS } from "./plan.ts";
import { fieldNames, type OrderTerm, type ReportQuery } from "./query.ts";
import type { Warning } from "./range.ts";
import { type NamedValues, namedValuesReader, toJsonValue } from "./table.ts";
import { type UsersMeta, usersMeta } from "./users-meta.ts";
import type { WatermarkReading } from "./watermark.ts";
import type { Range } from "./windows.ts";
import { instantSpeller } from "./zone.ts";

type Spelled = { readonly from: string; readonly to: string };

export type ReportMeta = {
  readonly query: Readonly<Record<string, unknown>>;
  readonly watermark: string | null;
  readonly complete: boolean;
  readonly lagSeconds: number | null;
  readonly state: "open" | "provisional";
  readonly truncated: boolean;
  /** The `cursor` of the next page, null on the last. */
  readonly nextCursor: string | null;
  /** The metrics over the whole query, whatever the page; only when asked. */
  readonly totals?: unknown;
  /** About `unique_users`; only when asked. */
  readonly uniqueUsers?: UsersMeta;
  readonly tiers: readonly ({ readonly tier: string } & Spelled)[];
  readonly rowsRead: number;
  readonly timezone: string;
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
  /** What the answer shows, for statements about it. */
  readonly shown: readonly Counted[];
  readonly isCut: boolean;
  readonly nextCursor: string | null;
  readonly late: LatePolicy;
  readonly tiers: TierSettings;
  readonly nowMs: number;
};

/** A year by day in a zone of half hours changes tiers twice a day. */
const TIERS_SHOWN_MAX = 100;
const TIERS_CUT: Warning = { code: "tiers_cut", detail: `Only the first ${TIERS_SHOWN_MAX} tiers are listed.` };

export function toMeta(facts: MetaFacts): ReportMeta {
  const { query, read, late, nowMs } = facts;
  const { watermarkMs, warnings } = read.watermark;
  const hasPassed = watermarkMs !== null && watermarkMs >= query.range.toMs;
  return {
    query: toQueryMeta(query),
    watermark: watermarkMs === null ? null : isoSecond(watermarkMs),
    complete: hasPassed && read.watermark.isShort !== true,
    lagSeconds: watermarkMs === null ? null : Math.max(0, Math.round((nowMs - watermarkMs) / 1_000)),
    state: hasPassed ? "provisional" : "open",
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
    latePolicy: { mode: late.mode, allowedLatenessSeconds: late.allowedLatenessS },
    warnings: [
      ...query.warnings,
      ...warnings,
      ...(read.segments.length > TIERS_SHOWN_MAX ? [TIERS_CUT] : []),
      ...keptWarnings(read.segments, facts.tiers, nowMs),
    ],
  };
}

/** The metrics over a whole query, and over its previous period where that is asked. */
export function toTotals(now: Counted, previous: Counted | null, { metrics }: ReportQuery): NamedValues {
  const read = namedValuesReader(metrics, (value) => value);
  return { ...read(now), ...(previous === null ? {} : { previous: read(previous) }) };
}

function toQueryMeta(query: ReportQuery): Record<string, unknown> {
  const filters = query.filters.map(({ dimension, include, exclude }): [string, string[]] => [
    toCamelCase(dimension),
    [...include, ...exclude.map((value) => "-".concat(value))],
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
