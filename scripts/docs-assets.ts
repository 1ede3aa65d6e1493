/**
 * The static assets of the deployment that are made and not written: the OpenAPI document and the scripts of the
 * pages. The folder `assets` has the others.
 *
 *   src/dashboard/islands/page.ts                 → assets/static/page.js
 *   src/openapi/document.ts                       → assets/openapi.json
 *
 * Keeps: a file that is up to date is not written, so that a watcher of the folder does not run in circles.
 */
import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { build } from "esbuild";
import { readDocument } from "./client-types.ts";
import { PROJECT_ROOT } from "./project.ts";

for (const [name, text] of await buildIslands()) await put(join("static", name), text);
await put("openapi.json", Buffer.from(JSON.stringify(await readDocument())));

/** Every script of the pages as one module without imports, by its name. */
async function buildIslands(): Promise<[string, Buffer][]> {
  const folder = join(PROJECT_ROOT, "src/dashboard/islands");
  const names = (await readdir(folder)).filter((name) => /^[a-z-]+\.ts$/.test(name));
  const { outputFiles } = await build({
    entryPoints: names.map((name) => join(folder, name)),
    ...{ bundle: true, minify: true, format: "esm", target: "es2022", write: false, outdir: "out" },
  });
  return outputFiles.map(({ path, contents }) => [basename(path), Buffer.from(contents)]);
}

async function put(name: string, bytes: Buffer): Promise<void> {
  const path = join(PROJECT_ROOT, "assets", name);
  const before = await readFile(path).catch(() => null);
  if (before?.equals(bytes) === true) return;
  // Two builds may run at once: whoever reads a file reads all of it.
  const whole = `${path}.${process.pid}`;
  await writeFile(whole, bytes);
  await rename(whole, path);
}
