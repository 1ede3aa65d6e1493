/**
 * The outcome of a demonstration, as a text for people and as one JSON document.
 */

import type { Agents } from "./agents.ts";
import { type Counts, type Difference, keysOf, type Ledger, MEASURES, noCounts, type Refusals } from "./ledger.ts";
import { PROBE_AD } from "./plan.ts";

export type Spread = { readonly p50: number; readonly p99: number; readonly samples: number };

export type DemoResult = {
  readonly seed: number;
  readonly requests: number;
  readonly truth: Ledger;
  readonly report: Ledger;
  readonly refusals: Refusals;
  readonly differences: readonly Difference[];
  /** False when the report did not become complete in time. */
  readonly isComplete: boolean;
  readonly redirectMs: Spread;
  readonly freshnessMs: Spread;
  readonly agents: Pick<Agents, "leftOut" | "listed">;
  readonly tookMs: number;
};

/** Nearest-rank percentiles. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), samples: sorted.length };
}

export function isAgreed({ differences, isComplete }: DemoResult): boolean {
  return isComplete && differences.length === 0;
}

export function toJson(result: DemoResult): string {
  const { truth, report, refusals, differences, isComplete, redirectMs, freshnessMs, agents, ...rest } = result;
  const plain = ({ total, byAd, byMinute, byReason }: Ledger) => ({
    total,
    byAd: Object.fromEntries(byAd),
    byMinute: Object.fromEntries(byMinute),
    byReason: Object.fromEntries(byReason),
  });
  const refused = {
    expected: Object.fromEntries(refusals.expected),
    answered: Object.fromEntries(refusals.answered),
  };
  const body = { ...rest, agreed: isAgreed(result), complete: isComplete, differences };
  return JSON.stringify(
    { ...body, truth: plain(truth), report: plain(report), refused, redirectMs, freshnessMs, agents },
    null,
    2,
  );
}

export function toText(result: DemoResult): string {
  const { truth, report, refusals, agents, redirectMs, freshnessMs, tookMs } = result;
  const lines = [
    `${result.requests} requests, seed ${result.seed}, ${(tookMs / 1_000).toFixed(1)} s. Truth | report:`,
    "",
    ...totalsTable(truth, report),
    "",
    ...pairTable("Why not valid", truth.byReason, report.byReason),
    "",
    ...pairTable("Refused, expected | answered", refusals.expected, refusals.answered),
    "",
    ...countsTable("By ad", mergeProbes(truth.byAd), mergeProbes(report.byAd)),
    "",
    ...countsTable("By minute", truth.byMinute, report.byMinute),
    "",
    `redirect        p50 ${ms(redirectMs.p50)}, p99 ${ms(redirectMs.p99)} of ${redirectMs.samples}`,
    `click to report p50 ${seconds(freshnessMs.p50)}, p99 ${seconds(freshnessMs.p99)} of ${freshnessMs.samples} probes`,
    `agents left out where classifier and list disagree: ${agents.leftOut.browsers} of ${agents.listed.browsers} ` +
      `browsers, ${agents.leftOut.crawlers} of ${agents.listed.crawlers} crawlers`,
    "",
    ...verdictLines(result),
  ];
  return lines.join("\n");
}

function verdictLines(result: DemoResult): string[] {
  if (!result.isComplete) return ["The report did not become complete in time.", ...differenceLines(result)];
  if (result.differences.length > 0) return differenceLines(result);
  return ["Every number agrees."];
}

function differenceLines({ differences }: DemoResult): string[] {
  const lines = differences.map(
    ({ what, truth, report }) => `  ${what.padEnd(44)} ${pair(truth, report)}  ${signed(report - truth)}`,
  );
  return [`${differences.length} numbers differ (truth | report):`, ...lines];
}

function totalsTable(truth: Ledger, report: Ledger): string[] {
  return MEASURES.map((measure) => `  ${measure.padEnd(24)} ${pair(truth.total[measure], report.total[measure])}`);
}

function pairTable(title: string, a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): string[] {
  return [title, ...keysOf(a, b).map((key) => `  ${key.padEnd(24)} ${pair(a.get(key) ?? 0, b.get(key) ?? 0)}`)];
}

function countsTable(title: string, a: ReadonlyMap<string, Counts>, b: ReadonlyMap<string, Counts>): string[] {
  const head = `${title.padEnd(22)}${MEASURES.map((measure) => measure.padStart(16)).join("")}`;
  const rows = keysOf(a, b).map((key) => {
    const [truth, report] = [a.get(key) ?? noCounts(), b.get(key) ?? noCounts()];
    return `  ${key.padEnd(20)}${MEASURES.map((measure) => pair(truth[measure], report[measure]).padStart(16)).join("")}`;
  });
  return [head, ...rows];
}

/** The probe ads, one click each, as one line. */
function mergeProbes(byAd: ReadonlyMap<string, Counts>): Map<string, Counts> {
  const merged = new Map<string, Counts>();
  for (const [ad, counts] of byAd) {
    const key = ad.startsWith(PROBE_AD) ? "ad_probe_*" : ad;
    const sum = merged.get(key) ?? noCounts();
    for (const measure of MEASURES) sum[measure] += counts[measure];
    merged.set(key, sum);
  }
  return merged;
}

function pair(a: number, b: number): string {
  return `${String(a).padStart(6)} ${a === b ? "|" : "≠"} ${String(b).padEnd(5)}`;
}

function signed(value: number): string {
  return value > 0 ? `+${value}` : String(value);
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}

function seconds(value: number): string {
  return `${(value / 1_000).toFixed(1)} s`;
}
