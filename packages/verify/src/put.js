/**
 * Puts a file into its place whole, whenever the power fails and however many runs write it at once: each writes a file
 * of its own beside it, and the last to be done has its place.
 */
import { open, rename, rm } from "node:fs/promises";

/**
 * @param {string} path
 * @param {(beside: string) => Promise<boolean>} write resolves to whether what it has written is to be put there
 */
export async function putFile(path, write) {
  const beside = `${path}.${process.pid}.new`;
  try {
    if (!(await write(beside))) return;
    const handle = await open(beside);
    await handle.sync();
    await handle.close();
    await rename(beside, path);
  } finally {
    await rm(beside, { force: true });
  }
}
