/**
 * Swagger UI for `/docs`: takes the files that the page needs from the installed package and compresses them into
 * modules of bytes, which src/openapi/assets.ts imports.
 *
 *   node_modules/swagger-ui-dist/swagger-ui.css → src/openapi/assets/swagger-ui.css.bin
 *
 * Keeps: the same bytes from the same package (no time in the gzip header); a file that is up to date is not written, so
 * that a watcher of the folder does not run in circles.
 */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const FILES = ["swagger-ui.css", "swagger-ui-bundle.js"] as const;
const FROM = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
const TO = fileURLToPath(new URL("../src/openapi/assets/", import.meta.url));

await mkdir(TO, { recursive: true });
for (const name of FILES) {
  const bytes = gzipSync(await readFile(join(FROM, name)), { level: 9 });
  const path = join(TO, `${name}.bin`);
  const before = await readFile(path).catch(() => null);
  if (before?.equals(bytes) === true) continue;
  // Two builds may run at once: whoever reads a file reads all of it.
  const whole = `${path}.${process.pid}`;
  await writeFile(whole, bytes);
  await rename(whole, path);
}
