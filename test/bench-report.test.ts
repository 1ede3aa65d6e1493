/**
 * The report benchmark still runs: every recipe on a tiny data set, checked for what it answers and reads and not for how
 * fast. It compares each answer with DuckDB's, so this is also a test of the planner over rolled, hot and moved facts.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ASKED_MS, makeCalendar } from "../bench/report/calendar.ts";
import { type Duck, openDuck } from "../bench/report/export.ts";
import { measureRecipes, type Setting } from "../bench/report/measure.ts";
import { toPage } from "../bench/report/page.ts";
import { makeRecipes, type Recipe } from "../bench/report/recipes.ts";
import { REPORT_SIZES, runReportBench } from "../bench/report.ts";
import { bundleWorker } from "../scripts/bundle.ts";
import { dayOf } from "../src/core/time.ts";
import { firstHourSumsRead } from "../src/facts/hour-sums-days.ts";

const MINUTES_MS = 60_000;
const size = REPORT_SIZES.small;
const recipes = makeRecipes(makeCalendar(size));
let statePath: string;
let script: string;
let duck: Duck;

beforeAll(async () => {
  statePath = await mkdtemp(join(tmpdir(), "clickledger-bench-report-test-"));
  script = await bundleWorker();
}, MINUTES_MS);

afterAll(async () => {
  duck?.close();
  await rm(statePath, { recursive: true, force: true });
});

it("answers every recipe as DuckDB does, from the rows that it is about", { timeout: 3 * MINUTES_MS }, async () => {
  const bench = await runReportBench(size, { statePath, script });
  expect(bench.measured.map(({ recipe }) => recipe.name)).toEqual(recipes.map(({ name }) => name));
  for (const { recipe, asked, rowsRead } of bench.measured) {
    const facts = asked.rows + (recipe.hasCells ? asked.cells : 0);
    const rows = recipe.summedBy === null ? facts : asked.sums;
    const isOfRows = recipe.summedBy === null && !recipe.isOfHourSums;
    if (isOfRows) expect(rowsRead, recipe.name).toBeGreaterThan(rows);
    expect(rowsRead, recipe.name).toBeLessThan(3.1 * rows + 400);
  }
  expect(bench.objects).toBeGreaterThan(0);
  expect(toPage(bench, ["machine: any"])).toContain("| 2 years by month, all |");
});

it("asks for days of a zone whose sums of hours are read on the day of the asking", () => {
  const froms = recipes.filter(({ isOfHourSums }) => isOfHourSums).map(({ search }) => search["from"] ?? "");
  expect(froms.length).toBeGreaterThan(3);
  for (const from of froms) {
    const firstHourMs = Date.parse(`${from}T00:00:00+09:00`);
    expect(dayOf(firstHourMs)).toBeGreaterThanOrEqual(firstHourSumsRead(ASKED_MS));
  }
});

it("ends with an error where the Worker's day is another", { timeout: MINUTES_MS }, async () => {
  duck ??= await openDuck(statePath);
  const ahead = `{ const now = Date.now; Date.now = () => now() + 86_400_000; }\n${script}`;
  const setting: Setting = { statePath, script: ahead, duck: duck.connection, onProgress: () => {} };
  const recipe = recipes.find(({ name }) => name === "2 years by month, adv_0000") as Recipe;
  await expect(measureRecipes([recipe], setting, size.effort)).rejects.toThrow("was asked on");
});

it.each<[string, (recipe: Recipe) => Recipe]>([
  ["differs", (recipe) => ({ ...recipe, sql: recipe.sql.replace("sum(valid) AS", "sum(gross) AS") })],
  ["was read from day instead of hour", (recipe) => ({ ...recipe, tiers: ["hour"] })],
  ["is an index lost", (recipe) => ({ ...recipe, advertiserId: "adv_0011" })],
])("ends with an error that says %s", { timeout: MINUTES_MS }, async (message, spoil) => {
  duck ??= await openDuck(statePath);
  const setting: Setting = { statePath, script, duck: duck.connection, onProgress: () => {} };
  const recipe = recipes.find(({ name }) => name === "2 years by month, adv_0000") as Recipe;
  await expect(measureRecipes([spoil(recipe)], setting, size.effort)).rejects.toThrow(message);
});
