/**
 * A runtime in a process of its own, made to be killed.
 *
 *   node test/journey/crash-runtime.ts <state folder> <file with the bundle> <variables as JSON>
 *
 * Loads its modules first and then waits for a line on stdin, so that the next victim gets ready while the last one
 * still runs. Prints its address as one line; faults go to stderr. Ends when stdin ends, with whoever started it.
 */
import { readFile } from "node:fs/promises";
import { flushCompileCache } from "node:module";
import { createInterface } from "node:readline";
import { printFault, startRuntime } from "../../scripts/local-runtime.ts";
import { quietTools } from "../../scripts/project.ts";

const [, , statePath, scriptFile, varsText] = process.argv;
if (statePath === undefined || scriptFile === undefined || varsText === undefined) {
  throw new Error("a state folder, a bundle and variables are needed");
}
quietTools();
await Promise.all([import("wrangler"), import("miniflare")]);
// At exit would be too late for a process that is killed.
flushCompileCache();
const vars = JSON.parse(varsText) as Record<string, string>;
const script = await readFile(scriptFile, "utf8");

const lines = createInterface({ input: process.stdin });
lines.once("line", async () => {
  const { url } = await startRuntime({ statePath, vars, script, onLog: printFault });
  console.log(url);
});
lines.once("close", () => process.exit());
