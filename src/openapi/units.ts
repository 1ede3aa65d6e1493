/**
 * The unit of each metric, for a reader who looks at one number.
 */
import { isSumMetric, METRICS, type Metric, QUOTIENT_METRICS } from "../report/query/metrics.ts";

export const METRIC_UNITS: Readonly<Record<Metric, string>> = Object.fromEntries(
  METRICS.map((metric) => [metric, unitOf(metric)]),
) as Record<Metric, string>;

function unitOf(metric: Metric): string {
  if (metric === "unique_users") return "People; an estimate past the exact limit.";
  if (metric === "reasons") return "Counts by reason.";
  if (metric.endsWith("_micros")) return "Micros of the advertiser's currency.";
  if (isSumMetric(metric)) return "A count.";
  return QUOTIENT_METRICS[metric].unit === "ratio" ? "A ratio with six places; null by zero." : "Micros; null by zero.";
}
