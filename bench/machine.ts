/**
 * What a result was measured on: without it a number is worth nothing.
 */
import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import { cpus, loadavg, totalmem } from "node:os";
import { PROJECT_ROOT } from "../scripts/project.ts";

const GIBIBYTE = 2 ** 30;

/** Lines of `name: value`. */
export function describeMachine(command: string): string[] {
  const [cpu] = cpus();
  const require = createRequire(import.meta.url);
  const version = (name: string) => (require(`${name}/package.json`) as { version: string }).version;
  return [
    `date: ${new Date().toISOString().slice(0, 10)}`,
    `commit: ${commit()}`,
    `command: ${command}`,
    `machine: ${cpus().length} × ${cpu?.model.trim() ?? "unknown"}, ${Math.round(totalmem() / GIBIBYTE)} GiB, ${process.platform}`,
    `load of the last minute, at the end: ${loadavg()[0]?.toFixed(2)}`,
    `versions: node ${process.versions.node}, wrangler ${version("wrangler")}, miniflare ${version("miniflare")}, workerd ${version("workerd")}`,
  ];
}

function commit(): string {
  try {
    const git = (...args: string[]) => execFileSync("git", args, { cwd: PROJECT_ROOT, encoding: "utf8" }).trim();
    const changed = git("status", "--porcelain", "--", "src", "bench", "wrangler.toml") === "" ? "" : " with changes";
    return `${git("rev-parse", "--short", "HEAD")}${changed}`;
  } catch {
    // Not a clone, or no git: the result says so.
    return "unknown";
  }
}
