/**
 * `/problems/:name`: what a problem's `type` points at, as JSON or as a short page.
 *
 *   {"type":"/problems/unknown-parameter","answered":[{"area":"reports and the desk","status":400,"title":"…",…}]}
 *
 * Keeps: says the constants of src/openapi/problems.ts and nothing of the request.
 */
import { problemResponse, problemType } from "../problem.ts";
import { PROBLEM_MEANINGS, type ProblemMeaning } from "./problems.ts";

const CACHE_S = 3_600;
const STYLE =
  "body{font:16px/1.5 system-ui;max-width:44rem;margin:3rem auto;padding:0 1rem;color:#222;background:#fff}" +
  "dt{font-weight:600;margin-top:1rem}dd{margin:0}code{background:#eee;padding:.1em .3em}";

/** Answers a request for the meaning of a problem. */
export function handleProblem(request: Request, name: string): Response {
  const type = problemType(name);
  const answered = PROBLEM_MEANINGS.get(type);
  if (answered === undefined) {
    return problemResponse({ reason: "not_found", status: 404, title: "There is no such problem." });
  }
  const wantsPage = request.headers.get("Accept")?.includes("text/html") === true;
  const body = wantsPage ? pageOf(type, answered) : JSON.stringify({ type, answered });
  return new Response(request.method === "HEAD" ? null : body, {
    headers: {
      "Content-Type": wantsPage ? "text/html; charset=utf-8" : "application/json",
      "Cache-Control": `public, max-age=${CACHE_S}`,
      "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
      "Access-Control-Allow-Origin": "*",
      Vary: "Accept",
      "X-Content-Type-Options": "nosniff",
    },
  });
}

function pageOf(type: string, answered: readonly ProblemMeaning[]): string {
  const meanings = answered.map(
    ({ area, status, title, advice }) =>
      `<dt>${status} · ${escapeHtml(title)}</dt><dd>${escapeHtml(advice)}</dd>` +
      `<dd><small>${escapeHtml(area)}</small></dd>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(type)}</title>
<style>${STYLE}</style>
<h1><code>${escapeHtml(type)}</code></h1>
<dl>${meanings.join("\n")}</dl>
<p><a href="/docs">All operations</a></p>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
