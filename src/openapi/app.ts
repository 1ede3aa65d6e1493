/**
 * The files of a deployment: the OpenAPI document, and what pages are made of beside their HTML.
 *
 *   /openapi.json        five minutes in any cache, from any origin
 *   /static/<file>       the style sheet, the scripts, the mark; kept for ever where the address names the bytes
 *
 * Keeps: nothing here asks for a key or reads a binding but the static assets, which are the files of the folder
 * `assets` as they are; what a browser may do with them is said here. The reference of the document is a page of the
 * dashboard (src/dashboard/reference.tsx).
 * Relies on: scripts/docs-assets.ts, which `wrangler` runs before it bundles ([build] in wrangler.toml), has made the
 * document and the scripts. Requests reach the Worker first ([assets] there).
 */
import type { Asked } from "../access/asked.ts";
import { problemResponse } from "../problem.ts";
import { versionOf } from "../static-files.ts";

/** What the platform serves the assets of a deployment by. */
type Assets = Pick<Fetcher, "fetch">;

type File = { readonly path: string; readonly type: string; readonly headers: Readonly<Record<string, string>> };

const CORS = { "Access-Control-Allow-Origin": "*" } as const;

const PAGE_CACHE_S = 300;

const DOCUMENT: File = {
  path: "/openapi.json",
  type: "application/json",
  headers: { ...CORS, "Cache-Control": `public, max-age=${PAGE_CACHE_S}` },
};
const SCRIPT = "text/javascript; charset=utf-8";
export function answerDocument({ request, env }: Asked): Promise<Response> {
  return answerFile(request, DOCUMENT, env.ASSETS);
}

/** Files of the pages: the style sheet, the scripts, the mark. */
const STATIC_TYPES: Readonly<Record<string, string>> = {
  css: "text/css; charset=utf-8",
  js: SCRIPT,
  svg: "image/svg+xml",
};

/** An address that names its bytes stands for them for ever (static-files.ts). */
const KEPT = "public, max-age=31536000, immutable";

/** A file of the pages. Where the address does not name what is sent, a browser asks each time whether it changed. */
export async function answerStatic({ request, env, param }: Asked): Promise<Response> {
  const name = param("file");
  const type = STATIC_TYPES[name.split(".").at(-1) ?? ""];
  if (type === undefined || !/^[a-z-]+\.[a-z]+$/.test(name)) return problemResponse({ reason: "not_found" });
  const headers = { "Cache-Control": "public, no-cache", "Content-Security-Policy": "default-src 'none'" };
  const answer = await answerFile(request, { path: `/static/${name}`, type, headers }, env.ASSETS, "not_found");
  const version = new URL(request.url).searchParams.get("v");
  if (version === null || version !== versionOf(answer.headers.get("ETag"))) return answer;
  answer.headers.set("Cache-Control", KEPT);
  return answer;
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
