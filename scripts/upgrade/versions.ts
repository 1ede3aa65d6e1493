/**
 * The version before: built apart, from a commit, with its own configuration and migrations.
 *
 * Keeps: nothing of the clone is touched. It is built with the tools and libraries that are installed now, so a difference
 * is one of the sources. The version before is the last release (`v*`), or the last commit where none has been made.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { bundleWorker } from "../bundle.ts";
import type { Version } from "../local-runtime.ts";
import { PROJECT_ROOT } from "../project.ts";

const run = promisify(execFile);
const ARCHIVE_BYTES_MAX = 256 * 1024 * 1024;

/** What was asked for is no commit, or does not build. */
export class VersionError extends Error {}

/** The last release, or HEAD. */
export async function lastVersion(): Promise<string> {
  const git = run("git", ["describe", "--tags", "--match", "v*", "--abbrev=0"], { cwd: PROJECT_ROOT });
  return git.then(
    ({ stdout }) => stdout.trim(),
    () => "HEAD",
  );
}

/** This clone as it stands. */
export async function thisVersion(): Promise<Version> {
  return { script: await bundleWorker(), root: PROJECT_ROOT };
}

/** Builds `ref` in a temporary folder, which `use` has for as long as it takes. Throws VersionError. */
export async function withVersion<T>(ref: string, use: (version: Version) => Promise<T>): Promise<T> {
  const root = await mkdtemp(join(tmpdir(), "clickledger-before-"));
  try {
    await unpack(ref, root);
    await symlink(join(PROJECT_ROOT, "node_modules"), join(root, "node_modules"));
    const script = await bundleWorker("src/index.ts", root).catch((cause: Error) => {
      throw new VersionError(`${ref}: ${cause.message}`, { cause });
    });
    return await use({ script, root });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}

async function unpack(ref: string, root: string): Promise<void> {
  const options = { cwd: PROJECT_ROOT, encoding: "buffer", maxBuffer: ARCHIVE_BYTES_MAX } as const;
  const { stdout } = await run("git", ["archive", "--format=tar", ref], options).catch((cause: Error) => {
    throw new VersionError(`${ref} is no commit of this clone (git fetch --tags, or --from)`, { cause });
  });
  const file = join(root, ".archive.tar");
  await writeFile(file, stdout);
  await run("tar", ["-xf", file, "-C", root]);
  await rm(file);
}
