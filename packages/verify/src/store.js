/**
 * Where objects are read from: a folder with the keys that they have in the archive.
 *
 *   statements/v1/adv=<id>/…    evidence/v1/adv=<id>/dt=<day>/…    evidence-log/v1/…    of publishers, pub=<id>
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { Differs, Unchecked } from "./outcome.js";

/**
 * @typedef {{ byteLength: number, slice: (start: number, end?: number) => Promise<ArrayBuffer>,
 *   sha256: () => Promise<string> }} StoredFile
 * @typedef {{ bytes: (key: string) => Promise<Uint8Array | null>, file: (key: string) => Promise<StoredFile | null> }}
 *   Store  null for what is not there
 */

/**
 * @param {string} folder
 * @returns {Store}
 */
export function folderStore(folder) {
  return {
    bytes: (key) => orNull(() => readFile(join(folder, key))),
    file: (key) => orNull(() => openFile(join(folder, key))),
  };
}

/**
 * @param {string} path
 * @returns {Promise<StoredFile>}
 */
async function openFile(path) {
  const { size } = await stat(path);
  return {
    byteLength: size,
    slice: async (start, end = size) => {
      const from = start < 0 ? size + start : start;
      const bytes = new Uint8Array(end - from);
      return orUnchecked(async () => {
        const handle = await open(path);
        try {
          const { buffer, bytesRead } = await handle.read(bytes, 0, bytes.length, from);
          return buffer.buffer.slice(0, bytesRead);
        } finally {
          await handle.close();
        }
      });
    },
    sha256: () =>
      orUnchecked(async () => {
        const hash = createHash("sha256");
        for await (const chunk of createReadStream(path)) hash.update(chunk);
        return hash.digest("hex");
      }),
  };
}

/**
 * @template T
 * @param {() => Promise<T>} read
 */
async function orNull(read) {
  try {
    return await read();
  } catch (fault) {
    const { code } = /** @type {NodeJS.ErrnoException} */ (fault);
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw unreadable(fault);
  }
}

/**
 * @template T
 * @param {() => Promise<T>} read
 */
async function orUnchecked(read) {
  try {
    return await read();
  } catch (fault) {
    throw unreadable(fault);
  }
}

/** What a disk refuses says nothing of what is on it. @param {unknown} fault */
function unreadable(fault) {
  const { code, message } = /** @type {NodeJS.ErrnoException} */ (fault);
  return code === undefined ? fault : new Unchecked(`a file cannot be read: ${message}`);
}

/**
 * What has to be there.
 * @template T
 * @param {T | null} found
 * @param {string} key
 * @returns {T}
 */
export function present(found, key) {
  if (found === null) throw new Unchecked(`${key} is missing: ask the operator for it; without it nothing is shown`);
  return found;
}

/**
 * An object that is named by its hash, which is checked.
 * @param {Store} store
 * @param {string} key
 * @param {string} sha256
 */
export async function hashedFile(store, key, sha256) {
  const file = present(await store.file(key), key);
  const found = await file.sha256();
  if (found !== sha256) {
    throw new Differs(`${key} has the SHA-256 ${found}, and what names it says ${sha256}`);
  }
  return file;
}
