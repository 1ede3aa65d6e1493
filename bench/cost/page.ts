/**
 * The bills as a Markdown page: sums first, then each Worker's lines, then what is behind them. Its last block is JSON, from
 * which README's table is made (scripts/readme-figures.ts).
 */

import { ASSUMED_MS, PRICED_UNITS, PRICES, PRICES_READ } from "../../src/core/prices.ts";
import { type Bill, idleMonth, type Measured } from "./bill.ts";
import { dollarsWanted, rowsMissed } from "./cases.ts";
import type { CostCase } from "./measure.ts";

export type Billed = { readonly one: CostCase; readonly measured: Measured; readonly bill: Bill };
export type CostResult = { readonly ours: readonly Billed[]; readonly naive: readonly Billed[] };

/** What README's table is made from. */
export type CostFigures = {
  readonly idleMonth: number;
  readonly ours: readonly CostFigure[];
  readonly naive: readonly CostFigure[];
};
export type CostFigure = {
  readonly clicksPerSecond: number;
  readonly perMessage: number;
  readonly dollars: number;
  readonly rows: number;
};

export function figuresOf({ ours, naive }: CostResult): CostFigures {
  const figure = ({ one: { clicksPerSecond, perMessage }, bill: { dollars, rows } }: Billed): CostFigure => ({
    ...{ clicksPerSecond, perMessage },
    ...{ dollars: rounded(dollars), rows: rounded(rows.objects + rows.d1) },
  });
  const first = ours[0];
  const idle = first === undefined ? 0 : rounded(idleMonth(first.measured.idleMinute));
  return { idleMonth: idle, ours: ours.map(figure), naive: naive.map(figure) };
}

export function toCostPage(result: CostResult, machine: readonly string[]): string {
  const { ours, naive } = result;
  const missed = rowsMissed(ours);
  const figures = figuresOf(result);
  return [
    "# What a million clicks cost",
    "",
    ...machine.map((line) => `- ${line}`),
    `- list prices read on ${PRICES_READ}, without what is included in the monthly fee: src/core/prices.ts`,
    "- 1 000 equally active ads; a batch closes with 100 messages or after a second; time is not waited for (bench/README.md)",
    `- an object is taken to be active ${ASSUMED_MS.call} ms a call or alarm, and ${ASSUMED_MS.d1} ms a call to D1, ` +
      `${ASSUMED_MS.r2} ms a call to R2 that it makes: assumed, not measured`,
    "- CPU is that of the whole local process, with its databases: more than is billed",
    "- not here: audits, storage by the month, reports (bench/results/, report cost)",
    "",
    ...sums(ours, naive),
    "",
    `Nothing clicked, cron alone: $${figures.idleMonth.toFixed(2)} a month (30 days of 1 440 runs).`,
    "",
    ...(missed.length === 0
      ? ["Rows wanted: none missed."]
      : ["Rows wanted, missed:", "", ...missed.map((line) => `- ${line}`)]),
    "",
    ...(ours.length === 0 ? [] : ["## Ours, dollars of a million clicks by line", "", ...lines(ours), ""]),
    ...(naive.length === 0 ? [] : ["## The naive Worker's (bench/baseline/)", "", ...lines(naive), ""]),
    "## Units of a million clicks",
    "",
    ...(ours.length === 0 ? [] : [...units(ours, "ours"), ""]),
    ...(naive.length === 0 ? [] : [...units(naive, "naive"), ""]),
    "## Counted",
    "",
    "```",
    ...[...ours, ...naive].flatMap(counted),
    "```",
    "",
    "```json",
    JSON.stringify(figures),
    "```",
    "",
  ].join("\n");
}

const nameOf = ({ clicksPerSecond, perMessage }: CostCase) => `${spaced(clicksPerSecond)}/s, ${perMessage} a message`;

function sums(ours: readonly Billed[], naive: readonly Billed[]): string[] {
  const line = (who: string, { one, bill }: Billed) => {
    const { rows, dollars, moves } = bill;
    const wanted = who === "ours" ? dollarsWanted(one) : null;
    const cells = [
      nameOf(one),
      who,
      `$${dollars.toFixed(2)}`,
      wanted === null ? "" : `≤ $${wanted.toFixed(2)}${dollars <= wanted ? "" : ", missed"}`,
      (rows.objects + rows.d1).toFixed(3),
      rows.objects.toFixed(3),
      rows.d1.toFixed(3),
      `$${moves.toFixed(2)}`,
    ];
    return `| ${cells.join(" | ")} |`;
  };
  return [
    "| clicks, of a message | Worker | a million clicks | wanted | rows written a click | objects | D1 | of it: minutes leaving D1 |",
    "|---|---|--:|--:|--:|--:|--:|--:|",
    ...ours.map((billed) => line("ours", billed)),
    ...naive.map((billed) => line("naive", billed)),
  ];
}

function lines(billed: readonly Billed[]): string[] {
  return table(billed, (unit, { bill }) => (bill.lines.find((line) => line.unit === unit)?.dollars ?? 0).toFixed(4), [
    "sum",
    ...billed.map(({ bill }) => bill.dollars.toFixed(4)),
  ]);
}

function units(billed: readonly Billed[], who: string): string[] {
  return table(billed, (unit, { bill }) => spaced(bill.lines.find((line) => line.unit === unit)?.units ?? 0), [who]);
}

function table(
  billed: readonly Billed[],
  cell: (unit: (typeof PRICED_UNITS)[number], of: Billed) => string,
  last: readonly string[],
): string[] {
  const rows = PRICED_UNITS.map((unit) => [
    `${PRICES[unit].what} ($${PRICES[unit].perMillion} a million)`,
    ...billed.map((of) => cell(unit, of)),
  ]);
  return [
    `| | ${billed.map(({ one }) => nameOf(one)).join(" | ")} |`,
    `|---|${"--:|".repeat(billed.length)}`,
    ...[...rows, ...(last.length > 1 ? [last] : [])].map((cells) => `| ${cells.join(" | ")} |`),
  ];
}

function counted({ one, measured }: Billed): string[] {
  const { carried, hourly, daily, moved, cpuMicros } = measured;
  const phases = { carried, hourly, daily, moved, idleMinute: measured.idleMinute };
  const shown = Object.entries(phases).map(([name, counters]) => {
    const some = Object.entries(counters).filter(([, count]) => count !== 0);
    return `  ${name} ${some.map(([what, count]) => `${what} ${Number(count.toFixed(2))}`).join(", ")}`;
  });
  const cpu = `  CPU µs a click: edge ${cpuMicros.edge.toFixed(0)}, behind it ${cpuMicros.carried.toFixed(0)}`;
  return [nameOf(one), ...shown, cpu];
}

function spaced(value: number): string {
  return Math.round(value).toLocaleString("en-US").replaceAll(",", " ");
}

function rounded(value: number): number {
  return Number(value.toFixed(4));
}
