/**
 * The benchmarks still run: every scenario in its small size, checked for what it counts and not for how fast.
 */
import { expect, it } from "vitest";
import { measureEddsa, toPage } from "../bench/eddsa.ts";
import { toMarkdown } from "../bench/results.ts";
import { runBench } from "../bench/run.ts";
import { SIZES } from "../bench/sizes.ts";
import { HAS_BENCHES } from "./support/benches.ts";

const MINUTES_MS = 60_000;

it.runIf(HAS_BENCHES)(
  "runs every benchmark in small, and counts everything that it sends",
  { timeout: 4 * MINUTES_MS },
  async () => {
    const measured = await runBench(SIZES.small);
    expect(measured.redirect?.redirects).toBeGreaterThan(0);
    expect(measured.ingest?.counted).toBe(200);
    expect(measured.endToEnd.map(({ clicks }) => clicks)).toEqual([300]);
    expect(measured.rows?.counters).toMatchObject({ events: 300 });
    expect(toMarkdown(measured, ["machine: any"])).toContain("| events per queue message |");
  },
);

it("verifies every token of both kinds, and redirects under each", { timeout: MINUTES_MS }, async () => {
  const result = await measureEddsa({ rounds: 1, roundMs: 100, tokens: 10, times: 2 });
  expect(result.verified).toBe(40);
  expect([result.redirectMicros.HS256, result.redirectMicros.EdDSA].map(({ length }) => length)).toEqual([1, 1]);
  expect(toPage(result, ["machine: any"])).toContain("| redirects a second |");
});
