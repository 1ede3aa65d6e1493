/**
 * `npm run bench:report`: how long reports take over two years of facts on disk, and what they read, beside DuckDB.
 *
 *   npm run bench:report -- [--small] [--only WORD] [--state FOLDER] [--save FILE]
 *
 *   build the D1 file ─▶ export to Parquet ─▶ move an old day's minutes to R2 ─▶ ask every recipe of both
 *
 * `--state` keeps the data set in a folder and takes it from there the next time; else it lies in a temporary folder, of
 * about 9 GB, which is removed. `--only` asks the recipes whose name holds the word. See bench/README.md.
 */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { bundleWorker } from "../scripts/bundle.ts";
import { describeMachine } from "./machine.ts";
import { type Built, buildFacts } from "./report/build.ts";
import { makeCalendar } from "./report/calendar.ts";
import { type CatalogSize, makeCatalog } from "./report/catalog.ts";
import { exportFacts, openDuck } from "./report/export.ts";
import { type Effort, measureRecipes, moveColdDay } from "./report/measure.ts";
import { type ReportBench, toPage } from "./report/page.ts";
import { makeRecipes } from "./report/recipes.ts";

export type ReportSize = {
  readonly catalog: CatalogSize;
  readonly days: number;
  readonly minuteDays: number;
  readonly effort: Effort;
};

export const REPORT_SIZES = {
  full: {
    catalog: { advertisers: 1_000, ads: 2_000, activeShare: 0.475 },
    days: 730,
    minuteDays: 31,
    effort: { starts: 3, rounds: 20, budgetMs: 4_000 },
  },
  small: {
    catalog: { advertisers: 12, ads: 24, activeShare: 0.02 },
    days: 200,
    minuteDays: 31,
    effort: { starts: 1, rounds: 1, budgetMs: 1_000 },
  },
} as const satisfies Record<string, ReportSize>;

export type Options = {
  readonly statePath: string;
  /** Recipes whose name holds this word. */
  readonly only?: string;
  readonly onProgress?: (line: string) => void;
  /** The Worker, where it is bundled already. */
  readonly script?: string;
};

const SEED = 20_261_101;
/** Another one is another data set. */
const SCHEMA = "0001_base, with sums of hours, and of days by placement";
/** Written last: a folder that has it holds a whole data set. */
const READY_FILE = "built.json";

type Ready = { readonly size: Omit<ReportSize, "effort">; readonly seed: number; readonly schema: string } & Pick<
  ReportBench,
  "built" | "exportSeconds" | "objects"
>;

/** Builds the data set in a folder unless it is there, and asks all recipes. Throws where an answer is wrong. */
export async function runReportBench(size: ReportSize, options: Options): Promise<ReportBench> {
  const { statePath, only = "", onProgress = () => {} } = options;
  const catalog = makeCatalog(size.catalog, SEED);
  const calendar = makeCalendar(size);
  const script = options.script ?? (await bundleWorker());
  const ready = await prepare(size, { statePath, script, onProgress });
  const duck = await openDuck(statePath);
  try {
    const recipes = makeRecipes(calendar).filter(({ name }) => name.includes(only));
    const setting = { statePath, script, duck: duck.connection, onProgress };
    const measured = await measureRecipes(recipes, setting, size.effort);
    const counts = { advertisers: catalog.advertisers.length, ads: catalog.ads };
    return { ...ready, ...counts, measured, effort: size.effort, duckVersion: duck.version };
  } finally {
    duck.close();
  }
}

type Preparing = { readonly statePath: string; readonly script: string; readonly onProgress: (line: string) => void };

async function prepare({ catalog: wanted, days, minuteDays }: ReportSize, preparing: Preparing): Promise<Ready> {
  const { statePath, onProgress } = preparing;
  const size = { catalog: wanted, days, minuteDays };
  const readyPath = join(statePath, READY_FILE);
  if (existsSync(readyPath)) {
    const ready = JSON.parse(await readFile(readyPath, "utf8")) as Ready;
    if (JSON.stringify([ready.size, ready.seed, ready.schema]) === JSON.stringify([size, SEED, SCHEMA])) return ready;
    throw new Error(`--state: ${statePath} holds another data set`);
  }
  const calendar = makeCalendar(size);
  const built: Built = await buildFacts(statePath, makeCatalog(wanted, SEED), { calendar, seed: SEED });
  onProgress(`built ${JSON.stringify(built.rows)} in ${Math.round(built.seconds)} s`);
  const startMs = performance.now();
  await exportFacts(built.file, statePath);
  const exportSeconds = (performance.now() - startMs) / 1_000;
  onProgress(`exported in ${Math.round(exportSeconds)} s`);
  const objects = await moveColdDay(preparing, calendar);
  onProgress(`moved minutes of one day to ${objects} objects`);
  const ready: Ready = { size, seed: SEED, schema: SCHEMA, built, exportSeconds, objects };
  await writeFile(readyPath, JSON.stringify(ready));
  return ready;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      small: { type: "boolean" },
      only: { type: "string" },
      state: { type: "string" },
      save: { type: "string" },
    },
    strict: true,
  });
  const statePath = values.state ?? (await mkdtemp(join(tmpdir(), "clickledger-bench-report-")));
  await mkdir(statePath, { recursive: true });
  const onProgress = (line: string) => console.error(line);
  try {
    const size = values.small ? REPORT_SIZES.small : REPORT_SIZES.full;
    const bench = await runReportBench(size, { statePath, onProgress, only: values.only ?? "" });
    const words = process.argv.slice(2).join(" ");
    const text = toPage(bench, describeMachine(`npm run bench:report${words === "" ? "" : ` -- ${words}`}`));
    console.log(text);
    if (values.save !== undefined) await writeFile(values.save, text);
  } finally {
    if (values.state === undefined) await rm(statePath, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  process.once("SIGINT", () => process.exit(130));
  process.once("SIGTERM", () => process.exit(143));
  main().catch((cause: unknown) => {
    console.error(cause instanceof Error && cause.message.startsWith("--") ? cause.message : cause);
    process.exit(1);
  });
}
