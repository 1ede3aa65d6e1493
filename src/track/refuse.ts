/**
 * What a refused request gets: problem+json, or a short page where a person is looking. Never a redirect, never cached,
 * and always counted.
 */
import type { Refusal } from "../core/refusal.ts";
import { type OperationsDataset, writeRefusedPoint } from "../operations.ts";
import { problemResponse } from "../problem.ts";
import { PROBLEMS } from "../problems/catalog.ts";

/** Counts the refusal by its reason and answers it. */
export function refuse(refusal: Refusal, request: Request, operations: OperationsDataset): Response {
  writeRefusedPoint(operations, refusal);
  return refusalResponse(refusal, request);
}

export function refusalResponse(refusal: Refusal, request: Request): Response {
  const { reason } = refusal;
  const { status, title } = PROBLEMS[reason];
  const headers = refusalHeaders(status);
  if (request.method !== "POST" && request.headers.get("Accept")?.includes("text/html")) {
    return pageResponse(status, title, reason, headers);
  }
  return problemResponse(refusal, headers);
}

function refusalHeaders(status: number): Record<string, string> {
  const headers: Record<string, string> = { "X-Robots-Tag": "noindex" };
  if (status === 405) headers["Allow"] = "GET, HEAD, POST, OPTIONS";
  return headers;
}

/** Title and reason are constants of the catalogue, so nothing of the request appears in the page. */
function pageResponse(status: number, title: string, reason: string, headers: Record<string, string>): Response {
  const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>This link does not work</title>
<body style="font-family: system-ui; max-width: 36rem; margin: 4rem auto; padding: 0 1rem">
<h1>This link does not work</h1>
<p>${title}</p>
<p><small>${status} · ${reason}</small></p>
</body>
</html>
`;
  return new Response(page, {
    status,
    headers: {
      ...headers,
      "Content-Type": "text/html; charset=utf-8",
      "Cache-Control": "no-store",
      "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
      "X-Content-Type-Options": "nosniff",
    },
  });
}
