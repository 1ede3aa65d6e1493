/**
 * The measurements as a Markdown page: what was built, then a line for each recipe, the Worker and DuckDB side by side.
 */

import { PRICES } from "../../src/core/prices.ts";
import { percentileOf } from "../ack-window.ts";
import type { Built } from "./build.ts";
import type { Effort, Measured } from "./measure.ts";

export type ReportBench = {
  readonly built: Built;
  readonly advertisers: number;
  readonly ads: number;
  readonly exportSeconds: number;
  /** Objects that the old day's minutes were moved to. */
  readonly objects: number;
  readonly measured: readonly Measured[];
  readonly effort: Effort;
  readonly duckVersion: string;
};

const HEADS = [
  "recipe",
  "answer rows",
  "KiB",
  "rows asked about",
  "their cells",
  "as sums",
  "rows read",
  "$ of a million",
  "cold, ms",
  "p50, ms",
  "p99, ms",
  "DuckDB p50",
  "DuckDB p99",
  "wanted p99",
];

export function toPage(bench: ReportBench, machine: readonly string[]): string {
  const { built, measured, effort } = bench;
  const count = (tier: keyof Built["rows"]) => `${whole(built.rows[tier])} (${whole(built.cells[tier])} cells)`;
  return [
    "# Benchmark results: reports",
    "",
    ...machine.map((line) => `- ${line}`),
    `- DuckDB ${bench.duckVersion}, in the measuring process, over Parquet with a row for each cell`,
    `- facts rows: minutes ${count("minute")}, of which the last day ${whole(built.lastDay)}; hours ${count("hour")}; days ${count("day")}`,
    `- of ${whole(bench.ads)} ads of ${whole(bench.advertisers)} advertisers; ${(built.bytes / 1e9).toFixed(2)} GB, built in ${whole(built.seconds)} s, exported in ${whole(bench.exportSeconds)} s`,
    `- days summed over advertisers: ${whole(built.sums)} rows; rolling the last day writes ${whole(built.sumsWritten)}`,
    `- sums of hours: ${whole(built.hours.rows)} rows of ${(built.hours.bytes / 1e6).toFixed(0)} MB for the last ${built.hours.days} days; rolling the last day writes ${whole(built.hours.lastDay)} in ${built.hours.lastDaySeconds.toFixed(1)} s`,
    `- minutes of the day three months ago: ${bench.objects} objects in R2`,
    `- ${effort.starts} fresh workerds; cold: the first time that a recipe is asked in one, the file cache of the system stays; warm: up to ${effort.rounds} rounds in each, for up to ${effort.budgetMs / 1_000} s`,
    "- every answer was equal to DuckDB's, estimates of users within 6.5 %",
    "",
    `| ${HEADS.join(" | ")} |`,
    `|---|${"--:|".repeat(HEADS.length - 1)}`,
    ...measured.map(lineOf),
    "",
    `Missed: ${missedOf(measured).join("; ") || "none"}.`,
    "",
    "Warm samples, lowest · quartiles · highest, and how many:",
    "",
    "```",
    ...measured.map(rawOf),
    "```",
    "",
  ].join("\n");
}

function lineOf({ recipe, rows, bytes, asked, rowsRead, ...measured }: Measured): string {
  const { coldMs, warmMs, duckMs } = measured;
  const values = [
    recipe.name,
    whole(rows),
    (bytes / 1_024).toFixed(1),
    whole(asked.rows),
    whole(asked.cells),
    recipe.summedBy === null ? "" : whole(asked.sums),
    whole(rowsRead),
    (rowsRead * PRICES.d1RowsRead.perMillion).toFixed(2),
    coldMs.map(milliseconds).join(" · "),
    milliseconds(percentileOf(warmMs, 0.5)),
    milliseconds(percentileOf(warmMs, 0.99)),
    milliseconds(percentileOf(duckMs, 0.5)),
    milliseconds(percentileOf(duckMs, 0.99)),
    recipe.goalMs === null ? "" : `≤ ${recipe.goalMs}`,
  ];
  return `| ${values.join(" | ")} |`;
}

/** The recipes whose p99 is above what is wanted. */
export function missedOf(measured: readonly Measured[]): string[] {
  const isMissed = ({ recipe, warmMs }: Measured) =>
    recipe.goalMs !== null && percentileOf(warmMs, 0.99) > recipe.goalMs;
  return measured.filter(isMissed).map(({ recipe }) => recipe.name);
}

function rawOf({ recipe, warmMs, duckMs }: Measured): string {
  const spread = (values: readonly number[]) =>
    [0, 0.25, 0.5, 0.75, 1].map((share) => milliseconds(percentileOf(values, share))).join(" · ");
  return `${recipe.name}: ${spread(warmMs)} (${warmMs.length}), DuckDB ${spread(duckMs)}`;
}

function milliseconds(ms: number): string {
  return ms < 10 ? ms.toFixed(1) : whole(ms);
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en").replaceAll(",", " ");
}
