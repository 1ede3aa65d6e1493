/**
 * One process per state folder: two runtimes on the same SQLite files would each believe to be the only writer.
 *
 *   <state>/running.pid   the process that owns the folder
 *
 * Keeps: a file left behind by a process that was killed does not lock anybody out.
 */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Another process works on the folder. */
export class StateBusyError extends Error {}

/** Takes the folder; the returned function gives it back. Throws StateBusyError. */
export async function lockState(statePath: string): Promise<() => Promise<void>> {
  const file = join(statePath, "running.pid");
  const owner = Number(await readFile(file, "utf8").catch(() => ""));
  if (owner > 0 && owner !== process.pid && isRunning(owner)) {
    throw new StateBusyError(`state folder ${statePath} is in use by process ${owner}`);
  }
  await writeFile(file, String(process.pid));
  return () => rm(file, { force: true });
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    // EPERM: it runs, under another user. ESRCH: there is none.
    return (cause as NodeJS.ErrnoException).code === "EPERM";
  }
}
