/**
 * What each word of a report means: metrics, verdicts and reasons, one sentence each, for the methodology.
 *
 * Keeps: every metric, verdict and reason has a sentence; the compiler names one that lacks it. Those of sums stand in
 * the catalogue (core/fields.ts). Formulas are spelled
 * from the quotients that reports compute (report/query/metrics.ts).
 */
import { MEASURE_FIELDS, NAMED_MEASURES } from "../core/fields.ts";
import { GIVT_RULES, type GivtReason } from "../core/givt.ts";
import type { ConversionReason } from "../core/order.ts";
import type { Verdict, VerdictReason } from "../core/verdict.ts";
import {
  isSumMetric,
  METRICS,
  type Metric,
  QUOTIENT_METRICS,
  SUM_METRICS,
  type SumMetric,
} from "../report/query/metrics.ts";

type Meaning = {
  readonly counts: string;
  /** What of the same kind is not counted, in words of verdicts and reasons. */
  readonly leavesOut: readonly string[];
};

const NOT_VALID = ["duplicate", "invalid", "late"];

const SUM_MEANINGS = Object.fromEntries(
  NAMED_MEASURES.map((measure) => {
    const { metric, means, leavesOut } = MEASURE_FIELDS[measure];
    return [metric, { counts: means, leavesOut }];
  }),
) as unknown as Record<SumMetric, Meaning>;

const METRIC_MEANINGS: Readonly<Record<Metric, Meaning>> = {
  ...SUM_MEANINGS,
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
  other_shard: "Given up by a log that does not own it: it counts in its owner's.",
  signature_invalid: "Revised: no key of this deployment, of whatever age, verifies the token.",
  high_frequency: "Revised by a second look: more clicks of one user on one ad than a person makes.",
  regular_intervals: "Revised by a second look: clicks of one user that follow each other like a clock.",
  short_time_to_click: "Revised by a second look: a user whose clicks come too soon after the ad, again and again.",
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
