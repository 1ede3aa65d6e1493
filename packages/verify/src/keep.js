/**
 * What was seen of a log last, kept in a file, so that whoever changes the log later is found out.
 *
 *   {"v":1,"logs":{"<origin>":{"key":"<vkey>","checkpoint":"<signed note>"}}}
 */
import { readFile, writeFile } from "node:fs/promises";
import { KEPT } from "./documents.js";
import { parseJson } from "./json.js";
import { Differs, Unchecked } from "./outcome.js";
import { putFile } from "./put.js";

/** @typedef {{ key: string, checkpoint: string }} Kept */
/** @typedef {{ read: () => Promise<Record<string, Kept>>, write: (origin: string, kept: Kept) => Promise<void> }} Keep */

/**
 * @param {string} path
 * @returns {Keep}
 */
export function keepIn(path) {
  const read = async () => {
    let text;
    try {
      text = await readFile(path, "utf8");
    } catch (fault) {
      const { code, message } = /** @type {NodeJS.ErrnoException} */ (fault);
      if (code === "ENOENT") return {};
      throw new Unchecked(`what was kept of the log cannot be read: ${message}`);
    }
    try {
      return parseJson(text, path, KEPT).logs;
    } catch (fault) {
      if (!(fault instanceof Differs)) throw fault;
      // This file is the user's own: what is wrong with it says nothing of the service.
      throw new Unchecked(
        `${path} is damaged (${fault.message}). Bring it back from a copy: without it a log that was changed is not seen`,
      );
    }
  };
  return {
    read,
    write: async (origin, kept) => {
      const logs = { ...(await read()), [origin]: kept };
      await putFile(path, async (beside) => {
        await writeFile(beside, `${JSON.stringify({ v: 1, logs }, null, 2)}\n`);
        return true;
      });
    },
  };
}
