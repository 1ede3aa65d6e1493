/**
 * What the report API answers, as schemas: the members of a row are the words that a query may name, in camelCase.
 *
 * Keeps: strict: an answer that holds a member which is not here fails its test.
 */
import * as z from "zod";
import { DAY_STATES } from "../core/day-state.ts";
import { toCamelCase } from "../core/fields.ts";
import { DIMENSION_NAMES } from "../report/query/fields.ts";
import { isSumMetric, METRICS, type Metric, QUOTIENT_METRICS } from "../report/query/metrics.ts";
import { nameField } from "../report/query/names.ts";
import { METRIC_UNITS } from "./units.ts";

export const instant = z.string().meta({ format: "date-time" });
export const count = z.int();
export const text = z.string();

const ratio = z.number();
/** Exact in the text, whatever its size: past 2^53 a reader in JavaScript needs a parser that keeps the digits. */
const sum = z.number().refine(Number.isInteger).meta({ type: "integer" });

function metricSchema(metric: Metric): z.ZodType {
  if (metric === "reasons") return z.record(z.string(), sum).describe("Counts by reason.");
  if (metric === "unique_users" || isSumMetric(metric)) return sum.describe(METRIC_UNITS[metric]);
  const value = QUOTIENT_METRICS[metric].unit === "ratio" ? ratio : sum;
  return value.nullable().describe(METRIC_UNITS[metric]);
}

const metricMembers = Object.fromEntries(
  METRICS.map((metric) => [toCamelCase(metric), metricSchema(metric).optional()]),
);
const dimensionMembers = Object.fromEntries(DIMENSION_NAMES.map((name) => [toCamelCase(name), text.optional()]));
const nameMembers = Object.fromEntries(
  DIMENSION_NAMES.filter((name) => name.endsWith("_id")).map((name) => [
    toCamelCase(nameField(name)),
    text.nullable().optional().describe("With `names=true`; null where nothing has the id."),
  ]),
);
const windowMembers = Object.fromEntries(
  ["minute", "hour", "day", "week", "month"].map((word) => [word, instant.optional()]),
);

const dayState = z.enum(DAY_STATES);
const stateMembers = { state: dayState.optional().describe("Of the day, week or month: the least of its days.") };

export const MetricValues = z.object(metricMembers).describe("The metrics that were asked for.");

const ofCurrency = z
  .object({ currency: text, ...metricMembers, previous: MetricValues.optional() })
  .describe("All metrics of one currency, where money of several advertisers is asked for.");

export const ReportRow = z
  .object({
    ...windowMembers,
    ...dimensionMembers,
    ...nameMembers,
    ...metricMembers,
    ...stateMembers,
    previous: MetricValues.optional(),
  })
  .describe("The window and the dimensions that were asked for, then the metrics.");

const point = z.object({ ...windowMembers, ...metricMembers, ...stateMembers, previous: MetricValues.optional() });

export const ReportSeries = z
  .object({ ...dimensionMembers, ...nameMembers, points: z.array(point) })
  .describe("One series: the dimensions that it is about, and a point for each window.");

const spelled = z.object({ from: instant, to: instant });

export const ReportMeta = z
  .object({
    query: z
      .object({
        from: instant,
        to: instant,
        granularity: text,
        dimensions: z.array(text),
        filters: z.record(z.string(), z.array(text)),
        metrics: z.array(text),
        order: z.array(text),
        limit: count,
        previous: spelled.optional(),
      })
      .describe("The query as it was understood; the range is half-open."),
    watermark: instant.nullable().describe("Every event that arrived before it is counted; null when unknown."),
    complete: z.boolean().describe("Whether the watermark has passed the range."),
    lagSeconds: count.nullable(),
    state: dayState.describe("The least of the days in the range."),
    states: z
      .array(z.object({ state: dayState, from: instant, to: instant }))
      .describe("The range in parts of one state: a window has the state of the part in which it ends."),
    truncated: z.boolean(),
    nextCursor: text.nullable().describe("The `cursor` of the next page; null on the last."),
    totals: z
      .object({ ...metricMembers, previous: MetricValues.optional(), byCurrency: z.array(ofCurrency).optional() })
      .optional()
      .describe("The metrics over the whole query, when asked for."),
    currency: text
      .nullable()
      .optional()
      .describe("The one currency of all money here; null where rows name several, or the profile names none."),
    currencies: z.array(text).optional().describe("The currencies of the money here, where money is asked for."),
    uniqueUsers: z
      .object({
        standardError: ratio,
        exact: z.boolean(),
        coverage: ratio.nullable(),
        keyLifeDays: count,
        note: text,
      })
      .optional(),
    tiers: z.array(z.object({ tier: text, from: instant, to: instant })),
    rowsRead: count,
    timezone: text,
    timezoneFrom: z.enum(["query", "profile", "default"]).describe("Who named the time zone."),
    latePolicy: z.object({ mode: text, allowedLatenessSeconds: count }),
    warnings: z.array(z.object({ code: text, detail: text })),
  })
  .describe("What the answer says about itself.");

export const LiveTicket = z.object({
  ticket: text,
  expiresAt: instant.describe("Until then it opens a stream."),
  url: text.describe("The stream, on this host."),
});

export const ChangePage = z.object({
  changes: z
    .array(
      z.object({
        day: z.string().meta({ format: "date" }),
        ...{ advertiserId: text, campaignId: text, adGroupId: text, adId: text },
      }),
    )
    .describe("What to read again; empty without `after`."),
  cursor: text.describe("The `after` of the next request; while nothing has changed, the one that was sent."),
  hasMore: z.boolean().describe("Whether to ask again at once."),
  timezone: text.describe("The zone whose days are named."),
});

export const ReportTable = z.object({ rows: z.array(ReportRow), meta: ReportMeta });
export const ReportSeriesAnswer = z.object({ series: z.array(ReportSeries), meta: ReportMeta });
