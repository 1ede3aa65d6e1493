/**
 * Which pages of other origins may read: those that the setting `API_ORIGINS` lists, and no others.
 *
 *   OPTIONS, Origin: https://app.example     → 204, Access-Control-Allow-Origin: https://app.example, …
 *   GET, Origin: https://app.example         → the answer, which the page may read with its headers
 *
 * Keeps: an origin is compared whole, scheme, host and port, and echoed, never `*`; credentials of the browser
 * (cookies) are never allowed, since a key is sent by the page itself. A preflight is answered before anybody is asked
 * for a key, which it does not have. Other origins get what they got: an answer that their browser keeps from the page.
 * Source: Fetch Standard, CORS protocol.
 */

const METHODS = "GET, HEAD, POST";
const HEADERS = "Authorization, Content-Type, Accept, If-None-Match";
/** What a page reads besides the body. */
const EXPOSED = [
  ...["ETag", "Link", "Retry-After", "Content-Disposition", "X-Report-Watermark", "X-Report-Complete"],
  "X-Report-State",
  ...["X-Report-Timezone", "X-Report-Currency", "X-Report-Truncated", "X-Report-Warnings", "X-Report-Next-Cursor"],
  "X-Report-Totals",
].join(", ");
const PREFLIGHT_MAX_AGE_S = "7200";

/** Addresses that only read. */
const READ_PATHS = /^\/v1\/(?:reports|metrics|live|catalog|me|changes)(?:\/|$)/;

/** The answer of `answer` as the page that asks may read it; a preflight is answered here. */
export async function withCors(
  request: Request,
  { path, origins }: { path: string; origins: ReadonlySet<string> },
  answer: () => Promise<Response>,
): Promise<Response> {
  const origin = request.headers.get("Origin");
  if (origin === null || origins.size === 0 || !READ_PATHS.test(path)) return answer();
  const isAllowed = origins.has(origin);
  const isPreflight = request.method === "OPTIONS" && request.headers.has("Access-Control-Request-Method");
  if (isPreflight && isAllowed) {
    return new Response(null, {
      status: 204,
      headers: {
        ...{ "Access-Control-Allow-Origin": origin, "Access-Control-Allow-Methods": METHODS },
        ...{ "Access-Control-Allow-Headers": HEADERS, "Access-Control-Max-Age": PREFLIGHT_MAX_AGE_S },
        Vary: "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
      },
    });
  }
  const answered = await answer();
  const response = new Response(answered.body, answered);
  response.headers.append("Vary", "Origin");
  if (isAllowed) {
    response.headers.set("Access-Control-Allow-Origin", origin);
    response.headers.set("Access-Control-Expose-Headers", EXPOSED);
  }
  return response;
}
