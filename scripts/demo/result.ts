/**
 * The outcome of a demonstration, as a text for people and as one JSON document.
 */

import type { Agents } from "./agents.ts";
import { type BillingResult, isProved } from "./billing.ts";
import { billingLines } from "./billing-text.ts";
import { type ClosingResult, isClosed } from "./closing.ts";
import { type Book, keysOf, LEVELS, METRICS, type Metric, NOTHING, type Row, type Sheet } from "./figures.ts";
import { type Difference, type Refusals, totalOf } from "./ledger.ts";
import { isUndisputed, type OracleResult } from "./opinion.ts";
import { PROBE_AD } from "./plan.ts";

export type Spread = { readonly p50: number; readonly p99: number; readonly samples: number };

export type DemoResult = {
  readonly seed: number;
  readonly sent: {
    readonly clicks: number;
    readonly pixels: number;
    readonly pixelsRefused: number;
    readonly impressionsUploaded: number;
    readonly orders: number;
  };
  readonly truth: Book;
  readonly report: Book;
  readonly refusals: Refusals;
  readonly differences: readonly Difference[];
  /** How many numbers were compared. */
  readonly compared: number;
  readonly oracle: OracleResult;
  readonly closing: ClosingResult;
  /** After the day was tampered with, mended and closed. */
  readonly differencesAfter: readonly Difference[];
  readonly comparedAfter: number;
  /** Events whose lines the independent opinion disputes then. */
  readonly disputedAfter: readonly string[];
  readonly billing: BillingResult;
  /** False when the report did not become complete in time. */
  readonly isComplete: boolean;
  readonly redirectMs: Spread;
  readonly freshnessMs: Spread;
  readonly agents: Pick<Agents, "leftOut" | "listed">;
  readonly tookMs: number;
};

const MICROS = 1_000_000;
/** Of what the oracle found. */
const SHOWN_MAX = 20;
/** What the tables show, and how they call it; all metrics are compared. */
const COLUMNS: readonly (readonly [metric: Metric, name: string])[] = [
  ["impressions", "impressions"],
  ["clicks", "clicks"],
  ["ctr", "CTR"],
  ["unique_users", "users"],
  ["conversions", "conv."],
  ["spend_micros", "spend"],
];

/** Nearest-rank percentiles. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99), samples: sorted.length };
}

export function isAgreed(result: DemoResult): boolean {
  const { differences, isComplete, oracle, closing, differencesAfter, billing } = result;
  const isAgreedBefore = isComplete && differences.length === 0 && isUndisputed(oracle);
  const isAgreedAfter = isClosed(closing) && differencesAfter.length === 0 && strangers(result).length === 0;
  return isAgreedBefore && isAgreedAfter && isProved(billing);
}

/** Disputed lines that nobody tampered with. */
function strangers({ disputedAfter, closing }: DemoResult): string[] {
  return disputedAfter.filter((event) => !closing.tampered.some((one) => one.event === event));
}

export function toJson(result: DemoResult): string {
  const { truth, report, refusals, differences, isComplete, redirectMs, freshnessMs, agents, ...rest } = result;
  const plainRow = ({ values, reasons }: Row) => ({ ...values, reasons: Object.fromEntries(reasons) });
  const plain = (book: Book) =>
    Object.fromEntries(
      LEVELS.map((level) => [
        level,
        Object.fromEntries(
          keysOf(book[level], new Map()).map((key) => [key, plainRow(book[level].get(key) ?? NOTHING)]),
        ),
      ]),
    );
  const answers = {
    expected: Object.fromEntries(refusals.expected),
    answered: Object.fromEntries(refusals.answered),
  };
  const body = { ...rest, agreed: isAgreed(result), complete: isComplete, differences };
  const { leftOut, listed } = agents;
  return JSON.stringify(
    {
      ...body,
      truth: plain(truth),
      report: plain(report),
      answers,
      redirectMs,
      freshnessMs,
      agents: { leftOut, listed },
    },
    (_, value: unknown) => (typeof value === "bigint" ? String(value) : value),
    2,
  );
}

export function toText(result: DemoResult): string {
  const { truth, report, refusals, agents, redirectMs, freshnessMs, tookMs, sent } = result;
  const [trueTotal, reportTotal] = [totalOf(truth), totalOf(report)];
  const lines = [
    `${sent.clicks} clicks and ${sent.pixels} pixels sent, ${sent.impressionsUploaded} impressions uploaded, ` +
      `${sent.orders} orders reported; seed ${result.seed}, ${(tookMs / 1_000).toFixed(1)} s. Truth | report:`,
    "",
    ...METRICS.map((metric) => `  ${metric.padEnd(34)}${pairOf(metric, trueTotal, reportTotal)}`),
    "",
    ...pairTable("Why not counted, or counted anew", trueTotal.reasons, reportTotal.reasons),
    "",
    ...pairTable("Answers other than a redirect or a pixel, expected | answered", refusals.expected, refusals.answered),
    `  and ${sent.pixelsRefused} pixels of bad or speculative requests, which got a pixel and are counted nowhere`,
    "",
    ...sheetTable("By advertiser (own key)", truth.advertiser_id, report.advertiser_id),
    "",
    ...sheetTable("By ad", withoutProbes(truth.ad_id), withoutProbes(report.ad_id)),
    "",
    ...sheetTable("By minute", truth.minute, report.minute),
    "",
    `redirect        p50 ${ms(redirectMs.p50)}, p99 ${ms(redirectMs.p99)} of ${redirectMs.samples}`,
    `click to report p50 ${seconds(freshnessMs.p50)}, p99 ${seconds(freshnessMs.p99)} of ${freshnessMs.samples} probes`,
    `agents left out where classifier and list disagree: ${agents.leftOut.browsers} of ${agents.listed.browsers} ` +
      `browsers, ${agents.leftOut.automated} of ${agents.listed.automated} crawlers, previews and programs`,
    "",
    ...verdictLines(result),
    ...oracleLines(result.oracle),
    "",
    ...closingLines(result.closing),
    "",
    ...comparedLines(result.differencesAfter, result.comparedAfter),
    ...disputedLines(result),
    "",
    ...billingLines(result.billing),
  ];
  return lines.join("\n");
}

function verdictLines({ isComplete, differences, compared }: DemoResult): string[] {
  const lines = comparedLines(differences, compared);
  return isComplete ? lines : ["The report did not become complete in time.", ...lines];
}

function comparedLines(differences: readonly Difference[], compared: number): string[] {
  if (differences.length === 0) return [`Every number agrees: ${compared} compared.`];
  const lines = differences.map(
    ({ what, truth, report }) => `  ${what.padEnd(54)} ${truth ?? "none"} ≠ ${report ?? "none"}`,
  );
  return [`${differences.length} of ${compared} numbers differ (truth ≠ report):`, ...lines];
}

/** What was done behind the system's back, what the audits named, and what mended it. */
function closingLines({ day, tampered, rounds, broughtBack, replayed, accepted, mended }: ClosingResult): string[] {
  const kinds = (found: Readonly<Record<string, number>>) =>
    Object.entries(found)
      .map(([kind, times]) => `${times} ${kind}`)
      .join(", ") || "nothing";
  const [first = "", second = "", third = "", ...rest] = rounds.map(({ id, outcome, found, tookMs }) => {
    return `Audit ${id} (${(tookMs / 1_000).toFixed(1)} s) finds ${kinds(found)}: ${outcome}.`;
  });
  const revised = mended.map(({ kind, mended: times, left }) => `${times} ${kind}${left > 0 ? ` (${left} left)` : ""}`);
  return [
    `The day ${day} is closed early, after somebody has tampered with it. What was done, and what the audits name it:`,
    ...tampered.map(({ what, kind, found }) => `  ${what.padEnd(50)}${found > 0 ? kind : `NOT FOUND as ${kind}`}`),
    first,
    `${broughtBack} segments are brought back from a copy, and ${replayed} letter of a queue is replayed.`,
    second,
    `${accepted.length} object is accepted as lost, by name and with a reason; ` +
      "the log with a line that nobody can read is brought back.",
    third,
    `Mended over the API, by revisions in the log and repairs of the report database: ${revised.join(", ")}.`,
    ...rest,
  ];
}

function disputedLines(result: DemoResult): string[] {
  const others = strangers(result);
  if (others.length > 0)
    return [`The independent opinion disputes lines that nobody tampered with: ${others.join(", ")}`];
  const count = result.disputedAfter.length;
  return [`The independent opinion disputes ${count} of the tampered lines, as they were logged first, and no other.`];
}

function oracleLines(oracle: OracleResult): string[] {
  const { lines, rows, disputes, differences } = oracle;
  if (isUndisputed(oracle)) {
    return [
      `An independent opinion (DuckDB over ${lines} raw lines) agrees: ${rows} rows of the report, to the micro.`,
    ];
  }
  const some = [...disputes, ...differences].slice(0, SHOWN_MAX).map((found) => `  ${JSON.stringify(found)}`);
  return [
    `An independent opinion (DuckDB over ${lines} raw lines) disputes ${disputes.length} lines and differs in ` +
      `${differences.length} rows:`,
    ...some,
  ];
}

function pairTable(title: string, a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): string[] {
  const rows = keysOf(a, b).map((key) => {
    const [truth, report] = [a.get(key) ?? 0, b.get(key) ?? 0];
    return `  ${key.padEnd(34)}${pair(String(truth), String(report), truth === report)}`;
  });
  return [title, ...rows];
}

function sheetTable(title: string, a: Sheet, b: Sheet): string[] {
  const keys = keysOf(a, b);
  const columns = COLUMNS.map(([metric, name]) => {
    const cells = keys.map((key) => pairOf(metric, a.get(key) ?? NOTHING, b.get(key) ?? NOTHING).trim());
    const width = Math.max(name.length, ...cells.map(({ length }) => length)) + 2;
    return [name, ...cells].map((cell) => cell.padStart(width));
  });
  const first = [title, ...keys.map((key) => `  ${key}`)];
  const width = Math.max(...first.map(({ length }) => length));
  return first.map((cell, row) => cell.padEnd(width) + columns.map((column) => column[row]).join(""));
}

/** The probe ads have one click each: they are compared, and not shown. */
function withoutProbes(sheet: Sheet): Sheet {
  return new Map(Array.from(sheet).filter(([ad]) => !ad.startsWith(PROBE_AD)));
}

function pairOf(metric: Metric, truth: Row, report: Row): string {
  const [a, b] = [truth.values[metric], report.values[metric]];
  return pair(spell(metric, a), spell(metric, b), a === b);
}

function pair(a: string, b: string, isSame: boolean): string {
  return `${a.padStart(11)} ${isSame ? "|" : "≠"} ${b}`;
}

/** A value for people; what is compared are the numbers themselves. */
function spell(metric: Metric, value: number | null): string {
  if (value === null) return "none";
  if (metric === "ctr" || metric === "cvr") return `${(value * 100).toFixed(2)} %`;
  if (metric === "roas") return value.toFixed(2);
  return metric.endsWith("_micros") ? `€${(value / MICROS).toFixed(2)}` : String(value);
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}

function seconds(value: number): string {
  return `${(value / 1_000).toFixed(1)} s`;
}
