/**
 * Measurements as a Markdown page: medians and ratios first, the raw rounds after them.
 */
import type { EndToEndResult, IngestResult, RedirectResult } from "./scenarios.ts";
import type { Size } from "./sizes.ts";

export type Measured = {
  readonly redirect: RedirectResult | null;
  readonly ingest: IngestResult | null;
  readonly endToEnd: readonly EndToEndResult[];
  readonly rows: EndToEndResult | null;
  readonly size: Size;
};

type Line = readonly [what: string, value: string, expected: string];

export function toMarkdown(measured: Measured, machine: readonly string[]): string {
  const lines = [
    ...redirectLines(measured),
    ...ingestLines(measured),
    ...endToEndLines(measured),
    ...rowLines(measured),
  ];
  return [
    "# Benchmark results",
    "",
    ...machine.map((line) => `- ${line}`),
    `- parameters: ${JSON.stringify(measured.size)}`,
    "",
    "| what | measured | expected |",
    "|---|---|---|",
    ...lines.map(([what, value, expected]) => `| ${what} | ${value} | ${expected} |`),
    "",
    "Raw rounds:",
    "",
    "```",
    ...rawLines(measured),
    "```",
    "",
  ].join("\n");
}

export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const [low = Number.NaN, high = Number.NaN] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  return (low + high) / 2;
}

/** The median of the ratios of neighbouring rounds: a machine that slows down meanwhile slows down both. */
function pairedRatio(ours: readonly number[], bare: readonly number[]): string {
  return medianOf(ours.map((value, round) => value / (bare[round] ?? Number.NaN))).toFixed(2);
}

function redirectLines({ redirect }: Measured): Line[] {
  if (redirect === null) return [];
  const [bare, ours] = [redirect.bare.map(speed), redirect.redirect.map(speed)];
  const [bareCpu, oursCpu] = [redirect.bare.map(cpu), redirect.redirect.map(cpu)];
  const speeds = `${pairedRatio(ours, bare)} × (${whole(medianOf(ours))}/s, bare ${whole(medianOf(bare))}/s)`;
  const cpus = `${pairedRatio(oursCpu, bareCpu)} × (${whole(medianOf(oursCpu))} µs, bare ${whole(medianOf(bareCpu))} µs)`;
  return [
    ["redirect, against a bare 302", speeds, "≥ 0.55 ×"],
    ["CPU per redirect, against a bare 302", cpus, "≤ 1 ms"],
  ];
}

function ingestLines({ ingest, size }: Measured): Line[] {
  if (ingest === null) return [];
  const perCall = `${size.ingest.messages} messages × ${size.ingest.events} events a call`;
  return [[`shard ingest, ${perCall}`, `${whole(medianOf(ingest.perSecond))} events/s`, "≥ 20 000 events/s"]];
}

function endToEndLines({ endToEnd }: Measured): Line[] {
  if (endToEnd.length === 0) return [];
  const counted = endToEnd.map((result) => result.countedPerSecond);
  const accepted = endToEnd.map((result) => result.acceptedPerSecond);
  const bare = endToEnd.map((result) => result.barePerSecond);
  return [
    ["clicks accepted while everything runs", `${whole(medianOf(accepted))}/s`, ""],
    [
      "end to end, everything counted, against a bare 302",
      `${pairedRatio(counted, bare)} × (${whole(medianOf(counted))} clicks/s, bare ${whole(medianOf(bare))}/s)`,
      "≥ 0.30 ×",
    ],
  ];
}

function rowLines({ rows, size }: Measured): Line[] {
  if (rows?.counters == null) return [];
  const { shardRows, reportRows, postings, messages, events } = rows.counters;
  const per = (count: number) => (count / rows.clicks).toFixed(3);
  return [
    [
      `rows written per click, ${size.rows.ads} active ads`,
      `${per(shardRows + reportRows)} (shard ${per(shardRows)}, report ${per(reportRows)})`,
      "≤ 1.3 with the key table",
    ],
    ["clicks per posting", whole(rows.clicks / postings), ""],
    ["events per queue message", (events / messages).toFixed(1), ""],
  ];
}

function rawLines({ redirect, ingest, endToEnd, rows }: Measured): string[] {
  const list = (values: readonly number[]) => values.map(whole).join("  ");
  return [
    ...(redirect === null
      ? []
      : [
          `bare/s            ${list(redirect.bare.map(speed))}`,
          `redirect/s        ${list(redirect.redirect.map(speed))}`,
          `bare CPU µs       ${list(redirect.bare.map(cpu))}`,
          `redirect CPU µs   ${list(redirect.redirect.map(cpu))}`,
          `redirects checked ${redirect.redirects}`,
        ]),
    ...(ingest === null ? [] : [`ingest events/s   ${list(ingest.perSecond)}`, `events counted    ${ingest.counted}`]),
    ...(endToEnd.length === 0
      ? []
      : [
          `bare before/s     ${list(endToEnd.map((result) => result.barePerSecond))}`,
          `counted/s         ${list(endToEnd.map((result) => result.countedPerSecond))}`,
          `accepted/s        ${list(endToEnd.map((result) => result.acceptedPerSecond))}`,
          `clicks counted    ${list(endToEnd.map((result) => result.clicks))}`,
        ]),
    ...(rows === null ? [] : [`counters          ${JSON.stringify(rows.counters)}`]),
  ];
}

function speed({ perSecond }: { perSecond: number }): number {
  return perSecond;
}

function cpu({ cpuMicros }: { cpuMicros: number }): number {
  return cpuMicros;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en-US").replaceAll(",", " ");
}
