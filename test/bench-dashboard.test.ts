/** The benchmark of the dashboard still runs; checked for what screens weigh and what axe finds, and not for how fast. */
import { expect, it } from "vitest";
import { DASHBOARD_SIZES, measureDashboard, toDashboardPage } from "../bench/dashboard.ts";
import { SCREEN_PATHS } from "../src/dashboard/navigation.ts";

const MINUTE_MS = 60_000;
const SCRIPT_BYTES_MAX = 15_000;
const STYLE_BYTES_MAX = 20_000;

it("weighs screens of the operator, within the budgets, and times the chart", {
  timeout: 5 * MINUTE_MS,
}, async () => {
  const size = DASHBOARD_SIZES.small;
  const bench = await measureDashboard(size);
  expect(bench.screens.map(({ path }) => path)).toEqual(SCREEN_PATHS.slice(0, size.screens));
  for (const { path, scriptBytes, styleBytes, findings } of bench.screens) {
    expect(findings, path).toEqual([]);
    expect([scriptBytes > 0, scriptBytes <= SCRIPT_BYTES_MAX, styleBytes <= STYLE_BYTES_MAX], path).toEqual([
      true,
      true,
      true,
    ]);
  }
  for (const times of Object.values(bench.paints)) {
    expect(times.filter((ms) => ms >= 0)).toHaveLength(size.rounds);
  }
  expect(toDashboardPage(bench, size, ["machine: any"])).toContain("| first paint |");
});
