/**
 * The API about itself: its OpenAPI document, the interactive reference, and what each problem means.
 *
 *   /openapi.json                five minutes in any cache, from any origin
 *   /docs[/<file>]               Swagger UI over the document, served by this Worker alone
 *   /problems/:name              what a problem's `type` points at (problem-page.ts)
 *
 * Keeps: nothing here asks for a key or reads a binding but the static assets, which are the files of the folder
 * `assets` as they are; what a browser may do with them is said here. The policy of the reference lets the page load
 * from and send to its own origin only. What a caller types, keys too, stays in the page: nothing is kept in the
 * browser's storage.
 * Relies on: scripts/docs-assets.ts, which `wrangler` runs before it bundles ([build] in wrangler.toml), has made the
 * document and the files of Swagger UI. Requests reach the Worker first ([assets] there).
 */
import { problemResponse } from "../problem.ts";
import { handleProblem } from "./problem-page.ts";

/** What the platform serves the assets of a deployment by. */
export type Assets = Pick<Fetcher, "fetch">;

type File = { readonly path: string; readonly type: string; readonly headers: Readonly<Record<string, string>> };

/** Inline styles are set by Swagger UI; its images are data URLs. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const CORS = { "Access-Control-Allow-Origin": "*" } as const;

const PROBLEMS = "/problems/";
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
  ["/docs", ofReference("reference.html", "text/html; charset=utf-8", PAGE_CACHE_S)],
  ["/docs/", ofReference("reference.html", "text/html; charset=utf-8", PAGE_CACHE_S)],
  ["/docs/start.js", ofReference("start.js", SCRIPT, PAGE_CACHE_S)],
  ["/docs/swagger-ui.css", ofReference("swagger-ui.css", "text/css; charset=utf-8", LIBRARY_CACHE_S)],
  ["/docs/swagger-ui-bundle.js", ofReference("swagger-ui-bundle.js", SCRIPT, LIBRARY_CACHE_S)],
]);

function ofReference(name: string, type: string, cacheS: number): File {
  const cache = { "Cache-Control": `public, max-age=${cacheS}` };
  return {
    path: `/docs/${name}`,
    type,
    headers: { ...cache, "Content-Security-Policy": POLICY, "Referrer-Policy": "no-referrer" },
  };
}

/** Answers a request to one of these paths; undefined when it is none of them. */
export async function handleAbout(request: Request, path: string, assets: Assets): Promise<Response | undefined> {
  const isProblem = path.startsWith(PROBLEMS);
  const isReference = path === "/docs" || path.startsWith("/docs/");
  if (path !== DOCUMENT.path && !isProblem && !isReference) return undefined;
  const { method } = request;
  if (method !== "GET" && method !== "HEAD") {
    return problemResponse({ reason: "method_not_allowed" }, { ...CORS, Allow: "GET, HEAD" });
  }
  if (isProblem) return handleProblem(request, path.slice(PROBLEMS.length));
  return isReference ? answerReference(request, path, assets) : answerDocument(request, assets);
}

/** Answers GET and HEAD of the document. */
function answerDocument(request: Request, assets: Assets): Promise<Response> {
  return answerFile(request, DOCUMENT, assets);
}

/** Answers GET and HEAD of the reference or one of its files. */
async function answerReference(request: Request, path: string, assets: Assets): Promise<Response> {
  const file = REFERENCE.get(path);
  return file === undefined ? problemResponse({ reason: "not_found" }) : answerFile(request, file, assets);
}

/** The file with our headers; its tag is the platform's. */
async function answerFile(request: Request, { path, type, headers }: File, assets: Assets): Promise<Response> {
  const known = request.headers.get("If-None-Match");
  const found = await assets.fetch(`https://assets.invalid${path}`, {
    method: request.method,
    headers: known === null ? {} : { "If-None-Match": known },
  });
  const tag = found.headers.get("ETag");
  const tagged = tag === null ? {} : { ETag: tag };
  if (found.status === 304) return new Response(null, { status: 304, headers: { ...headers, ...tagged } });
  if (!found.ok) return problemResponse({ reason: "store_unavailable" });
  return new Response(found.body, {
    headers: { ...headers, ...tagged, "Content-Type": type, "X-Content-Type-Options": "nosniff" },
  });
}
