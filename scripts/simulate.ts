#!/usr/bin/env node
/**
 * `npm run simulate -- --seeds N [--seed S] [--hours H]`: the deterministic simulation (test/simulation), with this
 * process's stopwatch. Exits with 1 when a seed fails.
 *
 * `npm run simulate -- --rate N [--minutes N] …`, `--table`, `--measure`: a load against the platform's limits
 * (bench/capacity), where it saturates.
 */
type Main = (
  args: readonly string[],
  print: (line: string) => void,
  stopwatch: () => { wallMs: number; cpuMs: number },
) => Promise<number>;

const args = process.argv.slice(2);
const isOfCapacity = ["--rate", "--table", "--measure"].some((flag) => args.some((arg) => arg.split("=")[0] === flag));
const path = isOfCapacity ? "../bench/capacity/cli.ts" : "../test/simulation/cli.ts";

// Loaded by name: its sources are typed with the platform's globals, which do not mix with Node's (test/platform.d.ts).
const { main } = (await import(new URL(path, import.meta.url).href)) as { main: Main };

const stopwatch = () => {
  const { user, system } = process.cpuUsage();
  return { wallMs: performance.now(), cpuMs: (user + system) / 1_000 };
};
process.exitCode = await main(args, (line) => console.log(line), stopwatch);
