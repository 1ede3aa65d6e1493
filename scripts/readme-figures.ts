/**
 * `npm run readme`: README's table of cost and speed, made from the JSON at the end of the pages in bench/results/.
 *
 *   bench/results/<date>-cost.md, <date>-bench….md ─▶ newest figure of each kind ─▶ the block between two marks in README.md
 *
 * Keeps: no number of that block is written by hand; test/readme-figures.test.ts fails where it is not what this makes.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { CostFigure, CostFigures } from "../bench/cost/page.ts";
import type { BenchFigures } from "../bench/results.ts";
import { PRICES_READ } from "../src/core/prices.ts";
import { PROJECT_ROOT } from "./project.ts";

export type Figures = {
  readonly cost: CostFigures;
  readonly costPage: string;
  /** What the page calls itself. */
  readonly title: string;
  readonly bench: Partial<BenchFigures>;
  readonly benchPages: readonly string[];
};

const RESULTS = "bench/results";
const BEGIN = "<!-- figures: made by `npm run readme` from bench/results/ -->";
const END = "<!-- figures: end -->";
/** Of one day, `-cost.md` is newer than `-cost-before.md`. */
const COST_PAGE = /^\d{4}-\d\d-\d\d-cost(?:-before)?\.md$/;
const BENCH_PAGE = /^\d{4}-\d\d-\d\d-bench(?:-[a-z-]+)?\.md$/;
const JSON_BLOCK = /```json\n(.*?)\n```/s;
const MONTH_S = 30 * 86_400;
const NAMES = new Map([
  [1_157, "1 157 clicks/s (100 million a day)"],
  [50, "50 clicks/s (4.3 million a day)"],
  [1, "1 click/s"],
]);

/** The newest figures of each kind. Throws where there are none of cost. */
export async function readFigures(folder = join(PROJECT_ROOT, RESULTS)): Promise<Figures> {
  const names = (await readdir(folder)).sort().reverse();
  const figuresIn = async (name: string) => {
    const [, json = "{}"] = JSON_BLOCK.exec(await readFile(join(folder, name), "utf8")) ?? [];
    return JSON.parse(json) as unknown;
  };
  const costPage = names.find((name) => COST_PAGE.test(name));
  if (costPage === undefined) throw new Error(`${RESULTS} has no page of npm run cost`);
  const [, title = costPage] = /^# (.*)/.exec(await readFile(join(folder, costPage), "utf8")) ?? [];
  const bench: Record<string, unknown> = {};
  const benchPages = new Set<string>();
  for (const name of names.filter((one) => BENCH_PAGE.test(one))) {
    for (const [kind, figure] of Object.entries((await figuresIn(name)) as object)) {
      if (figure === null || bench[kind] !== undefined) continue;
      bench[kind] = figure;
      benchPages.add(name);
    }
  }
  return {
    cost: (await figuresIn(costPage)) as CostFigures,
    costPage,
    title,
    bench,
    benchPages: Array.from(benchPages).sort(),
  };
}

/** The block, with its marks. */
export function toBlock({ cost, costPage, title, bench, benchPages }: Figures): string {
  return [
    BEGIN,
    `Cost at list prices of ${PRICES_READ}, of counted operations, over 1 000 equally active ads ([${title}](${RESULTS}/${costPage})); a month has 30`,
    "days. The naive Worker verifies, queues, deduplicates in one object an ad and adds up in D1, in a hundred lines",
    "([its code](bench/baseline/naive-worker.ts)).",
    "",
    "| A million clicks | Clickledger | naive Worker | a month |",
    "|---|--:|--:|---|",
    ...cost.ours.map((ours) => costLine(ours, cost.naive)),
    `| nothing clicked | | | $${cost.idleMonth.toFixed(2)}: cron alone |`,
    "",
    ...speedTable(bench, benchPages),
    END,
  ].join("\n");
}

function costLine(ours: CostFigure, naives: readonly CostFigure[]): string {
  const { clicksPerSecond, perMessage, dollars, rows } = ours;
  const naive = naives.find((one) => one.clicksPerSecond === clicksPerSecond);
  const month = (cost: number) => `$${spaced((cost * clicksPerSecond * MONTH_S) / 1e6)}`;
  const messages = perMessage === 1 ? "one a queue message" : "ten a queue message";
  const cells = [
    `${NAMES.get(clicksPerSecond) ?? `${clicksPerSecond} clicks/s`}, ${messages}`,
    `$${dollars.toFixed(2)} (${rows.toFixed(2)} rows written a click)`,
    naive === undefined ? "" : `$${naive.dollars.toFixed(2)} (${naive.rows.toFixed(2)})`,
    naive === undefined ? month(dollars) : `${month(dollars)} instead of ${month(naive.dollars)}`,
  ];
  return `| ${cells.join(" | ")} |`;
}

type Row = readonly [what: string, ours: string, naive: string, meaning: string];

function speedTable(
  { redirect, alone, ingestPerSecond, endToEnd, loss }: Partial<BenchFigures>,
  pages: readonly string[],
): string[] {
  const lost = ({ sent, counted }: { sent: number; counted: number }) => `${spaced(sent - counted)} of ${spaced(sent)}`;
  const rows: (Row | null)[] = [
    redirect
      ? [
          "redirect against a bare 302 Worker",
          `${redirect.ofBare.toFixed(2)} × (${spaced(redirect.perSecond)}/s)`,
          `${redirect.naiveOfBare.toFixed(2)} ×`,
          "wanted ≥ 0.50 ×",
        ]
      : null,
    alone
      ? [
          "processor of a redirect, queue left out",
          `${alone.micros} µs`,
          `${alone.naiveMicros} µs`,
          `${alone.cpuOfNaive.toFixed(2)} × the naive Worker's; wanted ≤ 1.15 ×`,
        ]
      : null,
    ingestPerSecond
      ? ["decided and logged by one shard", `${spaced(ingestPerSecond)}/s`, "", "wanted ≥ 60 000/s"]
      : null,
    endToEnd
      ? [
          "clicked, and counted in the report, all in one process",
          `${spaced(endToEnd.perSecond)}/s`,
          `${spaced(endToEnd.naivePerSecond)}/s`,
          `${endToEnd.ofBare.toFixed(2)} × bare; wanted ≥ 0.33 ×`,
        ]
      : null,
    loss
      ? [
          "lost when D1 fails",
          lost(loss.ours.errors),
          lost(loss.naive.errors),
          `${loss.ours.errors.failed} and ${loss.naive.errors.failed} writes failed`,
        ]
      : null,
    loss
      ? [
          "lost when the process is killed",
          lost(loss.ours.killed),
          lost(loss.naive.killed),
          `${loss.ours.killed.kills} kills each; messages that are not acknowledged are delivered again`,
        ]
      : null,
  ];
  const there = rows.filter((row) => row !== null);
  if (there.length === 0) return [];
  const links = pages.map((name) => `[${name.replace(/\.md$/, "")}](${RESULTS}/${name})`).join(", ");
  return [
    `Speed on one machine, as ratios in one run (\`npm run bench\`: ${links}):`,
    "",
    "| What | Clickledger | naive Worker | |",
    "|---|--:|--:|---|",
    ...there.map((row) => `| ${row.join(" | ")} |`),
  ];
}

/** README with its block replaced. Throws where it has no marks. */
export function withBlock(readme: string, block: string): string {
  const [from, to] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (from < 0 || to < from) throw new Error("README.md has no marks for the figures");
  return readme.slice(0, from) + block + readme.slice(to + END.length);
}

function spaced(value: number): string {
  return Math.round(value).toLocaleString("en-US").replaceAll(",", " ");
}

if (import.meta.main) {
  const path = join(PROJECT_ROOT, "README.md");
  await writeFile(path, withBlock(await readFile(path, "utf8"), toBlock(await readFigures())));
}
