/**
 * `npm run record:examples`: sends every example of the OpenAPI document to the Worker and writes what it answers to
 * src/openapi/examples.json. `npm test` compares both.
 *
 * Relies on: test/openapi/examples.test.ts prints its answers as one line when RECORD_EXAMPLES is 1.
 */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { PROJECT_ROOT, QUIET_TOOLS } from "./project.ts";

const run = promisify(execFile);
const VITEST = join(PROJECT_ROOT, "node_modules/vitest/vitest.mjs");

const env = { ...process.env, ...QUIET_TOOLS, RECORD_EXAMPLES: "1", NO_COLOR: "1" };
const options = { cwd: PROJECT_ROOT, env, maxBuffer: 32_000_000, timeout: 120_000 };
const { stdout } = await run(process.execPath, [VITEST, "run", "test/openapi/examples.test.ts"], options);
const line = /RECORDED (\{.*\})/.exec(stdout)?.[1];
if (line === undefined) throw new Error(`the tests printed no answers\n${stdout.slice(-4_000)}`);
await writeFile(join(PROJECT_ROOT, "src/openapi/examples.json"), `${JSON.stringify(JSON.parse(line), null, 2)}\n`);
