/**
 * The one request behind figures and chart: a series over the view's period, with its totals and the period before.
 */

import type { Result } from "../core/result.ts";
import type { ProblemJson } from "../problem.ts";
import { type ApiClient, addressOfQuery, type Query } from "./api-client.ts";
import { daysBetween } from "./calendar.ts";
import type { MetricName } from "./figures.ts";
import type { SeriesAnswer } from "./report-answer.ts";
import { queryOf, type View } from "./view.ts";
import type { Viewer } from "./viewer.ts";
import { type Span, spansOf, stateOf, type WindowState } from "./windows.ts";

export const SERIES_PATH = "/v1/metrics/clicks";
export type Granularity = "minute" | "hour" | "day" | "week" | "month";

/** The figures on top of a screen, in their order; the first is charted unless another is chosen. */
export function metricsOf({ kind }: Pick<Viewer, "kind">): readonly MetricName[] {
  return kind === "publisher"
    ? ["clicks", "gross_clicks", "impressions", "ctr", "spend_micros"]
    : ["clicks", "impressions", "ctr", "conversions", "spend_micros"];
}

/** How finely a period is charted: some 24 to 100 windows. */
export function granularityOf({ days, hour, own }: Pick<View, "days" | "hour" | "own">): Granularity {
  if (hour !== null) return "minute";
  const length = daysBetween(days.from, days.to);
  const asked = own["granularity"];
  if (asked === "hour" && length <= 14) return "hour";
  if (asked === "day" && length > 1 && length <= 400) return "day";
  if (asked === "week" && length > 7) return "week";
  if (asked === "month" && length > 31) return "month";
  if (length <= 2) return "hour";
  if (length <= 100) return "day";
  return length <= 400 ? "week" : "month";
}

export type SeriesRead = {
  readonly answer: SeriesAnswer;
  readonly granularity: Granularity;
  readonly spans: readonly Span[];
  readonly states: readonly WindowState[];
  readonly watermarkMs: number | null;
  /** The request, for who asks the API themselves. */
  readonly path: string;
};

export async function readSeries(
  api: ApiClient,
  view: View,
  { metrics, nowMs, more = {} }: { metrics: readonly MetricName[]; nowMs: number; more?: Query },
): Promise<Result<SeriesRead, ProblemJson>> {
  const granularity = granularityOf(view);
  const query = { ...queryOf(view), granularity, metrics: metrics.join(","), totals: "true", ...more };
  const read = await api.get<SeriesAnswer>(SERIES_PATH, query);
  if (!read.ok) return read;
  const answer = read.value;
  const starts = (answer.series[0]?.points ?? []).map((point) => Date.parse(String(point[granularity])));
  const spans = spansOf(starts, Date.parse(answer.meta.query.to));
  const watermarkMs = answer.meta.watermark === null ? null : Date.parse(answer.meta.watermark);
  const states = spans.map((span) => stateOf(span, answer.meta.states, nowMs));
  return {
    ok: true,
    value: { answer, granularity, spans, states, watermarkMs, path: addressOfQuery(SERIES_PATH, query) },
  };
}
