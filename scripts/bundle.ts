/**
 * The Worker as its modules, built by `wrangler deploy --dry-run`, so that local runs execute what would be deployed.
 *
 * Keeps: nothing is written outside a temporary folder. A build that fails is one Error with the tool's own words.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { PROJECT_ROOT, QUIET_TOOLS, WRANGLER_CONFIG } from "./project.ts";

const run = promisify(execFile);
const WRANGLER = createRequire(import.meta.url).resolve("wrangler");

/** A script, and the modules of bytes that it may import. */
export type Bundle = { readonly script: string; readonly files: Readonly<Record<string, Uint8Array<ArrayBuffer>>> };

/** The bundled text of `entry` alone, by default of the Worker that wrangler.toml names. */
export async function bundleWorker(entry?: string): Promise<string> {
  return (await bundleModules(entry)).script;
}

/** All modules of `entry`, by default of the Worker that wrangler.toml names. About two seconds. */
export async function bundleModules(entry = "src/index.ts"): Promise<Bundle> {
  const folder = await mkdtemp(join(tmpdir(), "clickledger-bundle-"));
  try {
    const flags = ["--config", WRANGLER_CONFIG, "--dry-run", "--outdir", folder];
    const env = { ...process.env, ...QUIET_TOOLS };
    await run(process.execPath, [WRANGLER, "deploy", entry, ...flags], { cwd: PROJECT_ROOT, env });
    const script = await readFile(join(folder, basename(entry).replace(/\.ts$/, ".js")), "utf8");
    const names = (await readdir(folder)).filter((name) => name.endsWith(".bin"));
    const files = await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name))]));
    return { script, files: Object.fromEntries(files) };
  } catch (cause) {
    const { stderr = "" } = cause as { stderr?: string };
    throw new Error(`the Worker does not build\n${stderr.trim()}`, { cause });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
