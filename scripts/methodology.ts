/**
 * `npm run methodology`: the tables of docs/METHODOLOGY.md follow the constants that the code decides by.
 *
 *   ## Verdicts, Metrics, Invalid traffic, Reasons, Checklist of MRC and IAB        one table each
 *
 * Keeps: a row's columns come from the code, up to those that only people can write, which stay as they stand beside
 * its name: the tests, and how a requirement is met. A new row has none, and test/docs/methodology.test.ts says so.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { GIVT_RULES } from "../src/core/givt.ts";
import { CHECKLIST } from "../src/well-known/checklist.ts";
import { metricDefinitions, reasonDefinitions, VERDICT_MEANINGS } from "../src/well-known/definitions.ts";

export const METHODOLOGY_PATH = "docs/METHODOLOGY.md";

type Table = {
  readonly heading: string;
  /** The column that a row is known by. */
  readonly key: number;
  readonly columns: readonly string[];
  /** Further columns, written by hand. */
  readonly kept: readonly string[];
  readonly rows: () => readonly (readonly string[])[];
};

const code = (name: string) => `\`${name}\``;
const RULES = new Set<string>(GIVT_RULES.map(({ name }) => name));

const TABLES: readonly Table[] = [
  {
    ...{ heading: "Verdicts", key: 0, columns: ["Verdict", "Meaning"], kept: ["Test"] },
    rows: () => Object.entries(VERDICT_MEANINGS).map(([name, means]) => [code(name), means]),
  },
  {
    ...{ heading: "Metrics", key: 0, columns: ["Metric", "Formula", "Counts", "Leaves out"], kept: ["Test"] },
    rows: () =>
      metricDefinitions().map(({ name, formula, counts, leavesOut }) => [
        code(name),
        formula ?? "–",
        counts,
        leavesOut.join(", ") || "nothing",
      ]),
  },
  {
    ...{ heading: "Invalid traffic", key: 1, columns: ["#", "Rule", "Applies when"], kept: ["Test"] },
    rows: () => GIVT_RULES.map(({ name, means }, index) => [String(index + 1), code(name), means]),
  },
  {
    ...{ heading: "Other reasons", key: 0, columns: ["Reason", "Meaning"], kept: ["Test"] },
    rows: () =>
      reasonDefinitions()
        .filter(({ name }) => !RULES.has(name))
        .map(({ name, means }) => [code(name), means]),
  },
  {
    ...{ heading: "Checklist of MRC and IAB", key: 1, columns: ["#", "Requirement", "State"], kept: ["How", "Test"] },
    rows: () => CHECKLIST.map(([requirement, state], index) => [String(index + 1), requirement, state]),
  },
];

/** The document with its tables as the code has them. Throws where a heading has no table. */
export function withTables(document: string): string {
  return TABLES.reduce(withTable, document);
}

function withTable(document: string, table: Table): string {
  const lines = document.split("\n");
  const heading = lines.indexOf(`## ${table.heading}`);
  const from = lines.findIndex((line, index) => index > heading && line.startsWith("|"));
  if (heading < 0 || from < 0) throw new Error(`${METHODOLOGY_PATH} has no table below "${table.heading}"`);
  const length = lines.slice(from).findIndex((line) => !line.startsWith("|"));
  return [
    ...lines.slice(0, from),
    ...tableLines(table, lines.slice(from + 2, from + length)),
    ...lines.slice(from + length),
  ].join("\n");
}

function tableLines({ key, columns, kept, rows }: Table, before: readonly string[]): string[] {
  const known = new Map(before.map(cellsOf).map((cells) => [cells[key], cells.slice(columns.length)]));
  const head = [...columns, ...kept];
  const body = rows().map((cells) => [...cells, ...(known.get(cells[key]) ?? kept.map(() => ""))]);
  return [lineOf(head), `|${head.map(() => "---").join("|")}|`, ...body.map(lineOf)];
}

const lineOf = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
const cellsOf = (line: string) => line.slice(2, -2).split(" | ");

if (import.meta.main) {
  writeFileSync(METHODOLOGY_PATH, withTables(readFileSync(METHODOLOGY_PATH, "utf8")));
  console.log(`${METHODOLOGY_PATH} is as the code says.`);
}
