/**
 * Real wrangler, for what it does better than a call of ours: it builds and uploads the Worker with its assets, objects
 * and triggers, applies migrations, and sends secrets.
 *
 * Keeps: no secret is an argument, where every process of the machine reads it: secrets go by a file of their owner, or
 * by stdin. It never asks: with `CI` it takes its fallbacks, and writes no ids into wrangler.toml.
 */
import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { stripVTControlCharacters } from "node:util";
import { PROJECT_ROOT, QUIET_TOOLS } from "../project.ts";

const WRANGLER = createRequire(import.meta.url).resolve("wrangler");
const RUN_MAX_MS = 600_000;
const OUTPUT_BYTES_MAX = 16_000_000;

/** Wrangler refused or failed; the message has its own words. */
export class WranglerError extends Error {}

export type Wrangler = (args: readonly string[], stdin?: string) => Promise<string>;

/** Runs wrangler with `env`; resolves with what it printed. Throws WranglerError. */
export function wranglerIn(env: NodeJS.ProcessEnv, config: string): Wrangler {
  return (args, stdin = "") =>
    new Promise((resolve, reject) => {
      const child = execFile(
        process.execPath,
        [WRANGLER, ...args, "--config", config],
        {
          ...{ cwd: PROJECT_ROOT, timeout: RUN_MAX_MS, maxBuffer: OUTPUT_BYTES_MAX },
          env: {
            ...process.env,
            ...QUIET_TOOLS,
            ...env,
            WRANGLER_LOG: "log",
            CI: "1",
            NO_COLOR: "1",
            FORCE_COLOR: "0",
          },
        },
        (cause, stdout, stderr) => {
          if (cause === null) return resolve(stripVTControlCharacters(stdout));
          reject(new WranglerError(`wrangler ${args[0]} failed: ${ownWords(stderr) || ownWords(stdout)}`, { cause }));
        },
      );
      child.stdin?.end(stdin);
    });
}

/** The errors of what it printed, in a line each. */
function ownWords(printed: string): string {
  const lines = stripVTControlCharacters(printed).split("\n");
  const at = lines.findIndex((line) => line.includes("[ERROR]"));
  const said = at === -1 ? lines.slice(-5) : lines.slice(at, at + 6);
  const noise = /If you think this is a bug|Logs were written|^\s*$/;
  return said
    .filter((line) => !noise.test(line))
    .map((line) => line.replace(/^.*\[ERROR\]\s*/, "").trim())
    .join(" · ");
}

/** The token of `wrangler login`, where the environment has none. Throws WranglerError. */
export async function tokenOf(env: NodeJS.ProcessEnv, wrangler: Wrangler): Promise<string> {
  const given = env["CLOUDFLARE_API_TOKEN"];
  if (given !== undefined && given !== "") return given;
  const said = await wrangler(["auth", "token", "--json"]).catch(() => "");
  const { token } = (said.startsWith("{") ? JSON.parse(said) : {}) as { token?: string };
  if (token === undefined)
    throw new WranglerError("nobody is signed in: npx wrangler login, or set CLOUDFLARE_API_TOKEN");
  return token;
}
