/**
 * What lets a page of any origin report clicks: every origin, with credentials, and with whatever headers its tools
 * add.
 *
 *   sendBeacon(url, new Blob([json], {type: "application/json"}))      preflight, with credentials
 *   fetch(url, {method: "POST", headers: {traceparent: …, baggage: …}})   preflight that asks for those headers
 *   fetch(url, {credentials: "include"})                               no `*` is taken for an answer
 *
 * Keeps: nothing here is read by a cookie or a credential, so that allowing every origin allows nothing but to report.
 * Errors carry the same headers, else a script could not tell a refusal from a broken network. Without an `Origin`
 * nobody asks; `*` then says what holds.
 * Sources: Fetch Standard, CORS protocol; Private Network Access (WICG).
 */
const MAX_AGE_S = 86_400;
/** A list of header names, as the Fetch Standard writes it. */
const HEADER_NAMES = /^[\w!#$%&'*+.^`|~, \t-]{1,4096}$/;
const METHODS = "GET, HEAD, POST, OPTIONS";

/** Answers the browser's question whether another origin may send this request. */
export function preflightResponse({ headers: asked }: Request): Response {
  const names = asked.get("Access-Control-Request-Headers") ?? "";
  const isPrivate = asked.get("Access-Control-Request-Private-Network") === "true";
  return new Response(null, {
    status: 204,
    headers: {
      ...originHeaders(asked),
      "Access-Control-Allow-Methods": METHODS,
      "Access-Control-Allow-Headers": HEADER_NAMES.test(names) ? names : "Content-Type",
      ...(isPrivate ? { "Access-Control-Allow-Private-Network": "true" } : {}),
      "Access-Control-Max-Age": String(MAX_AGE_S),
      Vary: "Origin, Access-Control-Request-Headers, Access-Control-Request-Private-Network",
    },
  });
}

/** The answer, readable by the page that asked. */
export function allowCrossOrigin(response: Response, { headers: asked }: Request): Response {
  for (const [name, value] of Object.entries(originHeaders(asked))) response.headers.set(name, value);
  response.headers.append("Vary", "Origin");
  return response;
}

function originHeaders(asked: Headers): Record<string, string> {
  const origin = asked.get("Origin");
  if (origin === null) return { "Access-Control-Allow-Origin": "*" };
  return { "Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": "true" };
}
