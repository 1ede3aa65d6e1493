/**
 * When somebody is to be woken: the one table of alarms, from which cron judges and ops/alerts.yml is written.
 *
 *   { alarm: "lag", metric: "clickledger_lag_seconds", above: 60, forMinutes: 5, … }
 *
 * An alarm's condition is met by any sample of its metric that is above its bound, of the label value that it names or
 * of each. It is raised when that has been so in every minute of its time, and cleared in the first minute in which it
 * is known not to be.
 *
 * Keeps: pure. What is not known changes nothing: it meets no condition, of which `source` is the alarm, and ends none.
 */
import { MINUTE_MS } from "./limits.ts";
import { type Described, METRICS, type MetricName, type Sample } from "./metrics.ts";

export type Alarm = {
  readonly alarm: string;
  readonly metric: MetricName;
  /** The value of the metric's label; any unless given. */
  readonly of?: string;
  /** Met above it; or below it. */
  readonly above?: number;
  readonly below?: number;
  readonly forMinutes: number;
  readonly severity: "page" | "ticket";
  readonly summary: string;
  /** Not for cron, which cannot tell that it does not run. */
  readonly isOfScraper?: true;
};

export const ALARMS = [
  {
    ...{ alarm: "lag", metric: "clickledger_lag_seconds", above: 60, forMinutes: 5, severity: "page" },
    summary: "Reports are more than a minute behind: something is stuck in a queue, the spool or a shard.",
  },
  {
    ...{ alarm: "lost", metric: "clickledger_lost_events_1h", above: 0, forMinutes: 0, severity: "page" },
    summary: "Events were lost: no queue, no shard and no bucket took them.",
  },
  {
    ...{ alarm: "dead_letters", metric: "clickledger_dead_letters", above: 0, forMinutes: 0, severity: "ticket" },
    summary: "Something could not be counted and waits for a person.",
  },
  {
    ...{ alarm: "queue", metric: "clickledger_queue_oldest_age_seconds", above: 300, forMinutes: 5, severity: "page" },
    summary: "A queue's oldest message is older than five minutes.",
  },
  {
    ...{ alarm: "spool", metric: "clickledger_spool_oldest_age_seconds", above: 600, forMinutes: 5, severity: "page" },
    summary: "Spooled events do not get to their shards.",
  },
  {
    ...{ alarm: "audit_blocked", metric: "clickledger_log_days", of: "blocked", above: 0, forMinutes: 0 },
    severity: "ticket",
    summary: "An audit found what is neither mended nor accepted: the day, and all behind it, are not reconciled.",
  },
  {
    ...{ alarm: "audit_overdue", metric: "clickledger_audit_overdue_seconds", above: 21_600, forMinutes: 0 },
    severity: "ticket",
    summary: "A log day was to be audited six hours ago.",
  },
  {
    ...{ alarm: "evidence_log", metric: "clickledger_evidence_log_stopped", above: 0, forMinutes: 0, severity: "page" },
    summary: "The evidence log signs nothing until somebody has looked.",
  },
  {
    ...{ alarm: "duplicates", metric: "clickledger_duplicate_ratio", above: 0.5, forMinutes: 15, severity: "ticket" },
    summary:
      "More than half of the clicks of an hour are duplicates: somebody repeats requests, or an ad server is broken.",
  },
  {
    ...{ alarm: "webhooks", metric: "clickledger_webhooks", of: "failing", above: 0, forMinutes: 0 },
    severity: "ticket",
    summary: "A webhook was stopped, since its receiver took nothing 20 times in a row.",
  },
  {
    ...{ alarm: "canary", metric: "clickledger_canary_wrong", above: 0, forMinutes: 0, severity: "page" },
    summary: "A click of ours, which went the way of everybody's, was not redirected, or is lost or double.",
  },
  {
    ...{ alarm: "source", metric: "clickledger_source_up", below: 1, forMinutes: 5, severity: "page" },
    summary: "A part of the platform does not answer, so what it would say is not known.",
  },
  {
    ...{ alarm: "cron", metric: "clickledger_measured_age_seconds", above: 300, forMinutes: 0, severity: "page" },
    summary: "Cron does not run, or cannot write: nothing is rolled, drained or audited.",
    isOfScraper: true,
  },
] as const satisfies readonly Alarm[];

/** Of which metric, and beyond what. */
export function isMet({ metric, of, above, below }: Alarm, samples: readonly Sample[]): boolean {
  return samples.some(
    (sample) =>
      sample.name === metric &&
      (of === undefined || sample.of === of) &&
      ((above !== undefined && sample.value > above) || (below !== undefined && sample.value < below)),
  );
}

/** Since when each condition is met without a break. */
export type MetSince = Readonly<Record<string, number>>;

/** What is known of a minute: its samples, and the metrics whose source did not answer. */
export type Seen = { readonly samples: readonly Sample[]; readonly unknown: ReadonlySet<MetricName> };

/** What a minute makes of it: whose conditions are met, and which alarms are raised by now. */
export function judge(
  { samples, unknown }: Seen,
  metSince: MetSince,
  nowMs: number,
): { readonly metSince: MetSince; readonly raised: ReadonlySet<string> } {
  const alarms: readonly Alarm[] = ALARMS;
  const isStill = ({ alarm, metric }: Alarm) => unknown.has(metric) && metSince[alarm] !== undefined;
  const met = alarms.filter((one) => one.isOfScraper !== true && (isMet(one, samples) || isStill(one)));
  const since = Object.fromEntries(met.map(({ alarm }) => [alarm, Math.min(metSince[alarm] ?? nowMs, nowMs)]));
  const raised = met.filter(({ alarm, forMinutes }) => nowMs - (since[alarm] ?? nowMs) >= forMinutes * MINUTE_MS);
  return { metSince: since, raised: new Set(raised.map(({ alarm }) => alarm)) };
}

/** The condition as Prometheus has it. */
export function expressionOf({ metric, of, above, below }: Alarm): string {
  const { by }: Described = METRICS[metric];
  const selector = of === undefined ? "" : `{${by}="${of}"}`;
  return `${metric}${selector} ${above === undefined ? `< ${below}` : `> ${above}`}`;
}

const RUNBOOK = "docs/OPERATIONS.md#alarm-";
/** Where docs/OPERATIONS.md says what to do. */
export const runbookOf = (alarm: string) => `${RUNBOOK}${alarm.replaceAll("_", "-")}`;

const alertName = (alarm: string) =>
  `Clickledger${alarm.replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())}`;

/** The rules as a file of Prometheus. */
export function renderAlertRules(): string {
  const alarms: readonly Alarm[] = ALARMS;
  const rules = alarms.map((one) =>
    [
      `      - alert: ${alertName(one.alarm)}`,
      `        expr: '${expressionOf(one)}'`,
      `        for: ${one.forMinutes}m`,
      "        labels:",
      `          severity: ${one.severity}`,
      "        annotations:",
      `          summary: "${one.summary}"`,
      `          runbook_url: ${runbookOf(one.alarm)}`,
    ].join("\n"),
  );
  const head = "# Written from src/core/alarms.ts by `npm run alerts`.\ngroups:\n  - name: clickledger\n    rules:";
  return `${[head, ...rules].join("\n")}\n`;
}
