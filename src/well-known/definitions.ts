/**
 * What each word of a report means: metrics, verdicts and reasons, one sentence each, for the methodology.
 *
 * Keeps: every metric, verdict and reason has a sentence; the compiler names one that lacks it. Formulas are spelled
 * from the quotients that reports compute (report/metrics.ts).
 */
import { GIVT_RULES, type GivtReason } from "../core/givt.ts";
import type { ConversionReason } from "../core/order.ts";
import type { Verdict, VerdictReason } from "../core/verdict.ts";
import { isSumMetric, METRICS, type Metric, QUOTIENT_METRICS, SUM_METRICS } from "../report/metrics.ts";

type Meaning = {
  readonly counts: string;
  /** What of the same kind is not counted, in words of verdicts and reasons. */
  readonly leavesOut: readonly string[];
};

const NOT_VALID = ["duplicate", "invalid", "late"];
const NOT_CREDITED = ["outside_window", "test", "same_order", "retracted"];

const METRIC_MEANINGS: Readonly<Record<Metric, Meaning>> = {
  impressions: {
    counts: "Valid impressions: pixels, at most one for each token, and what ad servers uploaded as valid.",
    leavesOut: ["duplicate", "invalid", "filtered_by_sender"],
  },
  gross_impressions: {
    counts: "All impressions: every pixel request whose token was verified, and what ad servers uploaded.",
    leavesOut: [],
  },
  clicks: { counts: "Valid clicks, which are billed: at most one for each impression.", leavesOut: NOT_VALID },
  gross_clicks: {
    counts: "All clicks that were received with a verified token: valid, duplicate, invalid and late ones.",
    leavesOut: [],
  },
  duplicate_clicks: {
    counts: "Further clicks on an impression whose valid click is known.",
    leavesOut: ["valid", "invalid", "late"],
  },
  invalid_clicks: {
    counts: "Clicks that a rule on invalid traffic names, and late clicks that were rejected.",
    leavesOut: ["valid", "duplicate", "late"],
  },
  late_clicks: {
    counts: "Clicks that were reported too late and wait for a decision.",
    leavesOut: ["valid", "duplicate", "invalid"],
  },
  clicks_with_user: {
    counts: "Valid clicks whose user is known, by a key of the ad server or of the day.",
    leavesOut: [...NOT_VALID, "no user key"],
  },
  conversions: {
    counts: "Orders that are credited to a click, in the minute of that click.",
    leavesOut: NOT_CREDITED,
  },
  conversions_by_time: { counts: "The same orders, in the minute when each occurred.", leavesOut: NOT_CREDITED },
  spend_micros: { counts: "The prices that were signed into the tokens of valid clicks.", leavesOut: NOT_VALID },
  conversion_value_micros: {
    counts: "The value of credited orders with their corrections, in the minute of the click.",
    leavesOut: NOT_CREDITED,
  },
  conversion_value_by_time_micros: {
    counts: "The same values, in the minute when each order occurred.",
    leavesOut: NOT_CREDITED,
  },
  ctr: { counts: "Valid clicks for each valid impression.", leavesOut: ["as its parts"] },
  cvr: { counts: "Credited orders for each valid click.", leavesOut: ["as its parts"] },
  avg_cpc_micros: { counts: "Spend for each valid click.", leavesOut: ["as its parts"] },
  cpa_micros: { counts: "Spend for each credited order.", leavesOut: ["as its parts"] },
  roas: { counts: "Value of credited orders for each unit of spend.", leavesOut: ["as its parts"] },
  unique_users: {
    counts: "Distinct users of valid clicks, an estimate past the exact limit.",
    leavesOut: [...NOT_VALID, "no user key"],
  },
  reasons: {
    counts: "Requests by the reason why they are not plainly valid, and conversions that were not plainly credited.",
    leavesOut: ["whatever has no reason"],
  },
};

export const VERDICT_MEANINGS: Readonly<Record<Verdict, string>> = {
  valid: "Counted and billed; it claims its impression.",
  duplicate: "Its impression is claimed by another event.",
  invalid: "A rule on invalid traffic applies, or a late click was rejected.",
  late: "Its minute ended more than the allowed lateness before it was received; it waits for a decision.",
  deferred: "The memory that would tell valid from duplicate is gone; archived, and in no figure.",
};

const OTHER_REASONS: Readonly<Record<Exclude<VerdictReason, GivtReason>, string>> = {
  late: "Reported later than is allowed.",
  late_accepted: "Reported late, and counted by decision or by the late policy.",
  late_rejected: "Reported late, and rejected.",
  same_impression: "A further request on a claimed impression.",
  key_table_dropped: "Received past the dedup horizon.",
};

const CONVERSION_REASONS: Readonly<Record<ConversionReason, string>> = {
  outside_window: "Occurred past the attribution window of the click.",
  test: "The click was test traffic.",
  same_order: "The order is credited to a click at the same time or later.",
  later_click: "The order's credit moved to a later click.",
  corrected: "The order's value was corrected.",
  retracted: "The order was taken back.",
};

export type MetricDefinition = Meaning & {
  readonly name: Metric;
  readonly kind: "sum" | "quotient" | "estimate" | "breakdown";
  readonly unit: "count" | "micros" | "ratio";
  /** Of a quotient: what is divided by what. */
  readonly formula: string | null;
};

export function metricDefinitions(): MetricDefinition[] {
  return METRICS.map((name) => ({ name, ...shapeOf(name), ...METRIC_MEANINGS[name] }));
}

function shapeOf(metric: Metric): Pick<MetricDefinition, "kind" | "unit" | "formula"> {
  if (metric === "unique_users") return { kind: "estimate", unit: "count", formula: null };
  if (metric === "reasons") return { kind: "breakdown", unit: "count", formula: null };
  if (isSumMetric(metric)) return { kind: "sum", unit: metric.endsWith("_micros") ? "micros" : "count", formula: null };
  const { of, per, unit } = QUOTIENT_METRICS[metric];
  return { kind: "quotient", unit, formula: `${sumOf(of)} / ${sumOf(per)}` };
}

/** The metric that shows a measure's sum. */
function sumOf(measure: string): string {
  return Object.entries(SUM_METRICS).find(([, shown]) => shown === measure)?.[0] ?? measure;
}

/** Reasons as reports name them, in the order of their lists. */
export function reasonDefinitions(): { readonly name: string; readonly means: string }[] {
  const entries = [
    ...GIVT_RULES.map(({ name, means }) => [name, means]),
    ...Object.entries(OTHER_REASONS),
    ...Object.entries(CONVERSION_REASONS).map(([name, means]) => [`conversion.${name}`, means]),
    ["impression.filtered_by_sender", "Impressions that an ad server left out of its valid count."],
  ];
  return entries.map(([name = "", means = ""]) => ({ name, means }));
}
