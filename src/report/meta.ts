/**
 * What every answer says about itself: the query as understood, how complete it is, and where it was read.
 *
 *   {"query":{…,"from":…,"to":…},"watermark":…,"complete":…,"lagSeconds":…,"state":"open","tiers":[…],"rowsRead":…,…}
 *
 * Keeps: `query.from` and `query.to` are instants and half-open, [from, to), also where the caller gave a date.
 * `complete` is true only when every event that arrived before `to` is counted. `state` is `provisional` when the range
 * ended before the watermark (late events, conversions and corrections still change it), else `open`.
 */
import { isoSecond } from "../core/time.ts";
import type { LatePolicy } from "../core/verdict.ts";
import { toCamelCase } from "./fields.ts";
import type { Reading } from "./groups.ts";
import { TIER_MS } from "./plan.ts";
import { fieldNames, type OrderTerm, type ReportQuery, type Warning } from "./query.ts";
import type { WatermarkReading } from "./watermark.ts";

export type ReportMeta = {
  readonly query: Readonly<Record<string, unknown>>;
  readonly watermark: string | null;
  readonly complete: boolean;
  readonly lagSeconds: number | null;
  readonly state: "open" | "provisional";
  readonly truncated: boolean;
  readonly tiers: readonly { readonly tier: string; readonly from: string; readonly to: string }[];
  readonly rowsRead: number;
  readonly timezone: "UTC";
  readonly latePolicy: { readonly mode: string; readonly allowedLatenessSeconds: number };
  readonly warnings: readonly Warning[];
};

export type MetaFacts = {
  readonly query: ReportQuery;
  readonly reading: Reading;
  readonly watermark: WatermarkReading;
  readonly late: LatePolicy;
  readonly nowMs: number;
};

export function toMeta({ query, reading, watermark, late, nowMs }: MetaFacts): ReportMeta {
  const { watermarkMs } = watermark;
  const complete = watermarkMs !== null && watermarkMs >= query.range.toMs;
  return {
    query: toQueryMeta(query),
    watermark: watermarkMs === null ? null : isoSecond(watermarkMs),
    complete,
    lagSeconds: watermarkMs === null ? null : Math.max(0, Math.round((nowMs - watermarkMs) / 1_000)),
    state: complete ? "provisional" : "open",
    truncated: reading.isCut,
    tiers: reading.segments.map(({ tier, from, to }) => ({
      tier,
      from: isoSecond(from * TIER_MS[tier]),
      to: isoSecond(to * TIER_MS[tier]),
    })),
    rowsRead: reading.rowsRead,
    timezone: "UTC",
    latePolicy: { mode: late.mode, allowedLatenessSeconds: late.allowedLatenessS },
    warnings: [...query.warnings, ...watermark.warnings],
  };
}

function toQueryMeta(query: ReportQuery): Record<string, unknown> {
  const filters = query.filters.map(({ dimension, include, exclude }): [string, string[]] => [
    toCamelCase(dimension),
    [...include, ...exclude.map((value) => "-".concat(value))],
  ]);
  return {
    from: isoSecond(query.range.fromMs),
    to: isoSecond(query.range.toMs),
    granularity: query.granularity,
    dimensions: query.dimensions.map(({ name }) => toCamelCase(name)),
    filters: Object.fromEntries(filters),
    metrics: query.metrics.map(toCamelCase),
    order: query.order.map((term) => toOrderMeta(term, query)),
    limit: query.limit,
  };
}

function toOrderMeta({ by, isDescending }: OrderTerm, query: ReportQuery): string {
  const names = fieldNames(query);
  const keys = names.length - query.metrics.length;
  const first = { window: 0, dimension: keys - query.dimensions.length, metric: keys }[by.kind];
  const name = toCamelCase(names[first + (by.kind === "window" ? 0 : by.index)] ?? "");
  return isDescending ? "-".concat(name) : name;
}
