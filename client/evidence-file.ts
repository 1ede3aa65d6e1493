/**
 * What was seen of evidence logs, in a file: for programs in Node that follow one (evidence.ts).
 *
 *   {"v":1,"logs":{"<origin>":<SeenLog>}}
 *
 * Keeps: the file is the old one or the new one, whenever the power fails; a file that is damaged is never taken for none,
 * since with it would go what finds a changed log out.
 */
import { open, readFile, rename } from "node:fs/promises";
import type { SeenLog, SeenStore } from "./evidence.ts";

export function fileStore(path: string): SeenStore {
  const readAll = async (): Promise<Record<string, SeenLog>> => {
    let text: string;
    try {
      text = await readFile(path, "utf8");
    } catch (fault) {
      if ((fault as { code?: unknown }).code === "ENOENT") return {};
      throw fault;
    }
    const file = parsed(text);
    if (file?.v !== 1 || Object(file.logs) !== file.logs) {
      throw new Error(`${path} is damaged. Bring it back from a copy: without it a log that was changed is not seen.`);
    }
    return file.logs;
  };
  return {
    read: async (origin) => (await readAll())[origin] ?? null,
    write: async (seen) => {
      const logs = { ...(await readAll()), [seen.origin]: seen };
      const handle = await open(`${path}.new`, "w");
      await handle.writeFile(`${JSON.stringify({ v: 1, logs }, null, 2)}\n`);
      await handle.sync();
      await handle.close();
      await rename(`${path}.new`, path);
    },
  };
}

function parsed(text: string): { v?: unknown; logs: Record<string, SeenLog> } | null {
  try {
    return JSON.parse(text) as { v?: unknown; logs: Record<string, SeenLog> } | null;
  } catch {
    // Told by the caller.
    return null;
  }
}
