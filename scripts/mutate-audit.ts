#!/usr/bin/env node
/**
 * `npm run mutate:audit -- --mutations N [--seed S]`: random mutations of an audited day, counted by kind
 * (test/simulation/audited). Exits with 1 when the audit misses one.
 */
type Main = (args: readonly string[], print: (line: string) => void) => Promise<number>;

// Loaded by name: its sources are typed with the platform's globals, which do not mix with Node's (test/platform.d.ts).
const { main } = (await import(new URL("../test/simulation/audited/count.ts", import.meta.url).href)) as { main: Main };

process.exitCode = await main(process.argv.slice(2), (line) => console.log(line));
