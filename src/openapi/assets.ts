/**
 * The files of Swagger UI, as modules of bytes: part of what is deployed, beside the script and not in it.
 *
 * Keeps: bytes are compressed (gzip) and handed on as they are.
 * Relies on: `scripts/docs-assets.ts`, which `wrangler` runs before it bundles ([build] in wrangler.toml), has made
 * them from the installed package.
 */
export async function libraryFile(name: string): Promise<ArrayBuffer> {
  const module =
    name === "swagger-ui.css"
      ? await import("./assets/swagger-ui.css.bin")
      : await import("./assets/swagger-ui-bundle.js.bin");
  return module.default;
}
