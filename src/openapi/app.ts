/**
 * The API about itself: its OpenAPI document, the interactive reference, and what each problem means. Loaded at its
 * first request.
 *
 *   GET|HEAD /openapi.json       five minutes in any cache, from any origin
 *   GET|HEAD /docs[/<file>]      Swagger UI, served by this Worker alone
 *   GET|HEAD /problems/:name     what a problem's `type` points at
 *
 * Keeps: nothing here asks for a key or reads a binding. The document is made once for an isolate.
 */
import { encodeBase64url, encodeUtf8 } from "../core/base64url.ts";
import { problemResponse } from "../problem.ts";
import { handleDocs } from "./docs-page.ts";
import { openApiDocument } from "./document.ts";
import { handleProblem } from "./problem-page.ts";

const CACHE_S = 300;
const CORS = { "Access-Control-Allow-Origin": "*" } as const;
const PROBLEMS = "/problems/";

let document: { readonly body: string; readonly etag: string } | null = null;

/** Answers a request to one of these paths; undefined when it is none of them. */
export async function handleAbout(request: Request, path: string): Promise<Response | undefined> {
  const answer = answerOf(path);
  if (answer === undefined) return undefined;
  const { method } = request;
  if (method !== "GET" && method !== "HEAD") {
    return problemResponse({ reason: "method_not_allowed" }, { ...CORS, Allow: "GET, HEAD" });
  }
  return answer(request);
}

function answerOf(path: string): ((request: Request) => Promise<Response | undefined>) | undefined {
  if (path === "/openapi.json") return answerDocument;
  if (path === "/docs" || path.startsWith("/docs/")) return (request) => handleDocs(request, path);
  if (path.startsWith(PROBLEMS)) return async (request) => handleProblem(request, path.slice(PROBLEMS.length));
  return undefined;
}

async function answerDocument(request: Request): Promise<Response> {
  document ??= await makeDocument();
  const headers = { ...CORS, "Cache-Control": `public, max-age=${CACHE_S}`, ETag: document.etag };
  if (request.headers.get("If-None-Match")?.includes(document.etag) === true) {
    return new Response(null, { status: 304, headers });
  }
  return new Response(request.method === "HEAD" ? null : document.body, {
    headers: { ...headers, "Content-Type": "application/json", "X-Content-Type-Options": "nosniff" },
  });
}

async function makeDocument(): Promise<{ body: string; etag: string }> {
  const body = JSON.stringify(openApiDocument());
  const digest = await crypto.subtle.digest("SHA-256", encodeUtf8(body));
  return { body, etag: `"${encodeBase64url(new Uint8Array(digest).slice(0, 18))}"` };
}
