/**
 * `/docs`: the interactive reference, Swagger UI over /openapi.json. Its files are part of the deployment, compressed
 * and never evaluated by the Worker (src/openapi/assets.ts).
 *
 *   /docs                    the page           /docs/swagger-ui.css, /docs/swagger-ui-bundle.js    the library
 *   /docs/start.js           starts it
 *
 * Keeps: the content security policy lets the page load from and send to its own origin only. What a caller types, keys
 * too, stays in the page: nothing is kept in the browser's storage.
 */
import { problemResponse } from "../problem.ts";

/** Inline styles are set by the library; its images are data URLs. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
  "connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Clickledger API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<body style="margin: 0">
<div id="reference"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

const START = `SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#reference",
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
  persistAuthorization: false,
});
`;

const LIBRARY: Readonly<Record<string, string>> = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
};
const PAGE_CACHE_S = 300;
/** The library changes with a deployment only; its files have no version in their names. */
const LIBRARY_CACHE_S = 86_400;

/** Answers a request for the reference or one of its files. */
export async function handleDocs(request: Request, path: string): Promise<Response> {
  if (path === "/docs" || path === "/docs/") return respond(request, PAGE, "text/html; charset=utf-8", PAGE_CACHE_S);
  const name = path.slice("/docs/".length);
  if (name === "start.js") return respond(request, START, "text/javascript; charset=utf-8", PAGE_CACHE_S);
  const type = Object.hasOwn(LIBRARY, name) ? LIBRARY[name] : undefined;
  if (type === undefined) {
    return problemResponse({ reason: "not_found" });
  }
  const { libraryFile } = await import("./assets.ts");
  const compressed = await libraryFile(name);
  if (request.headers.get("Accept-Encoding")?.includes("gzip") !== true) {
    const plain = new Response(compressed).body?.pipeThrough(new DecompressionStream("gzip")) ?? null;
    return respond(request, plain, type, LIBRARY_CACHE_S);
  }
  return respond(request, compressed, type, LIBRARY_CACHE_S, { "Content-Encoding": "gzip" });
}

function respond(
  request: Request,
  body: BodyInit | null,
  type: string,
  cacheS: number,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(request.method === "HEAD" ? null : body, {
    ...(headers["Content-Encoding"] === undefined ? {} : { encodeBody: "manual" }),
    headers: {
      ...headers,
      "Content-Type": type,
      "Cache-Control": `public, max-age=${cacheS}`,
      "Content-Security-Policy": POLICY,
      "Referrer-Policy": "no-referrer",
      Vary: "Accept-Encoding",
      "X-Content-Type-Options": "nosniff",
    },
  });
}
