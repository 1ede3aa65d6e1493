/**
 * A caller's mistake as an answer: RFC 9457 problem+json with a stable `type`.
 *
 *   {"type":"/problems/signature-invalid","title":"…","status":403,"field":"…"}
 *
 * Keeps: never cached, never a redirect; `type` is the reason and nothing else, `detail` and `field` carry values.
 */
export type Problem = {
  readonly reason: string;
  readonly status: number;
  readonly title: string;
  readonly detail?: string;
  /** The parameter, claim or field at fault. */
  readonly field?: string;
};

export function problemResponse(
  { reason, status, title, detail, field }: Problem,
  headers: HeadersInit = {},
): Response {
  const body = { type: problemType(reason), title, status, detail, field };
  const response = new Response(JSON.stringify(body), { status, headers });
  response.headers.set("Content-Type", "application/problem+json");
  response.headers.set("Cache-Control", "no-store");
  response.headers.set("X-Content-Type-Options", "nosniff");
  return response;
}

export function problemType(reason: string): string {
  return `/problems/${reason.replaceAll("_", "-")}`;
}
