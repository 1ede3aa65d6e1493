/**
 * `/problems/:name`: what a problem's `type` points at, as JSON or as a short page.
 *
 *   {"type":"/problems/unknown-parameter","status":400,"title":"…","area":"reports, …","advice":"…"}
 *
 * Keeps: says the rows of src/problems/ and nothing of the request.
 */
import type { Asked } from "../access/asked.ts";
import { problemResponse, problemType } from "../problem.ts";
import { PROBLEM_MEANINGS, type ProblemMeaning } from "./problems.ts";

const CACHE_S = 3_600;
const STYLE =
  "body{font:16px/1.5 system-ui;max-width:44rem;margin:3rem auto;padding:0 1rem;color:#222;background:#fff}" +
  "dt{font-weight:600;margin-top:1rem}dd{margin:0}code{background:#eee;padding:.1em .3em}";

/** Answers a request for the meaning of a problem. */
export function answerProblem({ request, param }: Asked): Response {
  const type = problemType(param("name"));
  const meaning = PROBLEM_MEANINGS.get(type);
  if (meaning === undefined) {
    return problemResponse({ reason: "not_found", detail: "There is no such problem: /docs names all of them." });
  }
  const wantsPage = request.headers.get("Accept")?.includes("text/html") === true;
  const body = wantsPage ? pageOf(meaning) : JSON.stringify(meaning);
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

function pageOf({ type, status, title, area, advice }: ProblemMeaning): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(type)}</title>
<style>${STYLE}</style>
<h1><code>${escapeHtml(type)}</code></h1>
<dl><dt>${status} · ${escapeHtml(title)}</dt><dd>${escapeHtml(advice)}</dd><dd><small>${escapeHtml(area)}</small></dd></dl>
<p><a href="/docs">All operations</a></p>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
