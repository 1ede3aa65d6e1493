#!/usr/bin/env node
/**
 * `npm run simulate -- --seeds N [--seed S] [--hours H]`: the deterministic simulation (test/simulation), with this
 * process's stopwatch. Exits with 1 when a seed fails.
 */
type Main = (
  args: readonly string[],
  print: (line: string) => void,
  stopwatch: () => { wallMs: number; cpuMs: number },
) => Promise<number>;

// Loaded by name: its sources are typed with the platform's globals, which do not mix with Node's (test/platform.d.ts).
const { main } = (await import(new URL("../test/simulation/cli.ts", import.meta.url).href)) as { main: Main };

const stopwatch = () => {
  const { user, system } = process.cpuUsage();
  return { wallMs: performance.now(), cpuMs: (user + system) / 1_000 };
};
process.exitCode = await main(process.argv.slice(2), (line) => console.log(line), stopwatch);
