/**
 * The API about itself: its OpenAPI document and the interactive reference.
 *
 *   /openapi.json                five minutes in any cache, from any origin
 *   /docs[/<file>]               Swagger UI over the document, served by this Worker alone
 *
 * Keeps: nothing here asks for a key or reads a binding but the static assets, which are the files of the folder
 * `assets` as they are; what a browser may do with them is said here. The policy of the reference lets the page load
 * from and send to its own origin only. What a caller types, keys too, stays in the page: nothing is kept in the
 * browser's storage.
 * Relies on: scripts/docs-assets.ts, which `wrangler` runs before it bundles ([build] in wrangler.toml), has made the
 * document and the files of Swagger UI. Requests reach the Worker first ([assets] there).
 */
import type { Asked } from "../access/asked.ts";
import { problemResponse } from "../problem.ts";

/** What the platform serves the assets of a deployment by. */
type Assets = Pick<Fetcher, "fetch">;

type File = { readonly path: string; readonly type: string; readonly headers: Readonly<Record<string, string>> };

/** Inline styles are set by Swagger UI; its images are data URLs. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const CORS = { "Access-Control-Allow-Origin": "*" } as const;

const PAGE_CACHE_S = 300;
/** The library changes with a deployment only; its files have no version in their names. */
const LIBRARY_CACHE_S = 86_400;

const DOCUMENT: File = {
  path: "/openapi.json",
  type: "application/json",
  headers: { ...CORS, "Cache-Control": `public, max-age=${PAGE_CACHE_S}` },
};
const SCRIPT = "text/javascript; charset=utf-8";
const REFERENCE = new Map<string, File>([
  ["", ofReference("reference.html", "text/html; charset=utf-8", PAGE_CACHE_S)],
  ["start.js", ofReference("start.js", SCRIPT, PAGE_CACHE_S)],
  ["swagger-ui.css", ofReference("swagger-ui.css", "text/css; charset=utf-8", LIBRARY_CACHE_S)],
  ["swagger-ui-bundle.js", ofReference("swagger-ui-bundle.js", SCRIPT, LIBRARY_CACHE_S)],
]);

function ofReference(name: string, type: string, cacheS: number): File {
  const cache = { "Cache-Control": `public, max-age=${cacheS}` };
  return {
    path: `/docs/${name}`,
    type,
    headers: { ...cache, "Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer" },
  };
}

export function answerDocument({ request, env }: Asked): Promise<Response> {
  return answerFile(request, DOCUMENT, env.ASSETS);
}

/** The reference, or one of its files. */
export async function answerReference({ request, env, param }: Asked): Promise<Response> {
  const file = REFERENCE.get(param("file"));
  return file === undefined ? problemResponse({ reason: "not_found" }) : answerFile(request, file, env.ASSETS);
}

/** Files of the pages: the style sheet, the scripts, the mark. */
const STATIC_TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  js: SCRIPT,
  svg: "image/svg+xml",
};

/** A file of the pages. A browser asks each time whether it has changed: pages and their scripts belong together. */
export async function answerStatic({ request, env, param }: Asked): Promise<Response> {
  const name = param("file");
  const type = STATIC_TYPES[name.split(".").at(-1) ?? ""];
  if (type === undefined || !/^[a-z-]+\.[a-z]+$/.test(name)) return problemResponse({ reason: "not_found" });
  const headers = { "Cache-Control": "public, no-cache", "Content-Security-Policy": "default-src 'none'" };
  return answerFile(request, { path: `/static/${name}`, type, headers }, env.ASSETS, "not_found");
}

/** The file with our headers; its tag is the platform's. */
async function answerFile(
  request: Request,
  { path, type, headers }: File,
  assets: Assets,
  missing: "not_found" | "store_unavailable" = "store_unavailable",
): Promise<Response> {
  const known = request.headers.get("If-None-Match");
  const found = await assets.fetch(`https://assets.invalid${path}`, {
    method: request.method,
    headers: known === null ? {} : { "If-None-Match": known },
  });
  const tag = found.headers.get("ETag");
  const tagged = tag === null ? {} : { ETag: tag };
  if (found.status === 304) return new Response(null, { status: 304, headers: { ...headers, ...tagged } });
  if (!found.ok) return problemResponse({ reason: found.status === 404 ? missing : "store_unavailable" });
  return new Response(found.body, {
    headers: { ...headers, ...tagged, "Content-Type": type, "X-Content-Type-Options": "nosniff" },
  });
}
