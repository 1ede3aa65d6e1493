/**
 * Metrics of operation: which there are, and their text in OpenMetrics 1.0 [1].
 *
 *   # TYPE clickledger_lag_seconds gauge
 *   # UNIT clickledger_lag_seconds seconds
 *   # HELP clickledger_lag_seconds Age of the watermark.
 *   clickledger_lag_seconds 12
 *   # EOF
 *
 * Keeps: pure. A label's values are of sets that the code or the configuration bounds, never of a tenant, a person or a
 * request; what is more than SERIES_MAX is left out, from the end of the catalogue. What is not known has no sample.
 *
 * [1] https://github.com/OpenObservability/OpenMetrics/blob/main/specification/OpenMetrics.md
 */
import { assert } from "./result.ts";

export type Described = {
  readonly type: "gauge" | "counter";
  readonly help: string;
  /** The one label's name. */
  readonly by?: string;
};

/** Names without the `_total` that samples of counters have. A unit is the name's end. */
export const METRICS = {
  clickledger_measured_age_seconds: { type: "gauge", help: "Time since cron took these measurements." },
  clickledger_source_up: { type: "gauge", help: "Whether a source of these measurements answered.", by: "source" },
  clickledger_alarm: { type: "gauge", help: "Whether cron's own alarm is raised.", by: "alarm" },
  clickledger_lag_seconds: { type: "gauge", help: "Age of the watermark: what arrived before it is in reports." },
  clickledger_watermark_timestamp_seconds: { type: "gauge", help: "The watermark." },
  clickledger_queue_oldest_age_seconds: { type: "gauge", help: "Age of a queue's oldest message.", by: "queue" },
  clickledger_queue_messages: { type: "gauge", help: "Messages that wait in a queue.", by: "queue" },
  clickledger_spool_objects: { type: "gauge", help: "Objects that wait in the spool, 1000 at most." },
  clickledger_spool_oldest_age_seconds: { type: "gauge", help: "Age of the spool's oldest event." },
  clickledger_lost_events_1h: { type: "gauge", help: "Events of the last hour that nothing took." },
  clickledger_lost_events: { type: "counter", help: "Events that nothing took." },
  clickledger_dead_letters: { type: "gauge", help: "Letters that wait for a person, 1000 at most.", by: "kind" },
  clickledger_clicks: {
    ...{ type: "counter", by: "verdict" },
    help: "Clicks that were posted to report databases, as they were first judged.",
  },
  clickledger_duplicate_ratio: {
    ...{ type: "gauge" },
    help: "Duplicates among the clicks of the last hour; none below a thousand clicks.",
  },
  clickledger_cost_dollars_per_million_clicks: {
    ...{ type: "gauge" },
    help: "List price of what the Worker counted in the last hour, by its clicks; none below a thousand clicks.",
  },
  clickledger_cost_micros: {
    ...{ type: "counter", by: "unit" },
    help: "List price of what the Worker counted of its own bill, in micros of a US dollar.",
  },
  clickledger_tokens: { type: "counter", help: "Tokens of events that reached a shard.", by: "algorithm" },
  clickledger_log_days: { type: "gauge", help: "Log days that are sealed, by what their audit found.", by: "state" },
  clickledger_audit_overdue_seconds: { type: "gauge", help: "Time since the next log day was to be audited." },
  clickledger_unreconciled_micros: {
    ...{ type: "gauge" },
    help: "Spend of days that are summed and not reconciled, in micros of whichever currency.",
  },
  clickledger_evidence_log_stopped: { type: "gauge", help: "Whether the evidence log's last run was stopped." },
  clickledger_canary: { type: "gauge", help: "1 for how the canary is (GET /status).", by: "state" },
  clickledger_canary_wrong: { type: "gauge", help: "Whether the canary is neither ok nor off." },
  clickledger_webhooks: { type: "gauge", help: "Webhooks, by how they are.", by: "state" },
  clickledger_refused: { type: "counter", help: "Requests that the edge refused.", by: "reason" },
} as const satisfies Readonly<Record<string, Described>>;

export type MetricName = keyof typeof METRICS;
export const METRIC_NAMES = Object.keys(METRICS) as readonly MetricName[];

export type Sample = {
  readonly name: MetricName;
  /** Of the metric's label; absent where it has none. */
  readonly of?: string;
  readonly value: number;
};

/** Series that an answer has at most. */
export const SERIES_MAX = 500;
export const OPENMETRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const UNIT = /_(seconds|micros)$/;

/** The text of an answer. */
export function renderMetrics(samples: readonly Sample[]): string {
  const byName = Map.groupBy(samples, ({ name }) => name);
  let left = SERIES_MAX;
  const lines = METRIC_NAMES.flatMap((name) => {
    const some = (byName.get(name) ?? []).slice(0, left);
    left -= some.length;
    return some.length === 0 ? [] : [...describe(name), ...some.map(renderSample)];
  });
  return `${[...lines, "# EOF"].join("\n")}\n`;
}

function describe(name: MetricName): string[] {
  const { type, help }: Described = METRICS[name];
  const unit = UNIT.exec(name)?.[1];
  return [
    `# TYPE ${name} ${type}`,
    ...(unit === undefined ? [] : [`# UNIT ${name} ${unit}`]),
    `# HELP ${name} ${help}`,
  ];
}

function renderSample({ name, of, value }: Sample): string {
  const { type, by }: Described = METRICS[name];
  assert((by === undefined) === (of === undefined), "a sample has the label of its metric, or none");
  const labels = by === undefined ? "" : `{${by}="${escaped(of ?? "")}"}`;
  return `${name}${type === "counter" ? "_total" : ""}${labels} ${value}`;
}

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
