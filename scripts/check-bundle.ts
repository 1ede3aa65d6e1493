/**
 * `npm run check:bundle`: builds what `npm run deploy` would upload, and refuses it when it has grown too large.
 *
 * Keeps: what counts is the script and its modules, compressed, as `wrangler` prints it; static assets are not loaded by
 * the Worker. The bound is that of docs/decisions/0016; a Worker may have more, but starts the slower the larger it is.
 */
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { promisify } from "node:util";
import { PROJECT_ROOT, QUIET_TOOLS, WRANGLER_CONFIG } from "./project.ts";

const UPLOAD_KIB_MAX = 450;

const run = promisify(execFile);
const wrangler = createRequire(import.meta.url).resolve("wrangler");
const env = { ...process.env, ...QUIET_TOOLS, WRANGLER_LOG: "log", NO_COLOR: "1" };
const options = { cwd: PROJECT_ROOT, env };
const { stdout } = await run(process.execPath, [wrangler, "deploy", "--config", WRANGLER_CONFIG, "--dry-run"], options);
const said = /Total Upload: .*gzip: ([\d.]+) KiB/.exec(stdout);
if (said === null) throw new Error(`wrangler did not say how large the upload is\n${stdout}`);
const isTooLarge = Number(said[1]) > UPLOAD_KIB_MAX;
console.log(`${said[0]}; at most ${UPLOAD_KIB_MAX} KiB compressed are taken.`);
if (isTooLarge) process.exitCode = 1;
