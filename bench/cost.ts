/**
 * `npm run cost`: dollars of a million clicks at list prices, from counters of every billed operation, beside the naive Worker.
 *
 *   npm run cost -- [--small] [--check] [--only 50] [--save FILE]
 *
 * `--check` ends with exit code 1 where more rows are written than is wanted (cost/cases.ts); nothing else is judged.
 * `--only` takes the rates in clicks a second, comma separated. See bench/README.md for what is counted, and what is not.
 */
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { billOf, type Measured } from "./cost/bill.ts";
import { COST_SIZES, type CostSize, rowsMissed } from "./cost/cases.ts";
import { type EdgeMicros, measureEdge } from "./cost/edge.ts";
import { bundleScripts, type Carried, type CostCase, measureNaive, measureOurs, startCost } from "./cost/measure.ts";
import { type Billed, type CostResult, toCostPage } from "./cost/page.ts";
import { describeMachine } from "./machine.ts";

/** Measures every case, all in one workerd; `onCase` is told what there is after each. */
export async function runCost(size: CostSize, onCase: (soFar: CostResult) => Promise<void>): Promise<CostResult> {
  const scripts = await bundleScripts();
  const edge = await measureEdge(scripts, size.edge);
  const result = { ours: [] as Billed[], naive: [] as Billed[] };
  const runtime = await startCost(scripts);
  const all = async (who: keyof EdgeMicros, cases: readonly CostCase[], measure: typeof measureOurs) => {
    let at = 0;
    for await (const carried of measure(runtime, cases)) {
      const one = cases[at++];
      if (one !== undefined) result[who].push(billedOf(one, carried, edge[who]));
      await onCase(result);
    }
  };
  try {
    await all("naive", size.naive, measureNaive);
    await all("ours", size.cases, measureOurs);
    return result;
  } finally {
    await runtime.stop();
  }
}

export function billedOf(one: CostCase, carried: Carried, edgeMicros: number): Billed {
  const measured: Measured = { ...carried, cpuMicros: { edge: edgeMicros, carried: carried.cpuMicros } };
  return { one, measured, bill: billOf(measured) };
}

async function main(): Promise<void> {
  const options = {
    small: { type: "boolean" },
    check: { type: "boolean" },
    only: { type: "string" },
    save: { type: "string" },
  } as const;
  const { values } = parseArgs({ options, strict: true });
  process.once("SIGINT", () => process.exit(130));
  process.once("SIGTERM", () => process.exit(143));
  const whole = values.small ? COST_SIZES.small : COST_SIZES.full;
  const rates = values.only?.split(",").map(Number);
  const kept = (cases: readonly CostCase[]) =>
    cases.filter(({ clicksPerSecond }) => rates?.includes(clicksPerSecond) ?? true);
  const size = { ...whole, cases: kept(whole.cases), naive: kept(whole.naive) };
  const command = `npm run cost${process.argv.length > 2 ? ` -- ${process.argv.slice(2).join(" ")}` : ""}`;
  const machine = () => describeMachine(command);
  // Saved after each case: a run that is ended has what it measured.
  const result = await runCost(size, async (soFar) => {
    console.error(`${soFar.naive.length + soFar.ours.length} of ${size.naive.length + size.cases.length} cases`);
    if (values.save !== undefined) await writeFile(values.save, toCostPage(soFar, machine()));
  });
  console.log(toCostPage(result, machine()));
  const missed = rowsMissed(result.ours);
  for (const line of missed) console.error(`rows: ${line}`);
  if (values.check && missed.length > 0) process.exit(1);
}

if (import.meta.main) {
  main().catch((cause: unknown) => {
    console.error(cause);
    process.exit(1);
  });
}
