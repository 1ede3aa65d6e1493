/**
 * `npm run bench`: every measurement in one run, as ratios to a bare Worker where time is involved, beside the naive Worker.
 *
 *   npm run bench -- [--small] [--only redirect,ingest,end-to-end,rows,loss] [--save FILE]
 *
 * `--small` takes seconds and proves nothing but that the benchmarks still run. See bench/README.md for what the
 * numbers mean and what they do not.
 */
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { measureLoss } from "./loss.ts";
import { describeMachine } from "./machine.ts";
import { type Measured, toMarkdown } from "./results.ts";
import { measureEndToEnd, measureIngest, measureRedirect } from "./scenarios.ts";
import { SIZES, type Size } from "./sizes.ts";

const SCENARIOS = ["redirect", "ingest", "end-to-end", "rows", "loss"] as const;
type Scenario = (typeof SCENARIOS)[number];

/** Runs the named scenarios, one fresh workerd after the other. */
export async function runBench(size: Size, only: readonly string[] = SCENARIOS): Promise<Measured> {
  const wanted = (scenario: Scenario) => only.includes(scenario);
  const redirect = wanted("redirect") ? await measureRedirect(size.redirect) : null;
  const ingest = wanted("ingest") ? await measureIngest(size.ingest) : null;
  const endToEnd = [];
  for (let round = 0; wanted("end-to-end") && round < size.endToEnd.rounds; round++) {
    endToEnd.push(await measureEndToEnd({ ...size.endToEnd, isCounting: false }));
  }
  const rows = wanted("rows") ? await measureEndToEnd({ ...size.rows, isCounting: true }) : null;
  const loss = wanted("loss") && size.loss !== null ? await measureLoss(size.loss) : null;
  return { redirect, ingest, endToEnd, rows, loss, size };
}

async function main(): Promise<void> {
  const options = { small: { type: "boolean" }, only: { type: "string" }, save: { type: "string" } } as const;
  const { values } = parseArgs({ options, strict: true });
  const only = values.only?.split(",");
  const stranger = only?.find((name) => !(SCENARIOS as readonly string[]).includes(name));
  if (stranger !== undefined) throw new Error(`--only knows ${SCENARIOS.join(", ")}`);
  process.once("SIGINT", () => process.exit(130));
  process.once("SIGTERM", () => process.exit(143));
  const measured = await runBench(values.small ? SIZES.small : SIZES.full, only);
  const command = `npm run bench${process.argv.length > 2 ? ` -- ${process.argv.slice(2).join(" ")}` : ""}`;
  const text = toMarkdown(measured, describeMachine(command));
  console.log(text);
  if (values.save !== undefined) await writeFile(values.save, text);
}

if (import.meta.main) {
  main().catch((cause: unknown) => {
    console.error(cause instanceof Error && cause.message.startsWith("--") ? cause.message : cause);
    process.exit(1);
  });
}
