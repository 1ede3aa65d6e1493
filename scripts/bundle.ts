/**
 * The Worker as one script, built by `wrangler deploy --dry-run`, so that local runs execute what would be deployed.
 *
 * Keeps: nothing is written outside a temporary folder. A build that fails is one Error with the tool's own words.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { PROJECT_ROOT, QUIET_TOOLS, WRANGLER_CONFIG } from "./project.ts";

const run = promisify(execFile);
const WRANGLER = createRequire(import.meta.url).resolve("wrangler");

/** The bundled text of `entry` of the clone at `root`, by default of the Worker that is deployed. About two seconds. */
export async function bundleWorker(entry = "src/index.ts", root = PROJECT_ROOT): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "clickledger-bundle-"));
  try {
    const flags = ["--config", join(root, basename(WRANGLER_CONFIG)), "--dry-run", "--outdir", folder];
    const env = { ...process.env, ...QUIET_TOOLS };
    await run(process.execPath, [WRANGLER, "deploy", entry, ...flags], { cwd: root, env });
    return await readFile(join(folder, basename(entry).replace(/\.ts$/, ".js")), "utf8");
  } catch (cause) {
    const { stderr = "" } = cause as { stderr?: string };
    throw new Error(`the Worker does not build\n${stderr.trim()}`, { cause });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The bundled text of a Worker that wrangler.toml does not describe. */
export async function bundleModule(entry: string): Promise<string> {
  const { outputFiles } = await build({
    ...{ entryPoints: [join(PROJECT_ROOT, entry)], bundle: true, format: "esm", target: "es2024", write: false },
    external: ["cloudflare:*"],
  });
  return outputFiles[0]?.text ?? "";
}
