/**
 * The static assets of the deployment that are made and not written: the OpenAPI document, and what its reference needs
 * of the installed package of Swagger UI. The folder `assets` has the others.
 *
 *   src/openapi/document.ts                       → assets/openapi.json
 *   node_modules/swagger-ui-dist/swagger-ui.css   → assets/docs/swagger-ui.css
 *
 * Keeps: a file that is up to date is not written, so that a watcher of the folder does not run in circles.
 */
import { readFile, rename, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { readDocument } from "./client-types.ts";
import { PROJECT_ROOT } from "./project.ts";

const FILES = ["swagger-ui.css", "swagger-ui-bundle.js"] as const;
const FROM = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));

for (const name of FILES) await put(join("docs", name), await readFile(join(FROM, name)));
await put("openapi.json", Buffer.from(JSON.stringify(await readDocument())));

async function put(name: string, bytes: Buffer): Promise<void> {
  const path = join(PROJECT_ROOT, "assets", name);
  const before = await readFile(path).catch(() => null);
  if (before?.equals(bytes) === true) return;
  // Two builds may run at once: whoever reads a file reads all of it.
  const whole = `${path}.${process.pid}`;
  await writeFile(whole, bytes);
  await rename(whole, path);
}
