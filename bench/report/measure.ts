/**
 * Asks every recipe of the Worker over HTTP and of DuckDB in this process, in turn, and compares what they answer.
 *
 *   for each start   a fresh workerd; each recipe: once (cold), then rounds of the Worker and DuckDB, their order reversed
 *                    each round (warm)
 *
 * Keeps: the Worker's day is the one after the data set, at noon. An answer that differs from DuckDB's ends the run, and so
 * does one from another tier than the recipe names, one that has read more rows than the index should let it, and one of
 * another day. Times end when the last byte of the body is here.
 */
import type { DuckDBConnection } from "@duckdb/node-api";
import { type LocalRuntime, printFault, startRuntime } from "../../scripts/local-runtime.ts";
import { moveMinutes } from "../../src/batch/move-minutes.ts";
import { ADVERTISER_BUCKETS, DAY_MS, HOUR_MS, MINUTE_MS } from "../../src/core/limits.ts";
import { isoDay } from "../../src/core/time.ts";
import type { Tier } from "../../src/facts/facts-schema.ts";
import { TIER_MINUTES } from "../../src/facts/facts-sql.ts";
import { BENCH_SECRETS } from "../clicks.ts";
import { ASKED_MS, type Calendar } from "./calendar.ts";
import type { Recipe } from "./recipes.ts";

export type Effort = {
  readonly starts: number;
  readonly rounds: number;
  /** Rounds of a recipe end after so long, in each start. */
  readonly budgetMs: number;
};

export type Measured = {
  readonly recipe: Recipe;
  readonly coldMs: number[];
  readonly warmMs: number[];
  readonly duckMs: number[];
  readonly rows: number;
  readonly bytes: number;
  readonly rowsRead: number;
  /** What the question is about: facts rows, their cells, sums of them. */
  readonly asked: Asked;
};

/** `sums` are the rows of days summed over advertisers, where those answer. */
type Asked = { readonly rows: number; readonly cells: number; readonly sums: number };
type TierSpan = { readonly tier: Tier; readonly from: string; readonly to: string };
type Answer = {
  readonly rows: readonly Record<string, unknown>[];
  readonly meta: {
    readonly rowsRead: number;
    readonly watermark: string;
    readonly tiers: readonly TierSpan[];
    readonly totals?: Record<string, unknown>;
  };
};
type Value = string | number | null;

export type Setting = {
  readonly statePath: string;
  readonly script: string;
  readonly duck: DuckDBConnection;
  readonly onProgress: (line: string) => void;
};

/** Marks, lists and objects beside the facts. A lost index reads the rest of the tier, for which this leaves no room. */
const ROWS_SPARE = 400;
/** What is shown and not posted yet is looked for by windows: each is read from its text, from the list, and is a look. */
const READS_OF_WINDOW = 3;

export async function measureRecipes(
  recipes: readonly Recipe[],
  setting: Setting,
  effort: Effort,
): Promise<Measured[]> {
  const found = new Map<string, Measured>();
  for (let start = 0; start < effort.starts; start++) {
    const order = start % 2 === 0 ? recipes : recipes.toReversed();
    const runtime = await startBench(setting);
    try {
      for (const recipe of order) {
        const before = found.get(recipe.name);
        const measured = await measureOne(recipe, { runtime, setting, effort });
        found.set(recipe.name, before === undefined ? measured : joined(before, measured));
        setting.onProgress(`${start + 1}/${effort.starts} ${recipe.name}`);
      }
    } finally {
      await runtime.stop();
    }
  }
  return recipes.flatMap(({ name }) => found.get(name) ?? []);
}

/** Moves the one old day that has minutes into objects, as cron would. */
export async function moveColdDay(
  setting: Pick<Setting, "statePath" | "script">,
  { coldDay }: Calendar,
): Promise<number> {
  const { database, bindings, stop } = await startBench(setting);
  try {
    const ports = { database: database as never, archive: bindings.ARCHIVE as never, clock: () => Date.now() };
    const buckets = Array.from({ length: ADVERTISER_BUCKETS }, (_, bucket) => bucket);
    const untilMs = Number.POSITIVE_INFINITY;
    return await moveMinutes(ports, { nowMs: (coldDay + 1) * DAY_MS, hotMinutesMs: 0, buckets, untilMs });
  } finally {
    await stop();
  }
}

function startBench({ statePath, script: bundle }: Pick<Setting, "statePath" | "script">): Promise<LocalRuntime> {
  const script = `${clockOf(ASKED_MS)}\n${bundle}`;
  return startRuntime({ statePath, script, vars: BENCH_SECRETS, hasConsumers: false, onLog: printFault });
}

/**
 * Sets the clock of the Worker, which is else as it would be deployed: what it does with a day depends on how long ago
 * that was, and the data set ends on the same day whenever it is asked.
 */
function clockOf(nowMs: number): string {
  return `{ const now = Date.now; Date.now = () => now() - ${Date.now() - nowMs}; }`;
}

type Bench = { readonly runtime: LocalRuntime; readonly setting: Setting; readonly effort: Effort };

async function measureOne(recipe: Recipe, { runtime, setting, effort }: Bench): Promise<Measured> {
  const { duck } = setting;
  const first = await askWorker(runtime.url, recipe);
  const { rows } = await askDuck(duck, recipe);
  assertEqual(recipe, rowsOf(first.answer), rows);
  const asked = await countAsked(duck, recipe, first.answer.meta.tiers);
  assertReading(recipe, first.answer, asked);
  const [warmMs, duckMs]: [number[], number[]] = [[], []];
  const endsAtMs = performance.now() + effort.budgetMs;
  for (let round = 0; round < effort.rounds && performance.now() < endsAtMs; round++) {
    const worker = async () => warmMs.push((await askWorker(runtime.url, recipe)).ms);
    const other = async () => duckMs.push((await askDuck(duck, recipe)).ms);
    for (const side of round % 2 === 0 ? [worker, other] : [other, worker]) await side();
  }
  const { answer, bytes, ms } = first;
  return { recipe, coldMs: [ms], warmMs, duckMs, rows: rows.length, bytes, rowsRead: answer.meta.rowsRead, asked };
}

function joined(before: Measured, after: Measured): Measured {
  return {
    ...after,
    coldMs: [...before.coldMs, ...after.coldMs],
    warmMs: [...before.warmMs, ...after.warmMs],
    duckMs: [...before.duckMs, ...after.duckMs],
  };
}

async function askWorker(url: string, { name, search }: Recipe) {
  const headers = { Authorization: `Bearer ${BENCH_SECRETS.ADMIN_API_KEY}` };
  const startMs = performance.now();
  const response = await fetch(`${url}/v1/reports/clicks?${new URLSearchParams(search)}`, { headers });
  const text = await response.text();
  const ms = performance.now() - startMs;
  if (response.status !== 200) throw new Error(`${name}: ${response.status} ${text}`);
  return { ms, bytes: Buffer.byteLength(text), answer: JSON.parse(text) as Answer };
}

async function askDuck(duck: DuckDBConnection, { sql, totalsSql }: Recipe): Promise<{ ms: number; rows: Value[][] }> {
  const startMs = performance.now();
  const rows = (await duck.runAndReadAll(sql)).getRowsJS();
  if (totalsSql !== undefined) rows.push(...(await duck.runAndReadAll(totalsSql)).getRowsJS());
  const ms = performance.now() - startMs;
  return {
    ms,
    rows: rows.map((row) => row.map((value) => (typeof value === "bigint" ? Number(value) : (value as Value)))),
  };
}

/** The values of each row in their order, and those of the totals as one more row. */
function rowsOf({ rows, meta }: Answer): Value[][] {
  return [...rows, ...(meta.totals === undefined ? [] : [meta.totals])].map(valuesOf);
}

/**
 * Without currencies: the data set has one, by which money over all advertisers is split all the same. And without the
 * states of windows, which DuckDB knows nothing of.
 */
function valuesOf({ currency: _, state: __, byCurrency, ...row }: Record<string, unknown>): Value[] {
  const money = Array.isArray(byCurrency) ? (byCurrency as Record<string, unknown>[]) : [];
  return Object.values({ ...row, ...Object.assign({}, ...money.map(({ currency: ___, ...sums }) => sums)) }).flatMap(
    (value) =>
      typeof value === "object" && value !== null ? valuesOf(value as Record<string, unknown>) : [value as Value],
  );
}

function assertEqual({ name, tolerance }: Recipe, ours: readonly Value[][], theirs: readonly Value[][]): void {
  const isClose = (a: Value | undefined, b: Value | undefined) =>
    a === b || (typeof a === "number" && typeof b === "number" && Math.abs(a - b) <= tolerance * b);
  const at = Array.from({ length: Math.max(ours.length, theirs.length) }, (_, row) => row).find((row) => {
    const [left = [], right = []] = [ours[row], theirs[row]];
    return left.length !== right.length || !left.every((value, column) => isClose(value, right[column]));
  });
  if (ours.length === 0) throw new Error(`${name}: no rows`);
  if (at === undefined) return;
  const show = (rows: readonly Value[][]) => `${rows.length} rows, ${JSON.stringify(rows[at])}`;
  throw new Error(`${name}: row ${at} differs\n  API     ${show(ours)}\n  DuckDB  ${show(theirs)}`);
}

/** What lies in the windows that the API says it has read, counted by DuckDB. */
async function countAsked(duck: DuckDBConnection, recipe: Recipe, tiers: readonly TierSpan[]): Promise<Asked> {
  let [rows, cells] = [0, 0];
  for (const tier of new Set(tiers.map((span) => span.tier))) {
    const window = (instant: string) => Date.parse(instant) / 60_000 / TIER_MINUTES[tier];
    const spans = tiers.filter((span) => span.tier === tier).map(({ from, to }) => [window(from), window(to)]);
    const within = spans.map(([from, to]) => `(${tier} >= ${from} AND ${tier} < ${to})`).join(" OR ");
    const whose = recipe.advertiserId === null ? "" : `AND advertiser_id = '${recipe.advertiserId}'`;
    const sql = `
SELECT count(*), sum(cells)
FROM (
  SELECT count(*) AS cells FROM facts_${tier} WHERE (${within}) ${whose} GROUP BY advertiser_id, ${tier}, ad_id
)`;
    const [[ours, theirs] = []] = (await duck.runAndReadAll(sql)).getRowsJS();
    rows += Number(ours);
    cells += Number(theirs);
  }
  return { rows, cells, sums: recipe.summedBy === null ? 0 : await countSums(duck, recipe.summedBy, tiers) };
}

/** Days and values of the dimension in the spans. */
async function countSums(duck: DuckDBConnection, dimension: string, tiers: readonly TierSpan[]): Promise<number> {
  const day = (instant: string) => Date.parse(instant) / DAY_MS;
  const within = tiers.map(({ from, to }) => `(day >= ${day(from)} AND day < ${day(to)})`).join(" OR ");
  const key = dimension === "" ? "day" : `day, ${dimension}`;
  const sql = `SELECT count(*) FROM (SELECT DISTINCT ${key} FROM facts_day WHERE ${within})`;
  return Number((await duck.runAndReadAll(sql)).getRowsJS()[0]?.[0]);
}

function assertReading(recipe: Recipe, { meta }: Answer, asked: Asked): void {
  const tiers = [...new Set(meta.tiers.map(({ tier }) => tier))].sort();
  if (tiers.join() !== recipe.tiers.toSorted().join()) {
    throw new Error(`${recipe.name}: was read from ${tiers.join(", ")} instead of ${recipe.tiers.join(", ")}`);
  }
  const today = meta.watermark.slice(0, 10);
  const wanted = isoDay(ASKED_MS);
  if (today !== wanted) throw new Error(`${recipe.name}: was asked on ${today} instead of ${wanted}`);
  const most = rowsMost(recipe, asked) + READS_OF_WINDOW * windowsOf(recipe, meta.tiers);
  if (meta.rowsRead > most) {
    throw new Error(
      `${recipe.name}: ${meta.rowsRead} rows were read, and ${Math.floor(most)} would do: is an index lost?`,
    );
  }
}

/** Windows between the first instant that is read and the last, where a recipe is by a unit of one length. */
function windowsOf({ search }: Recipe, tiers: readonly TierSpan[]): number {
  const [unit = ""] = (search["group_by"] ?? "").split(",");
  const unitMs = { minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS }[unit];
  const instants = tiers.flatMap(({ from, to }) => [Date.parse(from), Date.parse(to)]);
  return unitMs === undefined ? 0 : Math.ceil((Math.max(...instants) - Math.min(...instants)) / unitMs);
}

/**
 * Rows that a reading may count: the sums that answer, or those asked about and their cells where they are unfolded, as
 * often as the recipe says.
 */
function rowsMost({ hasCells, summedBy, readsOfRow }: Recipe, { rows, cells, sums }: Asked): number {
  return readsOfRow * (summedBy === null ? rows + (hasCells ? cells : 0) : sums) + ROWS_SPARE;
}
